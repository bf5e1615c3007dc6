// Package stacks composes the components into the kinds of stack: the platform
// that the colours share, a colour, both in another region (dr), and what they all
// stand on (bootstrap).
//
// Start with [Program]. A file per kind holds its composition, contract.go what
// the kinds tell each other, and config*.go what people may set.
package stacks

import (
	"fmt"
	"path/filepath"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
)

// cdnRegion is where CloudFront takes certificates and web ACLs from.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
const cdnRegion = "us-east-1"

// Project is where the program finds its files.
type Project struct {
	Module string // the folder of go.mod, agents/ and cmd/
	Config string // the folder of the Pulumi.<stack>.yaml files
}

// Program returns the Pulumi program of the project. All problems of the config
// are reported before any resource but the stack itself is registered.
func Program(project Project) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		file := filepath.Join(project.Config, "Pulumi."+ctx.Stack()+".yaml")
		cfg, err := loadConfig(ctx.GetConfig, file)
		if err != nil {
			return err
		}
		if cfg.RoleBoundary != "" {
			if err := access.Bound(ctx, pulumi.String(cfg.RoleBoundary)); err != nil {
				return err
			}
		}
		if err := checkChanges(ctx, cfg); err != nil {
			return err
		}
		if err := protectKept(ctx, cfg); err != nil {
			return err
		}
		switch cfg.Kind {
		case "bootstrap":
			return bootstrap(ctx, cfg.Bootstrap)
		case "platform":
			return platform(ctx, cfg)
		case "dr":
			return recovery(ctx, cfg, project.Module)
		default:
			return color(ctx, cfg, project.Module)
		}
	}
}

// checkBound refuses, before anything is made, a stack without a boundary that a role of
// the bootstrap stack works on: AWS would refuse its first role in the middle of it all.
func checkBound(ctx *pulumi.Context, boundary, project string, home *aws.Provider) error {
	if boundary != "" {
		return nil
	}
	caller, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{}, pulumi.Provider(home))
	if err != nil {
		return fmt.Errorf("reading who works on the stack: %w", err)
	}
	if !access.NeedsBoundary(project, caller.Arn) {
		return nil
	}
	return Problem{
		Path: namespace + ":roleBoundary", Rule: fmt.Sprintf("is required, since %s makes no role without it", caller.Arn),
		Fix: fmt.Sprintf("run pulumi config set %s:roleBoundary %s -s %s", namespace, access.RuntimeBoundaryARN(caller.AccountId, project), ctx.Stack()),
	}
}

// provider makes the explicit AWS provider of a region, whose tags every
// resource gets.
func provider(ctx *pulumi.Context, name string, region pulumi.StringInput, project string) (*aws.Provider, error) {
	created, err := aws.NewProvider(ctx, name, &aws.ProviderArgs{
		Region: region,
		DefaultTags: aws.ProviderDefaultTagsArgs{Tags: pulumi.StringMap{
			"Project": pulumi.String(project), "Stack": pulumi.String(ctx.Stack()), "ManagedBy": pulumi.String("pulumi"),
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("creating AWS provider %q: %w", name, err)
	}
	return created, nil
}
