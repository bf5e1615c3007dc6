package registry

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Replicate registers, under name, that each image pushed to the repository is
// copied to another region, within minutes. The setting is the account's for the
// region: there can be one, which is for all who replicate. A repository that does
// not exist there is made, without a lifecycle: make it first.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
func Replicate(ctx *pulumi.Context, name, repository, region string, opts ...pulumi.ResourceOption) error {
	parent := &Replication{}
	if err := ctx.RegisterComponentResourceV2(ReplicationType, name, pulumi.Map{"region": pulumi.String(region)}, parent, opts...); err != nil {
		return fmt.Errorf("registering %s %q: %w", ReplicationType, name, err)
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(parent))
	if err != nil {
		return fmt.Errorf("reading the account of replication %q: %w", name, err)
	}
	if _, err := ecr.NewReplicationConfiguration(ctx, name, &ecr.ReplicationConfigurationArgs{
		ReplicationConfiguration: &ecr.ReplicationConfigurationReplicationConfigurationArgs{
			Rules: ecr.ReplicationConfigurationReplicationConfigurationRuleArray{
				&ecr.ReplicationConfigurationReplicationConfigurationRuleArgs{
					Destinations: ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArray{
						&ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArgs{
							Region: pulumi.String(region), RegistryId: pulumi.String(identity.AccountId),
						},
					},
					RepositoryFilters: ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArray{
						&ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArgs{
							Filter: pulumi.String(repository), FilterType: pulumi.String("PREFIX_MATCH"),
						},
					},
				},
			},
		},
	}, pulumi.Parent(parent)); err != nil {
		return fmt.Errorf("creating replication %q: %w", name, err)
	}
	return ctx.RegisterResourceOutputs(parent, pulumi.Map{})
}

// ReplicationType is the type token of [Replication].
const ReplicationType = "codeflow:registry:Replication"

// Replication is that of a region.
type Replication struct{ pulumi.ResourceState }
