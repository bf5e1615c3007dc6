package policies

import (
	"slices"
	"strings"
)

// Rule is what every resource of some types must fulfil.
type Rule struct {
	// Name is kebab-case and starts with the service.
	Name string
	// ID of the control of AWS Security Hub that asks for the same, empty if none
	// does: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-controls-reference.html.
	// The controls are of AWS Foundational Security Best Practices, of CIS AWS
	// Foundations or, a few, of NIST SP 800-53 alone.
	ID    string
	Title string // a short sentence: what is so
	Fix   string // what to set
	Types []string
	// Check returns what is wrong with a resource, in the words of its properties,
	// or [NotKnown].
	Check func(r *Resource, g *Graph) []string
}

// row is a rule of a group, whose types are the group's.
type row struct {
	name, id, title, fix string
	check                check
}

// Rules are all rules, by service.
var Rules = slices.Concat(
	bucketRules, keyRules, databaseRules, backupRules, balancerRules, firewallRules, cdnRules, dnsRules,
	clusterRules, registryRules, roleRules, secretRules, logRules, topicRules, networkRules, machineRules, providerRules,
)

// of makes the rules of a group.
func of(types []string, rows ...row) []Rule {
	rules := make([]Rule, len(rows))
	for i, r := range rows {
		rules[i] = Rule{Name: r.name, ID: r.id, Title: r.title, Fix: r.fix, Types: types, Check: r.check}
	}
	return rules
}

// aws is a type of pulumi-aws from its module and name: "rds/instance" is
// "aws:rds/instance:Instance".
func aws(path string) string {
	_, name, _ := strings.Cut(path, "/")
	return "aws:" + path + ":" + strings.ToUpper(name[:1]) + name[1:]
}

func types(paths ...string) []string {
	tokens := make([]string, len(paths))
	for i, path := range paths {
		tokens[i] = aws(path)
	}
	return tokens
}
