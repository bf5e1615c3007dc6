// Route 53's records in the shapes of its API reference.
package aws_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
	opsaws "github.com/ferg-cod3s/codeflow-infrastructure/ops/aws"
)

// zoneStub answers with zones and records, and keeps what it is told to change.
type zoneStub struct {
	zones, records []string
	refusal        string
	metrics        string   // what CloudWatch answers
	changes        []string // action, colour, type and weight
}

func recordSet(color, kind string, weight int) string {
	return fmt.Sprintf(`<ResourceRecordSet><Name>live.%s.</Name><Type>%s</Type><SetIdentifier>%s</SetIdentifier><Weight>%d</Weight>`+
		`<AliasTarget><HostedZoneId>Z2</HostedZoneId><DNSName>%s.elb.</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>`+
		`<HealthCheckId>check-%s</HealthCheckId></ResourceRecordSet>`, domain, kind, color, weight, color, color)
}

func zoneOf(id, name string, private bool) string {
	return fmt.Sprintf(`<HostedZone><Id>/hostedzone/%s</Id><Name>%s.</Name><CallerReference>x</CallerReference><Config><PrivateZone>%v</PrivateZone></Config></HostedZone>`, id, name, private)
}

var changed = regexp.MustCompile(`<Change><Action>(\w+)</Action><ResourceRecordSet>(.+?)</ResourceRecordSet></Change>`)

func (r *zoneStub) cloud(t *testing.T) *opsaws.Cloud {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		const ns = `xmlns="https://route53.amazonaws.com/doc/2013-04-01/"`
		switch {
		case strings.Contains(req.Header.Get("Authorization"), "/monitoring/"):
			assert.Contains(t, req.Header.Get("Authorization"), "/us-east-1/", "where Route 53 publishes")
			fmt.Fprint(w, r.metrics)
		case req.Method == http.MethodPost && r.refusal != "":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `<ErrorResponse %s><Error><Code>%s</Code><Message>[Tried to delete resource record set, but the values provided do not match the current values]</Message></Error></ErrorResponse>`, ns, r.refusal)
		case req.Method == http.MethodPost:
			body, _ := io.ReadAll(req.Body)
			assert.Contains(t, req.URL.Path, "/hostedzone/Z1/rrset")
			for _, change := range changed.FindAllStringSubmatch(string(body), -1) {
				field := func(name string) string {
					return regexp.MustCompile("<" + name + ">(.*?)</" + name + ">").FindStringSubmatch(change[2])[1]
				}
				assert.Contains(t, change[2], "<HealthCheckId>check-"+field("SetIdentifier"), "the rest of a record stays")
				r.changes = append(r.changes, strings.Join([]string{change[1], field("SetIdentifier"), field("Type"), field("Weight")}, " "))
			}
			fmt.Fprintf(w, `<ChangeResourceRecordSetsResponse %s><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-06-01T12:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>`, ns)
		case strings.HasSuffix(req.URL.Path, "/rrset"):
			fmt.Fprintf(w, `<ListResourceRecordSetsResponse %s><ResourceRecordSets>%s<ResourceRecordSet><Name>mail.%s.</Name><Type>A</Type></ResourceRecordSet></ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListResourceRecordSetsResponse>`,
				ns, strings.Join(r.records, ""), domain)
		default:
			fmt.Fprintf(w, `<ListHostedZonesResponse %s><HostedZones>%s</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>`, ns, strings.Join(r.zones, ""))
		}
	}))
	t.Cleanup(srv.Close)
	return opsaws.New(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(srv.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	}, opsaws.Settings{Project: "codeflow", Environment: "prod", Domain: domain, ZoneName: "example.com"})
}

// Each record is deleted as it was and made anew, in one batch: addresses of both kinds,
// with everything but the weight as it was.
func TestSetWeights(t *testing.T) {
	t.Parallel()
	zones := []string{zoneOf("Z0", "example.com", true), zoneOf("Z1", "example.com", false), zoneOf("Z3", "example.org", false)}
	both := []string{recordSet("blue", "A", 50), recordSet("green", "A", 50), recordSet("blue", "AAAA", 50), recordSet("green", "AAAA", 50)}
	half := ops.Weights{"blue": 50, "green": 50}
	for name, c := range map[string]struct {
		zoneStub
		was, weights ops.Weights
		want         []string
		fails        string
		changed      bool
	}{
		"back": {zoneStub{zones: zones, records: both}, half, ops.Weights{"blue": 100}, []string{
			"DELETE blue A 50", "CREATE blue A 100", "DELETE green A 50", "DELETE blue AAAA 50", "CREATE blue AAAA 100", "DELETE green AAAA 50",
		}, "", false},
		"one":             {zoneStub{zones: zones, records: both[:2]}, half, ops.Weights{"blue": 50, "green": 0}, []string{"DELETE green A 50", "CREATE green A 0"}, "", false},
		"nothing":         {zoneStub{zones: zones, records: both}, half, half, nil, "", false},
		"others":          {zoneStub{zones: zones, records: both}, ops.Weights{"blue": 100}, half, nil, "must be blue 100, got blue 50, green 50", true},
		"just now":        {zoneStub{zones: zones, records: both, refusal: "InvalidChangeBatch"}, half, ops.Weights{"blue": 100}, nil, "do not match the current values", true},
		"throttled":       {zoneStub{zones: zones, records: both, refusal: "Throttling"}, half, ops.Weights{"blue": 100}, nil, "Throttling", false},
		"no such record":  {zoneStub{zones: zones, records: both}, half, ops.Weights{"red": 100}, nil, `colour "red" has no record`, false},
		"no zone":         {zoneStub{zones: zones[:1], records: both}, half, half, nil, `there must be one public hosted zone "example.com", got 0`, false},
		"two of the name": {zoneStub{zones: append(zones, zoneOf("Z4", "example.com", false)), records: both}, half, half, nil, "got 2 [Z1 Z4]: set domain.zoneName", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.cloud(t).SetWeights(t.Context(), c.was, c.weights)
			assert.Equal(t, c.want, c.changes)
			if c.fails == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.fails)
			assert.Equal(t, c.changed, strings.Contains(err.Error(), ops.ErrTrafficChanged.Error()))
		})
	}
}

// The newest status counts, of each colour once, and an unknown one is an error.
func TestOut(t *testing.T) {
	t.Parallel()
	zones := []string{zoneOf("Z1", "example.com", false)}
	records := []string{recordSet("blue", "A", 0), recordSet("green", "A", 100), recordSet("green", "AAAA", 100)}
	for name, c := range map[string]struct {
		records []string
		status  map[string][]float64
		want    []string
		fails   string
	}{
		"healthy":   {records, map[string][]float64{"check0": {1, 1}, "check1": {1, 0}}, nil, ""},
		"failing":   {records, map[string][]float64{"check0": {1}, "check1": {0, 1}}, []string{"green"}, ""},
		"unknown":   {records, map[string][]float64{"check0": {1}}, nil, `the health check of colour "green" has no status`},
		"no record": {nil, nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := zoneStub{zones: zones, records: c.records, metrics: metrics("Complete", "", c.status)}
			out, err := r.cloud(t).Out(t.Context())
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, out)
		})
	}
}
