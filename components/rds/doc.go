// Package rds is the database of a platform: PostgreSQL on RDS, encrypted with
// its own KMS key, reached only by members of one security group and only over
// TLS.
//
// RDS makes the master password, keeps it in Secrets Manager under the same key
// and rotates it: neither the program nor its state ever sees it, and the
// component gives out the secret's ARN.
//
// Three things of the instance change without the program, and none of them
// shows as a difference or needs ignoreChanges, which would also ignore what
// the configuration asks for. Storage autoscaling raises the allocated storage:
// the provider accepts any size above StorageGB while MaxStorageGB is higher.
// Minor upgrades change the engine version: EngineVersion is only the major one,
// which the provider takes as a prefix. A failover changes the zone: it is not
// among the inputs.
//
// What would interrupt the database, a new class for example, waits for the
// maintenance window, and the preview shows it as a change until then.
//
// A final snapshot can be read only with the key. With FinalSnapshot the key
// therefore stays in the account when the stack is destroyed, and so do the
// snapshot "<identifier>-final-<digits>", whose digits are others in each life of the
// database, and the automated backups, for as long as they were to be kept.
//
// A restore makes a new generation of the instance beside the one before, which
// stays as it is until [Args].Retired reaches it; docs/database.md has the steps.
//
// Start with [New].
package rds
