package cloud

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// Rule says how AWS treats a resource type, beyond what the schema says. The
// zero rule is a type with a random id and no specials. Templates are those of
// [expand]; errors are "Code: message" templates, which see {value} or the
// resource's properties.
type Rule struct {
	// ID is the template of the Pulumi id; the default is a random one.
	ID string
	// Key is the template of what is unique where the id is not.
	Key string
	// ARN is the template of the arn output, without "arn:aws:".
	ARN string
	// Outputs are what AWS fills in: templates or plain values.
	Outputs map[string]any

	// Global marks types that belong to no region.
	Global bool
	// Autoname says how the provider names a resource without a name.
	Autoname Autoname
	// DeletedFirst marks types of which the provider deletes the old one before it makes
	// the new one, whatever its name, since the delete would hit the new one.
	// https://github.com/pulumi/pulumi-aws/blob/v6.83.4/provider/resources.go (DeleteBeforeReplace)
	DeletedFirst bool

	// Refs are the properties that name other resources, which must exist.
	Refs []Ref
	// Unique are the names that only one resource may have.
	Unique []Unique

	// Check judges the inputs alone, in previews too.
	Check func(in props) error
	// Apply judges a create or an update against what exists, and may set
	// outputs.
	Apply func(c *call) error
	// Settle waits for what a create or an update has set going, once it is
	// stored. The account is not locked.
	Settle func(ctx context.Context, c *call, stored *Resource) error
	// Destroy judges a delete, beyond the references that the rules know.
	Destroy func(c *call) error

	// Missing is the error for a reference to a resource that does not exist.
	Missing string
	// InUse is the error for deleting a resource that another one refers to.
	InUse string
}

// Autoname describes the names that the provider makes up.
type Autoname struct {
	// Property is the one that holds the name; the default is name, and "-" is
	// none.
	Property string
	// Max is its greatest length; the default is 255.
	Max int
	// Lower makes it lower case.
	Lower bool
	// Prefix goes before the Pulumi name.
	Prefix string
}

// Ref is a property that names a resource of another type.
type Ref struct {
	Path string
	// To is the type, in the short form; several are separated by spaces.
	To string
	// By are the properties that the value may hold, separated by spaces; the
	// default is id.
	By string
	// In is the region to look in, or anywhere; the default is the resource's own.
	In string
	// Loose marks a reference that does not keep its target from being deleted.
	Loose bool
}

// Unique is a combination of properties that must be unique.
type Unique struct {
	// Key is the template of the combination; incomplete ones are not compared.
	Key string
	// Error is what AWS answers to the second.
	Error string
	// Everywhere compares all regions.
	Everywhere bool
}

// ownedByAWS reports whether a name is that of something that AWS itself keeps
// in every account.
func ownedByAWS(short, name string) bool {
	for _, beginning := range []string{"arn:aws:iam::aws:", "alias/aws/", "aws/"} {
		if strings.HasPrefix(name, beginning) {
			return true
		}
	}
	return slices.Contains(slices.Collect(maps.Values(managedPolicies[short])), name)
}

// rules has all types that the sandbox knows, by the short form of the token.
// It is filled by init because the rules' functions read it.
var rules = map[string]Rule{}

func init() {
	for _, service := range []map[string]Rule{
		ec2Rules, lbRules, ecsRules, scalingRules, iamRules, rdsRules, kmsRules, s3Rules, cloudfrontRules,
		route53Rules, acmRules, ecrRules, wafRules, snsRules, secretRules, cloudwatchRules, eventRules, xrayRules,
		backupRules, restoreRules, cloudtrailRules, budgetRules,
	} {
		maps.Copy(rules, service)
	}
}

// Types lists the types that the sandbox knows, in the short form, sorted.
func Types() []string { return slices.Sorted(maps.Keys(rules)) }

// home is the region that a resource of the type belongs to.
func (r Rule) home(region string) string {
	if r.Global {
		return global
	}
	return region
}

// key is what tells a resource apart from others of its type and region.
func (r Rule) key(id string, region string, values props) string {
	if r.Key == "" {
		return id
	}
	key, ok := expand(r.Key, region, values)
	if !ok {
		return id
	}
	return key
}

// targets returns the types that a reference may name.
func (r Ref) targets() []string { return strings.Fields(r.To) }

// holds reports whether the reference's value names the resource.
func (r Ref) holds(value string, target *Resource) bool {
	if r.By == "" {
		return value == target.ID
	}
	for by := range strings.FieldsSeq(r.By) {
		if by == "id" && value == target.ID || value == text(target.Outputs[by]) {
			return true
		}
	}
	return false
}
