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
// a text without one may still ask for it: each is for people to read. A line is
// matched in lower case, when it has a word of both lists: looking for those is
// fast.
var instructions = []struct {
	what        string
	verbs, with string
	origin      string
	re          *regexp.Regexp
}{
	{
		"to put instructions aside", "ignore disregard forget override", "instruction prompt rule message", "OWASP LLM01:2025 Prompt Injection",
		regexp.MustCompile(`\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+)?(?:previous|prior|above|earlier|system)\s+(?:instructions|prompts?|rules|messages)`),
	},
	{
		"to keep something from the user", "not don't never without", "user human developer operator", "Invariant Labs, MCP tool poisoning attacks, 2025",
		regexp.MustCompile(`\b(?:do not|don't|never|must not|without)\s+(?:tell(?:ing)?|inform(?:ing)?|mention(?:ing)?|reveal(?:ing)?|show(?:ing)?|notify(?:ing)?|alert(?:ing)?)\s+(?:\w+\s+){0,3}?(?:to\s+)?the\s+(?:user|human|developer|operator)\b`),
	},
	{
		"to act in secret", "silently secretly covertly", "send upload post transmit forward copy collect install run execute exfiltrate",
		"MITRE ATLAS AML.T0051 LLM Prompt Injection",
		regexp.MustCompile(`\b(?:silently|secretly|covertly)\s+(?:\w+\s+){0,2}?(?:send|upload|post|transmit|forward|copy|collect|install|run|execute|exfiltrate)\b`),
	},
	{
		"to send secrets away", "send upload post transmit forward exfiltrate leak email", "credential password api token key secret environment .env",
		"MITRE ATLAS AML.T0057 LLM Data Leakage",
		regexp.MustCompile(`\b(?:send|upload|post|transmit|forward|exfiltrate|leak|email)\s+(?:\w+\s+){0,4}?(?:credentials?|passwords?|api[ _-]?keys?|tokens?|private keys?|secrets|ssh keys?|environment variables|\.env)\b[^.]{0,60}\b(?:to|at)\s+(?:https?://|\w+@|an?\s+(?:external|remote)|the\s+(?:server|endpoint|webhook) at)`),
	},
	{
		"for a request that carries secrets", "curl wget invoke-webrequest", "ssh aws shadow id_rsa env", "MITRE ATLAS AML.T0057 LLM Data Leakage",
		regexp.MustCompile(`\b(?:curl|wget|invoke-webrequest)\b.{0,200}(?:~/\.ssh/|~/\.aws/|/etc/shadow|id_rsa|\$\(\s*(?:env|printenv)\b|\$\(cat [^)]*\.env)`),
	},
	{
		"to run what the network answers, unseen", "curl wget", "/dev/null 2>&1", "OWASP LLM03:2025 Supply Chain",
		regexp.MustCompile(`\b(?:curl|wget)\b[^|]{0,200}\|\s*(?:base64\s+(?:-d|--decode)\s*\|\s*)?(?:sudo\s+)?(?:ba|z|da)?sh\b.{0,40}(?:>\s*/dev/null|2>&1\s*&)`),
	},
	{
		"to switch safety off", "disable bypass turn circumvent skip", "safety security dangerously", "OWASP LLM06:2025 Excessive Agency",
		regexp.MustCompile(`--dangerously-skip-permissions|\b(?:disable|bypass|turn off|circumvent|skip)\s+(?:all\s+)?(?:the\s+|your\s+|any\s+)?(?:safety|security)\s+(?:checks?|filters?|guards?|guardrails?|measures?|restrictions?|protections?)`),
	},
	{
		"to leave its role", "you", "dan developer jailbroken unrestricted bound restricted", "OWASP LLM01:2025 Prompt Injection",
		regexp.MustCompile(`\byou are (?:now )?(?:dan\b|in developer mode|jailbroken|unrestricted|no longer (?:bound|restricted))`),
	},
}

// checkInstructions warns of every rule that a text breaks, once each.
func checkInstructions(data []byte) []Problem {
	var problems []Problem
	lower := bytes.ToLower(data)
	for _, rule := range instructions {
		verbs, with := strings.Fields(rule.verbs), strings.Fields(rule.with)
		if !hasAny(lower, verbs) || !hasAny(lower, with) {
			continue
		}
		number := 0
		for line := range bytes.Lines(lower) {
			number++
			if !hasAny(line, verbs) || !hasAny(line, with) {
				continue
			}
			if found := rule.re.Find(line); found != nil {
				problems = append(problems, Problem{
					Line: number, Severity: SeverityWarning, Rule: ruleInstruction,
					Message: fmt.Sprintf("asks %s: %.80q", rule.what, found), Hint: "read it before anybody runs it (" + rule.origin + ")",
				})
				break
			}
		}
	}
	return problems
}

func hasAny(text []byte, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return bytes.Contains(text, []byte(word)) })
}
