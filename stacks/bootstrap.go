package stacks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
)

// bootstrap registers what every other stack and its workflows stand on: the state,
// the key of its secrets, and who may do what. An administrator brings it up.
func bootstrap(ctx *pulumi.Context, cfg *Bootstrap) error {
	home, err := provider(ctx, "aws", pulumi.String(cfg.Region), cfg.Project)
	if err != nil {
		return err
	}
	regions, state := []string{cfg.Region}, &access.StateArgs{Project: cfg.Project, Unprotected: !cfg.DeletionProtection}
	if region := cfg.Recovery.Region; region != "" {
		regions = append(regions, region)
		if state.Replica, err = provider(ctx, "aws-recovery", pulumi.String(region), cfg.Project); err != nil {
			return err
		}
	}
	kept, err := access.NewState(ctx, "state", state, pulumi.Providers(home))
	if err != nil {
		return err
	}
	roles, err := access.NewRoles(ctx, "access", &access.RolesArgs{
		Project: cfg.Project, Pulumi: ctx.Project(), Bootstrap: ctx.Stack(), Environments: cfg.Environments,
		Repository: cfg.Repository, Branch: cfg.Branch, SSORoles: cfg.SSORoles, Domain: cfg.Domain, Regions: regions, State: kept,
	}, pulumi.Providers(home))
	if err != nil {
		return err
	}
	if _, err := access.NewAccount(ctx, "account", &access.AccountArgs{Project: cfg.Project}, pulumi.Providers(home)); err != nil {
		return err
	}
	ctx.Export("backendUrl", kept.BackendURL)
	ctx.Export("secretsProvider", kept.SecretsProvider)
	ctx.Export("roleBoundary", roles.RuntimeBoundaryARN)
	ctx.Export("previewRole", roles.PreviewARN)
	ctx.Export("driftRole", roles.DriftARN)
	for kind, arns := range map[string]map[string]pulumi.StringOutput{"deploy": roles.DeployARNs, "operator": roles.OperatorARNs} {
		for _, name := range slices.Sorted(maps.Keys(arns)) {
			ctx.Export(fmt.Sprintf("%sRole-%s", kind, name), arns[name])
		}
	}
	return nil
}
