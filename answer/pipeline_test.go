package answer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	tower  = "The Eiffel Tower was completed in 1889. It stands 330 metres tall. Gustave Eiffel's company built it."
	bridge = "The Golden Gate Bridge opened in 1937. Its towers rise 227 metres above the water."
)

func build(t *testing.T, w *world, g Generator, change func(*Config)) *Pipeline {
	t.Helper()
	cfg := Config{Index: w, Chunks: w, Embed: constantEmbedder{}, Generate: g}
	if change != nil {
		change(&cfg)
	}
	return New(cfg)
}

func twoDocuments() *world {
	w := newWorld()
	w.add("tower", tower)
	w.add("bridge", bridge)
	return w
}

func TestAskVerifiesAndNumbersCitations(t *testing.T) {
	cases := []struct {
		name    string
		pieces  []string
		want    string
		quotes  []string
		dropped int
	}{
		{"exact words", []string{"It stands 330 metres tall [1]."}, "It stands 330 metres tall [1].", []string{"It stands 330 metres tall."}, 0},
		{"marker split over pieces", []string{"The tower was completed in 1889 ", "[", "1", "]."}, "The tower was completed in 1889 [1].",
			[]string{"The Eiffel Tower was completed in 1889."}, 0},
		{"numbered by quote, not by source", []string{"The bridge opened in 1937 [2]. The tower stands 330 metres tall [1]."},
			"The bridge opened in 1937 [1]. The tower stands 330 metres tall [2].",
			[]string{"The Golden Gate Bridge opened in 1937.", "It stands 330 metres tall."}, 0},
		{"same words, same number", []string{"Completed in 1889 [1]. Yes, completed in 1889 [1]."}, "Completed in 1889 [1]. Yes, completed in 1889 [1].",
			[]string{"The Eiffel Tower was completed in 1889."}, 0},
		{"two sources in one marker", []string{"It is 330 metres tall, the bridge's towers rise 227 metres [1, 2]."}, "", nil, -1},
		{"unknown source is dropped", []string{"It stands 330 metres tall [7]."}, "It stands 330 metres tall.", nil, 1},
		{"unsupported statement is dropped", []string{"Bananas are yellow fruit [1]. It stands 330 metres tall [1]."},
			"Bananas are yellow fruit. It stands 330 metres tall [1].", []string{"It stands 330 metres tall."}, 1},
		{"brackets that are no markers", []string{"See [note] and [12345]: it stands 330 metres tall [1] [", "open"},
			"See [note] and [12345]: it stands 330 metres tall [1] [open", []string{"It stands 330 metres tall."}, 0},
		{"no marker at all: sources are looked up", []string{"The Golden Gate Bridge opened in 1937."}, "The Golden Gate Bridge opened in 1937. [1]",
			[]string{"The Golden Gate Bridge opened in 1937."}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := twoDocuments()
			p := build(t, w, &script{pieces: c.pieces, draft: Draft{Confidence: -1}}, nil)
			var streamed strings.Builder
			a, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how tall?"}, func(e rag.Event) error {
				streamed.WriteString(e.Delta)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if c.want != "" && a.Text != c.want {
				t.Errorf("text %q, want %q", a.Text, c.want)
			}
			if strings.Contains(strings.Join(c.pieces, ""), "[") && strings.TrimSpace(streamed.String()) != a.Text {
				t.Errorf("streamed %q, answered %q", streamed.String(), a.Text)
			}
			if c.dropped >= 0 && a.DroppedCitations != c.dropped {
				t.Errorf("dropped %d, want %d", a.DroppedCitations, c.dropped)
			}
			for i, q := range c.quotes {
				if i >= len(a.Citations) || a.Citations[i].Quote != q {
					t.Fatalf("citations %+v, want quote %q at %d", a.Citations, q, i)
				}
			}
			for _, cit := range a.Citations {
				stored := cit.Span.Of(w.texts[cit.Document.ID])
				sum := sha256.Sum256([]byte(stored))
				if stored != cit.Quote || hex.EncodeToString(sum[:]) != cit.SHA256 {
					t.Errorf("citation %d quotes %q, stored is %q", cit.Number, cit.Quote, stored)
				}
			}
		})
	}
}

func TestCitationOfChangedTextIsDropped(t *testing.T) {
	w := twoDocuments()
	g := &script{pieces: []string{"It stands 330 metres tall [1]."}, draft: Draft{Confidence: -1}}
	p := build(t, w, g, nil)
	// The text changes between search and citation.
	w.texts["tower"] = strings.Replace(tower, "330", "303", 1)
	a, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how tall?"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Citations) != 0 || a.DroppedCitations != 1 || strings.Contains(a.Text, "[1]") {
		t.Errorf("a citation that does not match its source left: %+v", a)
	}
}

