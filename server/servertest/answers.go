package servertest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
)

func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func (f *Fake) hits(s rag.Scope, text string, k int, filter rag.Filter, groupBy string) ([]rag.Hit, error) {
	c, err := f.find(s)
	if err != nil {
		return nil, err
	}
	if err := filter.Validate(); err != nil {
		return nil, err
	}
	asked := words(text)
	var out []rag.Hit
	for _, d := range c.docs {
		if !s.May(d.ACL) || !filter.Match(d.Lookup) {
			continue
		}
		for _, ch := range d.chunks {
			n := 0
			for _, w := range words(ch.Text) {
				if len(w) > 3 && slices.Contains(asked, w) {
					n++
				}
			}
			if n > 0 {
				cosine := float64(n) / float64(n+1)
				out = append(out, rag.Hit{
					ChunkID: ch.ID, Score: float64(n), Text: ch.Text, Span: ch.Span, Page: ch.Page, Heading: ch.Heading,
					Version: ch.Version, Tokens: ch.Tokens, Document: d.Document, Vector: cosine, VectorRank: 1,
				})
			}
		}
	}
	slices.SortFunc(out, func(a, b rag.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ChunkID, b.ChunkID))
	})
	if groupBy == "document" {
		seen := map[rag.DocumentID]bool{}
		out = slices.DeleteFunc(out, func(h rag.Hit) bool {
			was := seen[h.Document.ID]
			seen[h.Document.ID] = true
			return was
		})
	}
	return out[:min(len(out), k)], nil
}

func trace(id, stage string, in, out int) rag.Trace {
	return rag.Trace{ID: id, Took: 1500 * time.Microsecond, Stages: []rag.Stage{{Name: stage, Took: time.Millisecond, In: in, Out: out}}}
}

func (f *Fake) Search(_ context.Context, s rag.Scope, q rag.Query) (rag.SearchResult, error) {
	leave, err := f.enter("Search")
	if err != nil {
		return rag.SearchResult{}, err
	}
	defer leave()
	hits, err := f.hits(s, q.Text, cmp.Or(q.K, 10), q.Filter, q.GroupBy)
	if err != nil {
		return rag.SearchResult{}, err
	}
	f.queries++
	return rag.SearchResult{Hits: hits, Seq: f.seq, Trace: trace("search-1", "search", 0, len(hits))}, nil
}

func (f *Fake) Query(ctx context.Context, s rag.Scope, q rag.Question) (rag.Answer, error) {
	return f.QueryStream(ctx, s, q, func(rag.Event) error { return nil })
}

func (f *Fake) QueryStream(ctx context.Context, s rag.Scope, q rag.Question, on func(rag.Event) error) (rag.Answer, error) {
	a, err := f.answer(s, q)
	if err != nil {
		return a, err
	}
	if err := on(rag.Event{Kind: rag.EventHits, Hits: a.Hits}); err != nil {
		return a, err
	}
	if f.BeforeAnswer != nil {
		if err := f.BeforeAnswer(ctx); err != nil {
			return a, err
		}
	}
	for _, piece := range strings.SplitAfter(a.Text, " ") {
		if err := on(rag.Event{Kind: rag.EventDelta, Delta: piece}); err != nil {
			return a, err
		}
	}
	return a, on(rag.Event{Kind: rag.EventAnswer, Answer: &a})
}

func (f *Fake) answer(s rag.Scope, q rag.Question) (rag.Answer, error) {
	leave, err := f.enter("Query")
	if err != nil {
		return rag.Answer{}, err
	}
	defer leave()
	hits, err := f.hits(s, q.Text, cmp.Or(q.K, 8), q.Filter, "")
	if err != nil {
		return rag.Answer{}, err
	}
	f.queries++
	a := rag.Answer{ID: "answer-1", Hits: hits, Seq: f.seq, Trace: trace("answer-1", "answer", len(hits), 1)}
	if len(hits) == 0 {
		a.Text, a.Refused = rag.Refusal, true
		return a, nil
	}
	best := hits[0]
	end := len(best.Text)
	if i := strings.Index(best.Text, ". "); i >= 0 {
		end = i + 1
	}
	quote := best.Text[:end]
	sum := sha256.Sum256([]byte(quote))
	a.Text, a.Confidence = quote+" [1]", .75
	a.Usage = rag.Usage{PromptTokens: len(words(q.Text)), CompletionTokens: len(words(quote)), TotalTokens: len(words(q.Text)) + len(words(quote))}
	a.Citations = []rag.Citation{{
		Number: 1, Document: best.Document, ChunkID: best.ChunkID, Version: best.Version, Page: best.Page, Heading: best.Heading,
		Span: rag.Span{Start: best.Span.Start, End: best.Span.Start + end}, Quote: quote, SHA256: hex.EncodeToString(sum[:]),
	}}
	return a, nil
}

// Embed returns unit vectors that depend on the text alone.
func (f *Fake) Embed(_ context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	leave, err := f.enter("Embed")
	if err != nil {
		return nil, err
	}
	defer leave()
	out := make([][]float32, len(texts))
	for i, t := range texts {
		sum := sha256.Sum256(append([]byte{byte(kind)}, t...))
		v := make([]float32, f.Model().Dimensions)
		norm := 0.0
		for j := range v {
			v[j] = float32(sum[j]) - 127.5
			norm += float64(v[j]) * float64(v[j])
		}
		for j := range v {
			v[j] /= float32(math.Sqrt(norm))
		}
		out[i] = v
	}
	return out, nil
}

func (f *Fake) Model() rag.Model {
	return rag.Model{ID: "fake-embedder", Dimensions: 8, MaxTokens: 512}
}

func (f *Fake) CountTokens(text string) int { return len(words(text)) }

func (f *Fake) Stats(_ context.Context, s rag.Scope) (rag.Stats, error) {
	leave, err := f.enter("Stats")
	if err != nil {
		return rag.Stats{}, err
	}
	defer leave()
	st := rag.Stats{Queries: f.queries, Seq: f.seq}
	for _, c := range f.tenants[s.WithDefaults().Tenant] {
		n := c.counted()
		st.Collections++
		st.Documents += n.Documents
		st.Chunks += n.Chunks
		st.Embeddings += n.Chunks
		st.Bytes += n.Bytes
	}
	return st, nil
}

func (f *Fake) Health(context.Context) []rag.Health { return f.Checks }

// Usage returns one row for each search and question there was, of one tenant, and
// echoes the grouping, so that tests see what was asked for.
func (f *Fake) Usage(_ context.Context, s rag.Scope, q rag.UsageQuery) (rag.Spending, error) {
	leave, err := f.enter("Usage")
	if err != nil {
		return rag.Spending{}, err
	}
	defer leave()
	if f.OnUsage != nil {
		f.OnUsage(q)
	}
	if err := q.Validate(); err != nil {
		return rag.Spending{}, err
	}
	row := rag.UsageRow{Currency: "USD", Spent: rag.Consumption{Calls: f.queries, Input: 10 * f.queries, Cost: rag.Money(1500 * f.queries)}}
	for _, g := range q.GroupBy {
		switch g {
		case "day":
			row.Day = rag.DayOf(f.now)
		case "model":
			row.Provider, row.Model = "test", "words"
		case "key":
			row.Key = q.Key
		case "operation":
			row.Operation = rag.OpChat
		}
	}
	out := rag.Spending{Rows: []rag.UsageRow{}, Open: []rag.UsageRow{}}
	if f.queries > 0 && len(f.tenants[s.WithDefaults().Tenant]) > 0 {
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}
