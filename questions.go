package smartretriever

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/sentence"
)

// question is one that two generations are compared on. judged is nil where the
// relevant documents are not known.
type question struct {
	text   string
	judged map[string]int // external id of a document: how relevant it is
}

// questions returns those that people asked lately, and those with known answers:
// from the options, or made from the collection's own passages.
func (r *Retriever) questions(ctx context.Context, col rag.Collection, opt ReembedOptions) ([]question, error) {
	asked, err := r.askedQuestions(ctx, col, opt.Questions)
	if err != nil {
		return nil, err
	}
	var judged []question
	if opt.Judged != nil {
		judged, err = r.judgedQuestions(ctx, col, opt)
	} else {
		judged, err = r.madeQuestions(ctx, col, opt.Questions)
	}
	return append(asked, judged...), err
}

// logPages bounds how far back the query log is read, in pages of 1,000.
const logPages = 20

// askedQuestions returns the newest questions of the query log, each once.
func (r *Retriever) askedQuestions(ctx context.Context, col rag.Collection, most int) ([]question, error) {
	var out []question
	seen := map[string]bool{}
	opt := rag.ListOptions{Limit: 1000, Descending: true}
	for range logPages {
		page, err := r.store.Queries(ctx, rag.Scope{Tenant: col.Tenant, Collection: col.Name, Admin: true}, opt)
		if err != nil {
			return nil, err
		}
		for _, q := range page.Items {
			key := strings.ToLower(strings.Join(strings.Fields(q.Text), " "))
			if key == "" || q.Err != "" || seen[key] {
				continue
			}
			if seen[key] = true; len(out) == most {
				return out, nil
			}
			out = append(out, question{text: q.Text})
		}
		if opt.Cursor = page.Next; opt.Cursor == "" {
			break
		}
	}
	return out, nil
}

// judgedQuestions returns the questions of a data set. One of whose relevant
// documents the collection has none is a data set of something else.
func (r *Retriever) judgedQuestions(ctx context.Context, col rag.Collection, opt ReembedOptions) ([]question, error) {
	var out []question
	here := false
	for _, q := range opt.Judged.Queries {
		if len(out) == opt.Questions {
			break
		}
		judged := opt.Judged.Qrels[q.ID]
		out = append(out, question{q.Text, judged})
		for id, relevance := range judged {
			if here || relevance <= 0 {
				continue
			}
			_, err := r.store.FindDocument(ctx, col.ID, id)
			if err != nil && !errors.Is(err, rag.ErrNotFound) {
				return nil, err
			}
			here = err == nil
		}
	}
	if len(out) > 0 && !here {
		return nil, rag.Errorf(rag.KindInvalid, "collection %q has none of the documents that %s says are relevant: judged documents are named by their external ids", col.Name, opt.Judged.Name)
	}
	return out, nil
}

// madeQuestions makes up to most questions from passages of documents that lie evenly
// over the collection, one a document: the rarest words of the passage's most telling
// sentence, in their order. The document they come from is the relevant one. The same
// collection gives the same questions.
func (r *Retriever) madeQuestions(ctx context.Context, col rag.Collection, most int) ([]question, error) {
	docs, err := r.sampleDocuments(ctx, col, most)
	if err != nil {
		return nil, err
	}
	scope := rag.Scope{Tenant: col.Tenant, Collection: col.Name, Admin: true}
	passages := make([]string, len(docs))
	in := map[string]int{} // passages that a word is in
	for i, d := range docs {
		chunks, err := r.store.DocumentChunks(ctx, scope, d.ID)
		if errors.Is(err, rag.ErrNotFound) || err == nil && len(chunks) == 0 {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		passages[i] = chunks[i%len(chunks)].Text
		for w := range wordSet(passages[i]) {
			in[w]++
		}
	}
	var out []question
	for i, p := range passages {
		if text := keyphrase(p, in, len(passages)); text != "" {
			out = append(out, question{text, map[string]int{docs[i].ExternalID: 1}})
		}
	}
	return out, nil
}

// sampleDocuments returns up to most documents of a collection, evenly spread.
func (r *Retriever) sampleDocuments(ctx context.Context, col rag.Collection, most int) ([]rag.Document, error) {
	stride := max(1, col.Documents/max(1, most))
	var out []rag.Document
	opt := rag.ListOptions{Limit: 1000}
	for n := 0; ; {
		page, err := r.store.Documents(ctx, rag.Scope{Tenant: col.Tenant, Collection: col.Name, Admin: true}, opt)
		if err != nil {
			return nil, err
		}
		for _, d := range page.Items {
			if len(out) == most {
				return out, nil
			}
			if d.Chunks > 0 && n%stride == 0 {
				out = append(out, d)
			}
			n++
		}
		if opt.Cursor = page.Next; opt.Cursor == "" {
			return out, nil
		}
	}
}

// Bounds of a question that is made.
const (
	leastWords   = 5  // of a sentence that is worth a question
	mostWords    = 40 // that are looked at together: a list or table may have no sentences
	keyWords     = 6  // of the question
	commonShare  = .2 // of passages: a word that is in more says little
	unspacedText = 24 // characters of a question in a script without spaces
)

// keyphrase returns the rarest words of a passage's most telling sentence, in their
// order, "" if it has none that would do. in counts the passages of of that hold a
// word.
func keyphrase(passage string, in map[string]int, of int) string {
	best, telling := "", 0.0
	for s := range sentence.All(passage) {
		text := strings.TrimSpace(s.Of(passage))
		words := wordsOf(text)
		if len(words) < leastWords {
			if utf8.RuneCountInString(text) >= unspacedText && best == "" && len(words) > 0 && unspaced(text) {
				best = string([]rune(text)[:unspacedText])
			}
			continue
		}
		for part := range slices.Chunk(words, mostWords) {
			if phrase, tells := rarest(part, in, of); tells > telling {
				best, telling = phrase, tells
			}
		}
	}
	return best
}

// rarest returns the rarest of a sentence's words, each once, in their order, and how
// much they tell: the sum of their inverse document frequencies.
func rarest(words []string, in map[string]int, of int) (phrase string, tells float64) {
	var kept []string
	for _, w := range words {
		common := of >= 10 && float64(in[w]) > commonShare*float64(of)
		if !common && utf8.RuneCountInString(w) > 2 && !slices.Contains(kept, w) {
			kept = append(kept, w)
		}
	}
	byRarity := slices.Clone(kept)
	slices.SortStableFunc(byRarity, func(a, b string) int {
		return cmp.Or(cmp.Compare(in[a], in[b]), cmp.Compare(len(b), len(a)))
	})
	chosen := byRarity[:min(keyWords, len(byRarity))]
	for _, w := range chosen {
		tells += math.Log(float64(2+of) / float64(1+in[w]))
	}
	kept = slices.DeleteFunc(kept, func(w string) bool { return !slices.Contains(chosen, w) })
	return strings.Join(kept, " "), tells
}

// wordsOf returns the words of a text in lower case.
func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range wordsOf(text) {
		set[w] = true
	}
	return set
}

// unspaced reports whether a text is of a script that writes words without spaces.
func unspaced(text string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }))
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
