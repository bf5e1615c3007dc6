package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/process"
)

// typescript are the clients of the TypeScript SDK, and how many checks each
// makes besides those of the plan.
var typescript = map[string][]string{
	"v1":        {"initialize", "ping", "close"},
	"v2":        {"initialize", "close"},
	"v2-before": {"initialize", "ping", "close"},
}

// checkTypeScript carries out a plan with a client of the TypeScript SDK, which
// reports each check as a line of JSON.
func checkTypeScript(ctx context.Context, r *report, which, url string, p *plan) error {
	name := "ts " + which
	node, err := process.Node()
	if err != nil {
		return err
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, node, filepath.Join(peers, "client.mjs"), url, which)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(data), &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	checks := 0
	for lines := json.NewDecoder(stdout); ; checks++ {
		var line struct{ Name, Detail, Error string }
		if err = lines.Decode(&line); err != nil {
			break
		}
		var failure error
		if line.Error != "" {
			failure = errors.New(line.Error)
		}
		r.check(name+" "+line.Name, line.Detail, failure)
	}
	// It must not have stopped halfway.
	want := len(p.Lists) + len(p.Steps) + len(typescript[which])
	if err := cmd.Wait(); err != nil || checks != want {
		r.check(name, "", fmt.Errorf("client.mjs made %d of %d checks: %w: %s", checks, want, errors.Join(err), &stderr))
	}
	return nil
}
