package stacks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"gopkg.in/yaml.v3"
)

// namespace is the project's name in Pulumi.yaml, the prefix of its config keys.
const namespace = "codeflow"

// Config is the configuration of one stack: which kind it is, and that kind's
// settings.
type Config struct {
	Kind     string // "platform" or "color"
	Platform *Platform
	Color    *Color
	Traffic  Traffic
}

// topKeys are the keys that a stack of each kind may have.
var topKeys = map[string][]string{
	"platform": {"kind", "platform", "traffic"},
	"color":    {"kind", "color"},
}

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

// loadConfig reads the config of a stack through get (the value of a full key)
// and the keys of its stack file, and returns every problem at once.
//
// The SDK cannot list the keys, so a misspelt one is found in the file.
func loadConfig(get func(key string) (string, bool), file string) (*Config, error) {
	c := checker{path: namespace + ":", problems: new([]error)}
	cfg := &Config{}
	cfg.Kind, _ = get(namespace + ":kind")
	known, ok := topKeys[cfg.Kind]
	if !ok {
		c.at("kind").fail("must be platform or color", cfg.Kind, "run pulumi config set kind platform, or color")
		return nil, c.err()
	}
	fileKeys, err := stackFileKeys(file)
	if err != nil {
		return nil, err
	}
	for _, key := range fileKeys {
		if !slices.Contains(known, key) {
			c.at(key).unknown(key, known)
		}
	}
	switch cfg.Kind {
	case "platform":
		cfg.Platform = defaultPlatform()
		c.object(get, "platform", cfg.Platform)
		c.object(get, "traffic", &cfg.Traffic)
		cfg.Platform.validate(c.at("platform"))
		cfg.Traffic.validate(c.at("traffic"), cfg.Platform)
	case "color":
		cfg.Color = defaultColor()
		c.object(get, "color", cfg.Color)
		cfg.Color.validate(c.at("color"))
	}
	return cfg, c.err()
}

// stackFileKeys lists the project's keys in a Pulumi.<stack>.yaml, without the
// namespace. A stack without a file has none.
func stackFileKeys(path string) ([]string, error) {
	data, err := os.ReadFile(filepath.Clean(path))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading stack config: %w", err)
	}
	var stack struct {
		Config map[string]yaml.Node `yaml:"config"`
	}
	if err := yaml.Unmarshal(data, &stack); err != nil {
		return nil, fmt.Errorf("reading stack config %q: %w", path, err)
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(stack.Config)) {
		if k, ok := strings.CutPrefix(key, namespace+":"); ok {
			keys = append(keys, k)
		}
	}
	return keys, nil
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
	best := slices.MinFunc(known, func(a, b string) int {
		return levenshtein.Distance(a, key, nil) - levenshtein.Distance(b, key, nil)
	})
	c.fail("unknown key", nil, fmt.Sprintf("did you mean %q? Known keys: %s", best, strings.Join(known, ", ")))
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
	if err := decoder.Decode(&raw); err != nil {
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
