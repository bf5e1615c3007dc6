package catalog_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
)

// TestQueries asks the bundle that is deployed what developers ask, and expects
// an agent first or within the first three. What shares no word with its agent,
// such as "the site is down", is not found: there are no synonyms.
func TestQueries(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(bundletest.Real(t, "../../agents/bundle.yaml"))
	require.NoError(t, err)
	for _, tc := range []struct {
		query, agent string
		within       int
	}{
		{"review code", "code-reviewer", 1},
		{"can you review my pull request", "code-reviewer", 1},
		{"write unit tests", "test-generator", 1},
		{"find security vulnerabilities", "security-scanner", 1},
		{"why is this SQL query slow", "database-expert", 1},
		{"is our website accessible", "accessibility-pro", 1},
		{"translate the app into German", "content-localization-coordinator", 1},
		{"set up a CI/CD pipeline", "deployment-wizard", 1},
		{"reduce our cloud costs", "cost-optimizer", 1},
		{"design a REST API", "api-builder", 1},
		{"locate the files of the login", "codebase-locator", 1},
		{"explain how this module works", "codebase-analyzer", 1},
		{"migrate the database schema", "development-migrations-specialist", 1},
		{"how many users can the shop take, load testing", "quality-testing-performance-tester", 1},
		{"an incident in production", "operations-incident-commander", 1},
		{"alerts for my service", "monitoring-expert", 1},
		{"provision servers with terraform", "infrastructure-builder", 1},
		{"optimize performance", "performance-engineer", 3},
	} {
		names := []string{}
		for _, hit := range c.Search(tc.query, 3) {
			names = append(names, hit.Agent.Name)
		}
		assert.Contains(t, names[:min(tc.within, len(names))], tc.agent, "%q: %v", tc.query, names)
		t.Logf("%2d %q %v", slices.Index(names, tc.agent)+1, tc.query, names)
	}
}
