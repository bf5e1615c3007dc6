-- Makes the server's user, %[1]s, through another role, %[2]s, which goes again.
-- PostgreSQL makes who creates a role its administrator and so a member, for good, and
-- what pg_hba.conf says of +rds_iam is then said of the master user as well: only a
-- token would let it in, and no more its password.
-- https://www.postgresql.org/docs/16/sql-createrole.html
-- https://www.postgresql.org/docs/16/auth-pg-hba-conf.html
SET LOCAL createrole_self_grant = 'set';
CREATE ROLE %[2]s CREATEROLE;
SET LOCAL ROLE %[2]s;
CREATE ROLE %[1]s LOGIN;
RESET ROLE;
DROP ROLE %[2]s;
