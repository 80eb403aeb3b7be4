package ingest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/enrich"
)

// stage is an enrichment that finds what it is told to.
type stage struct {
	name  string
	found rag.Metadata
	err   error
	crash bool
	runs  *int
}

func (s stage) Name() string      { return s.name }
func (s stage) Cost() enrich.Cost { return enrich.Rules }
func (s stage) Settings() string  { return "1" }
func (s stage) Enrich(context.Context, *enrich.Document) (enrich.Result, error) {
	if s.runs != nil {
		*s.runs++
	}
	if s.crash {
		panic("broken")
	}
	return enrich.Result{Metadata: s.found}, s.err
}

// notes writes the same about every chunk.
type notes struct {
	text string
	cost enrich.Cost
	err  error
}

func (n notes) Name() string      { return "notes" }
func (n notes) Cost() enrich.Cost { return n.cost }
func (n notes) Settings() string  { return n.text }
func (n notes) Annotate(_ context.Context, _ *enrich.Document, chunks []rag.Chunk) ([]string, error) {
	out := make([]string, len(chunks))
	for i := range out {
		out[i] = n.text
	}
	return out, n.err
}

// runWith runs inputs through a pipeline with enrichments.
func (m *memory) runWith(t *testing.T, set *enrich.Set, in rag.Input) rag.AddResult {
	t.Helper()
	p := m.pipeline()
	p.cfg.Enrich = set
	var out rag.AddResult
	if err := p.Run(t.Context(), collection, slices.Values([]rag.Input{in}), func(_ int, r rag.AddResult) { out = r }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEnrichmentLiesBetweenFileAndCaller(t *testing.T) {
	m := newMemory()
	in := text("a", "one two")
	in.Metadata = rag.Metadata{"kind": rag.Str("caller")}
	set := enrich.NewSet([]enrich.Stage{stage{name: "s", found: rag.Metadata{"kind": rag.Str("found"), "author": rag.Str("found"), "new": rag.Num(1)}}}, nil)
	if r := m.runWith(t, set, in); r.State != rag.Added || len(r.Warnings) != 0 {
		t.Fatalf("%+v", r)
	}
	got := m.docs["a"].Metadata
	if got["kind"].Text() != "caller" || got["author"].Text() != "found" || got["by"].Text() != "file" || got["new"].Number() != 1 {
		t.Errorf("metadata %v", got)
	}
}

func TestTurningAStageOnEmbedsNothing(t *testing.T) {
	m := newMemory()
	in := text("a", "one two three")
	m.run(t, in)
	m.embedded = nil
	counts, err := enrich.New(enrich.Config{Stages: []string{"counts"}})
	if err != nil {
		t.Fatal(err)
	}
	if r := m.runWith(t, counts, in); r.State != rag.Updated || r.Embedded != 0 || len(m.embedded) != 0 {
		t.Errorf("turned on: %+v, embedded %q", r, m.embedded)
	}
	if got := m.docs["a"].Metadata[enrich.KeyWords].Number(); got != 3 {
		t.Errorf("%v words", got)
	}
	if r := m.runWith(t, counts, in); r.State != rag.Unchanged {
		t.Errorf("again: %s", r.State)
	}
	if r := m.run(t, in)[0]; r.State != rag.Updated || len(m.embedded) != 0 {
		t.Errorf("turned off: %s, embedded %q", r.State, m.embedded)
	}
}

func TestAFailingStageKeepsTheDocument(t *testing.T) {
	good := stage{name: "good", found: rag.Metadata{"good": rag.Bool(true)}}
	for _, tt := range []struct {
		name  string
		bad   stage
		says  string
		again bool
	}{
		{"error", stage{name: "bad", err: rag.Errorf(rag.KindInvalid, "no use")}, "enrichment bad: no use", false},
		{"panic", stage{name: "bad", crash: true}, "enrichment bad: failed unexpectedly", false},
		{"not valid", stage{name: "bad", found: rag.Metadata{"": rag.Str("x")}}, "enrichment bad: metadata key", false},
		{"one that may pass", stage{name: "bad", err: rag.Errorf(rag.KindUnavailable, "is down")}, "enrichment bad: is down", true},
		{"budget", stage{name: "bad", err: rag.Errorf(rag.KindExhausted, "budget is used up"), found: rag.Metadata{"part": rag.Num(1)}}, "budget is used up", true},
	} {
		m := newMemory()
		set := enrich.NewSet([]enrich.Stage{tt.bad, good}, nil)
		r := m.runWith(t, set, text("a", "one"))
		if r.State != rag.Added || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], tt.says) {
			t.Errorf("%s: %+v", tt.name, r)
		}
		if got := m.docs["a"].Metadata; !got["good"].True() || (got["part"].Number() == 1) != (tt.name == "budget") {
			t.Errorf("%s: metadata %v", tt.name, got)
		}
		if r := m.runWith(t, set, text("a", "one")); (r.State == rag.Updated) != tt.again {
			t.Errorf("%s: added again it is %s", tt.name, r.State)
		}
	}
}

func TestEnrichmentKeepsToTheLimitOfKeys(t *testing.T) {
	m := newMemory()
	in := text("a", "one")
	in.Metadata = rag.Metadata{}
	for _, a := range "abcdefghij" {
		for _, b := range "abcdef" {
			in.Metadata["k"+string(a)+string(b)] = rag.Num(1)
		}
	}
	found := rag.Metadata{"x1": rag.Num(1), "x2": rag.Num(1), "x3": rag.Num(1), "author": rag.Str("found")}
	r := m.runWith(t, enrich.NewSet([]enrich.Stage{stage{name: "s", found: found}}, nil), in)
	got := m.docs["a"].Metadata
	if r.State != rag.Added || len(got) != rag.MaxMetadataKeys || len(r.Warnings) != 1 || got["author"].Text() != "found" || got["x2"].Number() != 1 || got["x3"].Number() != 0 {
		t.Errorf("%+v: %d keys, %v", r, len(got), r.Warnings)
	}
}

func TestAnnotationsAreEmbedded(t *testing.T) {
	m := newMemory()
	set := enrich.NewSet(nil, []enrich.ChunkStage{notes{text: "about it", cost: enrich.Chat}})
	if r := m.runWith(t, set, text("a", "one two")); r.State != rag.Added || r.Embedded != 2 {
		t.Fatalf("%+v", r)
	}
	if got := m.embedded[0][0]; got != "t\nabout it\none" {
		t.Errorf("embedded %q", got)
	}
	m = newMemory()
	part := enrich.NewSet(nil, []enrich.ChunkStage{notes{text: "x", cost: enrich.Chat, err: rag.Errorf(rag.KindUnavailable, "is down")}})
	if r := m.runWith(t, part, text("a", "one two")); r.State != rag.Added || len(r.Warnings) != 1 {
		t.Errorf("%+v", r)
	}
	m = newMemory()
	p := m.pipeline()
	p.cfg.Enrich = set
	sample, err := p.Estimate(t.Context(), collection, slices.Values([]rag.Input{text("a", "one")}), func(int, rag.DocumentEstimate) {})
	if err != nil || len(sample) != 1 || strings.Contains(sample[0], "about") {
		t.Errorf("an estimate asks no model: %q, %v", sample, err)
	}
}
