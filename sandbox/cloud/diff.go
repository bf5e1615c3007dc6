package cloud

import (
	"context"
	"slices"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

// Diff compares the inputs that a resource has, as last refreshed, with those
// that the program asks for.
func (p *provider) Diff(ctx context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	token := typeOf(req.GetUrn())
	rule, typ, err := lookup(token)
	if err != nil {
		return nil, err
	}
	olds, news := decode(req.GetOldInputs()), decode(req.GetNews())
	if req.GetOldInputs() == nil {
		olds = decode(req.GetOlds())
	}

	response := &pulumirpc.DiffResponse{
		Changes:         pulumirpc.DiffResponse_DIFF_NONE,
		HasDetailedDiff: true,
		DetailedDiff:    map[string]*pulumirpc.PropertyDiff{},
	}
	for _, change := range typ.Diff(alike(typ, olds), alike(typ, news)) {
		name := strings.FieldsFunc(change.Path, func(r rune) bool { return r == '.' || r == '[' })[0]
		if slices.Contains(req.GetIgnoreChanges(), name) || slices.Contains(req.GetIgnoreChanges(), change.Path) {
			continue
		}
		replaces := change.Replaces
		if change.Depends {
			replaces = replacesIn(shortType(token), name, olds, news)
		}
		response.Changes = pulumirpc.DiffResponse_DIFF_SOME
		response.DetailedDiff[change.Path] = &pulumirpc.PropertyDiff{Kind: kindOf(change, replaces), InputDiff: true}
		if !slices.Contains(response.Diffs, name) {
			response.Diffs = append(response.Diffs, name)
		}
		if replaces && !slices.Contains(response.Replaces, name) {
			response.Replaces = append(response.Replaces, name)
		}
	}
	if err := diffTags(ctx, typ, decode(req.GetOlds()), news, response); err != nil {
		return nil, err
	}
	// Two resources cannot have one name at a time: where the name stays, the
	// old one has to go first.
	name := rule.Autoname.property()
	if len(response.Replaces) > 0 && olds.str(name) != "" && olds.str(name) == news.str(name) {
		response.DeleteBeforeReplace = !rule.Autoname.madeUp(req.GetUrn(), news)
	}
	if len(response.Replaces) > 0 && rule.DeletedFirst {
		response.DeleteBeforeReplace = true
	}
	return response, nil
}

// diffTags finds a change of the provider's default tags, which the inputs of a
// resource do not show.
func diffTags(ctx context.Context, typ *schema.Type, state, news props, response *pulumirpc.DiffResponse) error {
	property := typ.Properties["tagsAll"]
	if property == nil || state["tagsAll"] == nil || slices.Contains(response.Diffs, "tags") || news.unknown("tags") {
		return nil
	}
	_, defaults, err := sessionOf(ctx)
	if err != nil {
		return err
	}
	own, _ := news["tags"].(map[string]any)
	if schema.Equal(property, state["tagsAll"], merge(defaults, own)) {
		return nil
	}
	response.Changes = pulumirpc.DiffResponse_DIFF_SOME
	response.Diffs = append(response.Diffs, "tagsAll")
	response.DetailedDiff["tagsAll"] = &pulumirpc.PropertyDiff{Kind: pulumirpc.PropertyDiff_UPDATE}
	return nil
}

func kindOf(change schema.Change, replaces bool) pulumirpc.PropertyDiff_Kind {
	kind := pulumirpc.PropertyDiff_UPDATE
	switch {
	case change.Added:
		kind = pulumirpc.PropertyDiff_ADD
	case change.Deleted:
		kind = pulumirpc.PropertyDiff_DELETE
	}
	if replaces {
		kind++ // each kind is followed by its replacing form.
	}
	return kind
}

// replacesIn decides the changes that replace in some cases only. The cases
// were found by having the real provider 5.100.0 plan them.
func replacesIn(short, property string, olds, news props) bool {
	switch short + "." + property {
	case "ec2/vpc.instanceTenancy":
		return news.str("instanceTenancy") == "dedicated"
	case "ecs/service.capacityProviderStrategies":
		both := olds.has(property) && news.has(property)
		return !both || !news.yes("forceNewDeployment")
	case "lb/loadBalancer.securityGroups":
		return news.str("loadBalancerType") == "network" && !olds.has(property)
	case "lb/loadBalancer.subnets", "lb/loadBalancer.subnetMappings":
		return news.str("loadBalancerType") == "network"
	case "rds/instance.restoreToPointInTime":
		return olds.has(property) != news.has(property)
	case "s3/bucketV2.objectLockConfiguration":
		return olds.str(property+".objectLockEnabled") != news.str(property+".objectLockEnabled")
	case "ssm/parameter.tier":
		return olds.str("tier") == "Advanced" && news.str("tier") == "Standard"
	}
	return true
}
