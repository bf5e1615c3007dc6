package agentbundle_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
)

// fixtureConfig names the package in testdata. Its one broken file is
// excluded.
func fixtureConfig() agentbundle.Config {
	return agentbundle.Config{Package: agentbundle.Source{
		Path:    filepath.Join("testdata", "package"),
		Exclude: map[string]string{"command/broken.md": "invalid YAML"},
	}}
}

// fakeServer stands for the compiled server, so that digests do not depend
// on the Go toolchain.
func fakeServer(_ context.Context, p v1.Platform) ([]byte, error) {
	return []byte("server for " + p.String()), nil
}

func load(t *testing.T, cfg agentbundle.Config) *agentbundle.Bundle {
	t.Helper()
	bundle, err := agentbundle.Load(cfg)
	require.NoError(t, err)
	return bundle
}

func build(t *testing.T, cfg agentbundle.Config) *agentbundle.Image {
	t.Helper()
	img, err := load(t, cfg).Image(t.Context(), &agentbundle.ImageOptions{Server: fakeServer})
	require.NoError(t, err)
	return img
}

// writePackage writes a package of the given files, by slash-separated path,
// and returns its directory.
func writePackage(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "package.json", `{"name": "p", "version": "1.0.0"}`)
	for path, content := range files {
		write(t, dir, path, content)
	}
	return dir
}

func write(t *testing.T, dir, path, content string) {
	t.Helper()
	path = filepath.Join(dir, filepath.FromSlash(path))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// agentDoc is a valid agent of that name, in the order of the standard.
func agentDoc(name string) string {
	return "---\nname: " + name + `
uats_version: "1.0"
spec_version: UATS-1.0
description: Does what its name says.
mode: subagent
model: example/model
temperature: 0.2
category: development
tags: [one]
primary_objective: Do it.
anti_objectives: [Do more]
owner: somebody
author: somebody
last_updated: 2025-09-13
stability: stable
maturity: production
intended_followups: []
allowed_directories: [/srv]
tools: {read: true, write: true}
permission: {read: allow}
output_format: AGENT_OUTPUT_V1
requires_structured_output: true
validation_rules: [one]
---
body
`
}

// commandDoc is a valid command of that name.
func commandDoc(name string) string {
	return "---\nname: " + name + "\ndescription: does " + name + "\n---\nbody\n"
}

// check reports on a package of the given files: "path:line: severity: rule:
// message", with paths relative to the package and without hints.
func check(t *testing.T, files map[string]string) []string {
	t.Helper()
	dir := writePackage(t, files)
	return problems(t, dir, agentbundle.Config{Package: agentbundle.Source{Path: dir}})
}

func problems(t *testing.T, dir string, cfg agentbundle.Config) []string {
	t.Helper()
	report, err := agentbundle.Check(cfg)
	require.NoError(t, err)
	list := []string{}
	for _, p := range report.Problems {
		p.Hint = ""
		list = append(list, strings.ReplaceAll(p.Error(), dir+string(filepath.Separator), ""))
	}
	return list
}
