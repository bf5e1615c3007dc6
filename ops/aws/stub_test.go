// What moto does not do, answered in the shapes of AWS's API references.
package aws_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	opsaws "github.com/ferg-cod3s/codeflow-infrastructure/ops/aws"
)

// stub answers each action with a file of testdata, or a text that replaces it.
func stub(t *testing.T, replaced map[string]string) *opsaws.Cloud {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action := r.FormValue("Action")
		if target := r.Header.Get("X-Amz-Target"); target != "" {
			_, action, _ = strings.Cut(target, ".")
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		}
		text, ok := replaced[action]
		if !ok {
			data, err := os.ReadFile("testdata/" + action)
			if err != nil {
				http.Error(w, err.Error(), http.StatusNotImplemented)
				return
			}
			text = string(data)
		}
		if strings.HasPrefix(text, `{"__type"`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(srv.Close)
	return opsaws.New(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(srv.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	}, opsaws.Settings{Project: "codeflow", Environment: "prod", Domain: domain})
}

func TestColorOfRunningTasks(t *testing.T) {
	t.Parallel()
	green, err := stub(t, nil).Color(t.Context(), "green")
	require.NoError(t, err)
	assert.Equal(t, ops.Color{
		Targets: ops.Targets{Healthy: 2, Unhealthy: 2, Starting: 1},
		Desired: 3, Running: 4, Deploying: true, TaskDefinition: "arn:aws:ecs:eu-central-1:123456789012:task-definition/codeflow-green:7",
		Digests: []string{"sha256:aaaa", "sha256:bbbb"}, // a stopping task is left out
		Alarms:  []string{"codeflow-green-5xx", "codeflow-green-all"},
	}, green)
}

func TestPercentileIsTheWorstMinutes(t *testing.T) {
	t.Parallel()
	got, err := stub(t, nil).Requests(t.Context(), "green", 90*time.Second)
	require.NoError(t, err)
	assert.Equal(t, ops.Requests{Window: 2 * time.Minute, Count: 1500, Errors: 9, P95: 1250 * time.Millisecond}, got)
}

func TestErrorsNameWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ action, answer, want string }{
		"no service":    {"DescribeServices", `{"services":[],"failures":[{"reason":"MISSING"}]}`, `cluster "codeflow-green-cluster" must have a service "codeflow-green-service" with one target group: bring the colour up with pulumi up -s green`},
		"no permission": {"DescribeTasks", `{"__type":"AccessDeniedException"}`, `reading tasks of service "codeflow-green-service"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := stub(t, map[string]string{c.action: c.answer}).Color(t.Context(), "green")
			require.ErrorContains(t, err, `looking at colour "green"`)
			assert.ErrorContains(t, err, c.want)
		})
	}
	_, err := stub(t, map[string]string{"GetParameter": `{"Parameter":{"Value":"blue"}}`}).SwitchedBack(t.Context())
	require.ErrorContains(t, err, `parameter "/codeflow/prod/traffic/switched-back" must be a JSON object with color, digest, reason and time`)
}
