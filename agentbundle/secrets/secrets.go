// Package secrets finds credentials in agents and commands, before an image
// carries them to everybody who may pull it.
//
// The rules are those of gitleaks for the credentials that people paste into
// prompts: https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml
// Its library would bring fifty modules, an unpacker of archives and a
// WebAssembly runtime among them, for a table of expressions. Rules without a
// prefix of their own, such as a line with "password", are left to people:
// agents are prose about code, where such lines are examples.
package secrets

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// allow at the end of a line lets it pass, as gitleaks does.
const allow = "gitleaks:allow"

// example ends the keys in the documentation of AWS.
const example = "EXAMPLE"

var rules = []struct {
	name  string
	words string // one of which the secret has: looking for them is fast
	re    *regexp.Regexp
}{
	{"an AWS access key", "AKIA ASIA A3T ABIA ACCA", regexp.MustCompile(`\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`)},
	{"a private key", "PRIVATE", regexp.MustCompile(`-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----[\s\S-]{64,}?KEY(?: BLOCK)?-----`)},
	{"a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", regexp.MustCompile(`\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{82})\b`)},
	{"a GitLab token", "glpat- gldt- glrt- glptt-", regexp.MustCompile(`\bgl(?:pat|dt|rt|ptt)-[\w-]{20,}`)},
	{"a Slack token", "xox", regexp.MustCompile(`\bxox[abeoprs](?:\.xox[bp])?-[0-9A-Za-z-]{10,}`)},
	{"a Slack webhook", "hooks.slack.com", regexp.MustCompile(`hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{43,56}`)},
	{"a Google API key", "AIza", regexp.MustCompile(`\bAIza[\w-]{35}`)},
	{"a Stripe key", "k_live_ k_prod_", regexp.MustCompile(`\b[rs]k_(?:live|prod)_[0-9A-Za-z]{10,99}\b`)},
	{"an npm token", "npm_", regexp.MustCompile(`\bnpm_[0-9A-Za-z]{36}\b`)},
	{"a PyPI token", "pypi-", regexp.MustCompile(`\bpypi-AgEIcHlwaS5vcmc[\w-]{50,}`)},
	{"an OpenAI key", "T3BlbkFJ", regexp.MustCompile(`\bsk-(?:(?:proj|svcacct|admin)-)?[\w-]{20,74}T3BlbkFJ[\w-]{20,74}`)},
	{"an Anthropic key", "sk-ant-", regexp.MustCompile(`\bsk-ant-(?:api03|admin01)-[\w-]{93}AA\b`)},
	{"a Pulumi token", "pul-", regexp.MustCompile(`\bpul-[0-9a-f]{40}\b`)},
	{"a JSON web token", ".ey", regexp.MustCompile(`\bey[0-9A-Za-z]{17,}\.ey[\w/-]{17,}\.[\w/-]{10,}`)},
}

// Found is what has the shape of a secret in a text.
type Found struct {
	Start, End int // of data[Start:End]
	// What it is, such as "a GitHub token".
	What string
}

// Find returns everything that has the shape of a secret, by rule, whether or not its
// line lets it pass or it is known as an example.
func Find(data []byte) (found []Found) {
	for _, rule := range rules {
		if !slices.ContainsFunc(strings.Fields(rule.words), func(word string) bool { return bytes.Contains(data, []byte(word)) }) {
			continue
		}
		for _, at := range rule.re.FindAllIndex(data, -1) {
			found = append(found, Found{at[0], at[1], rule.name})
		}
	}
	return found
}

// Finding is a secret in a file. What it says is not the secret.
type Finding struct {
	Line          int
	Message, Hint string
}

// Scan returns every secret in a file.
func Scan(data []byte) (findings []Finding) {
	for _, f := range Find(data) {
		line, _, _ := bytes.Cut(data[f.End:], []byte("\n"))
		if bytes.Contains(line, []byte(allow)) || bytes.HasSuffix(data[f.Start:f.End], []byte(example)) {
			continue
		}
		findings = append(findings, Finding{
			Line:    1 + bytes.Count(data[:f.Start], []byte("\n")),
			Message: fmt.Sprintf("must not hold secrets, got %s of %d characters", f.What, f.End-f.Start),
			Hint:    fmt.Sprintf("remove and revoke it, or end the line with %q if it is none", allow),
		})
	}
	return findings
}
