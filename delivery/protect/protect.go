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
	// Kept is whether Pulumi itself refuses to replace or delete one, while its stack
	// has deletionProtection. The others come and go by config.
	Kept bool
}

// Types are the protected ones.
var Types = []Type{
	{"aws:rds/instance:Instance", "database", "its data and its automated backups go with it", true},
	{"aws:rds/cluster:Cluster", "database cluster", "its data and its automated backups go with it", true},
	{"aws:rds/snapshot:Snapshot", "database snapshot", "a restore may need it", true},
	{"aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication", "replicated backup of the database", "the second region has no other copy of the data", false},
	{"aws:s3/bucketV2:BucketV2", "bucket", "its objects go with it, and others may take its name", true},
	{"aws:s3/bucket:Bucket", "bucket", "its objects go with it, and others may take its name", true},
	{"aws:kms/key:Key", "encryption key", "what it encrypted cannot be read again", true},
	{"aws:kms/replicaKey:ReplicaKey", "replica of an encryption key", "what it encrypted in its region cannot be read again", true},
	{"aws:route53/zone:Zone", "hosted zone", "a new one has other name servers: the domain is not found until it is delegated again", true},
	{"aws:route53/record:Record", "DNS record", "clients do not find what it leads to", false},
	{"aws:backup/vault:Vault", "backup vault", "the backups in it go with it", true},
	{"aws:backup/vaultLockConfiguration:VaultLockConfiguration", "lock of a backup vault", "without it backups can be deleted before their time", false},
	{"aws:secretsmanager/secret:Secret", "secret", "its value is in no other place", true},
	{"aws:ecr/repository:Repository", "image repository", "the images of running and former releases go with it: no rollback", true},
	{"aws:cloudtrail/trail:Trail", "audit trail", "what is done in the account is not recorded meanwhile", true},
	{"aws:ec2/vpc:Vpc", "network", "all that is in it goes with it", false},
	{"aws:ec2/subnet:Subnet", "subnet", "what is in it must go first, and its addresses are taken until it is gone", false},
	{"aws:lb/loadBalancer:LoadBalancer", "load balancer", "its clients are cut off, and a new one has another name", true},
	{"aws:lb/targetGroup:TargetGroup", "target group", "the listener answers 503 until the service has moved to a new one", false},
	{"aws:ecs/cluster:Cluster", "cluster", "its tasks end", true},
	{"aws:ecs/service:Service", "service", "its tasks end", true},
	{"aws:cloudfront/distribution:Distribution", "distribution", "a new one has another name, and takes minutes", true},
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
