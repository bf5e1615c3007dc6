package comment_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/comment"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/preview"
	"github.com/ferg-cod3s/codeflow-infrastructure/delivery/protect"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/golden"
)

const job = "https://github.com/example/codeflow/actions/runs/1"

// input reads the recorded previews of a scenario: the stacks that have no file are
// those that the change does not touch.
func input(t testing.TB, scenario string) *comment.Input {
	t.Helper()
	in := &comment.Input{Log: job}
	dir := filepath.Join("testdata", scenario)
	for _, stack := range []string{"prod", "blue", "green", "dr"} {
		file, err := os.Open(filepath.Join(dir, stack+".json"))
		if err != nil {
			in.Unaffected = append(in.Unaffected, stack)
			continue
		}
		in.Previews = append(in.Previews, preview.Decode(stack, file))
		require.NoError(t, file.Close())
	}
	if diff, err := os.ReadFile(filepath.Join(dir, "agents.txt")); err == nil {
		in.Agents = string(diff)
	}
	return in
}

func TestDrift(t *testing.T) {
	t.Parallel()
	in := input(t, "drift")
	golden.Equal(t, filepath.Join("testdata", "drift", "issue.md"), comment.Drift(in.Previews, job))
	assert.Empty(t, comment.Drift(input(t, "no-change").Previews, job), "no issue about nothing")
	failed := comment.Drift([]*preview.Preview{preview.Failed("dr", "no `credentials`")}, "")
	assert.Contains(t, failed, comment.DriftMarker+"\n- **dr** could not be compared: `` no `credentials` ``")
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for scenario, set := range map[string]func(*comment.Input){
		"no-change": nil,
		"traffic":   func(in *comment.Input) { in.Policies = "60 rules pass, 1 exception until 2027-01-31." },
		"agents":    nil,
		"database":  nil,
		"failed":    nil,
		"first":     nil, // all stacks of an empty account: 411 resources
	} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			in := input(t, scenario)
			if set != nil {
				set(in)
			}
			text := comment.Render(in)
			golden.Equal(t, filepath.Join("testdata", scenario, "comment.md"), text)
			assert.Less(t, len(text), comment.Limit)
		})
	}
}

func TestLabel(t *testing.T) {
	t.Parallel()
	in := input(t, "database")
	assert.True(t, comment.Judge(in).Blocked())
	in.Labels = []string{"other", protect.Label}
	assert.False(t, comment.Judge(in).Blocked())
	text := comment.Render(in)
	assert.Contains(t, text, "**Allowed by the label `allow-protected-changes`**: 2 protected resources would be replaced or deleted.")
	assert.NotContains(t, text, "Blocked")
	assert.Contains(t, text, "**protected**: prod: the database `database`", "it is still told")
}

func TestNothingAffected(t *testing.T) {
	t.Parallel()
	text := comment.Render(&comment.Input{Unaffected: []string{"prod"}})
	assert.Contains(t, text, "**No stack is affected** by the changed files.")
	assert.Contains(t, text, "| prod, not affected |")
}

func step(kind preview.Kind, token, name string, changes ...preview.Change) preview.Step {
	return preview.Step{Kind: kind, URN: name, Type: token, Name: name, Changes: changes}
}

