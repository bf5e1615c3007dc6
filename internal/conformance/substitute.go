package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
)

const maxBody = 1 << 20

// proxy passes requests on to the server, those for the fixture with other
// parameters.
func (s *substitute) proxy(address string) (*httptest.Server, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { *r.Out.URL = *target }}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = s.replace(body)
		if r.Header.Get(nameHeader) == s.fixture {
			r.Header.Set(nameHeader, s.name())
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		forward.ServeHTTP(w, r)
	})), nil
}

// nameHeader repeats the name or URI of a request in the newest protocol.
const nameHeader = "Mcp-Name"

// name is the name or URI that takes the place of the fixture's.
func (s *substitute) name() string {
	for _, key := range []string{"name", "uri"} {
		if name, ok := s.params[key].(string); ok {
			return name
		}
	}
	return ""
}

// replace returns a request as it is sent on: with the parameters replaced if it
// is for the fixture.
func (s *substitute) replace(body []byte) []byte {
	var request map[string]any
	if json.Unmarshal(body, &request) != nil || request["method"] != s.method {
		return body
	}
	params, _ := request["params"].(map[string]any)
	if params["name"] != s.fixture && params["uri"] != s.fixture {
		return body
	}
	delete(params, "arguments")
	maps.Copy(params, s.params)
	replaced, err := json.Marshal(request)
	if err != nil {
		return body
	}
	return replaced
}
