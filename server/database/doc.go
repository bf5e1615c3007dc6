// Package database keeps usage in PostgreSQL and prepares its schema.
//
// A [DB] is a [usage.Store] that never makes the server's start depend on the
// database: it connects when it is first used, each time with a password that
// IAM signs then, if it is told so, and rests behind a circuit breaker while the
// database is down.
//
// [Migrate] is the command that prepares the schema. With a login of its own it
// also makes the server's user, who may read and write rows, and nothing else.
//
// Start at [Open] and [Migrate].
package database
