package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam/reference"
)

// Operation is what the engine has the provider do to a resource.
type Operation string

// The operations. A function of the provider is read.
const (
	Create Operation = "create"
	Read   Operation = "read"
	Update Operation = "update"
	Delete Operation = "delete"
)

// Resource is what of a resource its calls depend on.
type Resource struct {
	Type   string            `json:"type"`
	Stack  string            `json:"stack,omitempty"`
	Name   string            `json:"name,omitempty"` // in the program
	Region string            `json:"region"`         // "global" for none
	ID     string            `json:"id,omitempty"`
	ARN    string            `json:"arn,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
	// Refs are the ids and ARNs of others that it names.
	Refs []string `json:"refs,omitempty"`
	// Values are the properties that conditions are about: those of [ValueNames].
	Values map[string]string `json:"values,omitempty"`
	// Changed are the properties that an update changes; nil: any may be.
	Changed []string `json:"-"`
}

// ValueNames are the properties that conditions of the roles' policies are about.
var ValueNames = []string{"permissionsBoundary", "policyArn", "name", "type"}

// Inventory is what an account has.
type Inventory struct {
	Account string
	byName  map[string][]*Resource
}

// NewInventory is of an account with the resources.
func NewInventory(account string, resources ...Resource) *Inventory {
	v := &Inventory{Account: account, byName: map[string][]*Resource{}}
	for _, r := range resources {
		v.Add(r)
	}
	return v
}

// Has is whether the inventory has a resource of an id or an ARN.
func (v *Inventory) Has(name string) bool { return len(v.byName[name]) > 0 }

// Add adds a resource, or replaces what it was before.
func (v *Inventory) Add(r Resource) {
	if r.ARN == "" {
		r.ARN = v.arn(&r)
	}
	names := []string{r.ID, r.ARN, r.ARN[strings.LastIndex(r.ARN, "/")+1:]} // the last is what some have for an id
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name != "" {
			others := slices.DeleteFunc(v.byName[name], func(had *Resource) bool {
				return had.Type == r.Type && had.ID == r.ID && had.Region == r.Region
			})
			v.byName[name] = append(others, &r)
		}
	}
}

// Calls are AWS's calls of an operation on a resource, each with the resource that IAM
// checks it on and the keys of its conditions; an action that IAM checks on several
// resources is there for each. Which calls they are, actions.json says, and which
// resources, AWS's reference. It is an error when nothing is known of the type.
func (v *Inventory) Calls(operation Operation, r *Resource) ([]iam.Request, error) {
	t, err := readTable()
	if err != nil {
		return nil, err
	}
	row, ok := t.Types[r.Type]
	if !ok {
		if row, ok = t.Bootstrap[r.Type]; !ok {
			return nil, fmt.Errorf("%s has no row in components/access/actions.json", r.Type)
		}
	}
	var actions []string
	switch operation {
	case Create:
		actions = slices.Concat(row.Create, row.Administrator.Create, row.Read)
	case Update:
		actions = slices.DeleteFunc(slices.Concat(row.Update, row.Administrator.Update), func(action string) bool {
			property := changes[action]
			if strings.Contains(strings.ToLower(action), "tag") && !strings.Contains(action, "PutImageTag") {
				property = "tags"
			}
			return property != "" && r.Changed != nil && !slices.Contains(r.Changed, property)
		})
		if len(r.Changed) > 0 && !slices.ContainsFunc(r.Changed, func(name string) bool { return !slices.Contains(forDeletion, name) }) {
			actions = nil
		}
		actions = append(actions, row.Read...)
	case Delete:
		actions = slices.Concat(row.Delete, row.Administrator.Delete, row.Read)
	default:
		actions = row.Read
	}
	slices.Sort(actions)
	c := &calls{v, operation, r, makes(row.Create)}
	var list []iam.Request
	for _, action := range slices.Compact(actions) {
		requests, err := c.of(action)
		if err != nil {
			return nil, err
		}
		list = append(list, requests...)
	}
	return list, nil
}

// changes are the properties without whose change the provider does not call an action.
var changes = map[string]string{
	"kms:DisableKey": "isEnabled", "kms:DisableKeyRotation": "enableKeyRotation", "kms:PutKeyPolicy": "policy",
	"logs:AssociateKmsKey": "kmsKeyId", "logs:PutRetentionPolicy": "retentionInDays",
}

// forDeletion are properties that the provider keeps until it deletes a resource: it calls
// nothing to change them.
var forDeletion = []string{"deleteAutomatedBackups", "finalSnapshotIdentifier", "forceDelete", "forceDestroy", "recoveryWindowInDays", "skipFinalSnapshot"}

// makes is the action that makes a resource: a tag that is given with it is checked as a
// call of its own, which says so.
func makes(create []string) string {
	for _, action := range create {
		_, name, _ := strings.Cut(action, ":")
		for _, verb := range []string{"Create", "Allocate", "Authorize", "Register", "Request"} {
			if strings.HasPrefix(name, verb) && !strings.Contains(name, "Tags") && name != "CreateServiceLinkedRole" && name != "CreateGrant" {
				return action
			}
		}
	}
	return ""
}

// calls are those of one operation.
type calls struct {
	*Inventory
	operation Operation
	resource  *Resource
	makes     string
}

// of is one action, on each resource that IAM checks it on.
func (c *calls) of(action string) ([]iam.Request, error) {
	known, patterns, ok := reference.Find(action)
	if !ok {
		return nil, fmt.Errorf("%s of %s is not in AWS's reference (internal/iam/reference)", action, c.resource.Type)
	}
	var list []iam.Request
	for _, on := range c.on(action, patterns) {
		request := iam.Request{Action: action, Resource: on.ARN, Context: c.context(action)}
		c.tags(&request, known, on)
		list = append(list, request)
	}
	return list, nil
}

// on are the resources that IAM checks an action on: the resource itself if the action
// is on its kind, and those that it names, if the action makes or joins something.
func (c *calls) on(action string, patterns []string) []*Resource {
	if len(patterns) == 0 {
		return []*Resource{{ARN: "*"}}
	}
	if action == "iam:CreateServiceLinkedRole" {
		service := linked[c.resource.Type]
		return []*Resource{{ARN: fmt.Sprintf("arn:aws:iam::%s:role/aws-service-role/%s/x", c.Account, service)}}
	}
	fits := func(r *Resource) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return iam.MatchARN(pattern, r.ARN) })
	}
	own := *c.resource
	if own.ARN == "" {
		own.ARN = c.arn(&own)
	}
	var list []*Resource
	if fits(&own) {
		list = append(list, &own)
	}
	add := func(refs []string) {
		for _, ref := range refs {
			for _, r := range c.named(ref) {
				if r.ARN != own.ARN && fits(r) && !slices.ContainsFunc(list, func(had *Resource) bool { return had.ARN == r.ARN }) {
					list = append(list, r)
				}
			}
		}
	}
	refs := append(slices.Clone(own.Refs), own.ID)
	if _, name, _ := strings.Cut(action, ":"); len(list) == 0 || joins(name) {
		add(refs)
	}
	if len(list) == 0 { // what it names may name it, as a subnet group its network
		for _, ref := range refs {
			for _, r := range c.named(ref) {
				add(r.Refs)
			}
		}
	}
	switch {
	case len(list) > 0:
		return list
	case strings.HasPrefix(action, "kms:"):
		return nil // AWS's own key, which asks nobody
	case strings.HasPrefix(action, "cloudwatch:") && len(own.Refs) > 0:
		return []*Resource{{ARN: c.fill("arn:*:cloudwatch:*:*:alarm:TargetTracking-"+own.Refs[0]+"-x", &own)}}
	}
	return []*Resource{{ARN: c.fill(patterns[0], &own)}} // AWS's own, or a list of all
}

// joins is whether an action is also checked on what its resource names.
func joins(name string) bool {
	if strings.Contains(name, "Tag") {
		return false
	}
	for _, verb := range []string{"Create", "Associate", "Attach", "Restore", "Authorize", "Start", "Replicate"} {
		if strings.HasPrefix(name, verb) {
			return true
		}
	}
	return false
}

// named are the resources of an id or an ARN; of an ARN that is nobody's, that one.
func (c *calls) named(name string) []*Resource {
	if found := c.byName[name]; len(found) > 0 {
		return found
	}
	if strings.HasPrefix(name, "arn:") && !strings.Contains(name, ",") {
		return []*Resource{{ARN: name}}
	}
	return nil
}

// arns are those that no property of a resource has.
var arns = map[string]string{
	"aws:ec2/getManagedPrefixList:getManagedPrefixList": "arn:aws:ec2:{region}:aws:prefix-list/{id}",
	"aws:ssm/getParametersByPath:getParametersByPath":   "arn:aws:ssm:{region}:*:parameter{id}",
	"aws:cloudwatch/dashboard:Dashboard":                "arn:aws:cloudwatch::*:dashboard/{id}",
	"aws:ec2/natGateway:NatGateway":                     "arn:aws:ec2:{region}:*:natgateway/{id}",
	"aws:route53/record:Record":                         "arn:aws:route53:::change/C1",
}

func (v *Inventory) arn(r *Resource) string {
	if strings.HasPrefix(r.ID, "arn:") && !strings.Contains(r.ID, ",") {
		return r.ID
	}
	return v.fill(strings.ReplaceAll(arns[r.Type], "{id}", r.ID), r)
}

// fill puts account and region into a pattern of an ARN.
func (v *Inventory) fill(pattern string, r *Resource) string {
	region := strings.ReplaceAll(r.Region, "global", globalRegion)
	parts := strings.SplitN(strings.ReplaceAll(pattern, "{region}", region), ":", 6)
	if len(parts) == 6 {
		for i, value := range []string{1: "aws", 3: region, 4: v.Account} {
			if parts[i] == "*" && value != "" {
				parts[i] = value
			}
		}
	}
	return strings.Join(parts, ":")
}

// context has the keys of the request's conditions, without tags.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (c *calls) context(action string) map[string][]string {
	r, context := c.resource, map[string][]string{"aws:SecureTransport": {"true"}}
	set := func(key string, values ...string) {
		if values[0] != "" {
			context[key] = values
		}
	}
	service, name, _ := strings.Cut(action, ":")
	region := r.Region
	if region == "global" || slices.Contains([]string{"iam", "route53", "cloudfront"}, service) {
		region = globalRegion
	}
	set("aws:RequestedRegion", region)
	switch {
	case name == "CreateServiceLinkedRole":
		set("iam:AWSServiceName", linked[r.Type])
	case name == "PassRole":
		set("iam:PassedToService", passed[r.Type])
	case service == "iam":
		set("iam:PolicyARN", r.Values["policyArn"])
		for _, ref := range append(slices.Clone(r.Refs), r.ID) {
			for _, role := range c.byName[ref] {
				set("iam:PermissionsBoundary", role.Values["permissionsBoundary"])
			}
		}
		set("iam:PermissionsBoundary", r.Values["permissionsBoundary"])
	case service == "kms" && via[r.Type] != "":
		set("kms:ViaService", via[r.Type]+"."+region+".amazonaws.com")
		set("kms:GrantIsForAWSResource", "true")
	case name == "ChangeResourceRecordSets":
		set("route53:ChangeResourceRecordSetsNormalizedRecordNames", strings.TrimSuffix(strings.ToLower(r.Values["name"]), "."))
		set("route53:ChangeResourceRecordSetsRecordTypes", r.Values["type"])
		set("route53:ChangeResourceRecordSetsActions", map[Operation]string{Create: "CREATE", Update: "UPSERT", Delete: "DELETE"}[c.operation])
	case strings.Contains(name, "Tag") && c.operation == Create && (service == "ec2" || service == "elasticloadbalancing"):
		_, made, _ := strings.Cut(c.makes, ":")
		set(service+":CreateAction", made)
	}
	return context
}

// tags are those of the request, and those that the resource has by then: none before
// it is made. A key's count after minutes, so that only its own calls at once are
// without them.
// https://docs.aws.amazon.com/kms/latest/developerguide/abac.html
func (c *calls) tags(request *iam.Request, known reference.Action, on *Resource) {
	own := on.ARN == c.resource.ARN || on.ARN == c.arn(c.resource)
	put := func(prefix string, tags map[string]string) {
		for key, value := range tags {
			request.Context[prefix+key] = []string{value}
		}
	}
	_, name, _ := strings.Cut(request.Action, ":")
	tagging := strings.Contains(name, "Tag") && !strings.HasPrefix(name, "List") && !strings.HasPrefix(name, "Untag") && !strings.HasPrefix(name, "Get")
	made := c.operation == Create && (request.Action == c.makes || tagging)
	if slices.Contains(known.Tags, "request") && (made || tagging) {
		put("aws:RequestTag/", c.resource.Tags)
	}
	late := c.operation == Create && c.resource.Type == "aws:kms/key:Key"
	if !own || !made && !late {
		for _, named := range append(c.byName[on.ARN], on) { // a setting has no tags of its own
			put("aws:ResourceTag/", named.Tags)
		}
	}
	if strings.HasPrefix(request.Action, "kms:") {
		for _, aliases := range c.byName {
			for _, a := range aliases {
				if a.Type == "aws:kms/alias:Alias" && slices.Contains(a.Refs, on.ARN) && !slices.Contains(request.Context["kms:ResourceAliases"], a.ID) {
					request.Context["kms:ResourceAliases"] = append(request.Context["kms:ResourceAliases"], a.ID)
				}
			}
		}
	}
}

// linked are the services whose own role AWS makes with the first resource of a type.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
var linked = map[string]string{
	"aws:accessanalyzer/analyzer:Analyzer":                            "access-analyzer.amazonaws.com",
	"aws:appautoscaling/target:Target":                                "ecs.application-autoscaling.amazonaws.com",
	"aws:backup/restoreTestingSelection:RestoreTestingSelection":      "restore-testing.backup.amazonaws.com",
	"aws:backup/selection:Selection":                                  "backup.amazonaws.com",
	"aws:ecr/replicationConfiguration:ReplicationConfiguration":       "replication.ecr.amazonaws.com",
	"aws:ecs/cluster:Cluster":                                         "ecs.amazonaws.com",
	"aws:lb/loadBalancer:LoadBalancer":                                "elasticloadbalancing.amazonaws.com",
	"aws:rds/instance:Instance":                                       "rds.amazonaws.com",
	"aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": "wafv2.amazonaws.com",
}

// passed are the services that get the role of a resource of a type.
var passed = map[string]string{
	"aws:backup/restoreTestingSelection:RestoreTestingSelection": "backup.amazonaws.com",
	"aws:backup/selection:Selection":                             "backup.amazonaws.com",
	"aws:ec2/flowLog:FlowLog":                                    "vpc-flow-logs.amazonaws.com",
	"aws:ecs/taskDefinition:TaskDefinition":                      "ecs-tasks.amazonaws.com",
	"aws:rds/instance:Instance":                                  "monitoring.rds.amazonaws.com",
	"aws:s3/bucketReplicationConfig:BucketReplicationConfig":     "s3.amazonaws.com",
}

// via are the services that use a key for whoever makes a resource of a type.
var via = map[string]string{
	"aws:backup/vault:Vault":        "backup",
	"aws:ecr/repository:Repository": "ecr",
	"aws:rds/instance:Instance":     "rds",
	"aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": "rds",
	"aws:ssm/parameter:Parameter": "ssm",
}
