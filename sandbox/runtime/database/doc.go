// Package database stands where the endpoint of RDS would: in front of a
// PostgreSQL of this machine, it logs in members of rds_iam by a token of IAM, and
// everybody else by password. There is no TLS.
//
// Start at [Listen].
package database
