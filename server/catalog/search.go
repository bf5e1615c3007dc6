package catalog

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
)

// Hit is an agent that a search found, and how well it fits: higher is better,
// comparable within one search only.
type Hit struct {
	Agent *Agent
	Score float64
}

// Search returns the agents that fit the words of query best, at most limit.
// A word also finds the words that it begins. A query without words finds nothing.
func (c *Catalog) Search(query string, limit int) []Hit {
	scores, index := map[*Agent]float64{}, c.index()
	queried := words(query)
	slices.Sort(queried)
	for _, word := range slices.Compact(queried) {
		for agent, score := range index.match(word) {
			scores[agent] += score
		}
	}
	hits := make([]Hit, 0, len(scores))
	for agent, score := range scores {
		hits = append(hits, Hit{Agent: agent, Score: score})
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Agent.Name, b.Agent.Name))
	})
	return hits[:min(len(hits), max(limit, 0))]
}

// The ranking is Okapi BM25 with its usual parameters, over words that count
// more often where they say more about an agent:
// https://www.staff.city.ac.uk/~sbrp622/papers/foundations_bm25_review.pdf
const (
	saturation   = 1.2
	lengthWeight = 0.75
	// prefixWeight is what a word that only begins with the queried one is worth.
	prefixWeight = 0.5

	nameWeight        = 8
	tagWeight         = 4
	descriptionWeight = 3
	bodyWeight        = 1
)

// index is an inverted index: its words are sorted, postings is parallel to it.
type index struct {
	words    []string
	postings []map[*Agent]float64 // the score of the word for each agent that has it
}

func newIndex(agents []*Agent) index {
	frequencies := map[string]map[*Agent]float64{}
	lengths := map[*Agent]float64{}
	var total float64
	for _, a := range agents {
		for _, field := range []struct {
			text   string
			weight float64
		}{
			{a.Name, nameWeight},
			{a.Category + " " + strings.Join(a.Tags, " "), tagWeight},
			{a.Description, descriptionWeight},
			{a.Body, bodyWeight},
		} {
			for _, word := range words(field.text) {
				if frequencies[word] == nil {
					frequencies[word] = map[*Agent]float64{}
				}
				frequencies[word][a] += field.weight
				lengths[a] += field.weight
				total += field.weight
			}
		}
	}
	count := float64(len(agents))
	var ix index
	for word := range frequencies {
		ix.words = append(ix.words, word)
	}
	slices.Sort(ix.words)
	for _, word := range ix.words {
		posting := frequencies[word]
		n := float64(len(posting))
		rarity := math.Log(1 + (count-n+0.5)/(n+0.5))
		for a, frequency := range posting {
			long := 1 - lengthWeight + lengthWeight*lengths[a]*count/total
			posting[a] = rarity * frequency * (saturation + 1) / (frequency + saturation*long)
		}
		ix.postings = append(ix.postings, posting)
	}
	return ix
}

// match returns the score of each agent for one word: its own, or that of the
// best word that it begins.
func (ix index) match(word string) map[*Agent]float64 {
	scores := map[*Agent]float64{}
	first, _ := slices.BinarySearch(ix.words, word)
	for i := first; i < len(ix.words) && strings.HasPrefix(ix.words[i], word); i++ {
		weight := prefixWeight
		if ix.words[i] == word {
			weight = 1
		}
		for agent, score := range ix.postings[i] {
			scores[agent] = max(scores[agent], weight*score)
		}
	}
	return scores
}

// words are the runs of letters and digits in a text, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}
