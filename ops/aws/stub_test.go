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

// metrics answers GetMetricData, values of the minutes before now, the newest first.
func metrics(status, message string, values map[string][]float64) string {
	var b strings.Builder
	b.WriteString(`<GetMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><GetMetricDataResult><MetricDataResults>`)
	for id, list := range values {
		stamps, numbers := "", ""
		for i, value := range list {
			if value >= 0 {
				stamps += "<member>" + time.Now().UTC().Truncate(time.Minute).Add(-time.Duration(i+1)*time.Minute).Format(time.RFC3339) + "</member>"
				numbers += fmt.Sprintf("<member>%g</member>", value)
			}
		}
		fmt.Fprintf(&b, `<member><Id>%s</Id><StatusCode>%s</StatusCode>%s<Timestamps>%s</Timestamps><Values>%s</Values></member>`, id, status, message, stamps, numbers)
	}
	b.WriteString(`</MetricDataResults></GetMetricDataResult></GetMetricDataResponse>`)
	return b.String()
}

// A minute that is not reported yet is left out, one without requests is not, and what
// CloudWatch does not know is said.
func TestRequests(t *testing.T) {
	t.Parallel()
	const none = -1
	beats := []float64{none, 3, 3, 3}
	full := map[string][]float64{
		"requests": {none, 700, 800}, "targets": {none, 3, 4}, "balancer": {none, none, 2},
		"p50": {none, 0.1, 0.2}, "p95": {none, 0.31, 1.25}, "p99": {none, 1, 2}, "heartbeat": beats,
	}
	for name, c := range map[string]struct {
		answer  string
		want    ops.Requests
		unknown string
	}{
		"all": {
			metrics("Complete", "", full),
			ops.Requests{Count: 1500, Errors: 9, P95: 1250 * time.Millisecond},
			"",
		},
		"no requests": {metrics("Complete", "", map[string][]float64{"heartbeat": beats}), ops.Requests{}, ""},
		"late": {
			metrics("Complete", "", map[string][]float64{"requests": {none, none, none, none, 100}, "heartbeat": {none, none, none, none, 3}}),
			ops.Requests{Count: 100},
			"its load balancer has reported nothing since ",
		},
		"nothing": {metrics("Complete", "", nil), ops.Requests{}, "its load balancer has reported nothing since "},
		"internal": {
			metrics("InternalError", "", map[string][]float64{"requests": {}, "heartbeat": beats}),
			ops.Requests{},
			"CloudWatch answers InternalError for requests",
		},
		"partial": {
			metrics("PartialData", "", full),
			ops.Requests{Count: 1500, Errors: 9, P95: 1250 * time.Millisecond},
			"CloudWatch answers PartialData for requests",
		},
		"forbidden": {
			metrics("Forbidden", "<Messages><member><Code>Forbidden</Code><Value>no permission</Value></member></Messages>", map[string][]float64{"requests": {}}),
			ops.Requests{},
			"CloudWatch says of requests: no permission",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := stub(t, map[string]string{"GetMetricData": c.answer}).Requests(t.Context(), "green", 90*time.Second)
			require.NoError(t, err)
			require.Len(t, got.Minutes, 2)
			assert.Equal(t, time.Minute, got.Minutes[1].Start.Sub(got.Minutes[0].Start))
			assert.Equal(t, c.want, ops.Requests{Count: got.Count, Errors: got.Errors, P95: got.P95})
			if c.unknown == "" {
				assert.Empty(t, got.Unknown)
			}
			assert.Contains(t, got.Unknown, c.unknown)
		})
	}
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
