package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// suggestion names the known input that looks most like the name, if one does.
func suggestion(name string, properties map[string]*Property) string {
	best, distance := "", len(name)/2+1
	for _, candidate := range slices.Sorted(maps.Keys(properties)) {
		d := levenshtein(strings.ToLower(name), strings.ToLower(candidate))
		if strings.HasPrefix(strings.ToLower(candidate), strings.ToLower(name)) {
			d = min(d, 1)
		}
		if d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// levenshtein is the number of single-letter edits between two words.
func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
