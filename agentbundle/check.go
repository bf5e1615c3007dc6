package agentbundle

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	ruleName        = "name"
	ruleDescription = "description"
	ruleFileName    = "file-name"
	ruleCache       = "cache-strategy"
	ruleDuplicate   = "duplicate-name"
)

// nameRE admits what is safe as a file name, a URI segment and a tool name.
var nameRE = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

var cacheTypes = []string{"content_based", "time_based", "none"}

// check returns the name in the file's front matter and every problem that
// the file has by itself. The problems have no path yet.
func check(k kind, file string, data []byte) (string, []Problem) {
	fm, problems := parseFrontMatter(data)
	if fm == nil {
		return "", problems
	}
	name := fm.str("name")
	if !nameRE.MatchString(name) {
		problems = append(problems, Problem{
			Line: fm.line("name"), Rule: ruleName,
			Message: fmt.Sprintf("must be a string matching %s, got %s", nameRE, shown(fm["name"])),
			Hint:    `set "name"`,
		})
	}
	if strings.TrimSpace(fm.str("description")) == "" {
		problems = append(problems, Problem{
			Line: fm.line("description"), Rule: ruleDescription,
			Message: fmt.Sprintf("must be a text, got %s", shown(fm["description"])),
			Hint:    `set "description"`,
		})
	}
	if k == command {
		problems = append(problems, checkCommand(fm, file, name)...)
	}
	return name, problems
}

func checkCommand(fm frontMatter, file, name string) []Problem {
	var problems []Problem
	if want := strings.TrimSuffix(path.Base(file), markdown); name != want {
		problems = append(problems, Problem{
			Line: fm.line("name"), Rule: ruleFileName,
			Message: fmt.Sprintf("name must be the file name %q, got %q", want, name),
			Hint:    "rename the file or the command",
		})
	}
	if strategy := fm["cache_strategy"]; strategy != nil {
		if typ := child(strategy, "type"); !slices.Contains(cacheTypes, str(typ)) {
			problems = append(problems, Problem{
				Line: strategy.Line, Rule: ruleCache,
				Message: fmt.Sprintf("cache_strategy.type must be one of %s, got %s", strings.Join(cacheTypes, ", "), shown(typ)),
				Hint:    "choose one of them or remove cache_strategy",
			})
		}
	}
	return problems
}
