// Package mask takes what looks like a secret out of what people are shown: comments,
// summaries, artifacts and logs. Pulumi hides what is marked secret; this is for what
// somebody forgot to mark. It is stricter than the scan of agents, since a masked word
// too many costs nothing here.
//
// Start with [Text].
package mask

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/secrets"
)

// What a value is that only its name tells.
const named = "a value by the name of a secret"

// rules are for texts; the group is what is masked. The scan of agents has those with a
// shape of their own.
var rules = []struct {
	what string
	re   *regexp.Regexp
}{
	{"a password in a URL", regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'\\]*:([^\s/@"'\\]+)@`)},
	{"a key", regexp.MustCompile(`\b((?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,})`)},
	{"a private key", regexp.MustCompile(`-----BEGIN[ A-Z0-9_-]*PRIVATE KEY[ A-Z]*-----([\s\S]+)`)},
	{"an authorization", regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+([\w.~+/-]{12,}=*)`)},
	{named, regexp.MustCompile(`(?i)[\w.-]*` + names + `["'\\]*\s*[:=]\s*["'\\]*([^\s"'\\,;&]*\d[^\s"'\\,;&]*)`)},
}

// names end the names of secrets.
const names = `(?:passw(?:or)?d|secret|token|api_?key|access_?key|private_?key|credentials?)s?`

var secretName = regexp.MustCompile(`(?i)` + names + `$`)

// harmless are tokens of AWS's that open nothing: of pages, of retries, of versions.
var harmless = regexp.MustCompile(`(?i)(?:lock|next|page|continuation|creation|client|idempotency)_?token$`)

// shortest value that is masked for its name, in bytes: shorter ones are words such as
// "none".
const shortest = 6

// plain are values by the name of a secret that are none: where it is, or a mask.
var plain = regexp.MustCompile(`^(?:arn:|\[|\(|https?://|true$|false$)`)

// Text replaces what looks like a secret. Found is what it was, each kind once.
func Text(text string) (masked string, found []string) {
	for _, s := range secrets.Find([]byte(text)) {
		text = text[:s.Start] + strings.Repeat("\x00", s.End-s.Start) + text[s.End:]
		found = append(found, s.What)
	}
	for _, rule := range rules {
		var b strings.Builder
		last := 0
		for _, at := range rule.re.FindAllStringSubmatchIndex(text, -1) {
			value := text[at[2]:at[3]]
			if rule.what == named && (len(value) < shortest || plain.MatchString(value) || inARN(text[:at[0]])) || strings.Trim(value, "\x00") == "" || strings.HasPrefix(value, "[masked") {
				continue
			}
			b.WriteString(text[last:at[2]] + strings.Repeat("\x00", at[3]-at[2]))
			last = at[3]
			found = append(found, rule.what)
		}
		text = b.String() + text[last:]
	}
	slices.Sort(found)
	return gone.ReplaceAllString(text, "[masked]"), slices.Compact(found)
}

// inARN is true when what comes before is the beginning of an ARN, such as a secret's.
func inARN(before string) bool {
	return strings.HasPrefix(before[1+strings.LastIndexAny(before, " \t\n\"'\\,;="):], "arn:")
}

// gone is what was masked, while others are looked for.
var gone = regexp.MustCompile("\x00+")

// Value does what [Text] does with the value of a key, whose name may tell what it is.
func Value(key, value string) (masked string, found []string) {
	if secretName.MatchString(key) && !harmless.MatchString(key) && len(value) >= shortest && !plain.MatchString(value) {
		return "[masked]", []string{named}
	}
	return Text(value)
}

const maxLine = 16 << 20 // bytes

// Lines copies a text line by line, masked, and returns what was masked. A key of
// several lines is masked as a whole.
func Lines(to io.Writer, from io.Reader) (found []string, err error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	inKey := false
	for lines.Scan() {
		line := lines.Text()
		switch {
		case inKey:
			inKey = !strings.Contains(line, "-----END")
			continue
		case strings.Contains(line, "PRIVATE KEY") && strings.Contains(line, "-----BEGIN") && !strings.Contains(line, "-----END"):
			before, _, _ := strings.Cut(line, "-----BEGIN")
			inKey, line = true, before+"[masked]"
			found = append(found, "a private key")
		default:
			var kinds []string
			line, kinds = Text(line)
			found = append(found, kinds...)
		}
		if _, err := fmt.Fprintln(to, line); err != nil {
			return nil, err
		}
	}
	slices.Sort(found)
	return slices.Compact(found), lines.Err()
}
