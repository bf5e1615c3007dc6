package naming_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

func TestNames(t *testing.T) {
	t.Parallel()
	blue := naming.Color{Project: "codeflow", Color: "blue"}
	assert.Equal(t, "codeflow-blue", blue.LoadBalancer())
	assert.Equal(t, "codeflow-blue-cluster", blue.Cluster())
	assert.Equal(t, "codeflow-blue-service", blue.Service())
	assert.Equal(t, "codeflow-blue", blue.Family())
	assert.Equal(t, "/ecs/codeflow-blue", blue.LogGroup())
	assert.Equal(t, "codeflow-blue-5xx", blue.Alarm("5xx"))
	prod := naming.Platform{Project: "codeflow", Environment: "prod"}
	assert.Equal(t, "codeflow-prod", prod.Database())
	assert.Equal(t, "codeflow/codeflow-server", prod.Repository())
}

func TestCheckLimits(t *testing.T) {
	t.Parallel()
	at := func(n int, suffix string) string { return strings.Repeat("a", n-len(suffix)) }
	for name, c := range map[string]struct {
		errs []error
		want string
	}{
		"load balancer at the limit":   {naming.Color{Project: at(32, "-blue"), Color: "blue"}.Check(), ""},
		"load balancer over the limit": {naming.Color{Project: at(33, "-blue"), Color: "blue"}.Check(), "has 33 characters, AWS allows 32"},
		"platform at the limit":        {naming.Platform{Project: at(32, "-prod"), Environment: "prod"}.Check(), ""},
		"platform over the limit":      {naming.Platform{Project: at(33, "-prod"), Environment: "prod"}.Check(), "group of traces name"},
		"upper case":                   {naming.Color{Project: "CodeFlow", Color: "blue"}.Check(), `"CodeFlow" must be lower-case`},
		"double hyphen":                {naming.Color{Project: "code--flow", Color: "blue"}.Check(), "single hyphens"},
		"empty colour":                 {naming.Color{Project: "codeflow"}.Check(), `name part ""`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.want == "" {
				assert.Empty(t, c.errs)
				return
			}
			if assert.Len(t, c.errs, 1) {
				assert.ErrorContains(t, c.errs[0], c.want)
			}
		})
	}
}
