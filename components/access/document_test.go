package access

import (
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
	b.WriteString("| service | the guide | deploy | on everything | preview |\n|---|---|---|---|---|\n")
	row := func(name string, n [4]int) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", name, n[0], n[1], n[2], n[3])
	}
	wide := map[string]bool{}
	for _, g := range all.Grants {
		if g.Resources[0] == "*" && g.Tag == "" {
			maps.Copy(wide, set(g.Actions))
		}
	}
	var total [4]int
	for _, service := range slices.Sorted(maps.Keys(reference.Services())) {
		var n [4]int
		if slices.Contains(guide, service) {
			n[0] = reference.Services()[service].All
		}
		for i, actions := range []map[string]bool{all.deploys(false), wide, all.reads()} {
			for action := range actions {
				if strings.HasPrefix(action, service+":") {
					n[i+1]++
				}
			}
		}
		if n == ([4]int{}) {
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
