package comment

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/hidden"
)

const (
	minFence = 3
	maxName  = 200 // bytes of a name
)

// long are more backticks in a row than anybody means, which the fence around them
// would have to outnumber.
var long = regexp.MustCompile("`{9,}")

// clean shows what a terminal or a browser would act on, and what a reader would
// not see, as U+202E: a reviewer sees what a model gets.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "�"), "\r\n", "\n")
	return long.ReplaceAllString(hidden.Show(text), "````````")
}

// lines are the lines of a text that is not ours.
func lines(text string) []string { return strings.Split(clean(strings.TrimRight(text, "\n")), "\n") }

// cut shortens a text to so many bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

var runs = regexp.MustCompile("`+")

// ticks are backticks, at least so many and more than the text has in a row.
func ticks(text string, least int) string {
	for _, run := range runs.FindAllString(text, -1) {
		least = max(least, len(run)+1)
	}
	return strings.Repeat("`", least)
}

// fence is a text as a block of code.
func fence(language, text string) string {
	around := ticks(text, minFence)
	return around + language + "\n" + strings.TrimRight(text, "\n") + "\n" + around + "\n"
}

// code is a name as code within a line.
func code(name string) string {
	name = cut(strings.Join(strings.Fields(clean(name)), " "), maxName)
	around, space := ticks(name, 1), ""
	if strings.HasPrefix(name, "`") || strings.HasSuffix(name, "`") || name == "" {
		space = " "
	}
	return around + space + name + space + around
}

// list is a, b and c.
func list(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// logOf names the job's log, with its address where it is known.
func logOf(url string) string {
	if url == "" {
		return "the job's log"
	}
	return fmt.Sprintf("[the job's log](%s)", url)
}
