package access

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// StateArgs configures a [State].
type StateArgs struct {
	// Project starts the names. Required; a change replaces everything, which is
	// protected.
	Project string
	// Replica is the provider of a second region, which the state is copied to and
	// where its secrets can be read. Optional; updates in place.
	Replica pulumi.ProviderResource
	// Unprotected lets destroy remove all of it, where it is only tried. Default
	// false.
	Unprotected bool
}

func (a *StateArgs) validate() error {
	return checkNames(a.Project)
}

// RolesArgs configures the [Roles]. All of it updates in place but Project.
type RolesArgs struct {
	// Project is the value of the tag Project and the start of the names. Required;
	// a change replaces the roles.
	Project string
	// Pulumi is the name of the Pulumi project, and Bootstrap of the stack that makes the
	// roles, whose state is nobody's but the administrator's. Required.
	Pulumi, Bootstrap string
	// Environments are GitHub's that deploy, by name: each has a role. Each of their
	// platforms has a role that operates it. Required.
	Environments map[string]Environment
	// Repository is GitHub's. Required.
	Repository Repository
	// SSORoles are patterns of the ARNs of roles of IAM Identity Center, for example
	// "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Operators_*".
	// Their sessions may operate; Identity Center has asked them for a second factor, which
	// AWS is not told. Default: whoever has a second factor of the last hour.
	SSORoles []string
	// Branch is the one whose workflows may preview without a pull request, for
	// example to find drift. Default "main".
	Branch string
	// Domain is the platform's: roles change only its records and those below it.
	// Required.
	Domain string
	// Regions are those of the platform and of its recovery. us-east-1 is always in:
	// it has what CloudFront uses, and the endpoints of IAM, Route 53 and CloudFront.
	// Required.
	Regions []string
	// State is where the roles read and write the state.
	State *State
}

// Environment is what is deployed from one of GitHub's: stacks.
type Environment struct {
	// Platforms are those that the colours share, and those that stand by.
	Platforms []string `json:"platforms"`
	Colors    []string `json:"colors"`
	// Reads are the stacks besides, whose outputs these read: of colours their platform,
	// and the other way round.
	Reads []string `json:"reads"`
}

func (e Environment) stacks() []string { return slices.Concat(e.Platforms, e.Colors) }

// Repository is one of GitHub's.
type Repository struct {
	Name string `json:"name"` // owner/name
	// OwnerID and ID are GitHub's numbers of both, which stay when names change hands.
	// Optional: tokens of repositories that were made after 15 July 2026 have them.
	OwnerID string `json:"ownerId"`
	ID      string `json:"id"`
}

// subjects are those of a workflow's token, for what it ends in.
// https://docs.github.com/en/actions/reference/security/oidc#example-subject-claims
func (r Repository) subjects(end string) []string {
	list := []string{"repo:" + r.Name + ":" + end}
	if r.ID != "" {
		owner, name, _ := strings.Cut(r.Name, "/")
		list = append(list, fmt.Sprintf("repo:%s@%s/%s@%s:%s", owner, r.OwnerID, name, r.ID, end))
	}
	return list
}

// Check returns what is wrong.
func (r Repository) Check() (errs []error) {
	if !repository.MatchString(r.Name) {
		errs = append(errs, fmt.Errorf("Repository must be owner/name, got %q", r.Name))
	}
	if (r.OwnerID == "") != (r.ID == "") || !digits.MatchString(r.OwnerID+r.ID) {
		errs = append(errs, fmt.Errorf("Repository must have both numbers, OwnerID and ID, or none, got %q and %q", r.OwnerID, r.ID))
	}
	return errs
}

var (
	repository = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`)
	digits     = regexp.MustCompile(`^[0-9]*$`)
	roleARN    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/aws-reserved/sso\.amazonaws\.com/[\w+=,.@/*-]+$`)
)

// globalRegion is where the services without a region answer.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
const globalRegion = "us-east-1"

func (a *RolesArgs) validate() error {
	if a.Branch == "" {
		a.Branch = "main"
	}
	errs := []error{checkNames(a.Project, append(slices.Collect(maps.Keys(a.Environments)), slices.Concat(a.platforms(), a.colors())...)...)}
	if a.Pulumi == "" || a.Bootstrap == "" {
		errs = append(errs, errors.New("Pulumi and Bootstrap are required"))
	}
	if len(a.Environments) == 0 {
		errs = append(errs, errors.New(`Environments are required: for example "prod" with platforms and "idle" with colors`))
	}
	for name, e := range a.Environments {
		if len(e.stacks()) == 0 {
			errs = append(errs, fmt.Errorf("Environments[%q] must have platforms or colors", name))
		}
		if slices.Contains(append(e.stacks(), e.Reads...), a.Bootstrap) {
			errs = append(errs, fmt.Errorf("Environments[%q] must not have %q, which is the administrator's", name, a.Bootstrap))
		}
	}
	errs = append(errs, a.Repository.Check()...)
	for _, arn := range a.SSORoles {
		if !roleARN.MatchString(arn) {
			errs = append(errs, fmt.Errorf("SSORoles must be ARNs of roles below aws-reserved/sso.amazonaws.com, got %q", arn))
		}
	}
	if strings.ContainsAny(a.Branch, "*? ") {
		errs = append(errs, fmt.Errorf("Branch must be the name of one branch, got %q", a.Branch))
	}
	if a.Domain == "" || len(a.Regions) == 0 {
		errs = append(errs, errors.New("Domain and Regions are required"))
	}
	if a.State == nil {
		errs = append(errs, errors.New("State is required: make it with NewState"))
	}
	return errors.Join(errs...)
}

// platforms are those of all environments, sorted, and colors the same.
func (a *RolesArgs) platforms() []string {
	return a.each(func(e Environment) []string { return e.Platforms })
}

func (a *RolesArgs) colors() []string {
	return a.each(func(e Environment) []string { return e.Colors })
}

func (a *RolesArgs) each(stacks func(Environment) []string) (list []string) {
	for _, e := range a.Environments {
		list = append(list, stacks(e)...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// regions are those that the roles work in, sorted.
func (a *RolesArgs) regions() []string {
	list := append([]string{globalRegion}, a.Regions...)
	slices.Sort(list)
	return slices.Compact(list)
}

// checkNames checks what names of roles are made of.
func checkNames(project string, environments ...string) error {
	errs := naming.Platform{Project: project, Environment: "prod"}.Check()
	for _, e := range environments {
		errs = append(errs, naming.Platform{Project: "project", Environment: e}.Check()...)
		if role := operatorRole(project, e); len(role) > naming.MaxRole {
			errs = append(errs, fmt.Errorf("role name %q has %d characters, AWS allows %d: shorten it by %d",
				role, len(role), naming.MaxRole, len(role)-naming.MaxRole))
		}
	}
	return errors.Join(errs...)
}

func previewRole(project string) string               { return project + "-preview" }
func driftRole(project string) string                 { return project + "-drift" }
func deployRole(project, environment string) string   { return project + "-deploy-" + environment }
func operatorRole(project, environment string) string { return project + "-operator-" + environment }
