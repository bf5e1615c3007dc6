package main

import (
	"maps"
	"regexp"
)

// scenario says how a scenario of the official suite is run. The zero value runs
// it as it is.
type scenario struct {
	// as is the request that takes the place of the one for the fixture, which
	// only the suite's own example server has.
	as *substitute
	// skipped is the reason why it does not apply: the server has nothing that
	// could take the fixture's place. The suite itself must report evidence, for
	// each check that fails.
	skipped  string
	evidence *regexp.Regexp
}

// substitute replaces the parameters of a method's requests for a fixture.
type substitute struct {
	method, fixture string // the fixture's name or URI
	params          map[string]any
}

// scenarios are all server scenarios that the suite has.
func scenarios(p *plan) map[string]scenario {
	return map[string]scenario{
		"server-initialize":        {},
		"ping":                     {},
		"logging-set-level":        {},
		"completion-complete":      {},
		"tools-list":               {},
		"resources-list":           {},
		"prompts-list":             {},
		"dns-rebinding-protection": {},

		"tools-call-simple-text": {as: &substitute{"tools/call", "test_simple_text", call("get_agent", p.agent)}},
		"tools-call-error":       {as: &substitute{"tools/call", "test_error_handling", call("get_agent", "no-such-agent")}},
		"resources-read-text":    {as: &substitute{"resources/read", "test://static-text", map[string]any{"uri": "agent://" + p.agent}}},
		"prompts-get-simple":     {as: &substitute{"prompts/get", "test_simple_prompt", map[string]any{"name": p.prompt}}},
		"prompts-get-with-args": {as: &substitute{"prompts/get", "test_prompt_with_arguments", map[string]any{
			"name": p.prompt, "arguments": map[string]any{p.arguments[0]: "testValue1", p.arguments[1]: "testValue2"},
		}}},

		"tools-call-image":              noTool("test_image_content", "answers are text: there are no images"),
		"tools-call-audio":              noTool("test_audio_content", "answers are text: there is no audio"),
		"tools-call-embedded-resource":  noTool("test_embedded_resource", "answers are text: no tool embeds resources"),
		"tools-call-mixed-content":      noTool("test_multiple_content_types", "answers are text: no tool mixes types"),
		"tools-call-with-logging":       noTool("test_tool_with_logging", "a stateless server sends no log messages"),
		"tools-call-with-progress":      noTool("test_tool_with_progress", "answers take milliseconds: there is no progress"),
		"tools-call-sampling":           noTool("test_sampling", "a stateless server asks clients for nothing"),
		"tools-call-elicitation":        noTool("test_elicitation", "a stateless server asks clients for nothing"),
		"elicitation-sep1034-defaults":  noTool("test_elicitation_sep1034_defaults", "a stateless server asks clients for nothing"),
		"elicitation-sep1330-enums":     noTool("test_elicitation_sep1330_enums", "a stateless server asks clients for nothing"),
		"json-schema-2020-12":           {skipped: "it looks for the fixture's own schema", evidence: regexp.MustCompile("Tool 'json_schema_2020_12_tool' not found")},
		"resources-read-binary":         {skipped: "resources are text", evidence: regexp.MustCompile("Resource not found")},
		"resources-templates-read":      {skipped: "a template gives whole files: no text repeats its parameter", evidence: regexp.MustCompile("Resource not found")},
		"resources-subscribe":           {skipped: "a bundle never changes while it is served", evidence: regexp.MustCompile(`method not found: "resources/subscribe"`)},
		"resources-unsubscribe":         {skipped: "a bundle never changes while it is served", evidence: regexp.MustCompile(`method not found: "resources/subscribe"`)},
		"prompts-get-embedded-resource": {skipped: "prompts are text: none embeds a resource", evidence: regexp.MustCompile(`unknown prompt "test_prompt_with_embedded_resource"`)},
		"prompts-get-with-image":        {skipped: "prompts are text: there are no images", evidence: regexp.MustCompile(`unknown prompt "test_prompt_with_image"`)},
		"server-sse-polling":            {skipped: "a stateless server answers with JSON, not with streams", evidence: regexp.MustCompile("Server returned JSON instead of SSE stream")},
		"server-sse-multiple-streams":   {skipped: "a stateless server has no sessions to open streams in", evidence: regexp.MustCompile("Server did not provide session ID")},
	}
}

// nextScenarios are those of the suite's next version. It runs some for the
// newest protocol.
func nextScenarios(p *plan) map[string]scenario {
	skip := func(reason, evidence string) scenario {
		return scenario{skipped: reason, evidence: regexp.MustCompile(evidence)}
	}
	const (
		fixture  = `unknown tool|Not testable|unknown prompt|Prerequisite failed|^Expected InputRequiredResult`
		noTasks  = "answers take milliseconds: there are no tasks"
		noInput  = "no tool or prompt asks back"
		noHeader = "no argument of a tool is sent as a header, too"
	)
	all := scenarios(p)
	maps.Copy(all, map[string]scenario{
		"caching":                              {},
		"http-header-validation":               {},
		"sep-2164-resource-not-found":          {},
		"sep-2640-skills-directory":            {}, // there are none: each other check is skipped by the suite
		"sep-2640-skills-enumeration":          {},
		"sep-2640-skills-manifest":             {},
		"server-session-lifecycle":             skip("a stateless server has no sessions", "nothing was checked"),
		"server-stateless":                     skip("some checks need tools that only the suite's own server has", "^Not testable: server does not list the diagnostic tool"),
		"http-custom-header-server-validation": skip(noHeader, "^Not testable: server exposes no tool with x-mcp-header"),

		"tasks-lifecycle":              skip(noTasks, fixture),
		"tasks-capability-negotiation": skip(noTasks, fixture+`|extensions MUST be advertised|-32021; got -32601`),
		"tasks-wire-fields":            skip(noTasks, fixture),
		"tasks-request-state-removal":  skip(noTasks, fixture),
		"tasks-mrtr-input":             skip(noTasks, fixture),
		"tasks-request-headers":        skip(noTasks, fixture+`|routing-task fixture`),
		"tasks-dispatch-and-envelope":  skip(noTasks, fixture+`|expected -32602; got -32601`),
		"tasks-status-notifications":   skip(noTasks, "nothing was checked"),
		"tasks-required-task-error":    skip(noTasks, `for failing_job returned error code -32602`),
		"tasks-mrtr-composition":       skip(noTasks, fixture),

		"input-required-result-basic-elicitation":       skip(noInput, fixture),
		"input-required-result-basic-sampling":          skip(noInput, fixture),
		"input-required-result-basic-list-roots":        skip(noInput, fixture),
		"input-required-result-request-state":           skip(noInput, fixture),
		"input-required-result-multiple-input-requests": skip(noInput, fixture),
		"input-required-result-multi-round":             skip(noInput, fixture),
		"input-required-result-missing-input-response":  {},
		"input-required-result-non-tool-request":        skip(noInput, fixture),
		"input-required-result-result-type":             skip(noInput, fixture),
		"input-required-result-unsupported-methods":     {},
		"input-required-result-tampered-state":          skip(noInput, fixture),
		"input-required-result-capability-check":        skip(noInput, fixture),
		"input-required-result-ignore-extra-params":     {},
		"input-required-result-validate-input":          {},
	})
	return all
}

func noTool(fixture, reason string) scenario {
	return scenario{skipped: reason, evidence: regexp.MustCompile(`unknown tool "` + fixture + `"`)}
}

func call(tool, name string) map[string]any {
	return map[string]any{"name": tool, "arguments": map[string]any{"name": name}}
}
