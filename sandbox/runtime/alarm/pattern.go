package alarm

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Pattern is a filter pattern for JSON events, like { $.level = "ERROR" && $.ms > 5 }:
// comparisons of fields with texts, which may have *, and numbers, with &&, || and
// parentheses. Other patterns, arrays and IS, EXISTS are not known.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
type Pattern struct{ matches condition }

type condition func(event map[string]any) bool

// patternToken is the next part of a pattern.
var patternToken = regexp.MustCompile(`^\s*(\$(?:\.[\w-]+)+|"[^"]*"|&&|\|\||<=|>=|!=|[=<>(){}]|[^\s"=<>!&|(){}]+|$)`)

// ParsePattern reads a pattern.
func ParsePattern(text string) (Pattern, error) {
	p := &patternParser{rest: text}
	p.next()
	p.expect("{")
	matches := p.any()
	p.expect("}")
	p.expect("")
	if p.err != nil {
		return Pattern{}, fmt.Errorf("unsupported filter pattern %q: %w", text, p.err)
	}
	return Pattern{matches}, nil
}

// Matches reports whether an event is JSON that the pattern matches.
func (p Pattern) Matches(event map[string]any) bool { return event != nil && p.matches(event) }

// Event reads a log event; one that is not a JSON object is nil.
func Event(message string) (event map[string]any) {
	if strings.HasPrefix(message, "{") && json.Unmarshal([]byte(message), &event) != nil {
		return nil
	}
	return event
}

// Field is the text of a field of an event, like $.color.
func Field(event map[string]any, selector string) (text string, ok bool) {
	switch value := field(event, selector).(type) {
	case string:
		return value, true
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(value), true
	}
	return "", false
}

func field(event map[string]any, selector string) any {
	var value any = event
	for _, name := range strings.Split(strings.TrimPrefix(selector, "$."), ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

type patternParser struct {
	rest, token string
	err         error
}

func (p *patternParser) next() {
	match := patternToken.FindStringSubmatch(p.rest)
	if match == nil {
		p.fail("a token")
		p.rest, p.token = "", ""
		return
	}
	p.rest, p.token = p.rest[len(match[0]):], match[1]
}

func (p *patternParser) fail(want string) {
	if p.err == nil {
		p.err = fmt.Errorf("want %s before %q", want, p.token+p.rest)
	}
}

func (p *patternParser) expect(token string) {
	if p.token != token {
		p.fail(strconv.Quote(token))
	}
	p.next()
}

func (p *patternParser) any() condition {
	left := p.all()
	for p.token == "||" {
		p.next()
		first, second := left, p.all()
		left = func(e map[string]any) bool { return first(e) || second(e) }
	}
	return left
}

func (p *patternParser) all() condition {
	left := p.one()
	for p.token == "&&" {
		p.next()
		first, second := left, p.one()
		left = func(e map[string]any) bool { return first(e) && second(e) }
	}
	return left
}

func (p *patternParser) one() condition {
	if p.token == "(" {
		p.next()
		inner := p.any()
		p.expect(")")
		return inner
	}
	selector := p.token
	if !strings.HasPrefix(selector, "$.") {
		p.fail("a field like $.level")
	}
	p.next()
	operator := p.token
	p.next()
	value := p.token
	p.next()
	switch operator {
	case "=", "!=":
		glob := globOf(strings.Trim(value, `"`))
		return func(e map[string]any) bool {
			text, ok := Field(e, selector)
			return ok && glob.MatchString(text) == (operator == "=")
		}
	case "<", "<=", ">", ">=":
		limit, err := strconv.ParseFloat(value, 64)
		if err != nil {
			p.fail("a number")
		}
		return func(e map[string]any) bool {
			n, ok := field(e, selector).(float64)
			return ok && compare(operator, n, limit)
		}
	}
	p.fail("one of = != < <= > >=")
	return func(map[string]any) bool { return false }
}

func compare(operator string, a, b float64) bool {
	return a < b && operator[0] == '<' || a > b && operator[0] == '>' || a == b && len(operator) == 2
}

func globOf(text string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, ".*") + "$")
}
