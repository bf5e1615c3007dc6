package observability

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// query is a row of the saved Logs Insights queries.
type query struct{ name, text string }

// serverQueries read the server's JSON lines, see server/telemetry.
var serverQueries = []query{
	{"errors-by-message", `filter level = "ERROR" | stats count(*) as lines, latest(@message) as newest by msg | sort lines desc`},
	{"slowest-requests", `filter msg = "request" | sort durationMs desc | display @timestamp, route, method, status, durationMs, requestId, traceId | limit 50`},
	{"5xx-by-route", `filter msg = "request" and status >= 500 | stats count(*) as answers by route, status, bin(5m) | sort answers desc`},
	{"one-request", `filter requestId = "put the X-Request-Id here" | sort @timestamp asc | display @timestamp, level, msg, route, status, error`},
	{"database-breaker", `filter msg = "circuit breaker changed" | sort @timestamp desc | display @timestamp, name, from, to, version`},
	{"starts", `filter msg in ["bundle loaded", "serving", "stopped"] | sort @timestamp desc | display @timestamp, msg, version, bundleDigest, agents, commands, @logStream`},
	{"migrations", `filter @logStream like /migrat/ | sort @timestamp desc | display @timestamp, @message, @logStream`},
}

// firewallQueries read WAF's lines.
// https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
var firewallQueries = []query{
	{"waf-blocks-by-rule", `filter action = "BLOCK" | stats count(*) as requests by terminatingRuleId | sort requests desc`},
	{"waf-requests-of-a-client", `filter httpRequest.clientIp = "put the address here" | sort @timestamp desc | display @timestamp, action, terminatingRuleId, httpRequest.httpMethod, httpRequest.uri`},
}

// newQueries saves queries over a log group, in the folder of the Logs console.
func newQueries(
	ctx *pulumi.Context, name, folder string, rows []query, group pulumi.StringInput, opts ...pulumi.ResourceOption,
) error {
	for _, q := range rows {
		if _, err := cloudwatch.NewQueryDefinition(ctx, name+"-"+q.name, &cloudwatch.QueryDefinitionArgs{
			Name: pulumi.String(folder + "/" + q.name), QueryString: pulumi.String(q.text), LogGroupNames: pulumi.StringArray{group},
		}, opts...); err != nil {
			return fmt.Errorf("saving query %q of %q: %w", q.name, name, err)
		}
	}
	return nil
}
