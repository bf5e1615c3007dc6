package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/guard"
)

// checkRemote carries out a plan through mcp-remote, which clients that know
// standard input and output only put before a server. It looks for an
// authorization server before it sends the token that it was given.
func checkRemote(ctx context.Context, r *report, server *process.Server, dir string, p *plan) error {
	node, err := process.Node()
	if err != nil {
		return err
	}
	token, hash := guard.NewToken()
	running, err := server.Start(ctx, "-tokens", hash)
	if err != nil {
		return err
	}
	defer running.Stop()
	cmd := exec.CommandContext(ctx, node, filepath.Join(peers, "node_modules", "mcp-remote", "dist", "proxy.js"),
		"http://"+running.Address+"/mcp", "--allow-http", "--silent", "--header", "Authorization:Bearer "+token)
	cmd.Env = append(os.Environ(), "MCP_REMOTE_CONFIG_DIR="+dir)
	checkGo(ctx, r, "mcp-remote", &mcp.CommandTransport{Command: cmd}, p)
	return nil
}

// checkInspector carries out what the Inspector's command line can do of a plan,
// each step in a process of its own.
func checkInspector(ctx context.Context, r *report, url string, p *plan) error {
	bun, err := process.Bun(ctx, peers) // it needs a newer Node.js than many have
	if err != nil {
		return err
	}
	script := filepath.Join(peers, "node_modules", "@modelcontextprotocol", "inspector", "clients", "cli", "build", "index.js")
	run := func(args ...string) (result map[string]any, err error) {
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, bun, append([]string{script, url}, args...)...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, &stderr)
		}
		if stderr.Len() > 0 { // such as what its lint says about schemas
			return nil, fmt.Errorf("it warns: %s", &stderr)
		}
		return result, json.Unmarshal(stdout.Bytes(), &result)
	}
	for field, method := range map[string]string{
		"tools": "tools/list", "prompts": "prompts/list", "resources": "resources/list", "resourceTemplates": "resources/templates/list",
	} {
		args := []string{"--method", method}
		if field == "tools" {
			args = append(args, "--strict")
		}
		result, err := run(args...)
		listed, _ := result[field].([]any)
		if want := len(p.Lists[field]); err == nil && len(listed) != want {
			err = fmt.Errorf("got %d, want %d", len(listed), want)
		}
		r.check("inspector "+field, fmt.Sprintf("%d listed", len(listed)), err)
	}
	for _, s := range p.Steps {
		args := inspect(s)
		switch {
		case args == nil || s.Refused || ctx.Err() != nil:
		case s.Method == "tools/call" && !slices.Contains(p.Lists["tools"], fmt.Sprint(mapOf(s.Params)["name"])):
			r.skip("inspector "+s.Name, "it calls only what is listed")
		default:
			result, err := run(args...)
			detail, err := s.judge(result, err)
			r.check("inspector "+s.Name, detail, err)
		}
	}
	return nil
}

// inspect is a step as the Inspector's command line has it: nil for what it
// cannot do.
func inspect(s step) []string {
	params := mapOf(s.Params)
	var pairs []string
	for name, value := range mapOf(params["arguments"]) {
		text, ok := value.(string)
		if !ok {
			data, _ := json.Marshal(value) // it came from JSON
			text = string(data)
		}
		pairs = append(pairs, name+"="+text)
	}
	args, flag := []string{"--method", s.Method}, ""
	switch s.Method {
	case "tools/call":
		args, flag = append(args, "--tool-name", fmt.Sprint(params["name"])), "--tool-arg"
	case "prompts/get":
		args, flag = append(args, "--prompt-name", fmt.Sprint(params["name"])), "--prompt-args"
	case "resources/read":
		return append(args, "--uri", fmt.Sprint(params["uri"]))
	default:
		return nil
	}
	if len(pairs) > 0 {
		args = append(append(args, flag), pairs...)
	}
	return args
}
