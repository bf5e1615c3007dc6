package access

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// StateType is the type token of [State].
const StateType = "codeflow:access:State"

// State is the bucket of Pulumi's state and the key of its secrets. Both are
// protected, and stay when they are taken out of the program.
type State struct {
	pulumi.ResourceState

	BucketName pulumi.StringOutput
	BucketARN  pulumi.StringOutput
	// KeyARN encrypts the bucket.
	KeyARN pulumi.StringOutput
	// SecretsKeyARN encrypts the secrets in the state and in the config.
	SecretsKeyARN pulumi.StringOutput
	// BackendURL is for pulumi login.
	BackendURL pulumi.StringOutput
	// SecretsProvider is for pulumi stack init --secrets-provider.
	SecretsProvider pulumi.StringOutput

	unprotected bool
}

// stateAlias and secretsAlias are the names of the keys, by which the boundary knows
// them. They are the same in a second region.
func stateAlias(project string) string   { return "alias/" + project + "-pulumi-state" }
func secretsAlias(project string) string { return "alias/" + project + "-pulumi-secrets" }

// NewState registers the state of a project, named name.
func NewState(ctx *pulumi.Context, name string, args *StateArgs, opts ...pulumi.ResourceOption) (*State, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("state %q: %w", name, err)
	}
	s := &State{unprotected: args.Unprotected}
	if err := ctx.RegisterComponentResourceV2(StateType, name, pulumi.Map{
		"project": pulumi.String(args.Project),
	}, s, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", StateType, name, err)
	}
	identity, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("reading the account of state %q: %w", name, err)
	}
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{}, pulumi.Parent(s))
	if err != nil {
		return nil, fmt.Errorf("reading the region of state %q: %w", name, err)
	}
	home, err := s.bucket(ctx, name, args.Project, "-pulumi-state-", identity.AccountId)
	if err != nil {
		return nil, err
	}
	if err := s.secretsKey(ctx, name, args); err != nil {
		return nil, err
	}
	if args.Replica != nil {
		if err := s.replicate(ctx, name, identity.AccountId, args, home); err != nil {
			return nil, fmt.Errorf("replicating state %q: %w", name, err)
		}
	}

	s.BucketName, s.BucketARN, s.KeyARN = home.Bucket, home.Arn, home.keyARN
	s.BackendURL = pulumi.Sprintf("s3://%s?region=%s", s.BucketName, region.Name)
	s.SecretsProvider = pulumi.Sprintf("awskms://%s?region=%s", secretsAlias(args.Project), region.Name)
	if err := ctx.RegisterResourceOutputs(s, pulumi.Map{
		"bucketName": s.BucketName, "backendUrl": s.BackendURL, "secretsProvider": s.SecretsProvider,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of state %q: %w", name, err)
	}
	return s, nil
}

// kept are the options of what must never go away with a stack.
func (s *State) kept(opts ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return append(opts, pulumi.Parent(s), pulumi.Protect(!s.unprotected), pulumi.RetainOnDelete(!s.unprotected))
}

// secretsKey makes the key of the secrets. It has its replica in the second region,
// with the same name, since what one encrypts both decrypt.
// https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
func (s *State) secretsKey(ctx *pulumi.Context, name string, args *StateArgs) error {
	created, err := kms.NewKey(ctx, name+"-secrets-key", &kms.KeyArgs{
		Description:       pulumi.String("Secrets in Pulumi's state of " + args.Project),
		EnableKeyRotation: pulumi.Bool(true), MultiRegion: pulumi.Bool(true),
	}, s.kept()...)
	if err != nil {
		return fmt.Errorf("creating key of secrets of state %q: %w", name, err)
	}
	s.SecretsKeyARN = created.Arn
	if err := s.alias(ctx, name+"-secrets-alias", secretsAlias(args.Project), created.KeyId); err != nil || args.Replica == nil {
		return err
	}
	replica, err := kms.NewReplicaKey(ctx, name+"-secrets-replica", &kms.ReplicaKeyArgs{
		Description: pulumi.String("Secrets in Pulumi's state of " + args.Project), PrimaryKeyArn: created.Arn,
	}, s.kept(pulumi.Provider(args.Replica))...)
	if err != nil {
		return fmt.Errorf("creating replica of the key of secrets of state %q: %w", name, err)
	}
	return s.alias(ctx, name+"-secrets-replica-alias", secretsAlias(args.Project), replica.KeyId, pulumi.Provider(args.Replica))
}

func (s *State) alias(
	ctx *pulumi.Context, name, alias string, keyID pulumi.StringInput, opts ...pulumi.ResourceOption,
) error {
	if _, err := kms.NewAlias(ctx, name, &kms.AliasArgs{
		Name: pulumi.String(alias), TargetKeyId: keyID,
	}, s.kept(opts...)...); err != nil {
		return fmt.Errorf("creating alias %q: %w", alias, err)
	}
	return nil
}
