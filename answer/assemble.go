package answer

import (
	"hash/maphash"
	"strings"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
)

// assemble chooses the hits that are put before the generator: the best k, less
// what says the same as one before it, within a budget of tokens. The first hit
// is always taken. read returns a hit as it is read, with the text of its parent if
// it has one; several hits of one parent are read once, by the best of them, and a
// parent that the budget has no room for is not read: the hit is, by itself. The
// second result holds the hits as they are read.
func assemble(hits []rag.Hit, k, budget int, read func(rag.Hit) (rag.Hit, error)) (out, texts []rag.Hit, err error) {
	out = make([]rag.Hit, 0, min(k, len(hits)))
	var taken []map[uint64]bool
	type parent struct {
		document rag.DocumentID
		span     rag.Span
	}
	parents := map[parent]bool{}
	tokens := 0
	room := func(h *rag.Hit) bool { return len(out) == 0 || budget <= 0 || tokens+h.Tokens <= budget }
	for _, h := range hits {
		if len(out) == k {
			break
		}
		of := parent{h.Document.ID, h.Parent}
		if !room(&h) || parents[of] {
			continue // a shorter one further down may still fit
		}
		text, err := read(h)
		if err != nil {
			return nil, nil, err
		}
		if isWidened(&text) && (!room(&text) || len(out) == 0 && budget > 0 && text.Tokens > budget) {
			text = h
		}
		shingles := shinglesOf(text.Text)
		if nearDuplicate(text, shingles, texts, taken) {
			continue
		}
		out, texts = append(out, h), append(texts, text)
		taken = append(taken, shingles)
		tokens += text.Tokens
		parents[of] = isWidened(&text)
	}
	return out, texts, nil
}

// duplicateShare is the part of the smaller text's shingles above which two
// texts count as the same. At .8 a passage may differ from its copy in about one
// word of twenty-five.
const duplicateShare = .8

func nearDuplicate(h rag.Hit, shingles map[uint64]bool, out []rag.Hit, taken []map[uint64]bool) bool {
	for i, t := range taken {
		o := out[i]
		if o.Document.ID == h.Document.ID && o.Span.Contains(h.Span) {
			return true
		}
		small, large := shingles, t
		if len(large) < len(small) {
			small, large = large, small
		}
		shared := 0
		for s := range small {
			if large[s] {
				shared++
			}
		}
		if len(small) > 0 && float64(shared) >= duplicateShare*float64(len(small)) {
			return true
		}
	}
	return false
}

var shingleSeed = maphash.MakeSeed()

// shinglesOf returns the hashes of all runs of five words (Broder 1997), case
// and punctuation aside; of a text of fewer words, the hash of the whole.
func shinglesOf(text string) map[uint64]bool {
	const width = 5
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	out := make(map[uint64]bool, len(words))
	add := func(run []string) {
		out[maphash.String(shingleSeed, strings.Join(run, " "))] = true
	}
	if len(words) > 0 && len(words) < width {
		add(words)
	}
	for i := 0; i+width <= len(words); i++ {
		add(words[i : i+width])
	}
	return out
}
