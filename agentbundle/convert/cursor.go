package convert

// cursor reads what Claude Code reads, and the model.
var cursor = format{
	agents:   ".cursor/agents",
	commands: ".cursor/commands",
	header: func(h *header) {
		claudeCode.header(h)
		h.keep("model")
	},
}