// Names and messages are code: they format nothing, link nothing and call nobody.
func TestEscapes(t *testing.T) {
	t.Parallel()
	const evil = "a`b``<img src=x>|@org/team\n# x\u202e\x1b[31m"
	text := comment.Render(&comment.Input{
		Previews: []*preview.Preview{{
			Stack: "prod", Errors: []string{"bad:\n```\n</details> @everyone"},
			Steps: []preview.Step{
				step(preview.Delete, "aws:sns/topic:Topic", evil, preview.Change{Path: evil, Old: "````", New: "\n"}),
				step(preview.Delete, "own:@org/team:<b>", "b"),
			},
		}},
		Agents: "1 added\n``` x\n\n+````\n+</details>",
	})
	assert.Contains(t, text, "prod: the alarm topic ```a`b``<img src=x>|@org/team # xU+202EU+001B[31m``` (aws:sns/topic:Topic) would be deleted\n")
	assert.Contains(t, text, "prod: the b `b` (`own:@org/team:<b>`) would be deleted\n")
	assert.Contains(t, text, "````text\nbad:\n```\n</details> @everyone\n````\n")
	assert.Contains(t, text, "````text\n1 added\n``` x\n````\n")
	assert.Contains(t, text, "`````diff\n+````\n+</details>\n`````\n")
	for _, r := range "\u202e\x1b" {
		assert.NotContains(t, text, string(r))
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	one := map[string]any{"containerDefinitions": `[{"name": "server", "image": "a/b:1"}, {"name": "old", "image": "c@sha256:0123456789abcdef"}]`}
	for want, states := range map[string][2]map[string]any{
		"- blue: `a/b:1` → `a/b:2`\n- blue: `sha256:0123456789ab` → none\n":                                          {one, {"containerDefinitions": `[{"name": "server", "image": "a/b:2"}]`}},
		"- blue: `a/b:1` → `(known after the update)`\n- blue: `sha256:0123456789ab` → `(known after the update)`\n": {one, {"containerDefinitions": preview.Unknown}},
		"- blue: none → `(known after the update)`\n":                                                                {nil, {"containerDefinitions": preview.Unknown}},
		"- blue: none → `a/b:1`\n": {nil, one},
		"":                         {one, one},
	} {
		s := step(preview.Replace, "aws:ecs/taskDefinition:TaskDefinition", "blue")
		s.Old, s.New = states[0], states[1]
		text := comment.Render(&comment.Input{Previews: []*preview.Preview{{Stack: "blue", Steps: []preview.Step{s}}}})
		if want == "" {
			assert.NotContains(t, text, "**Images**")
			continue
		}
		assert.Contains(t, text, "**Images**\n\n"+want)
	}
}

// A colour may join, leave, or go elsewhere with the weight that it has.
func TestTraffic(t *testing.T) {
	t.Parallel()
	record := func(color string, weight float64, target string) map[string]any {
		return map[string]any{
			"name": "live.example.com", "setIdentifier": color, "alias": target,
			"weightedRoutingPolicies": []any{map[string]any{"weight": weight}},
		}
	}
	const kind = "aws:route53/record:Record"
	joins, leaves, moves := step(preview.Create, kind, "a"), step(preview.Delete, kind, "b"), step(preview.Update, kind, "c")
	joins.New, leaves.Old = record("green", 10, "x"), record("red", 90, "x")
	moves.Old, moves.New = record("blue", 1, "x"), record("blue", 1, "y")
	text := comment.Render(&comment.Input{Previews: []*preview.Preview{{Stack: "prod", Steps: []preview.Step{joins, leaves, moves}}}})
	assert.Contains(t, text, "**Traffic**\n\n- prod: `live.example.com` `green` none → 10, `red` 90 → none\n")
}

// What is cut is cut fairly: a short part stays whole beside long ones.
func TestCutFairly(t *testing.T) {
	t.Parallel()
	in := &comment.Input{Log: job}
	for stack, n := range map[string]int{"prod": 4000, "blue": 10, "green": 3000} {
		p := &preview.Preview{Stack: stack, Counts: map[preview.Kind]int{preview.Update: n}}
		for i := range n {
			p.Steps = append(p.Steps, step(preview.Update, "aws:sns/topic:Topic", fmt.Sprintf("%s-%d", stack, i), preview.Change{Path: "name", Old: "1", New: "2"}))
		}
		in.Previews = append(in.Previews, p)
	}
	text := comment.Render(in)
	assert.Less(t, len(text), comment.Limit)
	assert.Greater(t, len(text), comment.Limit-1000, "the room is used")
	assert.Equal(t, 10, strings.Count(text, "Topic blue-"))
	assert.InDelta(t, strings.Count(text, "Topic prod-"), strings.Count(text, "Topic green-"), 30)
	assert.Regexp(t, `\d+ of 8000 lines are left out: \[the job's log\]\(https://github.com/example/codeflow/actions/runs/1\) has them all`, text)
	assert.Equal(t, 3, strings.Count(text, "</details>"))
}

// No input makes a comment that GitHub refuses.
func TestLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		long := rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.SampledFrom([]string{"a", "`", "日本 ", "x\n", "<b>|", "\xff"}).Draw(t, "unit"), rapid.IntRange(0, 6_000).Draw(t, "n"))
		})
		in := &comment.Input{Agents: long.Draw(t, "agents") + "\n\n" + long.Draw(t, "diff"), Policies: long.Draw(t, "policies"), Log: job}
		for _, stack := range []string{"prod", "blue", "green", "dr"} {
			p := &preview.Preview{Stack: stack, Errors: rapid.SliceOfN(long, 0, 10).Draw(t, "errors")}
			kind := rapid.SampledFrom([]preview.Kind{preview.Replace, preview.Delete, preview.Update}).Draw(t, "kind")
			for range rapid.IntRange(0, 15).Draw(t, "steps") {
				p.Steps = append(p.Steps, step(kind, "aws:rds/instance:Instance", long.Draw(t, "name"), preview.Change{Path: long.Draw(t, "path"), Old: "1", New: long.Draw(t, "new")}))
			}
			in.Previews = append(in.Previews, p)
		}
		text := comment.Render(in)
		assert.Less(t, len(text), comment.Limit)
		assert.True(t, utf8.ValidString(text))
		assert.True(t, strings.HasPrefix(text, comment.Marker))
	})
}
