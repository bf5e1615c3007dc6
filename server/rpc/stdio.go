package rpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxLine bounds a message on standard input, in bytes.
const maxLine = 16 << 20

// Stdio answers the messages of the client that started the program, a line
// each, until in ends or ctx is done. A handler of [New] answers them as it does
// those of HTTP: only the headers are missing, and are made of what a message says.
func Stdio(ctx context.Context, handler http.Handler, in io.Reader, out io.Writer) error {
	lines := make(chan []byte)
	ended := make(chan error, 1)
	go func() {
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, maxLine)
		for scanner.Scan() {
			select {
			case lines <- bytes.Clone(scanner.Bytes()):
			case <-ctx.Done():
				return
			}
		}
		ended <- scanner.Err()
	}()
	version := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			if errors.Is(err, io.ErrClosedPipe) {
				return nil
			}
			return err
		case line := <-lines:
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			said := say(ctx, handler, line, &version)
			if _, err := out.Write(said); err != nil {
				return err
			}
		}
	}
}

// say returns what is answered to a line: nothing, or lines.
func say(ctx context.Context, handler http.Handler, line []byte, version *string) []byte {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(line))
	if err != nil {
		return nil // it is good
	}
	r.Header["Content-Type"] = jsonType
	var sent struct {
		Method string `json:"method"`
		Params struct {
			Name string         `json:"name"`
			URI  string         `json:"uri"`
			Meta map[string]any `json:"_meta"`
		} `json:"params"`
	}
	_ = json.Unmarshal(line, &sent) // or the handler says what is wrong
	used := *version
	if its, ok := sent.Params.Meta[mcp.MetaKeyProtocolVersion].(string); ok {
		used = its
	}
	if used != "" && sent.Method != "initialize" {
		r.Header.Set(versionHeader, used)
		r.Header.Set("Mcp-Method", sent.Method)
		r.Header.Set("Mcp-Name", sent.Params.Name+sent.Params.URI)
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK, most: maxLine}
	handler.ServeHTTP(rec, r)
	said := rec.body.Bytes()
	if sent.Method == "initialize" {
		var answer struct {
			Result mcp.InitializeResult `json:"result"`
		}
		_ = json.Unmarshal(said, &answer) // or it is an error
		*version = answer.Result.ProtocolVersion
	}
	if rec.header.Get("Content-Type") != "text/event-stream" {
		if len(said) > 0 {
			said = append(said, '\n')
		}
		return said
	}
	var events []byte
	for event := range bytes.SplitAfterSeq(said, []byte("\n")) {
		if data, ok := bytes.CutPrefix(event, []byte("data: ")); ok {
			events = append(events, data...)
		}
	}
	return events
}
