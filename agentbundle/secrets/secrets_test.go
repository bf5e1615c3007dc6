// These tests check the shape of each rule. They do not prove that a secret of
// another shape is found.
package secrets_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/secrets"
)

// x is what the secrets below are made of, so that no scanner takes this file
// for a leak.
func x(n int) string { return strings.Repeat("x", n) }

func TestScan(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, near string }{
		"an AWS access key": {"AKIA" + strings.Repeat("Q", 16), "AKIA" + strings.Repeat("Q", 15)},
		"a private key":     {"-----BEGIN RSA PRIVATE" + " KEY-----\n" + x(64) + "\n-----END RSA PRIVATE KEY-----", "-----BEGIN PRIVATE" + " KEY-----\n...\n-----END PRIVATE KEY-----"},
		"a GitHub token":    {"ghp_" + x(36), "ghp_" + x(8)},
		"a GitLab token":    {"glpat-" + x(20), "glpat-<token>"},
		"a Slack token":     {"xoxb-" + x(12), "xoxb-..."},
		"a Slack webhook":   {"https://hooks.slack.com/services/" + x(44), "https://hooks.slack.com/services/T/B/X"},
		"a Google API key":  {"AIza" + x(35), "AIza..."},
		"a Stripe key":      {"sk_live_" + x(24), "sk_test_" + x(24)},
		"an npm token":      {"npm_" + x(36), "npm_config_" + x(36)},
		"a PyPI token":      {"pypi-AgEIcHlwaS5vcmc" + x(50), "pypi-AgEI"},
		"an OpenAI key":     {"sk-proj-" + x(20) + "T3BlbkFJ" + x(20), "sk-proj-" + x(48)},
		"an Anthropic key":  {"sk-ant-api03-" + x(93) + "AA", "sk-ant-api03-..."},
		"a Pulumi token":    {"pul-" + strings.Repeat("a", 40), "pul-abc"},
		"a JSON web token":  {"eyJ" + x(17) + ".eyJ" + x(17) + "." + x(10), "eyJ.eyJ.x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := secrets.Scan([]byte("one\ntwo `" + tt.text + "`\n"))
			if assert.Len(t, problems, 1) {
				assert.Equal(t, 2, problems[0].Line)
				assert.Contains(t, problems[0].Message, "got "+name+" of ")
				assert.NotContains(t, problems[0].Message+problems[0].Hint, tt.text, "a report must not spread the secret")
			}
			assert.Empty(t, secrets.Scan([]byte(tt.near)))
			assert.Empty(t, secrets.Scan([]byte(tt.text+" # gitleaks:allow\n")))
		})
	}
	assert.Len(t, tests, secrets.Rules, "a test for each rule")
}

func TestScanSeveral(t *testing.T) {
	t.Parallel()
	key := "AKIA" + strings.Repeat("Q", 16)
	lines := func(list []secrets.Finding) (lines []int) {
		for _, p := range list {
			lines = append(lines, p.Line)
		}
		return lines
	}
	assert.Equal(t, []int{1, 3, 3}, lines(secrets.Scan([]byte(key+"\nAKIAIOSFODNN7EXAMPLE\n"+key+" "+key))))
}
