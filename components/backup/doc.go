// Package backup keeps copies of the platform's database in AWS Backup, where
// neither a mistake in RDS nor the loss of a region reaches them, and restores one
// of them each week to see that it can be.
//
// # What is kept
//
// The automated backups of RDS are for point-in-time recovery; components/rds has
// them and their replication. Here are whole snapshots on top: one a day, kept for
// five weeks, and one a month, kept for a year and copied to the second region.
//
// A vault's key encrypts what is copied into it. The snapshots in the home vault
// keep the key of the database instead: AWS Backup does not encrypt RDS again.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html
//
// # Vault lock
//
// Both vaults are locked in governance mode: no job can ask for a shorter or longer
// retention than the plan's, and no one deletes a recovery point unless he may
// remove the lock first (backup:DeleteBackupVaultLockConfiguration). Compliance
// mode, which nobody could ever undo, is an operator's decision and no default.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
//
// # Restore tests
//
// AWS Backup restores a random snapshot of the last month each Sunday into the
// database's own subnets, measures how long it takes, keeps the instance for the
// validation window and deletes it. That shows that the snapshot can be restored,
// not that the rows in it are right: nothing looks into the instance, unless an
// operator or a script does in the window and reports with
// backup:PutRestoreValidationResult. docs/database.md has the steps.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-validation.html
//
// Start with [New].
package backup
