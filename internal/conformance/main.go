// Command conformance checks codeflow-server, with the project's bundle, from
// outside: with the official conformance suite of MCP, and with the clients of
// the Go and TypeScript SDKs, with mcp-remote and the Inspector, which list
// everything and then call, get and read each of it. It runs in the project's root, after `npm ci` in agents and peers.
//
// It prints a line for each check, "ok", "FAIL" or "skip", its name and a
// detail, and at last "N passed, N failed, N skipped". It exits with 1 when
// anything failed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
)

const peers = "peers"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	r := &report{out: os.Stdout}
	if err := run(ctx, r, os.Stderr); err != nil {
		r.check("conformance", "", err)
	}
	stop()
	fmt.Printf("%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	if r.failed > 0 {
		os.Exit(1)
	}
}

// run returns an error where nothing more can be checked.
func run(ctx context.Context, r *report, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(progress, "compiling the server and packing the bundle")
	server, err := process.Build(ctx, ".", dir)
	if err != nil {
		return err
	}
	running, err := server.Start(ctx)
	if err != nil {
		return err
	}
	defer running.Stop()
	url := "http://" + running.Address + "/mcp"

	fmt.Fprintln(progress, "checking", url, "with the clients of the Go and TypeScript SDKs")
	p, err := newPlan(ctx, server, &mcp.StreamableClientTransport{Endpoint: url})
	if err != nil {
		return err
	}
	checkGo(ctx, r, "go http", &mcp.StreamableClientTransport{Endpoint: url}, p)
	checkGo(ctx, r, "go stdio", &mcp.CommandTransport{
		Command: exec.CommandContext(ctx, server.Binary, "-stdio", "-bundle", server.Bundle),
	}, p)
	for _, which := range slices.Sorted(maps.Keys(typescript)) {
		if err := checkTypeScript(ctx, r, which, url, p); err != nil {
			return err
		}
	}
	fmt.Fprintln(progress, "checking with mcp-remote, and with the Inspector, a second for each step")
	if err := checkRemote(ctx, r, server, dir, p); err != nil {
		return err
	}
	if err := checkInspector(ctx, r, url, p); err != nil {
		return err
	}
	fmt.Fprintln(progress, "running the official suite, the stable and the next one, a second for each scenario")
	return errors.Join(
		checkSuite(ctx, r, "suite ", "@modelcontextprotocol/conformance", url, scenarios(p)),
		checkSuite(ctx, r, "next suite ", "conformance-next", url, nextScenarios(p)),
	)
}
