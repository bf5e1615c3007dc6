package convert

import "strings"

// claudeCode takes the enabled tools as one text and has no further settings.
var claudeCode = format{
	agents:   ".claude/agents",
	commands: ".claude/commands",
	header: func(h *header) {
		h.keep("name", "description")
		var enabled []string
		for _, t := range h.tools() {
			if t.enabled {
				enabled = append(enabled, t.name)
			}
		}
		if h.in["tools"] != nil {
			h.set("tools", text(strings.Join(enabled, ", ")))
		}
	},
}
