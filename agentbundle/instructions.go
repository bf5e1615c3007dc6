package agentbundle

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

const ruleInstruction = "instruction"

// instructions are what an agent should hardly ask for. A match is no proof, and
// a text without one may still ask for it: each is for people to read. A line is
// matched, in lower case, when it has a word of both lists: one pass over a text
// finds all words.
var instructions = []struct {
	what        string
	verbs, with string
	origin      string
	re          *regexp.Regexp
}{
	{
		"to put instructions aside", "ignore disregard forget override", "instructions prompt prompts rules messages", "OWASP LLM01:2025 Prompt Injection",
		regexp.MustCompile(`\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+)?(?:previous|prior|above|earlier|system)\s+(?:instructions|prompts?|rules|messages)`),
	},
	{
		"to keep something from the user", "tell telling inform informing mention mentioning reveal revealing show showing notify notifying alert alerting", "user human developer operator", "Invariant Labs, MCP tool poisoning attacks, 2025",
		regexp.MustCompile(`\b(?:do not|don't|never|must not|without)\s+(?:tell(?:ing)?|inform(?:ing)?|mention(?:ing)?|reveal(?:ing)?|show(?:ing)?|notify(?:ing)?|alert(?:ing)?)\s+(?:\w+\s+){0,3}?(?:to\s+)?the\s+(?:user|human|developer|operator)\b`),
	},
	{
		"to act in secret", "silently secretly covertly", "send upload post transmit forward copy collect install run execute exfiltrate",
		"MITRE ATLAS AML.T0051 LLM Prompt Injection",
		regexp.MustCompile(`\b(?:silently|secretly|covertly)\s+(?:\w+\s+){0,2}?(?:send|upload|post|transmit|forward|copy|collect|install|run|execute|exfiltrate)\b`),
	},
	{
		"to send secrets away", "send upload post transmit forward exfiltrate leak email", "credential credentials password passwords api key keys token tokens secrets environment env",
		"MITRE ATLAS AML.T0057 LLM Data Leakage",
		regexp.MustCompile(`\b(?:send|upload|post|transmit|forward|exfiltrate|leak|email)\s+(?:\w+\s+){0,4}?(?:credentials?|passwords?|api[ _-]?keys?|tokens?|private keys?|secrets|ssh keys?|environment variables|\.env)\b[^.]{0,60}\b(?:to|at)\s+(?:https?://|\w+@|an?\s+(?:external|remote)|the\s+(?:server|endpoint|webhook) at)`),
	},
	{
		"for a request that carries secrets", "curl wget webrequest", "ssh aws shadow rsa env printenv", "MITRE ATLAS AML.T0057 LLM Data Leakage",
		regexp.MustCompile(`\b(?:curl|wget|invoke-webrequest)\b.{0,200}(?:~/\.ssh/|~/\.aws/|/etc/shadow|id_rsa|\$\(\s*(?:env|printenv)\b|\$\(cat [^)]*\.env)`),
	},
	{
		"to run what the network answers, unseen", "curl wget", "sh bash zsh dash", "OWASP LLM03:2025 Supply Chain",
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

// triggers are the words of both lists, each with a bit for every rule and list
// that has it.
var triggers = func() map[string]uint32 {
	all := map[string]uint32{}
	for i, rule := range instructions {
		for list, words := range []string{rule.verbs, rule.with} {
			for _, word := range strings.Fields(words) {
				all[word] |= 1 << (2*i + list)
			}
		}
	}
	return all
}()

// maxWord is the longest trigger, in bytes.
const maxWord = 16

// starts has the first two letters of the triggers: few words have them.
var starts = func() (starts [1 << 10]bool) {
	for word := range triggers {
		starts[start(word[0], word[1])] = true
	}
	return starts
}()

func start(first, second byte) int { return int(first&31)<<5 | int(second&31) }

// checkInstructions warns of every rule that a text breaks, once each.
func checkInstructions(data []byte) []Problem {
	var problems []Problem
	var told uint32
	number := 0
	for line := range bytes.Lines(data) {
		number++
		found := triggersIn(line) &^ told
		if found&(found>>1)&0x55555555 == 0 {
			continue
		}
		lower := bytes.ToLower(line)
		for i, rule := range instructions {
			if found>>(2*i)&3 != 3 {
				continue
			}
			if match := rule.re.Find(lower); match != nil {
				told |= 3 << (2 * i)
				problems = append(problems, Problem{
					Line: number, Severity: SeverityWarning, Rule: ruleInstruction,
					Message: fmt.Sprintf("asks %s: %.80q", rule.what, match), Hint: "read it before anybody runs it (" + rule.origin + ")",
				})
			}
		}
	}
	return problems
}

// letters are the lower case of ASCII letters; 0 for everything else.
var letters = func() (letters [256]byte) {
	for c := byte('a'); c <= 'z'; c++ {
		letters[c], letters[c-'a'+'A'] = c, c
	}
	return letters
}()

// triggersIn are the bits of all triggers in a line.
func triggersIn(line []byte) (found uint32) {
	lower := make([]byte, 0, maxWord)
	for at := 0; at < len(line); at++ {
		from := at
		for at < len(line) && letters[line[at]] != 0 {
			at++
		}
		word := line[from:at]
		if len(word) < 2 || len(word) > maxWord || !starts[start(word[0], word[1])] {
			continue
		}
		lower = lower[:0]
		for _, c := range word {
			lower = append(lower, letters[c])
		}
		found |= triggers[string(lower)]
	}
	return found
}
