package compress_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/server/compress"
)

var long = strings.Repeat("an answer that says the same again and again. ", 1000)

func unzip(t *testing.T, data io.Reader) string {
	t.Helper()
	zr, err := gzip.NewReader(data)
	require.NoError(t, err)
	zr.Multistream(false)
	text, err := io.ReadAll(zr)
	require.NoError(t, err)
	rest, err := io.ReadAll(data)
	require.NoError(t, err)
	require.Empty(t, rest, "some clients read one member only")
	return string(text)
}

func TestNew(t *testing.T) {
	t.Parallel()
	handler := compress.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"x"`)
		switch r.URL.Path {
		case "/short":
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader(long[:100]))
		case "/encoded":
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, long)
		case "/failed":
			http.Error(w, long, http.StatusInternalServerError)
		case "/unknown-length":
			_, _ = io.WriteString(w, long)
		default:
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader(long))
		}
	}))
	for name, tc := range map[string]struct {
		method, path, accept string
		headers              []string
		status               int
		compressed           bool
	}{
		"taken":          {"GET", "/", "gzip, deflate, br", nil, 200, true},
		"taken alone":    {"GET", "/", "br;q=1, GZIP;q=0.5", nil, 200, true},
		"not taken":      {"GET", "/", "gzip;q=0, br", nil, 200, false},
		"not taken, 0.0": {"GET", "/", "gzip; q=0.000", nil, 200, false},
		"another":        {"GET", "/", "br, xgzip", nil, 200, false},
		"none":           {"GET", "/", "", nil, 200, false},
		"short":          {"GET", "/short", "gzip", nil, 200, false},
		"encoded":        {"GET", "/encoded", "gzip", nil, 200, false},
		"failed":         {"GET", "/failed", "gzip", nil, 500, false},
		"no length":      {"GET", "/unknown-length", "gzip", nil, 200, false},
		"head":           {"HEAD", "/", "gzip", nil, 200, false},
		"range":          {"GET", "/", "gzip", []string{"Range", "bytes=0-1999"}, 206, false},
		"had":            {"GET", "/", "gzip", []string{"If-None-Match", `W/"x"`}, 304, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tc.method, tc.path, nil)
			r.Header.Set("Accept-Encoding", tc.accept)
			for i := 0; i < len(tc.headers); i += 2 {
				r.Header.Set(tc.headers[i], tc.headers[i+1])
			}
			rec := httptest.NewRecorder()
			rec.Header()["Vary"] = []string{"Origin"}
			handler.ServeHTTP(rec, r)
			assert.Equal(t, tc.status, rec.Code)
			assert.Equal(t, []string{"Origin", "Accept-Encoding"}, rec.Header()["Vary"])
			assert.Equal(t, tc.compressed, rec.Header().Get("Content-Encoding") == "gzip")
			assert.Equal(t, tc.compressed, strings.HasPrefix(rec.Header().Get("Etag"), "W/"))
			if tc.compressed {
				assert.Empty(t, rec.Header().Get("Content-Length"), "it is that of the text")
				assert.Less(t, rec.Body.Len(), len(long)/10)
				assert.Equal(t, long, unzip(t, rec.Body))
			}
		})
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	tail := compress.NewTail([]byte(long))
	for _, head := range []string{"", "x", `{"jsonrpc":"2.0","id":1,`, long, strings.Repeat("y", 1<<16-1)} {
		assert.Equal(t, head+long, unzip(t, bytes.NewReader(tail.After([]byte(head)))))
	}
	assert.Less(t, len(tail.After(nil)), len(long)/10)
	assert.Nil(t, tail.After(make([]byte, 1<<16)), "a block has a length of 16 bits")
	assert.Nil(t, compress.NewTail([]byte(long[:100])).After(nil), "it is not worth it")
}
