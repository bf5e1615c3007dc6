package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// Request writes a request. A nil body is a GET, any other a POST of JSON as
// MCP's clients send it; headers are whole lines without their ends.
func Request(host, path string, body []byte, headers ...string) []byte {
	var b bytes.Buffer
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
		headers = append(headers, "Content-Type: application/json", "Accept: application/json, text/event-stream",
			fmt.Sprintf("Content-Length: %d", len(body)))
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	for _, line := range headers {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// answer is what is to be known of an answer: its length is that of its head
// and body, 0 while not all of it is there.
type answer struct {
	status, length int
	close          bool
}

var (
	headEnd = []byte("\r\n\r\n")
	lineEnd = headEnd[:2]

	errNoLength = errors.New("an answer has neither a Content-Length nor chunks")
)

// parse looks for one answer at the beginning of data.
func parse(data []byte) (answer, error) {
	end := bytes.Index(data, headEnd)
	if end < 0 {
		return answer{}, nil
	}
	first, fields, _ := bytes.Cut(data[:end+len(lineEnd)], lineEnd)
	var a answer
	var err error
	if len(first) < len("HTTP/1.1 200") || !bytes.HasPrefix(first, []byte("HTTP/1.")) {
		return a, fmt.Errorf("no status line: %.20q", first)
	}
	if a.status, err = strconv.Atoi(string(first[9:12])); err != nil {
		return a, fmt.Errorf("no status line: %.20q", first)
	}
	body, length := data[end+len(headEnd):], -1
	for line := range bytes.SplitSeq(fields, lineEnd) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return a, fmt.Errorf("no length: %.20q", value)
			}
		case is(name, "transfer-encoding"):
			if length, err = chunks(body); err != nil {
				return a, err
			}
			if length == 0 {
				return a, nil
			}
		case is(name, "connection"):
			a.close = is(value, "close")
		}
	}
	switch {
	case a.status == http.StatusNoContent || a.status == http.StatusNotModified:
		length = 0
	case length < 0:
		return a, errNoLength
	}
	if len(body) >= length {
		a.length = end + len(headEnd) + length
	}
	return a, nil
}

// is compares regardless of case, and fast when the lengths differ.
func is(data []byte, text string) bool {
	return len(data) == len(text) && bytes.EqualFold(data, []byte(text))
}

// chunks returns the length of a chunked body without trailers, 0 while not all
// of it is there.
func chunks(body []byte) (int, error) {
	for at := 0; ; {
		line, _, found := bytes.Cut(body[at:], lineEnd)
		if !found {
			return 0, nil
		}
		size, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return 0, fmt.Errorf("no chunk: %.20q", line)
		}
		at += len(line) + int(size) + 2*len(lineEnd)
		switch {
		case at > len(body):
			return 0, nil
		case size == 0:
			return at, nil
		}
	}
}
