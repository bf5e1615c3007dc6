package iam

import (
	"slices"
	"strings"
)

// like is whether a text is of a pattern, in which "*" is any text and "?" any
// character. The literal characters are written "${*}", "${?}" and "${$}", which
// [Request.fill] turns into the runes of escaped.
func like(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || literal(p[i]) == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}

// escaped are stand-ins of the private use area for characters that match themselves.
var escaped = map[string]rune{"*": '\ue000', "?": '\ue001', "$": '\ue002'}

func literal(r rune) rune {
	for text, stand := range escaped {
		if r == stand {
			return rune(text[0])
		}
	}
	return r
}

// arnParts of an ARN: arn:partition:service:region:account:resource.
const arnParts = 6

// arnLike compares each part of an ARN by itself, so that no "*" reaches over a colon
// before the resource.
func arnLike(pattern, arn string) bool {
	if pattern == "*" {
		return true
	}
	ours, theirs := strings.SplitN(pattern, ":", arnParts), strings.SplitN(arn, ":", arnParts)
	return slices.EqualFunc(ours, theirs, like)
}

// actionIn is without regard to case.
func actionIn(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if !strings.ContainsAny(pattern, "*?") {
			return strings.EqualFold(pattern, action)
		}
		return like(strings.ToLower(pattern), strings.ToLower(action))
	})
}

// resourceIn has the policy variables of the patterns filled. A variable without a
// value is of no resource.
func (r *Request) resourceIn(patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		filled, ok := r.fill(pattern)
		return ok && arnLike(filled, r.Resource)
	})
}

// value of a key of the context. Keys have no case.
func (r *Request) value(key string) ([]string, bool) {
	for name, values := range r.Context {
		if strings.EqualFold(name, key) && len(values) > 0 {
			return values, true
		}
	}
	return nil, false
}

// fill fills policy variables: ${key}, or ${key, 'default'}. Keys of many values are
// none.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
func (r *Request) fill(text string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("${" + rest)
			return b.String(), true
		}
		text = after
		if stand, ok := escaped[name]; ok {
			b.WriteRune(stand)
			continue
		}
		key, fallback, hasFallback := strings.Cut(name, ",")
		values, ok := r.value(strings.TrimSpace(key))
		switch {
		case ok && len(values) == 1:
			b.WriteString(values[0])
		case hasFallback:
			b.WriteString(strings.Trim(strings.TrimSpace(fallback), "'"))
		default:
			return "", false
		}
	}
}

// MatchARN is whether an ARN is of a pattern, as in Resource.
func MatchARN(pattern, arn string) bool { return arnLike(pattern, arn) }
