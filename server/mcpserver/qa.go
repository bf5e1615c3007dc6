package mcpserver

import (
	"context"
	"fmt"
	"path"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/manifest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/usage"
)

type qaArgs struct {
	IncludeDetails bool `json:"includeDetails,omitempty" jsonschema:"also list every entry of the registry"`
}

type qaReport struct {
	OK           bool             `json:"ok"`
	BundleDigest string           `json:"bundleDigest"`
	Source       manifest.Source  `json:"source"`
	Counts       manifest.Counts  `json:"counts"`
	Problems     []string         `json:"problems"`
	Details      []manifest.Entry `json:"details,omitempty"`
}

const qaName = "codeflow_registry_qa"

func addQA(server *tools, c *catalog.Catalog) {
	addTool(server, readOnly(qaName, "Checks the registry of agents and commands: digests, names and escalations."),
		func(ctx context.Context, _ *mcp.CallToolRequest, args qaArgs) (*mcp.CallToolResult, qaReport, error) {
			used(ctx, usage.KindTool, qaName)
			report := qaReport{
				BundleDigest: c.Manifest.BundleDigest, Source: c.Manifest.Source, Counts: c.Manifest.Counts,
				Problems: problems(c),
			}
			report.OK = len(report.Problems) == 0
			if args.IncludeDetails {
				report.Details = append(append(report.Details, c.Manifest.Agents...), c.Manifest.Commands...)
			}
			return nil, report, nil
		})
}

// problems compares what is served with what the manifest promises.
func problems(c *catalog.Catalog) []string {
	found := []string{}
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if got := c.Manifest.Digest(); got != c.Manifest.BundleDigest {
		add("bundle digest is %s, its entries give %s", c.Manifest.BundleDigest, got)
	}
	check := func(kind string, entries []manifest.Entry, text func(name string) (string, bool)) {
		for _, entry := range entries {
			content, ok := text(entry.Name)
			switch {
			case !ok:
				add("%s %q is in the manifest and not served", kind, entry.Name)
			case manifest.Sum([]byte(content)) != entry.SHA256:
				add("%s %q differs from its digest %s", kind, entry.Name, entry.SHA256)
			case path.Base(entry.Path) != entry.Name+".md":
				add("%s %q is in the file %q of another name", kind, entry.Name, entry.Path)
			}
		}
	}
	check("agent", c.Manifest.Agents, func(name string) (string, bool) {
		if a := c.Agent(name); a != nil {
			content, err := a.Text(catalog.Base)
			return content, err == nil
		}
		return "", false
	})
	check("command", c.Manifest.Commands, func(name string) (string, bool) {
		if k := c.Command(name); k != nil {
			return k.Text, true
		}
		return "", false
	})
	for _, a := range c.Agents {
		for _, format := range catalog.Formats() {
			if _, err := a.Text(format); err != nil {
				add("agent %q: %v", a.Name, err)
			}
		}
		for _, next := range a.Followups {
			if c.Agent(next) == nil {
				add("agent %q escalates to %q, which does not exist", a.Name, next)
			}
		}
	}
	return found
}
