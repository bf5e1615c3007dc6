package pulumi

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

const trafficKey = "codeflow:traffic"

// stackFile is a Pulumi.<stack>.yaml as text: whoever reads it wants their comments
// back.
type stackFile []byte

// traffic returns the weights in the file, none when the key is absent.
func (f stackFile) traffic() (ops.Weights, error) {
	var file struct {
		Config struct {
			Traffic ops.Weights `yaml:"codeflow:traffic"`
		} `yaml:"config"`
	}
	if err := yaml.Unmarshal(f, &file); err != nil {
		return nil, fmt.Errorf("%s must be an object of weights, for example {blue: 90, green: 10}: %w", trafficKey, err)
	}
	return file.Config.Traffic, nil
}

// withTraffic returns the file with other weights and everything else as it was.
func (f stackFile) withTraffic(weights ops.Weights) (stackFile, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(f, &document); err != nil {
		return nil, err
	}
	edited := f
	if config := document.Content; len(config) == 1 {
		if value := child(config[0], "config"); value != nil {
			edited = f.edit(config[0], value, weights)
		}
	}
	if err := f.differsOnlyIn(edited, weights); err != nil {
		return nil, fmt.Errorf("setting %s to %s: %w: write it as one line, for example %s: %s", trafficKey, weights, err, trafficKey, flow(weights))
	}
	return edited, nil
}

func (f stackFile) edit(root, config *yaml.Node, weights ops.Weights) stackFile {
	value := child(config, trafficKey)
	switch {
	case value == nil:
		return f.insert(root, config, weights)
	case value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0:
		return f.editBlock(value, weights)
	case value.Kind == yaml.MappingNode:
		start := f.offset(value.Line, value.Column)
		return slices.Concat(f[:start], []byte(flow(weights)), f[flowEnd(f, start):])
	default: // null, or nothing at all
		start := f.offset(value.Line, value.Column)
		text := flow(weights)
		if start > 0 && f[start-1] == ':' {
			text = " " + text
		}
		return slices.Concat(f[:start], []byte(text), f[start+len(value.Value):])
	}
}

// insert adds the key as the last of the config.
func (f stackFile) insert(root, config *yaml.Node, weights ops.Weights) stackFile {
	if len(config.Content) == 0 {
		return f
	}
	end := len(f)
	for i := 0; i < len(root.Content); i += 2 {
		if key := root.Content[i]; key.Line > config.Line {
			end = min(end, f.offset(key.Line, 1))
		}
	}
	head := bytes.TrimRight(f[:end], "\n")
	line := fmt.Sprintf("\n%s%s: %s\n", strings.Repeat(" ", config.Content[0].Column-1), trafficKey, flow(weights))
	return slices.Concat(head, []byte(line), f[end:])
}

// editBlock edits a block of one line for each colour, from the last line on.
func (f stackFile) editBlock(block *yaml.Node, weights ops.Weights) stackFile {
	edited := f
	first, last := block.Content[0], block.Content[len(block.Content)-1]
	fresh := maps.Clone(weights)
	for i := len(block.Content) - 2; i >= 0; i -= 2 {
		color, value := block.Content[i], block.Content[i+1]
		start := f.offset(value.Line, value.Column)
		weight, stays := weights[color.Value]
		delete(fresh, color.Value)
		if stays {
			edited = slices.Concat(edited[:start], fmt.Append(nil, weight), edited[start+len(value.Value):])
		} else {
			edited = slices.Concat(edited[:f.offset(color.Line, 1)], edited[edited.offset(color.Line+1, 1):])
		}
	}
	lines := ""
	for _, color := range slices.Sorted(maps.Keys(fresh)) {
		lines += fmt.Sprintf("%s%s: %d\n", strings.Repeat(" ", first.Column-1), color, fresh[color])
	}
	removed := len(block.Content)/2 + len(fresh) - len(weights)
	end := edited.offset(last.Line+1-removed, 1)
	if lines != "" && end > 0 && edited[end-1] != '\n' {
		lines = "\n" + lines
	}
	return slices.Concat(edited[:end], []byte(lines), edited[end:])
}

// offset of a line and column, both from 1, in bytes; at most the length.
func (f stackFile) offset(line, column int) int {
	at := 0
	for ; line > 1; line-- {
		next := bytes.IndexByte(f[at:], '\n')
		if next < 0 {
			return len(f)
		}
		at += next + 1
	}
	return min(at+column-1, len(f))
}

// flowEnd is the offset after the bracket that closes the one at start.
func flowEnd(text []byte, start int) int {
	depth, quote := 0, byte(0)
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

func flow(weights ops.Weights) string {
	parts := make([]string, 0, len(weights))
	for _, color := range slices.Sorted(maps.Keys(weights)) {
		parts = append(parts, fmt.Sprintf("%s: %d", color, weights[color]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func child(mapping *yaml.Node, key string) *yaml.Node {
	if mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// differsOnlyIn makes sure that the edit did what it should.
func (f stackFile) differsOnlyIn(edited stackFile, weights ops.Weights) error {
	read := func(file stackFile) (settings map[string]any, err error) {
		var content map[string]any
		if err := yaml.Unmarshal(file, &content); err != nil {
			return nil, err
		}
		config, _ := content["config"].(map[string]any)
		delete(config, trafficKey)
		return content, nil
	}
	before, err := read(f)
	if err != nil {
		return err
	}
	after, err := read(edited)
	if err != nil {
		return err
	}
	got, err := edited.traffic()
	if err != nil {
		return err
	}
	if !maps.Equal(got, weights) || !reflect.DeepEqual(before, after) {
		return errors.New("the file cannot be edited without changing more")
	}
	return nil
}

func readStackFile(path string) (stackFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading stack config: %w", err)
	}
	return text, nil
}

// write replaces the file as a whole.
func (f stackFile) write(path string) error {
	mode := os.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	partial, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing stack config: %w", err)
	}
	_, err = partial.Write(f)
	err = errors.Join(err, partial.Chmod(mode), partial.Sync(), partial.Close())
	if err == nil {
		err = os.Rename(partial.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing stack config: %w", err), os.Remove(partial.Name()))
	}
	return nil
}
