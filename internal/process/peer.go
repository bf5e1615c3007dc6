package process

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Node returns the path of node, with which peers run.
func Node() (string, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return "", fmt.Errorf("finding node: %w: install Node.js 20 or newer", err)
	}
	return path, nil
}

// Bun returns the path of the bun that npm installed in the directory of the
// peers. npm's own script for it does not run: it would download.
func Bun(ctx context.Context, peers string) (string, error) {
	found, err := filepath.Glob(filepath.Join(peers, "node_modules", "@oven", "bun-*", "bin", "bun"))
	if err != nil {
		return "", err
	}
	for _, path := range found { // npm may install one for each C library
		path, err := filepath.Abs(path)
		if err == nil && exec.CommandContext(ctx, path, "--version").Run() == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("finding bun in %s: there is none that runs: install the peers with `npm ci --prefix peers`", peers)
}
