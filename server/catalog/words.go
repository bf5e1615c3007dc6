package catalog

import (
	"slices"
	"strings"
)

// filler are words of questions that say nothing about their subject.
var filler = strings.Fields(`a an and are as at be by can could do does for from have how i in into is it its
	make me my need needs of on or our please should so take that the their them there this to up us want
	we what when where which who why will with would you your`)

// suffixes are the endings of English words that [stem] takes off, the longest
// first: what is left of "reviewer", "reviewing" and "reviews" is the same.
var suffixes = strings.Fields(
	"bilities ization isation bility ations izing izers ating ation ators ition ities ates ated ator ized izes izer bles ings ions ble ate ers ies ing ion ise ity ize ors al ed er es ly or e s y")

// minStem is how much of a word stays at least.
const minStem = 3

// stem returns a word without its ending, and without the letter that English
// doubles before one. It need not be a word, but the same for all its forms.
func stem(word string) string {
	for _, suffix := range suffixes {
		if rest, ok := strings.CutSuffix(word, suffix); ok && len(rest) >= minStem && !strings.HasSuffix(word, "ss") {
			if n := len(rest); n > minStem && rest[n-1] == rest[n-2] && !strings.ContainsRune("lsz", rune(rest[n-1])) {
				rest = rest[:n-1]
			}
			return rest
		}
	}
	return word
}

func stemmed(words []string) []string {
	for i, word := range words {
		words[i] = stem(word)
	}
	return words
}

// stemOnce is stem with a memory.
func stemOnce(stems map[string]string, word string) string {
	s, ok := stems[word]
	if !ok {
		s = stem(word)
		stems[word] = s
	}
	return s
}

func unique(words []string) []string {
	slices.Sort(words)
	return slices.Compact(words)
}
