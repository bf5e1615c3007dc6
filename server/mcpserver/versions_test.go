package mcpserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/mcpserver"
)

// TestEveryRequestOfEveryVersion sends what the specification's schemas name as
// requests and notifications of a client. It does not prove what is in an answer:
// the other tests here do.
func TestEveryRequestOfEveryVersion(t *testing.T) {
	t.Parallel()
	const (
		first, second, third, fourth, newest = "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"

		removed, unsupported = "-32601", "-32601" // in that version; of this server
	)
	require.Equal(t, []string{newest, fourth, third, second, first}, mcp.SupportedProtocolVersions(), "a new version needs a column")
	server := newServer(t, mcpserver.Options{})
	client := `"capabilities":{},"clientInfo":{"name":"test","version":"1"}`
	for _, tc := range []struct {
		method, params string
		before, since  string // what is wanted: "ok" or a code, up to 2025-11-25 and in the newest
	}{
		{"initialize", `{"protocolVersion":"VERSION",` + client + `}`, "ok", removed},
		{"ping", ``, "ok", removed},
		{"ping", `{}`, "ok", removed},
		{"logging/setLevel", `{"level":"info"}`, "ok", removed},
		{"tools/list", ``, "ok", "ok"},
		{"tools/list", `{}`, "ok", "ok"},
		{"tools/list", `{"_meta":{"progressToken":"p"}}`, "ok", "ok"},
		{"tools/call", `{"name":"list_agents"}`, "ok", "ok"},
		{"tools/call", `{"name":"list_agents","arguments":{}}`, "ok", "ok"},
		{"tools/call", `{"name":"get_agent","arguments":{"name":"seo-master"},"_meta":{"progressToken":1}}`, "ok", "ok"},
		{"prompts/list", ``, "ok", "ok"},
		{"prompts/get", `{"name":"project-docs"}`, "ok", "ok"},
		{"prompts/get", `{"name":"plan","arguments":{"ticket":"T-1"}}`, "ok", "ok"},
		{"resources/list", ``, "ok", "ok"},
		{"resources/templates/list", ``, "ok", "ok"},
		{"resources/read", `{"uri":"agent://seo-master"}`, "ok", "ok"},
		{"resources/subscribe", `{"uri":"agent://seo-master"}`, unsupported, removed},
		{"resources/unsubscribe", `{"uri":"agent://seo-master"}`, unsupported, removed},
		{"completion/complete", `{"ref":{"type":"ref/prompt","name":"plan"},"argument":{"name":"ticket","value":""}}`, "ok", "ok"},
		{"completion/complete", `{"ref":{"type":"ref/resource","uri":"agent://{name}"},"argument":{"name":"name","value":"s"},"context":{"arguments":{}}}`, "ok", "ok"},
		{"tasks/list", ``, unsupported, unsupported},
		{"tasks/get", `{"taskId":"t"}`, unsupported, unsupported},
		{"tasks/result", `{"taskId":"t"}`, unsupported, unsupported},
		{"tasks/cancel", `{"taskId":"t"}`, unsupported, unsupported},
		{"server/discover", ``, "-32601", "ok"},
		{"subscriptions/listen", `{"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":["agent://seo-master"]}}`, "-32601", "ok"},

		{"notifications/initialized", ``, "accepted", "accepted"},
		{"notifications/cancelled", `{"requestId":1,"reason":"why"}`, "accepted", "accepted"},
		{"notifications/progress", `{"progressToken":1,"progress":0.5,"total":1}`, "accepted", "accepted"},
		{"notifications/roots/list_changed", ``, "accepted", "accepted"},
		{"notifications/tasks/status", `{"taskId":"t","status":"working"}`, "accepted", "accepted"},
	} {
		for _, version := range append(mcp.SupportedProtocolVersions(), "") {
			for _, id := range []string{`1`, `"a"`} {
				body, want := message(tc.method, strings.ReplaceAll(tc.params, "VERSION", version), id, version), tc.before
				if version == newest {
					want = tc.since
				}
				headers := []string{"Mcp-Method", tc.method, "Mcp-Name", name(tc.params)}
				if version != "" {
					headers = append(headers, "Mcp-Protocol-Version", version)
				}
				rec := post(server, body, headers...)
				said := fmt.Sprintf("%s %s: %d %s", version, body, rec.Code, rec.Body)
				if want == "accepted" {
					assert.Equal(t, http.StatusAccepted, rec.Code, said)
					assert.Empty(t, rec.Body.String())
					continue
				}
				var answer struct {
					ID, Result json.RawMessage
					Error      struct{ Code int }
				}
				data := rec.Body.String()
				if _, stream, ok := strings.Cut(data, "\n\nevent: message\ndata: "); ok {
					data = stream // behind the notification
				}
				require.NoError(t, json.Unmarshal([]byte(data), &answer), said)
				assert.Equal(t, id, string(answer.ID), said)
				if want == "ok" {
					assert.Equal(t, http.StatusOK, rec.Code, said)
					assert.NotEmpty(t, answer.Result, said)
					continue
				}
				assert.Equal(t, want, fmt.Sprint(answer.Error.Code), said)
				assert.Equal(t, version == newest, rec.Code == http.StatusNotFound, said)
			}
		}
	}
}

// message is a request or notification as clients of a version write it.
func message(method, params, id, version string) string {
	if version == "2026-07-28" {
		const meta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}`
		switch before, after, has := strings.Cut(params, `"_meta":{`); {
		case has:
			params = before + `"_meta":{` + meta + `,` + after
		case params == "" || params == "{}":
			params = `{"_meta":{` + meta + `}}`
		default:
			params = strings.TrimSuffix(params, "}") + `,"_meta":{` + meta + `}}`
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{"jsonrpc":"2.0","method":%q`, method)
	if !strings.HasPrefix(method, "notifications/") {
		fmt.Fprintf(&b, `,"id":%s`, id)
	}
	if params != "" {
		fmt.Fprintf(&b, `,"params":%s`, params)
	}
	b.WriteString("}")
	return b.String()
}

// name is what the header Mcp-Name repeats of parameters.
func name(params string) string {
	var named struct{ Name, URI string }
	_ = json.Unmarshal([]byte(params), &named)
	return named.Name + named.URI
}
