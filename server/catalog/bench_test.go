// go test -run '^$' -bench . ./server/catalog
package catalog_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/bundletest"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/catalog"
)

// many is a folder of the bundle that is deployed, again and again.
func many(b *testing.B, agents int) string {
	b.Helper()
	real := bundletest.Real(b, "../../agents/bundle.yaml")
	c, err := catalog.Load(real)
	require.NoError(b, err)
	texts := map[string]string{}
	for i := range agents {
		a := c.Agents[i%len(c.Agents)]
		text, err := a.Text(catalog.Base)
		require.NoError(b, err)
		texts[fmt.Sprintf("%s-%d", a.Name, i/len(c.Agents))] = text
	}
	dir := b.TempDir()
	require.NoError(b, os.CopyFS(dir, bundletest.FS(b, texts, nil)))
	return dir
}

func BenchmarkLoad(b *testing.B) {
	for _, agents := range []int{33, 1000} {
		dir := many(b, agents)
		b.Run(fmt.Sprintf("agents=%d", agents), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := catalog.Load(os.DirFS(dir))
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkSearch is the first search, which makes the index, and a further one.
func BenchmarkSearch(b *testing.B) {
	for _, agents := range []int{33, 1000} {
		bundle := os.DirFS(many(b, agents))
		b.Run(fmt.Sprintf("agents=%d/first", agents), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				c, err := catalog.Load(bundle)
				require.NoError(b, err)
				b.StartTimer()
				require.NotEmpty(b, c.Search("review code", 10))
			}
		})
		b.Run(fmt.Sprintf("agents=%d/next", agents), func(b *testing.B) {
			c, err := catalog.Load(bundle)
			require.NoError(b, err)
			for b.Loop() {
				require.NotEmpty(b, c.Search("review code", 10))
			}
		})
	}
}
