// Package affected says which stacks a change of files touches, by a table of rules
// that a test keeps to what the program imports.
//
// Start at [Stacks].
package affected

import (
	"path"
	"slices"
	"strings"
)

// All stacks, in the order in which they come up.
var All = []string{"prod", "blue", "green", "dr"}

var (
	none     = []string{}
	platform = []string{"prod", "dr"}
	colors   = []string{"blue", "green", "dr"} // dr has a service too, of the same agents
)

// Rule says which stacks the files of a pattern touch.
type Rule struct {
	// Pattern is a folder with all below it (ending in "/"), a file, or a pattern of
	// [path.Match] for a path, or for the file's name when it has no "/".
	Pattern string
	Stacks  []string
}

// Rules are asked in turn, and the first that fits holds. What none fits touches
// [All]: a file of a new kind must not pass unseen.
var Rules = []Rule{
	{"*_test.go", none},

	{"Pulumi.prod.yaml", []string{"prod"}},
	{"Pulumi.blue.yaml", []string{"blue"}},
	{"Pulumi.green.yaml", []string{"green"}},
	{"Pulumi.dr.yaml", []string{"dr"}},
	{"Pulumi.bootstrap.yaml", none}, // an administrator previews it

	{"components/access/", All},
	{"components/accesslogs/", platform},
	{"components/audit/", []string{"prod"}},
	{"components/backup/", platform},
	{"components/cdn/", []string{"prod"}},
	{"components/dns/", All},
	{"components/ecsservice/", All},
	{"components/key/", All},
	{"components/loadbalancer/", colors},
	{"components/logretention/", All},
	{"components/naming/", All},
	{"components/observability/", All},
	{"components/policy/", All},
	{"components/rds/", platform},
	{"components/registry/", platform},
	{"components/secrets/", All},
	{"components/tracing/", All},
	{"components/vpc/", All},
	{"components/waf/", All},

	// The image has the agents and the server.
	{"agents/", colors},
	{"agentbundle/convert/", colors}, // the server shows agents in other tools' formats
	{"agentbundle/diff/", none},
	{"agentbundle/", colors},
	{"cmd/codeflow-server/", colors},
	{"server/", colors},

	{"ops/*.go", colors}, // a release tells the traffic controller its migrations
	{"ops/", none},
	{"cmd/", none},
	{"delivery/", none},
	{"docs/", none},
	{"internal/frontmatter/", colors},
	{"internal/hidden/", colors},
	{"internal/iam/", All}, // components/access compiles it
	{"internal/systemdir/", colors},
	{"internal/", none},
	{"npmrelease/", none},
	{"peers/", none},
	{"policies/", none},
	{"sandbox/", none},
	{".github/", none},
	{"*.md", none},
	{".gitignore", none},
	{".golangci.yml", none},
	{"LICENSE", none},
	{"Makefile", none},
}

// fits reports whether the rule is for a file.
func (r Rule) fits(file string) bool {
	if strings.HasSuffix(r.Pattern, "/") {
		return strings.HasPrefix(file, r.Pattern)
	}
	if !strings.Contains(r.Pattern, "/") && strings.Contains(r.Pattern, "*") {
		file = path.Base(file)
	}
	matched, _ := path.Match(r.Pattern, file) // a test compiles each
	return matched
}

// Of is the stacks that a file touches, and the pattern that says so; "" when none
// fits. The file is a path from the project's folder, with slashes.
func Of(file string) (stacks []string, pattern string) {
	for _, rule := range Rules {
		if rule.fits(file) {
			return rule.Stacks, rule.Pattern
		}
	}
	return All, ""
}

// Stacks that a change of these files touches, in the order of [All]. It is never nil.
func Stacks(files []string) []string {
	touched := []string{}
	for _, stack := range All {
		if slices.ContainsFunc(files, func(file string) bool {
			stacks, _ := Of(file)
			return slices.Contains(stacks, stack)
		}) {
			touched = append(touched, stack)
		}
	}
	return touched
}
