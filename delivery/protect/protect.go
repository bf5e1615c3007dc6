// Package protect says which changes need more than an approval: replacing or
// deleting what cannot be made again.
package protect

import (
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
)

// Label of a pull request lets protected changes through.
const Label = "allow-protected-changes"

// Type is a type of resource that is not replaced or deleted by the way.
type Type struct {
	// Token is the type in Pulumi's words.
	Token string
	// Noun is what people call it.
	Noun string
	// Reason is what is lost with it.
	Reason string
}

// Types are the protected ones.
var Types = []Type{
	{"aws:rds/instance:Instance", "database", "its data and its automated backups go with it"},
	{"aws:rds/cluster:Cluster", "database cluster", "its data and its automated backups go with it"},
	{"aws:rds/snapshot:Snapshot", "database snapshot", "a restore may need it"},
	{"aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication", "replicated backup of the database", "the second region has no other copy of the data"},
	{"aws:s3/bucketV2:BucketV2", "bucket", "its objects go with it, and others may take its name"},
	{"aws:s3/bucket:Bucket", "bucket", "its objects go with it, and others may take its name"},
	{"aws:kms/key:Key", "encryption key", "what it encrypted cannot be read again"},
	{"aws:kms/replicaKey:ReplicaKey", "replica of an encryption key", "what it encrypted in its region cannot be read again"},
	{"aws:route53/zone:Zone", "hosted zone", "a new one has other name servers: the domain is not found until it is delegated again"},
	{"aws:backup/vault:Vault", "backup vault", "the backups in it go with it"},
	{"aws:backup/vaultLockConfiguration:VaultLockConfiguration", "lock of a backup vault", "without it backups can be deleted before their time"},
	{"aws:secretsmanager/secret:Secret", "secret", "its value is in no other place"},
	{"aws:ecr/repository:Repository", "image repository", "the images of running and former releases go with it: no rollback"},
	{"aws:cloudtrail/trail:Trail", "audit trail", "what is done in the account is not recorded meanwhile"},
}

// Find is the protected type of a token, or nil.
func Find(token string) *Type {
	for i := range Types {
		if Types[i].Token == token {
			return &Types[i]
		}
	}
	return nil
}

// Hit is a protected resource that would be replaced or deleted.
type Hit struct {
	Stack string
	Step  preview.Step
	Type  *Type
}

// Check returns what the previews would replace or delete of protected types.
func Check(previews []*preview.Preview) (hits []Hit) {
	for _, p := range previews {
		for _, s := range p.Steps {
			if s.Kind != preview.Replace && s.Kind != preview.Delete {
				continue
			}
			if t := Find(s.Type); t != nil {
				hits = append(hits, Hit{p.Stack, s, t})
			}
		}
	}
	return hits
}
