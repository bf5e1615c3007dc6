package stacks

import "regexp"

// Bootstrap is the config of the stack that the others stand on, the key
// codeflow:bootstrap.
type Bootstrap struct {
	Project  string   `json:"project"`  // the platforms'
	Region   string   `json:"region"`   // of the state
	Recovery Recovery `json:"recovery"` // where the state is copied to
	Domain   string   `json:"domain"`   // the platform's: no role changes other records
	// Repository is GitHub's, owner/name, whose workflows take the roles on.
	Repository string `json:"repository"`
	Branch     string `json:"branch"` // whose workflows preview without a pull request
	// Environments are GitHub's that deploy; who gets into one, GitHub decides.
	Environments []string `json:"environments"`
	Platforms    []string `json:"platforms"` // whose traffic people switch
	// DeletionProtection keeps the state and its keys, whatever happens to the stack.
	DeletionProtection bool `json:"deletionProtection"`
}

func defaultBootstrap() *Bootstrap {
	return &Bootstrap{
		Project: "codeflow", Branch: "main", Environments: []string{"prod", "idle"}, Platforms: []string{"prod"},
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
