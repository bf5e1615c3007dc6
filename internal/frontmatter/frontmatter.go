// Package frontmatter reads the YAML header of an agent or command.
package frontmatter

import (
	"bytes"
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"
)

// Split returns what precedes the second "---" line of a file that starts
// with one, and the rest. With its first delimiter the header is a YAML
// document of its own, and the parser's line numbers are those of the file.
func Split(data []byte) (header, rest []byte, ok bool) {
	end := 0
	for line := range bytes.Lines(data) {
		delimiter := isDelimiter(line)
		if end == 0 && !delimiter {
			break
		}
		if end > 0 && delimiter {
			return data[:end], data[end:], true
		}
		end += len(line)
	}
	return nil, data, false
}

func isDelimiter(line []byte) bool {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	return string(bytes.TrimRight(line, " \t")) == "---"
}

// Parse returns the mapping in the header of a file, and the text after it.
func Parse(data []byte) (root *yaml.Node, body []byte, err error) {
	header, rest, ok := Split(data)
	if !ok {
		return nil, nil, errors.New(`must start with YAML between two lines "---"`)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(header, &doc); err != nil {
		return nil, nil, fmt.Errorf("parsing front matter: %w", err)
	}
	if root := doc.Content[0]; root.Kind != yaml.MappingNode {
		return nil, nil, errors.New("front matter must be a mapping of keys to values")
	}
	_, body, _ = bytes.Cut(rest, []byte("\n"))
	return doc.Content[0], body, nil
}

// Child returns the value of a key of a mapping, or nil.
func Child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
