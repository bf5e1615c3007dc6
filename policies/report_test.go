package policies_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/policies"
)

func TestProjectsExceptions(t *testing.T) {
	t.Parallel()
	list, err := policies.Exceptions()
	require.NoError(t, err)
	assert.LessOrEqual(t, len(list), 3)
}

func TestReadExceptions(t *testing.T) {
	t.Parallel()
	read := func(text string) ([]policies.Exception, error) {
		return policies.ReadExceptions(strings.NewReader(text))
	}
	const row = `{"rule":"s3-no-acls","resource":"*/access-logs","reason":"CloudFront needs them","expires":"2027-06-30"}`
	list, err := read("[" + row + "]")
	require.NoError(t, err)
	assert.Equal(t, []policies.Exception{{"s3-no-acls", "*/access-logs", "CloudFront needs them", "2027-06-30"}}, list)
	for text, want := range map[string]string{
		"":                "want a list",
		"[" + row:         "want a list",
		"[" + row + "] x": "nothing behind it",
		strings.Replace("["+row+"]", "reason", "why", 1):                    `unknown field "why"`,
		strings.Replace("["+row+"]", "s3-no-acls", "s3", 1):                 `exception 0: rule "s3" is none`,
		strings.Replace("["+row+"]", "*/", "", 1):                           `resource must be stack/name, got "access-logs"`,
		strings.Replace("["+row+"]", "*/", "[/", 1):                         `resource must be stack/name`,
		strings.Replace("["+row+"]", "CloudFront needs them", "because", 1): `reason must be a sentence, got "because"`,
		strings.Replace("["+row+"]", "2027-06-30", "2027-06-31", 1):         `expires must be a day as 2027-06-30, got "2027-06-31"`,
	} {
		_, err := read(text)
		assert.ErrorContains(t, err, want, text)
	}
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	bad := func() []policies.Resource {
		m := mutation{Resource: "database", Path: "multiAz"}
		return export(t, m.apply(t, good(t)))
	}
	lastDay := time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		exception  policies.Exception
		now        time.Time
		resources  []policies.Resource
		violations string // the only one
		excepted   int
	}{
		"it covers":                     {policies.Exception{Rule: "rds-multi-az", Resource: "good/database"}, today, bad(), "", 1},
		"a pattern covers":              {policies.Exception{Rule: "rds-multi-az", Resource: "*/data*"}, today, bad(), "", 1},
		"the last day counts":           {policies.Exception{Rule: "rds-multi-az", Resource: "good/database"}, lastDay, bad(), "", 1},
		"expired":                       {policies.Exception{Rule: "rds-multi-az", Resource: "good/database"}, lastDay.Add(time.Minute), bad(), "expired on 2026-12-31", 1},
		"nothing needs it":              {policies.Exception{Rule: "rds-multi-az", Resource: "*/database"}, today, export(t, good(t)), "is not needed", 0},
		"nothing has its name":          {policies.Exception{Rule: "rds-multi-az", Resource: "good/old"}, today, export(t, good(t)), "is not needed", 0},
		"its stack is not checked":      {policies.Exception{Rule: "rds-multi-az", Resource: "prod/old"}, today, export(t, good(t)), "", 0},
		"another rule's":                {policies.Exception{Rule: "rds-encrypted", Resource: "good/database"}, today, export(t, good(t)), "is not needed", 0},
		"its resource is not known yet": {policies.Exception{Rule: "rds-multi-az", Resource: "good/database"}, today, unsure(t), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.exception.Expires = "2026-12-31"
			report := policies.Check(c.resources, []policies.Exception{c.exception}, c.now)
			assert.Len(t, report.Excepted, c.excepted)
			if c.violations == "" {
				assert.Empty(t, report.Violations)
				return
			}
			require.Len(t, report.Violations, 1)
			assert.Contains(t, report.Violations[0].What, c.violations)
			assert.Equal(t, "exceptions", report.Violations[0].Rule)
		})
	}
}

func unsure(t *testing.T) []policies.Resource {
	t.Helper()
	m := mutation{Resource: "database", Path: "multiAz", To: unknown}
	return export(t, m.apply(t, good(t)))
}

func TestReportsText(t *testing.T) {
	t.Parallel()
	report := policies.Report{
		Violations: []policies.Violation{
			{Rule: "rds-multi-az", ID: "RDS.5", Resource: "prod/database Instance", What: "multiAz is not set", Fix: "multiAz: true"},
			{Rule: "ecs-image-digest", Resource: "blue/task", What: "image is \"a`|b\n@team\"", Fix: "a digest"},
		},
		Excepted: make([]policies.Violation, 1), NotChecked: 4, Checked: 9, Rules: 70, Resources: 5,
	}
	const counts = "70 rules over 5 resources: 9 checks, 2 violations, 1 excepted, 4 not checked (values not known yet)\n"
	assert.Equal(t, "rds-multi-az (RDS.5): prod/database Instance: multiAz is not set. Fix: multiAz: true\n"+
		"ecs-image-digest: blue/task: image is \"a`|b\n@team\". Fix: a digest\n"+counts, report.String())
	assert.Equal(t, "**Policies:** "+counts+"\n| rule | id | resource | what | fix |\n|---|---|---|---|---|\n"+
		"| rds-multi-az | RDS.5 | `prod/database Instance` | `multiAz is not set` | `multiAz: true` |\n"+
		"| ecs-image-digest |  | `blue/task` | `image is \"a'\\|b @team\"` | `a digest` |\n", report.Markdown())
	report.Violations = make([]policies.Violation, 1000)
	assert.Less(t, len(report.Markdown()), 5000)
	assert.Contains(t, report.Markdown(), "\nAnd 950 more.\n")
	report.Violations = nil
	assert.NotContains(t, report.Markdown(), "| rule")
}
