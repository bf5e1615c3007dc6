// Package database keeps usage in PostgreSQL and prepares its schema.
//
// A [DB] is a [usage.Store] that never makes the server's start depend on the
// database: it connects when it is first used, reads the password from AWS
// Secrets Manager at each connection, so that a rotation needs no restart, and
// rests behind a circuit breaker while the database is down.
//
// Start at [Open]; [Migrate] is the command that prepares the schema.
package database
