-- Everything that access.sql asks for. %[1]s is the server's user, %[2]s the
-- database and %[3]s the schema.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
        GRANT rds_iam TO %[1]s;
    END IF;
END $$;
REVOKE CREATE, TEMPORARY ON DATABASE %[2]s FROM PUBLIC, %[1]s;
GRANT CONNECT ON DATABASE %[2]s TO %[1]s;
REVOKE CREATE ON SCHEMA %[3]s FROM PUBLIC, %[1]s;
GRANT USAGE ON SCHEMA %[3]s TO %[1]s;
REVOKE ALL ON ALL TABLES IN SCHEMA %[3]s FROM %[1]s;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %[3]s TO %[1]s;
REVOKE INSERT, UPDATE, DELETE ON goose_db_version FROM %[1]s;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA %[3]s FROM %[1]s;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA %[3]s TO %[1]s;
-- Its name is not certain: several that begin at once may each try one.
DO $$ BEGIN
    EXECUTE 'REVOKE ALL ON SEQUENCE ' || pg_get_serial_sequence('goose_db_version', 'id') || ' FROM ' || $q$%[1]s$q$;
END $$;
ALTER DEFAULT PRIVILEGES IN SCHEMA %[3]s GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %[1]s;
ALTER DEFAULT PRIVILEGES IN SCHEMA %[3]s GRANT USAGE ON SEQUENCES TO %[1]s;
