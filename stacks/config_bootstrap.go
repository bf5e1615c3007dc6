package stacks

import (
	"regexp"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/access"
)

// Bootstrap is the config of the stack that the others stand on, the key
// codeflow:bootstrap.
type Bootstrap struct {
	Project  string   `json:"project"`  // the platforms'
	Region   string   `json:"region"`   // of the state
	Recovery Recovery `json:"recovery"` // where the state is copied to
	Domain   string   `json:"domain"`   // the platform's: no role changes other records
	// Repository is GitHub's, whose workflows take the roles on.
	Repository access.Repository `json:"repository"`
	Branch     string            `json:"branch"` // whose workflows preview without a pull request
	// Environments are GitHub's that deploy, and what; who gets into one, GitHub decides.
	Environments map[string]access.Environment `json:"environments"`
	// SSORoles may operate; none: whoever shows a second factor to AWS.
	SSORoles []string `json:"ssoRoles"`
	// DeletionProtection keeps the state and its keys, whatever happens to the stack.
	DeletionProtection bool `json:"deletionProtection"`
}

func defaultBootstrap() *Bootstrap {
	return &Bootstrap{
		Project: "codeflow", Branch: "main", Environments: map[string]access.Environment{
			"prod": {Platforms: []string{"prod"}, Reads: []string{"blue", "green"}},
			"idle": {Colors: []string{"blue", "green"}, Reads: []string{"prod"}},
		},
		DeletionProtection: true,
	}
}

func (b *Bootstrap) validate(c checker) {
	checkRegion(c.at("region"), b.Region)
	b.Recovery.validate(c.at("recovery"), b.Region)
	checkDomain(c.at("domain"), b.Domain)
}

var boundaryPattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:policy/[\w+=,.@/-]+$`)

// checkBoundary checks codeflow:roleBoundary.
func checkBoundary(c checker, arn string) {
	c.require(arn == "" || boundaryPattern.MatchString(arn), "must be the ARN of a policy", arn, "it is the bootstrap stack's output roleBoundary")
}