func TestQuotedAnswer(t *testing.T) {
	w := newWorld()
	w.add("paper", "Method.\nAs shown in [12], the dose\nwas halved [3, 4]. Other words.")
	text := w.texts["paper"]
	start, end := strings.Index(text, "As shown"), strings.Index(text, " Other")
	p := build(t, w, &script{draft: Draft{Quotes: []Quote{{1, rag.Span{Start: start, End: end}}, {9, rag.Span{End: 3}}}, Confidence: .7}}, nil)
	a, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "dose?"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "As shown in (12), the dose was halved (3, 4). [1]"; a.Text != want {
		t.Errorf("text %q, want %q", a.Text, want)
	}
	if len(a.Citations) != 1 || a.Citations[0].Quote != text[start:end] || a.DroppedCitations != 1 || a.Confidence != .7 {
		t.Errorf("%+v", a)
	}
}

func TestRefusals(t *testing.T) {
	for name, w := range map[string]*world{"nothing found": newWorld(), "generator refuses": twoDocuments()} {
		p := build(t, w, &script{draft: Draft{Refused: true, Confidence: 0}}, nil)
		streamed := ""
		a, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "?"}, func(e rag.Event) error {
			streamed += e.Delta
			return nil
		})
		if err != nil || !a.Refused || a.Text != rag.Refusal || streamed != rag.Refusal || len(a.Citations) != 0 || a.Confidence != 0 {
			t.Errorf("%s: %+v, streamed %q, %v", name, a, streamed, err)
		}
	}
}

func TestFallbackWhenTheModelIsDown(t *testing.T) {
	down := &script{err: rag.Errorf(rag.KindUnavailable, "connection refused")}
	spare := &script{pieces: []string{"It stands 330 metres tall [1]."}, draft: Draft{Confidence: -1}}
	p := build(t, twoDocuments(), down, func(c *Config) { c.Fallback = spare })
	a, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how tall?"}, nil)
	if err != nil || len(a.Citations) != 1 || len(a.Degraded) != 1 || a.Degraded[0] != "llm" {
		t.Fatalf("%+v, %v", a, err)
	}
	// A model that breaks off in mid-sentence is not papered over with another's words.
	cut := &script{pieces: []string{"It stands"}, err: rag.Errorf(rag.KindUnavailable, "stream cut")}
	p = build(t, twoDocuments(), cut, func(c *Config) { c.Fallback = spare })
	if _, err = p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how tall?"}, nil); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("a cut stream gave %v", err)
	}
	p = build(t, twoDocuments(), down, nil)
	if _, err = p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how tall?"}, nil); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("without a fallback: %v", err)
	}
}

func TestAnswerOfAnotherModelIsDegraded(t *testing.T) {
	g := &script{pieces: []string{"It stands 330 metres tall [1]."}, draft: Draft{Confidence: -1, Degraded: []string{"llm:first"}}}
	cache := &mapCache{}
	p := build(t, twoDocuments(), g, func(c *Config) { c.Cache = cache })
	for range 2 { // and is not kept for when the first is back
		a, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how tall?"}, nil)
		if err != nil || len(a.Citations) != 1 || len(a.Degraded) != 1 || a.Degraded[0] != "llm:first" || a.Cached {
			t.Fatalf("%+v, %v", a, err)
		}
	}
}

func TestSearchWithoutEmbedder(t *testing.T) {
	broken := func(c *Config) { c.Embed = constantEmbedder{err: rag.Errorf(rag.KindUnavailable, "down")} }
	p := build(t, twoDocuments(), &script{}, broken)
	res, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "tower"})
	if err != nil || len(res.Hits) != 2 || len(res.Degraded) != 1 {
		t.Errorf("hybrid: %+v, %v", res, err)
	}
	if _, err = p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "tower", Mode: rag.ModeVector}); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("vector: %v", err)
	}
}

