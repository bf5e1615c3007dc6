package iam

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// compare has the operators, without their negations: whether a value of the request
// does for a value of the policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
var compare = map[string]func(got, want string) bool{
	"StringEquals":           func(got, want string) bool { return got == want },
	"StringEqualsIgnoreCase": strings.EqualFold,
	"StringLike":             func(got, want string) bool { return like(want, got) },
	"ArnEquals":              func(got, want string) bool { return arnLike(want, got) },
	"ArnLike":                func(got, want string) bool { return arnLike(want, got) },
	"Bool":                   strings.EqualFold,
	"IpAddress":              inRange,
}

func init() {
	for name, holds := range map[string]func(order int) bool{
		"Equals":      func(order int) bool { return order == 0 },
		"LessThan":    func(order int) bool { return order < 0 },
		"GreaterThan": func(order int) bool { return order > 0 },
		// These two are no negations: what cannot be compared does for neither.
		"LessThanEquals":    func(order int) bool { return order <= 0 },
		"GreaterThanEquals": func(order int) bool { return order >= 0 },
	} {
		compare["Numeric"+name] = ordered(number, holds)
		compare["Date"+name] = ordered(date, holds)
	}
	for _, name := range []string{"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "NumericEquals", "DateEquals", "IpAddress"} {
		compare[negation(name)] = compare[name]
	}
}

// negation is the operator's name with Not.
func negation(name string) string {
	if name == "IpAddress" {
		return "NotIpAddress"
	}
	kind := regexp.MustCompile(`^(String|Arn|Numeric|Date)`).FindString(name)
	return kind + "Not" + strings.TrimPrefix(name, kind)
}

func ordered(read func(string) (float64, error), holds func(order int) bool) func(got, want string) bool {
	return func(got, want string) bool {
		a, err := read(got)
		b, err2 := read(want)
		if err != nil || err2 != nil {
			return false
		}
		switch {
		case a < b:
			return holds(-1)
		case a > b:
			return holds(1)
		}
		return holds(0)
	}
}

func number(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

// date is in seconds since 1970: ISO 8601 or such a number.
func date(text string) (float64, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return float64(at.UnixNano()) / float64(time.Second), nil
		}
	}
	return number(text)
}

func inRange(got, want string) bool {
	address, err := netip.ParseAddr(got)
	if err != nil {
		return false
	}
	if prefix, err := netip.ParsePrefix(want); err == nil {
		return prefix.Contains(address)
	}
	other, err := netip.ParseAddr(want)
	return err == nil && other == address
}

// holds is whether the condition does for the request's context.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
func (c Condition) holds(request *Request) bool {
	got, exists := request.value(c.Key)
	if c.Operator == "Null" {
		return slices.ContainsFunc(c.Values, func(want string) bool { return strings.EqualFold(want, "true") != exists })
	}
	negated := strings.Contains(c.Operator, "Not")
	if !exists && (c.IfExists || c.Set == "ForAllValues") {
		return true
	}
	if !exists {
		return negated && c.Set == ""
	}
	does := func(value string) bool {
		matches := slices.ContainsFunc(c.Values, func(want string) bool {
			want, ok := request.fill(want)
			return ok && compare[c.Operator](value, want)
		})
		return matches != negated
	}
	if c.Set == "ForAllValues" || c.Set == "" && negated {
		return !slices.ContainsFunc(got, func(value string) bool { return !does(value) })
	}
	return slices.ContainsFunc(got, does)
}
