package main

// scenario says how a scenario of the official suite is run. The zero value runs
// it as it is.
type scenario struct {
	// as is the request that takes the place of the one for the fixture, which
	// only the suite's own example server has.
	as *substitute
	// skipped is the reason why it does not apply: the server has nothing that
	// could take the fixture's place. The suite itself must report evidence.
	skipped, evidence string
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
		"json-schema-2020-12":           {skipped: "it looks for the fixture's own schema", evidence: "Tool 'json_schema_2020_12_tool' not found"},
		"resources-read-binary":         {skipped: "resources are text", evidence: "Resource not found"},
		"resources-templates-read":      {skipped: "a template gives whole files: no text repeats its parameter", evidence: "Resource not found"},
		"resources-subscribe":           {skipped: "a bundle never changes while it is served", evidence: `method not found: "resources/subscribe"`},
		"resources-unsubscribe":         {skipped: "a bundle never changes while it is served", evidence: `method not found: "resources/subscribe"`},
		"prompts-get-embedded-resource": {skipped: "prompts are text: none embeds a resource", evidence: `unknown prompt "test_prompt_with_embedded_resource"`},
		"prompts-get-with-image":        {skipped: "prompts are text: there are no images", evidence: `unknown prompt "test_prompt_with_image"`},
		"server-sse-polling":            {skipped: "a stateless server answers with JSON, not with streams", evidence: "Server returned JSON instead of SSE stream"},
		"server-sse-multiple-streams":   {skipped: "a stateless server has no sessions to open streams in", evidence: "Server did not provide session ID"},
	}
}

func noTool(fixture, reason string) scenario {
	return scenario{skipped: reason, evidence: `unknown tool "` + fixture + `"`}
}

func call(tool, name string) map[string]any {
	return map[string]any{"name": tool, "arguments": map[string]any{"name": name}}
}
