package registry

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Type is the component's type token.
const Type = "codeflow:registry:Registry"

// Registry is an ECR repository with its key and lifecycle.
type Registry struct {
	pulumi.ResourceState

	RepositoryURL  pulumi.StringOutput // <account>.dkr.ecr.<region>.amazonaws.com/<name>
	RepositoryName pulumi.StringOutput
	RepositoryARN  pulumi.StringOutput
	KeyARN         pulumi.StringOutput
}

// New registers a registry named name.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Registry, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("registry %q: %w", name, err)
	}
	r := &Registry{}
	if err := ctx.RegisterComponentResourceV2(Type, name, pulumi.Map{
		"name": pulumi.String(args.Name), "keep": pulumi.Int(args.Keep),
	}, r, opts...); err != nil {
		return nil, fmt.Errorf("registering %s %q: %w", Type, name, err)
	}
	child := pulumi.Parent(r)

	key, err := kms.NewKey(ctx, name+"-key", &kms.KeyArgs{
		Description:       pulumi.Sprintf("Images of %s", args.Name),
		EnableKeyRotation: pulumi.Bool(true),
	}, child)
	if err != nil {
		return nil, fmt.Errorf("creating key of registry %q: %w", name, err)
	}
	repository, err := ecr.NewRepository(ctx, name, &ecr.RepositoryArgs{
		Name:               pulumi.String(args.Name),
		ImageTagMutability: pulumi.String("IMMUTABLE"),
		ForceDelete:        pulumi.Bool(args.ForceDelete),
		ImageScanningConfiguration: &ecr.RepositoryImageScanningConfigurationArgs{
			ScanOnPush: pulumi.Bool(true),
		},
		EncryptionConfigurations: ecr.RepositoryEncryptionConfigurationArray{
			&ecr.RepositoryEncryptionConfigurationArgs{EncryptionType: pulumi.String("KMS"), KmsKey: key.Arn},
		},
	}, child)
	if err != nil {
		return nil, fmt.Errorf("creating repository %q: %w", args.Name, err)
	}
	if _, err := ecr.NewLifecyclePolicy(ctx, name+"-lifecycle", &ecr.LifecyclePolicyArgs{
		Repository: repository.Name,
		Policy:     pulumi.JSONMarshal(lifecycle(args.Prefixes, args.Keep)),
	}, child); err != nil {
		return nil, fmt.Errorf("creating lifecycle of repository %q: %w", args.Name, err)
	}

	r.RepositoryURL, r.RepositoryName, r.RepositoryARN = repository.RepositoryUrl, repository.Name, repository.Arn
	r.KeyARN = key.Arn
	if err := ctx.RegisterResourceOutputs(r, pulumi.Map{
		"repositoryUrl": r.RepositoryURL, "repositoryName": r.RepositoryName,
	}); err != nil {
		return nil, fmt.Errorf("registering outputs of registry %q: %w", name, err)
	}
	return r, nil
}
