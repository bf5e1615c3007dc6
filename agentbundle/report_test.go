package agentbundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

func fixtureReport(t *testing.T) *agentbundle.Report {
	t.Helper()
	cfg := fixtureConfig()
	cfg.Overlays = []agentbundle.Source{{Path: filepath.Join("testdata", "own")}}
	r, err := agentbundle.Check(cfg)
	require.NoError(t, err)
	return r
}

func TestReportText(t *testing.T) {
	t.Parallel()
	r := fixtureReport(t)
	require.NoError(t, r.Err())
	r.Problems = append(r.Problems,
		agentbundle.Problem{Path: "a.md", Line: 3, Severity: "error", Rule: "uats", Message: "must be set", Hint: "set it"},
		agentbundle.Problem{Path: "b.md", Severity: "warning", Rule: "uats", Message: "should be set"})
	require.EqualError(t, r.Err(), "a.md:3: error: uats: must be set (set it)")

	var out bytes.Buffer
	require.NoError(t, r.WriteText(&out))
	assert.Equal(t, `a.md:3: error: uats: must be set (set it)
b.md: warning: uats: should be set
testdata/own/agents/release-manager.md: overrides agent "release-manager" of testdata/package/codeflow-agents/operations/release-manager.md
command/broken.md: excluded: invalid YAML
testdata/own: passed over 1: named in .agentbundleignore: agents/idea.draft.md
testdata/package: passed over 1: copies that an editor or a merge left: codeflow-agents/development/code-reviewer.md.backup
testdata/package: passed over 1: outside of the folders of agents and commands: package.json
format         read packed refused overridden
uats              5      4       0          1
3 agents, 2 commands: 1 errors, 1 warnings, 1 overridden, 1 excluded
`, out.String())
}

func TestReportJSON(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(fixtureReport(t))
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"agents": 3, "commands": 2, "problems": [],
		"overridden": [{
			"kind": "agent", "name": "release-manager", "path": "testdata/own/agents/release-manager.md",
			"replaces": "testdata/package/codeflow-agents/operations/release-manager.md"
		}],
		"excluded": [{"path": "command/broken.md", "reason": "invalid YAML"}],
		"skipped": [
			{"source": "testdata/own", "reason": "named in .agentbundleignore", "paths": ["agents/idea.draft.md"]},
			{
				"source": "testdata/package", "reason": "copies that an editor or a merge left",
				"paths": ["codeflow-agents/development/code-reviewer.md.backup"]
			},
			{"source": "testdata/package", "reason": "outside of the folders of agents and commands", "paths": ["package.json"]}
		],
		"formats": [{"format": "uats", "read": 5, "packed": 4, "refused": 0, "overridden": 1}]
	}`, string(data))

	data, err = json.Marshal(agentbundle.Problem{Path: "a.md", Severity: "error", Rule: "r", Message: "m"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"path": "a.md", "severity": "error", "rule": "r", "message": "m"}`, string(data))
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestReportTextFails(t *testing.T) {
	t.Parallel()
	assert.ErrorContains(t, new(agentbundle.Report).WriteText(fullDisk{}), "disk full")
}
