package catalog

import (
	"cmp"
	"maps"
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
// A word also finds its other forms and the words that it begins. A query
// without words finds nothing.
func (c *Catalog) Search(query string, limit int) []Hit {
	found := c.agents().search(query, limit)
	hits := make([]Hit, len(found))
	for i, f := range found {
		hits[i] = Hit{Agent: c.Agents[f.document], Score: f.score}
	}
	return hits
}

// SearchCommands is [Catalog.Search] for commands, by name, description and
// inputs: their texts are about everything.
func (c *Catalog) SearchCommands(query string, limit int) []*Command {
	found := c.commands().search(query, limit)
	commands := make([]*Command, len(found))
	for i, f := range found {
		commands[i] = c.Commands[f.document]
	}
	return commands
}

// The ranking is Okapi BM25 with its usual parameters, over words that count
// more often where they say more:
// https://www.staff.city.ac.uk/~sbrp622/papers/foundations_bm25_review.pdf
const (
	saturation   = 1.2
	lengthWeight = 0.75
	// prefixWeight is what a word that only begins with the queried one is
	// worth; shorter ones than minPrefix begin too many.
	prefixWeight = 0.5
	minPrefix    = 3
	// nameBonus comes on top for a word of the name, however common it is.
	nameBonus = 2
	// maxWords is how many words of a query count: of 64 KB they would take a second.
	maxWords = 32
	// minShare of the best score is what a document must have to be found:
	// less is a common word in a long text.
	minShare = 0.15

	nameWeight        = 8
	tagWeight         = 4
	descriptionWeight = 3
	bodyWeight        = 1
)

// document is what is searched, the name among it as the first field.
type document []field

type field struct {
	text   string
	weight float64
}

func (a *Agent) document() document {
	return document{
		{a.Name, nameWeight},
		{a.Category + " " + strings.Join(a.Tags, " "), tagWeight},
		{a.Description, descriptionWeight},
		{a.Body, bodyWeight},
	}
}

func (k *Command) document() document {
	d := document{{k.Name, nameWeight}, {k.Description, descriptionWeight}}
	for _, input := range k.Inputs {
		d = append(d, field{input.Name + " " + input.Description, bodyWeight})
	}
	return d
}

// scores are by the position of a document.
type scores map[int]float64

// index is an inverted index: its words are sorted, postings is parallel to it.
type index struct {
	words    []string
	postings []scores
}

func indexOf[T any](items []T, of func(T) document) index {
	documents := make([]document, len(items))
	for i, item := range items {
		documents[i] = of(item)
	}
	return newIndex(documents)
}

func newIndex(documents []document) index {
	frequencies, stems, lengths := map[string]scores{}, map[string]string{}, make([]float64, len(documents))
	var total float64
	for i, d := range documents {
		for _, f := range d {
			for _, word := range words(f.text) {
				word = stemOnce(stems, word)
				if frequencies[word] == nil {
					frequencies[word] = scores{}
				}
				frequencies[word][i] += f.weight
				lengths[i] += f.weight
			}
		}
		total += lengths[i]
	}
	count := float64(len(documents))
	for _, posting := range frequencies {
		n := float64(len(posting))
		rarity := math.Log(1 + (count-n+0.5)/(n+0.5))
		for i, frequency := range posting {
			long := 1 - lengthWeight + lengthWeight*lengths[i]*count/total
			posting[i] = rarity * frequency * (saturation + 1) / (frequency + saturation*long)
		}
	}
	for i, d := range documents {
		for _, word := range unique(stemmed(words(d[0].text))) {
			frequencies[word][i] += nameBonus
		}
	}
	ix := index{words: slices.Sorted(maps.Keys(frequencies))}
	for _, word := range ix.words {
		ix.postings = append(ix.postings, frequencies[word])
	}
	return ix
}

type found struct {
	document int
	score    float64
}

// search returns the documents that fit a query best, at most limit; of equals
// the first comes first.
func (ix index) search(query string, limit int) []found {
	queried := words(query)
	if asked := slices.DeleteFunc(slices.Clone(queried), func(word string) bool { return slices.Contains(filler, word) }); len(asked) > 0 {
		queried = asked
	}
	sum := scores{}
	for _, word := range unique(queried[:min(len(queried), maxWords)]) {
		for i, score := range ix.match(word) {
			sum[i] += score
		}
	}
	all := make([]found, 0, len(sum))
	for i, score := range sum {
		all = append(all, found{i, score})
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.document, b.document))
	})
	for i, f := range all {
		if f.score < minShare*all[0].score {
			all = all[:i]
			break
		}
	}
	return all[:min(len(all), max(limit, 0))]
}

// match returns the score of each document for one word: its own, in any form,
// or that of the best word that it begins.
func (ix index) match(word string) scores {
	best := scores{}
	if i, ok := slices.BinarySearch(ix.words, stem(word)); ok {
		maps.Copy(best, ix.postings[i])
	}
	if len(word) < minPrefix {
		return best
	}
	first, _ := slices.BinarySearch(ix.words, word)
	for i := first; i < len(ix.words) && strings.HasPrefix(ix.words[i], word); i++ {
		for document, score := range ix.postings[i] {
			best[document] = max(best[document], prefixWeight*score)
		}
	}
	return best
}

// words are the runs of letters and digits in a text, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}
