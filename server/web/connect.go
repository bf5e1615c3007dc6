package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// serverName is what clients call this server in their configuration.
const serverName = "codeflow"

// unknownHost stands in a configuration where the request does not say how it
// reached the server.
const unknownHost = "your-server.example"

// hostCharacters are those of names and addresses with a port.
const (
	hostCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:[]-"
	maxHost        = 255
)

// base returns how a client reaches the server, without a final slash. What
// the request says is shown to people and goes nowhere else.
func (s *site) base(r *http.Request) string {
	switch {
	case s.opts.PublicURL != "":
		return strings.TrimSuffix(s.opts.PublicURL, "/")
	case r.Host == "", len(r.Host) > maxHost, strings.Trim(r.Host, hostCharacters) != "":
		return "https://" + unknownHost
	case r.TLS != nil, r.Header.Get("X-Forwarded-Proto") == "https":
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *site) connect(w http.ResponseWriter, r *http.Request) {
	endpoint := s.base(r) + "/mcp"
	s.show(w, r, "connect.html", "Connect a client", struct {
		Endpoint, TokenVariable string
		Snippets                []snippet
	}{endpoint, tokenVariable, clients(endpoint, s.opts.TokensRequired && !s.opts.SignIn)})
}

// object is one level of a configuration; encoding sorts its keys.
type object map[string]any

// clients returns the configuration of the usual MCP clients:
//   - https://code.claude.com/docs/en/mcp
//   - https://github.com/geelen/mcp-remote
//   - https://cursor.com/docs/mcp
//   - https://code.visualstudio.com/docs/copilot/reference/mcp-configuration
//   - https://opencode.ai/docs/mcp-servers
func clients(endpoint string, tokens bool) []snippet {
	claude := "claude mcp add --transport http " + serverName + " " + endpoint
	arguments := []string{"-y", "mcp-remote", endpoint}
	if strings.HasPrefix(endpoint, "http:") {
		arguments = append(arguments, "--allow-http")
	}
	bridge := object{"command": "npx", "args": arguments}
	cursor := object{"url": endpoint}
	code := object{"type": "http", "url": endpoint}
	codeFile := object{"servers": object{serverName: code}}
	opencode := object{"type": "remote", "url": endpoint}
	if tokens {
		bearer := func(token string) object { return object{"Authorization": "Bearer " + token} }
		claude += " \\\n  --header \"Authorization: Bearer $" + tokenVariable + "\""
		// Some versions break arguments with spaces; the environment has them.
		bridge["args"] = append(arguments, "--header", "Authorization:${AUTHORIZATION}")
		bridge["env"] = object{"AUTHORIZATION": "Bearer YOUR_TOKEN"}
		cursor["headers"] = bearer("${env:" + tokenVariable + "}")
		code["headers"] = bearer("${input:codeflow-token}")
		codeFile["inputs"] = []object{{"type": "promptString", "id": "codeflow-token", "description": "CodeFlow token", "password": true}}
		opencode["headers"] = bearer("{env:" + tokenVariable + "}")
		opencode["oauth"] = false
	}
	return []snippet{
		{"Claude Code", "Run in your project; add --scope user for all projects.", claude},
		{"Claude Desktop", "Settings → Developer → Edit Config. The bridge mcp-remote needs Node.js 18 or later.", encode(object{"mcpServers": object{serverName: bridge}})},
		{"Cursor", ".cursor/mcp.json in your project, or ~/.cursor/mcp.json for all projects.", encode(object{"mcpServers": object{serverName: cursor}})},
		{"VS Code", ".vscode/mcp.json in your project.", encode(codeFile)},
		{"opencode", "opencode.json in your project, or ~/.config/opencode/opencode.json for all projects.", encode(object{"$schema": "https://opencode.ai/config.json", "mcp": object{serverName: opencode}})},
	}
}

// encode returns v as JSON to read. Maps of texts always encode.
func encode(v object) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v)
	return strings.TrimSpace(text.String())
}
