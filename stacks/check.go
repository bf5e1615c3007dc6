package stacks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// Problem is one thing that is wrong with a stack's config.
type Problem struct {
	Path string // for example "codeflow:platform.network.zones"
	Rule string // what the value must be
	Got  string // the value, or "" when it is missing
	Fix  string // what to do, or "" when the rule says it
}

func (p Problem) Error() string {
	text := fmt.Sprintf("config %q: %s", p.Path, p.Rule)
	if p.Got != "" {
		text += ", got " + p.Got
	}
	if p.Fix != "" {
		text += ": " + p.Fix
	}
	return text
}

// checker collects problems below a path.
type checker struct {
	path     string
	problems *[]error
}

func (c checker) at(key string) checker {
	separator := "."
	if strings.HasSuffix(c.path, ":") {
		separator = ""
	}
	return checker{c.path + separator + key, c.problems}
}

func (c checker) err() error {
	return errors.Join(*c.problems...)
}

// fail adds a problem. A nil or empty value is not shown.
func (c checker) fail(rule string, got any, fix string) {
	value := ""
	if s, ok := got.(string); ok && s != "" {
		value = fmt.Sprintf("%q", s)
	} else if !ok && got != nil {
		value = fmt.Sprint(got)
	}
	*c.problems = append(*c.problems, Problem{c.path, rule, value, fix})
}

// require fails unless ok.
func (c checker) require(ok bool, rule string, got any, fix string) {
	if !ok {
		c.fail(rule, got, fix)
	}
}

// between fails unless min <= n <= max.
func (c checker) between(n, minimum, maximum int, fix string) {
	c.require(minimum <= n && n <= maximum, fmt.Sprintf("must be %d to %d", minimum, maximum), n, fix)
}

// oneOf fails unless the value is one of the values.
func (c checker) oneOf(value string, values ...string) {
	c.require(slices.Contains(values, value), "must be one of "+strings.Join(values, ", "), value, "")
}

// adopt adds errors of a component's own checks, which say rule, value and fix.
func (c checker) adopt(errs ...error) {
	for _, err := range errs {
		if err != nil {
			c.fail(err.Error(), nil, "")
		}
	}
}

// unknown fails for a key that the config does not have.
func (c checker) unknown(key string, known []string) {
	fix := "known keys: " + strings.Join(known, ", ")
	distance := func(other string) int { return levenshtein.Distance(key, other, nil) }
	best := slices.MinFunc(known, func(a, b string) int { return distance(a) - distance(b) })
	if distance(best) <= len(key)/2 {
		fix = fmt.Sprintf("did you mean %q? %s", best, fix)
	}
	c.fail("unknown key", nil, fix)
}

// object decodes the JSON object at a top-level key strictly into target, which
// holds the defaults.
func (c checker) object(get func(string) (string, bool), key string, target any) {
	text, ok := get(namespace + ":" + key)
	if !ok {
		return
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var raw any
	if err := decoder.Decode(&raw); err != nil || decoder.More() {
		raw = text
	}
	c.at(key).decode(raw, reflect.ValueOf(target).Elem())
}

// decode sets target to a decoded JSON value of exactly its type.
func (c checker) decode(raw any, target reflect.Value) {
	switch target.Kind() {
	case reflect.Pointer:
		if target.IsNil() {
			target.Set(reflect.New(target.Type().Elem()))
		}
		c.decode(raw, target.Elem())
	case reflect.Struct:
		c.decodeStruct(raw, target)
	case reflect.Map:
		object, ok := raw.(map[string]any)
		c.require(ok, "must be an object", raw, "")
		target.Set(reflect.MakeMap(target.Type()))
		for _, key := range slices.Sorted(maps.Keys(object)) {
			value := reflect.New(target.Type().Elem()).Elem()
			c.at(key).decode(object[key], value)
			target.SetMapIndex(reflect.ValueOf(key), value)
		}
	case reflect.Slice:
		list, ok := raw.([]any)
		c.require(ok, "must be a list", raw, "")
		target.Set(reflect.MakeSlice(target.Type(), len(list), len(list)))
		for i, item := range list {
			c.at(strconv.Itoa(i)).decode(item, target.Index(i))
		}
	case reflect.Int:
		number, _ := raw.(json.Number)
		n, err := number.Int64()
		c.require(err == nil, "must be a whole number", raw, "")
		target.SetInt(n)
	case reflect.Bool:
		b, ok := raw.(bool)
		c.require(ok, "must be true or false", raw, "")
		target.SetBool(b)
	default:
		text, ok := raw.(string)
		c.require(ok, "must be a text", raw, "put it in quotes")
		target.SetString(text)
	}
}

func (c checker) decodeStruct(raw any, target reflect.Value) {
	object, ok := raw.(map[string]any)
	if !ok {
		c.fail("must be an object", raw, "set its keys with pulumi config set --path")
		return
	}
	var known []string
	fields := map[string]reflect.Value{}
	for i := range target.NumField() {
		key := target.Type().Field(i).Tag.Get("json")
		known, fields[key] = append(known, key), target.Field(i)
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if field, ok := fields[key]; ok {
			c.at(key).decode(object[key], field)
		} else {
			c.at(key).unknown(key, known)
		}
	}
}
