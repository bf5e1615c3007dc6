package access

import (
	"errors"
	"fmt"
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
	// Environments are GitHub's, for example "prod": each has a role that deploys.
	// Required.
	Environments []string
	// Platforms are those whose traffic people switch, for example "prod": each has a
	// role that operates. Required.
	Platforms []string
	// Repository is GitHub's, for example "ferg-cod3s/codeflow-infrastructure".
	// Required.
	Repository string
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

var repository = regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`)

// globalRegion is where the services without a region answer.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
const globalRegion = "us-east-1"

func (a *RolesArgs) validate() error {
	if a.Branch == "" {
		a.Branch = "main"
	}
	errs := []error{checkNames(a.Project, append(slices.Clone(a.Environments), a.Platforms...)...)}
	if len(a.Environments) == 0 || len(a.Platforms) == 0 {
		errs = append(errs, errors.New(`Environments and Platforms are required: for example "prod" is both`))
	}
	if !repository.MatchString(a.Repository) {
		errs = append(errs, fmt.Errorf("Repository must be owner/name, got %q", a.Repository))
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
func deployRole(project, environment string) string   { return project + "-deploy-" + environment }
func operatorRole(project, environment string) string {
	return naming.Platform{Project: project, Environment: environment}.OperatorRole()
}
