-- The version of the schema, and in what the access of the user $1 is not as the
-- server needs it. Privileges are those that count in the end, with those that
-- everybody has, or that come with another role.
WITH schema AS (SELECT oid FROM pg_namespace WHERE nspname = current_schema()),
    server AS (SELECT * FROM pg_roles WHERE rolname = $1)
SELECT (SELECT coalesce(max(version_id), 0) FROM goose_db_version), ARRAY(
    SELECT 'LOGIN without rights over databases and roles'
    WHERE NOT EXISTS (SELECT FROM server WHERE rolcanlogin AND NOT (rolsuper OR rolcreatedb OR rolcreaterole))
UNION ALL
    SELECT 'membership of rds_iam'
    FROM server s, pg_roles i
    WHERE i.rolname = 'rds_iam' AND NOT pg_has_role(s.oid, i.oid, 'USAGE')
UNION ALL
    SELECT p || ' on the database'
    FROM server s, unnest('{CONNECT,CREATE,TEMPORARY}'::text[]) p
    WHERE has_database_privilege(s.oid, current_database(), p) <> (p = 'CONNECT')
UNION ALL
    SELECT p || ' on the schema'
    FROM server s, schema n, unnest('{USAGE,CREATE}'::text[]) p
    WHERE has_schema_privilege(s.oid, n.oid, p) <> (p = 'USAGE')
UNION ALL
    SELECT p || ' on ' || c.relname
    FROM server s, schema n, pg_class c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
    WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND has_table_privilege(s.oid, c.oid, p) <>
        (p = 'SELECT' OR p IN ('INSERT', 'UPDATE', 'DELETE') AND c.relname <> 'goose_db_version')
UNION ALL
    SELECT p || ' on ' || c.relname
    FROM server s, schema n, pg_class c, unnest('{USAGE,SELECT,UPDATE}'::text[]) p
    WHERE c.relnamespace = n.oid AND c.relkind = 'S' AND has_sequence_privilege(s.oid, c.oid, p) <>
        (p = 'USAGE' AND c.oid <> pg_get_serial_sequence('goose_db_version', 'id')::regclass)
UNION ALL
    SELECT w.p || CASE w.kind WHEN 'r' THEN ' on future tables' ELSE ' on future sequences' END
    FROM server s, schema n, (VALUES ('r', 'SELECT'), ('r', 'INSERT'), ('r', 'UPDATE'), ('r', 'DELETE'), ('S', 'USAGE')) w (kind, p)
    WHERE NOT EXISTS (
        SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a
        WHERE d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user) AND d.defaclnamespace = n.oid AND d.defaclobjtype::text = w.kind
            AND a.grantee = s.oid AND a.privilege_type = w.p)
)
