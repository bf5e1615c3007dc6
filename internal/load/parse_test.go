package load

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]answer{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":                                     {status: 200},
		"HTTP/1.1 404 Not Found\r\nDate: x\r\ncontent-length:0\r\nConnection: Close\r\n\r\n": {status: 404, close: true},
		"HTTP/1.1 202\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":             {status: 202},
		"HTTP/1.1 204 No Content\r\n\r\n":                                                    {status: 204},
	} {
		got, err := parse([]byte(text))
		require.NoError(t, err)
		want.length = len(text)
		assert.Equal(t, want, got)
		for cut := range text { // an answer that is not there yet
			got, err := parse([]byte(text[:cut]))
			require.NoError(t, err)
			assert.Zero(t, got.length, text[:cut])
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"HTTP/1.1 200 OK\r\n\r\n":                                    "neither",
		"SSH-2.0-x\r\n\r\n":                                          "no status line",
		"HTTP/1.1 2xx OK\r\n\r\n":                                    "no status line",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n":              "no length",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n": "no chunk",
	} {
		_, err := parse([]byte(text))
		assert.ErrorContains(t, err, want)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n", string(Request("h", "/a", nil, "X: y")))
	post := string(Request("h", "/a", []byte("{}")))
	assert.True(t, strings.HasPrefix(post, "POST /a HTTP/1.1\r\n"))
	assert.True(t, strings.HasSuffix(post, "Content-Length: 2\r\n\r\n{}"))
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	var h Histogram
	assert.Zero(t, h.Quantile(0.5))
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		h.Record(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.99, 0.999, 1} {
		want := all[int(q*float64(len(all)))-1]
		assert.InEpsilon(t, want, h.Quantile(q), 1.0/128)
		assert.GreaterOrEqual(t, h.Quantile(q), want)
	}
	assert.Equal(t, all[len(all)-1], h.Max())
	assert.Equal(t, len(all), h.Count())

	for _, d := range []time.Duration{0, 1, 255, 256, 257, 1 << 20, 1<<63 - 1} {
		assert.GreaterOrEqual(t, upper(bucket(d)), d)
		assert.Less(t, bucket(d), len(h.counts))
	}
}
