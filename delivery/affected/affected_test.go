package affected_test

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/affected"
)

func TestStacks(t *testing.T) {
	t.Parallel()
	all := strings.Join(affected.All, " ")
	for files, want := range map[string]string{
		"":                                   "",
		"docs/ops.md README.md":              "",
		"Pulumi.blue.yaml":                   "blue",
		"Pulumi.prod.yaml Pulumi.green.yaml": "prod green",
		"Pulumi.other.yaml":                  all,
		"Pulumi.yaml":                        all,
		"go.mod":                             all,
		"main.go":                            all,
		"stacks/platform.go":                 all,
		"stacks/stacks_test.go":              "",
		"components/rds/rds.go":              "prod dr",
		"components/rds/rds_test.go":         "",
		"components/cdn/cdn.go":              "prod",
		"components/new/new.go":              all,
		"agents/own/command/commit.md":       "blue green dr",
		"agents/package-lock.json":           "blue green dr",
		"server/database/migrations/2.sql":   "blue green dr",
		"ops/weights.go":                     "blue green dr",
		"ops/aws/cloud.go":                   "",
		".github/workflows/test.yml":         "",
		"sandbox/go.mod":                     "",
		"Makefile":                           "",
		"sub/Makefile":                       all,
		"new.toml docs/a.md":                 all,
		"docs/a.md components/cdn/cdn.go components/loadbalancer/args.go": "prod blue green dr",
	} {
		assert.Equal(t, want, strings.Join(affected.Stacks(strings.Fields(files)), " "), files)
	}
	assert.NotNil(t, affected.Stacks(nil), "JSON shows a list")
}

// Each rule can hold: none is hidden behind one before it.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, rule := range affected.Rules {
		_, err := path.Match(rule.Pattern, "")
		require.NoError(t, err, rule.Pattern)
		file := strings.ReplaceAll(rule.Pattern, "*", "x")
		if strings.HasSuffix(file, "/") {
			file += "x"
		}
		_, held := affected.Of(file)
		assert.Equal(t, rule.Pattern, held)
	}
}
