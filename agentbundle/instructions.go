package agentbundle

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const ruleInstruction = "instruction"

// instructions are what an agent should hardly ask for. A match is no proof, and
// a text without one may still ask for it: each is for people to read.
var instructions = []struct {
	what   string
	words  string // in lower case, one of which the text has: looking for them is fast
	origin string
	re     *regexp.Regexp
}{
	{
		"to put instructions aside", "ignore disregard forget override", "OWASP LLM01:2025 Prompt Injection",
		regexp.MustCompile(`(?i)\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+)?(?:previous|prior|above|earlier|system)\s+(?:instructions|prompts?|rules|messages)`),
	},
	{
		"to keep something from the user", "user human developer operator", "Invariant Labs, MCP tool poisoning attacks, 2025",
		regexp.MustCompile(`(?i)\b(?:do not|don't|never|must not|without)\s+(?:tell(?:ing)?|inform(?:ing)?|mention(?:ing)?|reveal(?:ing)?|show(?:ing)?|notify(?:ing)?|alert(?:ing)?)\s+(?:\w+\s+){0,3}?(?:to\s+)?the\s+(?:user|human|developer|operator)\b`),
	},
	{
		"to act in secret", "silently secretly covertly background", "MITRE ATLAS AML.T0051 LLM Prompt Injection",
		regexp.MustCompile(`(?i)\b(?:silently|secretly|covertly|in the background without)\s+(?:\w+\s+){0,2}?(?:send|upload|post|transmit|forward|copy|collect|install|run|execute|exfiltrate)\b`),
	},
	{
		"to send secrets away", "send upload post transmit forward exfiltrate leak email", "MITRE ATLAS AML.T0057 LLM Data Leakage",
		regexp.MustCompile(`(?i)\b(?:send|upload|post|transmit|forward|exfiltrate|leak|email)\s+(?:\w+\s+){0,4}?(?:credentials?|passwords?|api[ _-]?keys?|tokens?|private keys?|secrets|ssh keys?|environment variables|\.env)\b[^.\n]{0,60}\b(?:to|at)\s+(?:https?://|\w+@|an?\s+(?:external|remote)|the\s+(?:server|endpoint|webhook) at)`),
	},
	{
		"for a request that carries secrets", "curl wget invoke-webrequest", "MITRE ATLAS AML.T0057 LLM Data Leakage",
		regexp.MustCompile(`(?i)\b(?:curl|wget|Invoke-WebRequest)\b[^\n]{0,200}(?:~/\.ssh/|~/\.aws/|/etc/shadow|id_rsa|\$\(\s*(?:env|printenv)\b|\$\(cat [^)]*\.env)`),
	},
	{
		"to run what the network answers, unseen", "curl wget", "OWASP LLM03:2025 Supply Chain",
		regexp.MustCompile(`(?i)\b(?:curl|wget)\b[^|\n]{0,200}\|\s*(?:base64\s+(?:-d|--decode)\s*\|\s*)?(?:sudo\s+)?(?:ba|z|da)?sh\b[^\n]{0,40}(?:>\s*/dev/null|2>&1\s*&)`),
	},
	{
		"to switch safety off", "dangerously safety security", "OWASP LLM06:2025 Excessive Agency",
		regexp.MustCompile(`(?i)--dangerously-skip-permissions|\b(?:disable|bypass|turn off|circumvent|skip)\s+(?:all\s+)?(?:the\s+|your\s+|any\s+)?(?:safety|security)\s+(?:checks?|filters?|guards?|guardrails?|measures?|restrictions?|protections?)`),
	},
	{
		"to leave its role", "dan jailbroken unrestricted developer restricted bound", "OWASP LLM01:2025 Prompt Injection",
		regexp.MustCompile(`(?i)\byou are (?:now )?(?:DAN\b|in developer mode|jailbroken|unrestricted|no longer (?:bound|restricted))`),
	},
}

// checkInstructions warns of every rule that a text breaks, once each.
func checkInstructions(data []byte) []Problem {
	var problems []Problem
	lower := bytes.ToLower(data)
	for _, rule := range instructions {
		if !slices.ContainsFunc(strings.Fields(rule.words), func(word string) bool { return bytes.Contains(lower, []byte(word)) }) {
			continue
		}
		if at := rule.re.FindIndex(data); at != nil {
			problems = append(problems, Problem{
				Line: lineAt(data, at[0]), Severity: SeverityWarning, Rule: ruleInstruction,
				Message: fmt.Sprintf("asks %s: %.80q", rule.what, bytes.TrimSpace(data[at[0]:at[1]])),
				Hint:    "read it before anybody runs it (" + rule.origin + ")",
			})
		}
	}
	return problems
}