func TestAccessIsCheckedAgainOnWhatTheStoreSays(t *testing.T) {
	w := twoDocuments()
	w.add("secret", "The code of the vault is 1234.", "alice")
	p := build(t, w, &script{}, nil)
	for _, c := range []struct {
		scope rag.Scope
		want  int
	}{{rag.Scope{}, 2}, {rag.Scope{Principals: []string{"bob"}}, 2}, {rag.Scope{Principals: []string{"alice"}}, 3}, {rag.Scope{Admin: true}, 3}} {
		res, err := p.Search(t.Context(), c.scope, rag.Collection{ID: 1}, rag.Query{Text: "code"})
		if err != nil || len(res.Hits) != c.want {
			t.Errorf("%+v: %d hits, want %d (%v)", c.scope, len(res.Hits), c.want, err)
		}
	}
	res, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "code", Filter: rag.Eq("name", rag.Str("bridge"))})
	if err != nil || len(res.Hits) != 1 || res.Hits[0].Document.ID != "bridge" {
		t.Errorf("filter: %+v, %v", res.Hits, err)
	}
}

func TestCacheKeys(t *testing.T) {
	w := twoDocuments()
	cache := &mapCache{}
	p := build(t, w, &script{}, func(c *Config) { c.Cache = cache })
	ask := func(scope rag.Scope, col rag.Collection, q rag.Query) rag.SearchResult {
		t.Helper()
		res, err := p.Search(t.Context(), scope, col, q)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	scope, col, q := rag.Scope{Tenant: "a"}, rag.Collection{ID: 1, Seq: 7}, rag.Query{Text: "tower"}
	if ask(scope, col, q).Cached {
		t.Fatal("the first search was cached")
	}
	again := ask(scope, col, rag.Query{Text: "tower", MinSeq: 3})
	if !again.Cached || len(again.Hits) != 2 || w.calls != 1 {
		t.Fatalf("the second was not: %+v, %d calls", again, w.calls)
	}
	for name, miss := range map[string]func() rag.SearchResult{
		"another tenant":     func() rag.SearchResult { return ask(rag.Scope{Tenant: "b"}, col, q) },
		"another principal":  func() rag.SearchResult { return ask(rag.Scope{Tenant: "a", Principals: []string{"x"}}, col, q) },
		"an administrator":   func() rag.SearchResult { return ask(rag.Scope{Tenant: "a", Admin: true}, col, q) },
		"another collection": func() rag.SearchResult { return ask(scope, rag.Collection{ID: 2, Seq: 7}, q) },
		"a later change":     func() rag.SearchResult { return ask(scope, rag.Collection{ID: 1, Seq: 8}, q) },
		"another generation": func() rag.SearchResult {
			return ask(scope, rag.Collection{ID: 1, Seq: 7, Generation: rag.Generation{Number: 2}}, q)
		},
		"another k": func() rag.SearchResult { return ask(scope, col, rag.Query{Text: "tower", K: 3}) },
		"another filter": func() rag.SearchResult {
			return ask(scope, col, rag.Query{Text: "tower", Filter: rag.Eq("a", rag.Num(1))})
		},
		"no cache, please": func() rag.SearchResult { return ask(scope, col, rag.Query{Text: "tower", NoCache: true}) },
	} {
		if miss().Cached {
			t.Errorf("%s was served from the cache", name)
		}
	}
	cache.fail = rag.Errorf(rag.KindUnavailable, "cache down")
	if res := ask(scope, col, q); res.Cached || len(res.Hits) != 2 {
		t.Errorf("a cache that is down: %+v", res)
	}
}

func TestWhatCannotBeNamedIsNotCached(t *testing.T) {
	p := build(t, twoDocuments(), &script{}, func(c *Config) { c.Cache = &mapCache{} })
	if key := p.key("x", rag.Scope{}, rag.Collection{}, 0, math.NaN()); key != "" {
		t.Errorf("key %q for a request that cannot be encoded", key)
	}
	if key := p.key("x", rag.Scope{}, rag.Collection{Seq: 7}, 8, "q"); key != "" {
		t.Errorf("key %q for changes that are newer than the collection", key)
	}
}

// changing is an index that hears of changes, and a generator during whose work there is one.
type changing struct {
	*world
	script
	seq, after int64
}

func (c *changing) Seq(int64) (int64, bool) { return c.seq, c.seq >= 0 }

func (c *changing) Generate(ctx context.Context, p Prompt, emit func(string) error) (Draft, error) {
	c.seq = c.after
	return c.script.Generate(ctx, p, emit)
}

// TestWhatHasChangedIsNotKept has the collection change while results are made of it: they are good for whoever asked,
// and kept for nobody, since what was deleted meanwhile may be in them.
func TestWhatHasChangedIsNotKept(t *testing.T) {
	for name, test := range map[string]struct {
		during, after int64 // the newest change that the index knows of, -1 for none: while it searches, and while the answer is written
		kept          int   // the hits, and the answer
	}{"nothing changes": {7, 7, 2}, "before it is read": {8, 8, 0}, "while it is written": {7, 8, 1}, "the index lags": {0, 0, 2}, "the collection is deleted": {7, -1, 1}} {
		w := &changing{twoDocuments(), script{pieces: []string{"It stands 330 metres tall [1]."}, draft: Draft{Confidence: -1}}, test.during, test.after}
		cache := &mapCache{}
		p := New(Config{Index: w, Chunks: w, Embed: constantEmbedder{}, Generate: w, Cache: cache})
		a, err := p.Ask(t.Context(), rag.Scope{Tenant: "a"}, rag.Collection{ID: 1, Seq: 7}, rag.Question{Text: "how tall?"}, nil)
		if err != nil || len(a.Citations) != 1 || len(cache.m) != test.kept {
			t.Errorf("%s: %d results are kept, want %d; %v", name, len(cache.m), test.kept, err)
		}
	}
}

func TestKeysBeginWithTenantAndCollection(t *testing.T) {
	p := build(t, twoDocuments(), &script{}, nil)
	for tenant, want := range map[string]string{"default": "default.12/answer/", "a/b": "a%2Fb.12/answer/", "": ".12/answer/"} {
		key := p.key("answer", rag.Scope{Tenant: tenant}, rag.Collection{ID: 12}, 0, "q")
		if !strings.HasPrefix(key, want) || !strings.HasPrefix(key, CachePrefix(tenant, 12)) {
			t.Errorf("a key of tenant %q: %q", tenant, key)
		}
	}
}

func TestCachedAnswerCostsNothing(t *testing.T) {
	g := &script{pieces: []string{"It stands 330 metres tall [1]."}, draft: Draft{Confidence: -1, Usage: rag.Usage{PromptTokens: 10, Cost: 1}}}
	p := build(t, twoDocuments(), g, func(c *Config) { c.Cache = &mapCache{} })
	for i, want := range []bool{false, true} {
		a, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how tall?"}, nil)
		if err != nil || a.Cached != want || len(a.Citations) != 1 {
			t.Fatalf("answer %d: %+v, %v", i, a, err)
		}
		if want && a.Usage.Cost != 0 {
			t.Errorf("a cached answer cost %v", a.Usage.Cost)
		}
	}
}

func TestFaultyQueries(t *testing.T) {
	p := build(t, twoDocuments(), &script{}, nil)
	for name, q := range map[string]rag.Query{
		"empty":   {Text: "  "},
		"long":    {Text: strings.Repeat("x", MaxText+1)},
		"utf-8":   {Text: "a\xff"},
		"k":       {Text: "x", K: rag.MaxK + 1},
		"mode":    {Text: "x", Mode: "magic"},
		"group":   {Text: "x", GroupBy: "page"},
		"fusion":  {Text: "x", Fusion: rag.Fusion{Method: "sum"}},
		"alpha":   {Text: "x", Fusion: rag.Fusion{Alpha: 2}},
		"nan":     {Text: "x", Fusion: rag.Fusion{Alpha: math.NaN()}},
		"nan in":  {Text: "x", Filter: rag.Eq("a", rag.Num(math.NaN()))},
		"filter":  {Text: "x", Filter: rag.Filter{Type: "eq"}},
		"rrf_k":   {Text: "x", Fusion: rag.Fusion{RRFK: -1}},
		"group_2": {Text: "x", K: -1},
	} {
		if _, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, q); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v, want an invalid-request error", name, err)
		}
	}
}

func TestGroupingAsksForMore(t *testing.T) {
	w := newWorld()
	for range 300 {
		w.add("long", tower)
	}
	w.add("bridge", bridge)
	p := build(t, w, &script{}, nil)
	res, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "x", K: 2, GroupBy: "document"})
	if err != nil || len(res.Hits) != 2 {
		t.Fatalf("%d hits, %v", len(res.Hits), err)
	}
}

func TestStreamErrorEndsTheWork(t *testing.T) {
	gone := errors.New("client gone")
	p := build(t, twoDocuments(), &script{pieces: []string{"It", " stands"}}, nil)
	_, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "?"}, func(e rag.Event) error {
		if e.Kind == rag.EventDelta {
			return gone
		}
		return nil
	})
	if !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

func TestDeadline(t *testing.T) {
	w := twoDocuments()
	w.err = context.DeadlineExceeded
	p := build(t, w, &script{}, nil)
	if _, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "x"}); rag.KindOf(err) != rag.KindExhausted {
		t.Errorf("got %v", err)
	}
}
