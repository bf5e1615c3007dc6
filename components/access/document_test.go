package access

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/golden"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/iam/reference"
)

// guide are the services whose every action the old guide asks for, on everything.
var guide = []string{"ec2", "ecs", "rds", "s3", "cloudfront", "route53", "iam", "logs", "wafv2", "acm", "ssm", "kms"}

// TestDocument keeps the tables of docs/access.md.
func TestDocument(t *testing.T) {
	t.Parallel()
	const file = "../../docs/access.md"
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	all := mustTable(t)
	text := replaceTable(t, string(data), "comparison", comparison(all))
	text = replaceTable(t, text, "everything", everything(all))
	text = replaceTable(t, text, "withheld", withheldRows(all))
	text = replaceTable(t, text, "cannot", cannot(t))
	golden.Equal(t, file, text)
}

func replaceTable(t *testing.T, text, name, table string) string {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
	before, rest, ok := strings.Cut(text, begin)
	require.True(t, ok, begin)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok, end)
	return before + begin + table + end + after
}

// comparison counts the actions of each service.
func comparison(all *table) string {
	var b strings.Builder
	b.WriteString("| service | the guide | deploy-prod | of these on everything | deploy-idle | operator | preview | runtime |\n" +
		"|---|---|---|---|---|---|---|---|\n")
	row := func(name string, n [7]int) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d |\n", name, n[0], n[1], n[2], n[3], n[4], n[5], n[6])
	}
	wide := map[string]bool{}
	for _, g := range all.Grants {
		if g.Resources[0] == "*" && g.Tag == "" {
			maps.Copy(wide, set(g.Actions))
		}
	}
	operator, runtime := all.switches(), map[string]bool{}
	for _, g := range all.Operator {
		maps.Copy(operator, set(g.Actions))
	}
	for _, g := range all.Runtime {
		maps.Copy(runtime, set(g.Actions))
	}
	var total [7]int
	for _, service := range slices.Sorted(maps.Keys(reference.Services())) {
		var n [7]int
		if slices.Contains(guide, service) {
			n[0] = reference.Services()[service].All
		}
		for i, actions := range []map[string]bool{all.deploys(false), wide, all.deploys(true), operator, all.reads(), runtime} {
			for action := range actions {
				if strings.HasPrefix(action, service+":") {
					n[i+1]++
				}
			}
		}
		if n == ([7]int{}) {
			continue // only an administrator's
		}
		row(service, n)
		for i := range n {
			total[i] += n[i]
		}
	}
	row("together", total)
	return b.String()
}

// everything lists the grants that are on everything, with the reason.
func everything(all *table) string {
	var b strings.Builder
	b.WriteString("| statement | actions | why |\n|---|---|---|\n")
	for _, g := range all.Grants {
		if g.Resources[0] == "*" {
			why := g.Why
			if g.Tag != "" {
				why += " The " + g.Tag + " must have the tag."
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", g.Sid, strings.Join(g.Actions, ", "), why)
		}
	}
	return b.String()
}

func withheldRows(all *table) string {
	var b strings.Builder
	b.WriteString("| type | actions |\n|---|---|\n")
	for _, token := range slices.Sorted(maps.Keys(all.Types)) {
		if actions := all.Types[token].Administrator.writes(); len(actions) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", token, strings.Join(actions, ", "))
		}
	}
	return b.String()
}

// cannot lists what testdata/scenarios.json tries in each role's name, and is refused.
func cannot(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/scenarios.json")
	require.NoError(t, err)
	var list []struct{ Role, Attack string }
	require.NoError(t, json.Unmarshal(data, &list))
	calls, attacks := map[string]int{}, map[string][]string{}
	for _, s := range list {
		if s.Attack == "" {
			continue
		}
		calls[s.Role]++
		if !slices.Contains(attacks[s.Role], s.Attack) {
			attacks[s.Role] = append(attacks[s.Role], s.Attack)
		}
	}
	var b strings.Builder
	b.WriteString("| role | calls | what for |\n|---|---|---|\n")
	for _, role := range slices.Sorted(maps.Keys(attacks)) {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", role, calls[role], strings.Join(attacks[role], "; "))
	}
	return b.String()
}
