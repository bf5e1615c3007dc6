package catalog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestStem lists words that must be found by each other, and pairs that must not.
func TestStem(t *testing.T) {
	t.Parallel()
	for _, forms := range []string{
		"review reviews reviewer reviewers reviewing reviewed",
		"test tests tester testing tested",
		"scan scanner scanning",
		"migrate migration migrations migrating",
		"translate translation translator",
		"optimize optimizer optimization optimise optimizing",
		"accessible accessibility",
		"query queries",
		"database databases",
		"table tables",
		"scalable scalability",
		"generate generator generation",
		"api apis",
	} {
		for _, form := range strings.Fields(forms) {
			assert.Equal(t, stem(strings.Fields(forms)[0]), stem(form), form)
		}
	}
	for _, different := range [][2]string{{"process", "procedure"}, {"test", "text"}, {"code", "codebase"}, {"user", "use"}, {"class", "cls"}} {
		assert.NotEqual(t, stem(different[0]), stem(different[1]), "%v", different)
	}
	for _, short := range []string{"", "ai", "ci", "as", "s", "ä"} {
		assert.Equal(t, short, stem(short))
	}
}
