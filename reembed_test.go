package smartretriever_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
)

// double is an embedder whose vectors say which words a text has. It counts how
// often each text was embedded, and fails when it is told to.
type double struct {
	model rag.Model
	salt  string                                        // another salt gives other vectors
	fail  func(ctx context.Context, passages int) error // before a batch; passages is how many there were

	mu       sync.Mutex
	passages map[string]int
	total    int
}

func newDouble(id string, dimensions int) *double {
	return &double{model: rag.Model{ID: id, Dimensions: dimensions, MaxTokens: 512}, salt: id, passages: map[string]int{}}
}

func (d *double) Model() rag.Model            { return d.model }
func (d *double) CountTokens(text string) int { return len(strings.Fields(text)) }

func (d *double) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	if kind == rag.PassageText {
		d.mu.Lock()
		total, fail := d.total, d.fail
		d.mu.Unlock()
		if fail != nil {
			if err := fail(ctx, total); err != nil {
				return nil, err
			}
		}
		d.mu.Lock()
		for _, t := range texts {
			d.passages[t]++
			d.total++
		}
		d.mu.Unlock()
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = d.vector(t)
	}
	return out, ctx.Err()
}

// vector adds up a random direction for each word; words with a digit weigh more.
func (d *double) vector(text string) []float32 {
	v := make([]float32, d.model.Dimensions)
	for _, w := range strings.FieldsFunc(strings.ToLower(text+" always"), func(r rune) bool { return r < '0' || r > 'z' }) {
		h := fnv.New64a()
		h.Write([]byte(d.salt + w))
		rnd := rand.New(rand.NewPCG(h.Sum64(), 0))
		weight := 1.0
		if strings.ContainsAny(w, "0123456789") {
			weight = 6
		}
		for i := range v {
			v[i] += float32(weight * rnd.NormFloat64())
		}
	}
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

func (d *double) embedded() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.total
}

func (d *double) set(fail func(ctx context.Context, passages int) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

// with opens a folder in which the first model is configured and the others are
// found.
func with(configured *double, others ...*double) func(*smartretriever.Config) {
	return func(c *smartretriever.Config) {
		c.Embedder = configured
		c.Models = func(_ context.Context, id string) (smartretriever.Embedder, error) {
			for _, d := range others {
				if d.model.ID == id {
					return d, nil
				}
			}
			return nil, rag.Errorf(rag.KindNotFound, "there is no model %q", id)
		}
	}
}

func note(i int) rag.Input {
	return rag.Input{ExternalID: fmt.Sprint("n", i), Title: fmt.Sprint("Note ", i),
		Text: fmt.Sprintf("The parcel number%d was left beside gate%d. Later the porter%d carried it upstairs in the rain.", i, i*7, i*3)}
}

func addNotes(t *testing.T, r *smartretriever.Retriever, from, to int) {
	t.Helper()
	inputs := func(yield func(rag.Input) bool) {
		for i := from; i < to; i++ {
			if !yield(note(i)) {
				return
			}
		}
	}
	err := r.AddDocuments(t.Context(), rag.Scope{}, inputs, func(_ int, res rag.AddResult) {
		if res.Err != nil {
			t.Errorf("%s: %v", res.ExternalID, res.Err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func reembed(t *testing.T, r *smartretriever.Retriever, opt smartretriever.ReembedOptions) smartretriever.ReembedResult {
	t.Helper()
	res, err := r.Reembed(t.Context(), rag.Scope{}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// generations writes a collection's generations as text.
func generations(t *testing.T, r *smartretriever.Retriever) string {
	t.Helper()
	list, err := r.Generations(t.Context(), rag.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, g := range list {
		text += fmt.Sprintf("%d %s %s %d; ", g.Number, g.State, g.Model, g.Missing)
	}
	return text
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// nearest returns the external id of the first hit by vectors alone.
func nearest(t *testing.T, r *smartretriever.Retriever, text string) string {
	t.Helper()
	hits := search(t, r, rag.Scope{}, rag.Query{Text: text, Mode: rag.ModeVector, K: 1})
	if len(hits) == 0 {
		return ""
	}
	return hits[0].Document.ExternalID
}

func TestReembed(t *testing.T) {
	dir := t.TempDir()
	a, b := newDouble("model-a", 64), newDouble("model-b", 96)
	r := open(t, dir, with(a, b))
	addNotes(t, r, 0, 30)
	for i := range 12 {
		search(t, r, rag.Scope{}, rag.Query{Text: fmt.Sprintf("where is number%d", i)})
	}
	before, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "Where was number7 left?"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil { // writes the query log
		t.Fatal(err)
	}
	r = open(t, dir, with(a, b))

	dry := reembed(t, r, smartretriever.ReembedOptions{Model: "model-b", DryRun: true})
	if dry.Plan.Chunks != 30 || dry.Plan.Passages != 30 || dry.Plan.Tokens < 300 || dry.Plan.Cut != 0 || b.embedded() != 0 || dry.New.Number != 0 {
		t.Errorf("dry run: %+v, %d embedded", dry, b.embedded())
	}
	expect(t, "after a dry run", generations(t, r), "1 live model-a 0; ")

	over := errors.New("too dear")
	if _, err := r.Reembed(t.Context(), rag.Scope{}, smartretriever.ReembedOptions{Model: "model-b", Planned: func(p smartretriever.ReembedPlan) error {
		if p != dry.Plan {
			t.Errorf("planned %+v, the dry run said %+v", p, dry.Plan)
		}
		return over
	}}); !errors.Is(err, over) || b.embedded() != 0 {
		t.Errorf("refused by its price: %v, %d embedded", err, b.embedded())
	}

	var stages []smartretriever.ReembedStage
	last := smartretriever.ReembedProgress{}
	res := reembed(t, r, smartretriever.ReembedOptions{Model: "model-b", Switch: smartretriever.SwitchNever, Batch: 7, Progress: func(p smartretriever.ReembedProgress) {
		stages = append(stages, p.Stage)
		if p.Stage == smartretriever.StageEmbed {
			last = p
		}
	}})
	if res.Embedded != 30 || res.Switched || res.Tokens != dry.Plan.Tokens || res.New.Number != 2 || last.Done != 30 || last.Of != 30 || last.Tokens != res.Tokens || last.OfTokens != res.Tokens {
		t.Errorf("built: %+v, last progress %+v", res, last)
	}
	want := []smartretriever.ReembedStage{"survey", "embed", "index", "compare"}
	if got := slices.Compact(slices.Clone(stages)); !slices.Equal(got[:3], want[:3]) || got[len(got)-1] != want[3] {
		t.Errorf("stages %v", got)
	}
	c := res.Comparison
	if c == nil || c.Asked != 13 || c.Judged != 30 || c.JudgedBy != "generated" || c.OldModel != "model-a" || c.NewModel != "model-b" {
		t.Fatalf("comparison %+v", c)
	}
	for name, s := range map[string]rag.SearchComparison{"hybrid": c.Hybrid, "vector": c.Vector} {
		if s.NDCG == nil || s.Recall == nil || s.NDCG.Old < .5 || s.NDCG.New < .5 || s.NDCG.Low > s.NDCG.Diff || s.NDCG.High < s.NDCG.Diff || s.Overlap <= 0 || s.Overlap > 1 {
			t.Errorf("%s: %+v %+v", name, s, s.NDCG)
		}
	}
	if len(c.Examples) == 0 || c.Examples[0].Question == "" || c.Examples[0].Overlap == 1 {
		t.Errorf("examples %+v", c.Examples)
	}
	expect(t, "built", generations(t, r), "1 live model-a 0; 2 building model-b 0; ")
	list, err := r.Generations(t.Context(), rag.Scope{})
	if err != nil || list[1].Comparison == nil || list[1].Comparison.Examples != nil || *list[1].Comparison.Hybrid.NDCG != *c.Hybrid.NDCG {
		t.Errorf("kept with the generation: %+v, %v", list, err)
	}
	questions, err := r.Stats(t.Context(), rag.Scope{})
	if err != nil || questions.Queries != 13 {
		t.Errorf("the comparison was logged as questions: %d, %v", questions.Queries, err)
	}

	addNotes(t, r, 30, 32) // after the build, before the switch
	res = reembed(t, r, smartretriever.ReembedOptions{Model: "model-b", Switch: smartretriever.SwitchAlways})
	if !res.Switched || res.Embedded != 2 || b.embedded() != 32 {
		t.Errorf("switched: %+v, %d embedded", res, b.embedded())
	}
	expect(t, "switched", generations(t, r), "1 previous model-a 0; 2 live model-b 0; ")
	expect(t, "nearest", nearest(t, r, "number31"), "n31")
	after, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "Where was number7 left?"})
	if err != nil || after.Cached || after.Text != before.Text {
		t.Errorf("answer after the switch: %+v, %v; before %q", after, err, before.Text)
	}
	if again := reembed(t, r, smartretriever.ReembedOptions{Model: "model-b"}); !again.Unchanged || again.Switched || again.Embedded != 0 || !strings.Contains(again.Reason, "already") {
		t.Errorf("the same model again: %+v", again)
	}

	// What comes now is of the new model alone, and is embedded for the old one on the
	// way back.
	addNotes(t, r, 32, 35)
	expect(t, "after the switch", generations(t, r), "1 previous model-a 3; 2 live model-b 0; ")
	was := a.embedded()
	if same := add(t, r, rag.Scope{}, note(3)); same.State != rag.Unchanged {
		t.Errorf("a document that has not changed is %s in another generation", same.State)
	}
	col, err := r.SwitchGeneration(t.Context(), rag.Scope{}, 0, nil)
	if err != nil || col.Generation.Model != "model-a" || a.embedded() != was+3 {
		t.Errorf("back: %+v, %v, %d embedded", col, err, a.embedded()-was)
	}
	expect(t, "nearest after switching back", nearest(t, r, "number34"), "n34")
	expect(t, "back", generations(t, r), "1 live model-a 0; 2 previous model-b 0; ")
	sound(t, r)

	// Dropped means gone from every file.
	vector := encoded(b.vector(embedText(3)))
	if !inFolder(t, dir, vector) {
		t.Fatal("the new model's vector is not in the folder before the drop: the test looks in the wrong place")
	}
	g, err := r.DropGeneration(t.Context(), rag.Scope{}, 0)
	if err != nil || g.Number != 2 || g.Model != "model-b" {
		t.Errorf("dropped %+v, %v", g, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if inFolder(t, dir, vector) {
		t.Error("a vector of the dropped generation is still in the folder")
	}
	if !inFolder(t, dir, encoded(a.vector(embedText(3)))) {
		t.Error("a vector of the live generation is gone")
	}
	r = open(t, dir, with(a, b))
	expect(t, "dropped", generations(t, r), "1 live model-a 0; ")
	sound(t, r)
	if _, err := r.SwitchGeneration(t.Context(), rag.Scope{}, 0, nil); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("back without a previous generation: %v", err)
	}
	if _, err := r.DropGeneration(t.Context(), rag.Scope{}, 0); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("drop without another generation: %v", err)
	}
	if _, err := r.DropGeneration(t.Context(), rag.Scope{}, 1); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("drop of the live generation: %v", err)
	}
}

// embedText is what a note is embedded as.
func embedText(i int) string {
	c := rag.Chunk{Text: note(i).Text}
	return c.EmbedText(note(i).Title)
}

func encoded(v []float32) []byte {
	var out []byte
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

func inFolder(t *testing.T, dir string, data []byte) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(p)
		found = found || bytes.Contains(content, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func sound(t *testing.T, r *smartretriever.Retriever) {
	t.Helper()
	if faults, err := r.Verify(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("verify: %q, %v", faults, err)
	}
}

// TestReembedGoesOn stops the work again and again: what was stored is embedded once.
func TestReembedGoesOn(t *testing.T) {
	dir := t.TempDir()
	a, b := newDouble("model-a", 64), newDouble("model-b", 64)
	r := open(t, dir, with(a, b))
	addNotes(t, r, 0, 50)
	broken := rag.Errorf(rag.KindUnavailable, "the model's server is down")
	opt := smartretriever.ReembedOptions{Model: "model-b", Batch: 8}
	for round := range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		stopAt := b.embedded() + 8
		b.set(func(context.Context, int) error {
			if b.embedded() < stopAt {
				return nil
			}
			if round%2 == 0 {
				return broken
			}
			cancel() // after this batch
			return nil
		})
		_, err := r.Reembed(ctx, rag.Scope{}, opt)
		cancel()
		if err == nil || (round%2 == 0 && !errors.Is(err, rag.ErrUnavailable)) {
			t.Fatalf("round %d: %v", round, err)
		}
		if hits := search(t, r, rag.Scope{}, rag.Query{Text: "number3", Mode: rag.ModeVector, K: 1}); len(hits) != 1 {
			t.Errorf("round %d: the old generation does not serve", round)
		}
		if round == 2 {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r = open(t, dir, with(a, b))
		}
	}
	b.set(nil)
	// The batch that a cancelled context cut off between model and store is done again.
	lost := 0
	res := reembed(t, r, opt)
	for text, n := range b.passages {
		if n > 1 {
			lost += n - 1
		}
		if n > 3 {
			t.Errorf("%q was embedded %d times", text, n)
		}
	}
	if lost > 2*8 || !res.Switched {
		t.Errorf("%d passages were embedded more than once; %+v", lost, res)
	}
	expect(t, "all", len(b.passages), 50)
	expect(t, "generations", generations(t, r), "1 previous model-a 0; 2 live model-b 0; ")
	sound(t, r)
}

func TestReembedRefuses(t *testing.T) {
	a, b, c := newDouble("model-a", 64), newDouble("model-b", 64), newDouble("model-c", 32)
	short := newDouble("short", 64)
	short.model.MaxTokens = 12
	r := open(t, t.TempDir(), with(a, b, c, short))
	opt := smartretriever.ReembedOptions{Model: "model-b"}
	if _, err := r.Reembed(t.Context(), rag.Scope{}, opt); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("no collection: %v", err)
	}
	addNotes(t, r, 0, 4)
	for _, tt := range []struct {
		opt  smartretriever.ReembedOptions
		kind rag.Kind
		says string
	}{
		{smartretriever.ReembedOptions{Model: "nowhere"}, rag.KindNotFound, "nowhere"},
		{smartretriever.ReembedOptions{Model: "model-b", Switch: "perhaps"}, rag.KindInvalid, "perhaps"},
		{smartretriever.ReembedOptions{Model: "model-b", MaxLoss: math.NaN()}, rag.KindInvalid, "NaN"},
		{smartretriever.ReembedOptions{Model: "model-b", Batch: -1}, rag.KindInvalid, "batch"},
		{smartretriever.ReembedOptions{Model: "model-b", DryRun: true, CompareOnly: true}, rag.KindInvalid, "dry run"},
		{smartretriever.ReembedOptions{Model: "model-b", CompareOnly: true}, rag.KindConflict, "4 of 4"},
		{smartretriever.ReembedOptions{Model: "short"}, rag.KindRefused, "4 of 4 passages are longer than the 12 tokens"},
		{smartretriever.ReembedOptions{Model: "model-b", Judged: &eval.Dataset{Name: "other", Queries: []loader.Query{{ID: "q", Text: "x"}}, Qrels: eval.Qrels{"q": {"elsewhere": 1}}}}, rag.KindInvalid, "none of the documents"},
	} {
		_, err := r.Reembed(t.Context(), rag.Scope{}, tt.opt)
		if rag.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, want %s with %q", tt.opt, err, tt.kind, tt.says)
		}
	}
	if _, err := r.Reembed(t.Context(), rag.Scope{}, smartretriever.ReembedOptions{Model: "model-c"}); rag.KindOf(err) != rag.KindConflict || !strings.Contains(err.Error(), "model-b") {
		t.Errorf("while another is built: %v", err)
	}
	if g, err := r.DropGeneration(t.Context(), rag.Scope{}, 0); err != nil || g.Model != "model-b" {
		t.Errorf("drop %+v, %v", g, err)
	}
	if res := reembed(t, r, smartretriever.ReembedOptions{Model: "short", AllowCut: true, MaxLoss: 1}); !res.Switched || res.Plan.Cut != 4 {
		t.Errorf("with texts cut: %+v", res)
	}
	if same := reembed(t, r, smartretriever.ReembedOptions{Model: "short"}); !same.Unchanged {
		t.Errorf("the same again: %+v", same)
	}
}

// TestReembedJudges switches by what the judged questions say.
func TestReembedJudges(t *testing.T) {
	good, bad := newDouble("good", 256), newDouble("bad", 1) // one dimension tells nothing
	r := open(t, t.TempDir(), with(good, bad))
	addNotes(t, r, 0, 40)
	data := &eval.Dataset{Name: "judged", Qrels: eval.Qrels{}}
	for i := range 20 {
		id := fmt.Sprint("q", i)
		data.Queries = append(data.Queries, loader.Query{ID: id, Text: fmt.Sprintf("number%d gate%d", i, i*7)})
		data.Qrels[id] = map[string]int{fmt.Sprint("n", i): 1}
	}
	res := reembed(t, r, smartretriever.ReembedOptions{Model: "bad", Judged: data, Questions: 15})
	v := res.Comparison.Vector
	if res.Comparison.Judged != 15 || res.Comparison.JudgedBy != "file" || v.NDCG.New > .5 || v.NDCG.Old < .9 || v.NDCG.High >= 0 || v.NDCG.Worse < 10 {
		t.Errorf("vectors %+v %+v", res.Comparison, v.NDCG)
	}
	h := res.Comparison.Hybrid.NDCG
	if worse := h.Diff < -smartretriever.DefaultMaxLoss; res.Switched == worse {
		t.Errorf("switched %v with a difference of %v: %s", res.Switched, h.Diff, res.Reason)
	}
	if len(res.Comparison.Examples) > 0 && !res.Comparison.Examples[0].Judged {
		t.Errorf("examples %+v", res.Comparison.Examples)
	}
	only := reembed(t, r, smartretriever.ReembedOptions{Model: "bad", Judged: data, CompareOnly: !res.Switched})
	if !res.Switched && (only.Switched || only.Comparison == nil || only.Embedded != 0) {
		t.Errorf("compared only: %+v", only)
	}
}

// TestModelsSideBySide serves collections of several models at once, and refuses by
// name what needs a model that is not here.
func TestModelsSideBySide(t *testing.T) {
	dir := t.TempDir()
	a, b := newDouble("model-a", 64), newDouble("model-b", 32)
	r := open(t, dir, with(a, b))
	addNotes(t, r, 0, 5)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, with(b, a))
	other := rag.Scope{Collection: "other"}
	add(t, r, other, note(1))
	for scope, model := range map[string]string{"default": "model-a", "other": "model-b"} {
		col, err := r.Collection(t.Context(), rag.Scope{Collection: scope})
		if err != nil || col.Generation.Model != model {
			t.Errorf("%s: %+v, %v", scope, col.Generation, err)
		}
		if hits := search(t, r, rag.Scope{Collection: scope}, rag.Query{Text: "number1", Mode: rag.ModeVector, K: 1}); len(hits) != 1 || hits[0].Document.ExternalID != "n1" {
			t.Errorf("%s: %+v", scope, hits)
		}
	}
	was := a.embedded()
	addNotes(t, r, 5, 6)
	expect(t, "embedded by the collection's own model", a.embedded(), was+1)
	expect(t, "nearest", nearest(t, r, "number5"), "n5")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	r = open(t, dir, with(b))
	for _, mode := range []rag.Mode{rag.ModeVector, rag.ModeHybrid, ""} {
		_, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "number1", Mode: mode})
		if !errors.Is(err, rag.ErrConflict) || !strings.Contains(err.Error(), "model-a") || !strings.Contains(err.Error(), "model-b") || !strings.Contains(err.Error(), "reembed") {
			t.Errorf("mode %q without the model: %v", mode, err)
		}
	}
	if _, err := r.AddDocument(t.Context(), rag.Scope{}, note(9)); !errors.Is(err, rag.ErrConflict) || !strings.Contains(err.Error(), "model-a") {
		t.Errorf("adding without the model: %v", err)
	}
	res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "number1", Mode: rag.ModeKeyword})
	if err != nil || len(res.Hits) != 1 || !slices.Contains(res.Degraded, "embedder") {
		t.Errorf("by keyword: %+v, %v", res, err)
	}
	streamed := rag.Answer{}
	ans, err := r.QueryStream(t.Context(), rag.Scope{}, rag.Question{Text: "Where was number1 left?", Mode: rag.ModeKeyword}, func(e rag.Event) error {
		if e.Answer != nil {
			streamed = *e.Answer
		}
		return nil
	})
	if err != nil || !slices.Contains(ans.Degraded, "embedder") || !slices.Contains(streamed.Degraded, "embedder") {
		t.Errorf("answer by keyword: %+v, streamed %+v, %v", ans.Degraded, streamed.Degraded, err)
	}
	// It can be moved to a model that is here; there is nothing to compare with.
	moved := reembed(t, r, smartretriever.ReembedOptions{})
	if !moved.Switched || moved.New.Model != "model-b" || moved.Comparison != nil {
		t.Errorf("moved: %+v", moved)
	}
	expect(t, "nearest", nearest(t, r, "number1"), "n1")
	if _, err := r.SwitchGeneration(t.Context(), rag.Scope{}, 0, nil); err != nil { // it lacks nothing
		t.Errorf("back to the model that is not here: %v", err)
	}
}

// TestReembedWhileInUse builds, switches, and switches back while two processes add,
// change and delete documents and search. No search fails or misses what is there.
func TestReembedWhileInUse(t *testing.T) {
	dir := t.TempDir()
	a, b := newDouble("model-a", 128), newDouble("model-b", 64)
	kept := func(c *smartretriever.Config) {
		with(a, b)(c)
		c.Retention = time.Hour // deleted documents can be restored, in either generation
		c.NoQueryLog = true     // thousands of searches, each a transaction
	}
	here, there := open(t, dir, kept), open(t, dir, kept)
	addNotes(t, here, 0, 60)
	var stop atomic.Bool
	var work sync.WaitGroup
	for w, r := range []*smartretriever.Retriever{here, there} {
		work.Go(func() { // searches
			for i := 0; !stop.Load(); i++ {
				n := i % 20
				mode := []rag.Mode{rag.ModeVector, rag.ModeHybrid, rag.ModeKeyword}[i%3]
				res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: fmt.Sprintf("number%d gate%d porter%d", n, n*7, n*3), Mode: mode, K: 20, NoCache: true})
				if err != nil || len(res.Degraded) > 0 {
					t.Errorf("search in process %d: %v, %v", w, res.Degraded, err)
					return
				}
				if !slices.ContainsFunc(res.Hits, func(h rag.Hit) bool { return h.Document.ExternalID == fmt.Sprint("n", n) }) {
					t.Errorf("process %d, mode %s: note %d is not found", w, mode, n)
				}
			}
		})
		work.Go(func() { // adds, changes and deletes
			for i := 0; !stop.Load(); i++ {
				id := fmt.Sprintf("w%d-%d", w, i%10)
				res, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: id, Text: fmt.Sprintf("Writer %d brings item%dx%d today.", w, w, i)})
				if err != nil {
					t.Errorf("add in process %d: %v", w, err)
					return
				}
				hits, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: fmt.Sprintf("item%dx%d", w, i), K: 10, MinSeq: res.Seq})
				if err != nil || !slices.ContainsFunc(hits.Hits, func(h rag.Hit) bool { return h.Document.ExternalID == id }) {
					t.Errorf("process %d does not find what it wrote: %+v, %v", w, hits.Hits, err)
				}
				if i%3 == 2 {
					if err := r.DeleteDocument(t.Context(), rag.Scope{}, res.ID); err != nil {
						t.Errorf("delete in process %d: %v", w, err)
					}
				}
			}
		})
	}
	res := reembed(t, here, smartretriever.ReembedOptions{Model: "model-b", Batch: 16, Switch: smartretriever.SwitchAlways, Questions: 10})
	if !res.Switched {
		t.Errorf("%+v", res)
	}
	if _, err := there.SwitchGeneration(t.Context(), rag.Scope{}, 0, nil); err != nil {
		t.Error(err)
	}
	reembed(t, there, smartretriever.ReembedOptions{Model: "model-b", Switch: smartretriever.SwitchAlways, Questions: -1})
	stop.Store(true)
	work.Wait()
	sound(t, here)
	for _, r := range []*smartretriever.Retriever{here, there} {
		expect(t, "nearest", nearest(t, r, "number59 gate413"), "n59")
		for _, h := range r.Health(t.Context()) {
			if !h.OK {
				t.Errorf("health: %+v", h)
			}
		}
	}
}

// switching is a store between whose answers a hook does something.
type switching struct {
	smartretriever.Store
	changes, conflict atomic.Pointer[func()] // run once each: before changes are read, and when records lack an embedding
}

func once(hook *atomic.Pointer[func()]) {
	if run := hook.Swap(nil); run != nil {
		(*run)()
	}
}

func (s *switching) Changes(ctx context.Context, collection, after int64, limit int) ([]rag.Change, error) {
	once(&s.changes)
	return s.Store.Changes(ctx, collection, after, limit)
}

func (s *switching) Records(ctx context.Context, collection int64, generation int, ids []rag.ChunkID) ([]rag.Record, error) {
	records, err := s.Store.Records(ctx, collection, generation, ids)
	if errors.Is(err, rag.ErrConflict) {
		once(&s.conflict)
	}
	return records, err
}

// While a search brings its index up to date, the collection is switched to another
// generation, a document comes that has an embedding in that one alone, and it is
// switched back: the search does not fail for what was so for a moment.
func TestSwitchedAndBackDuringASearch(t *testing.T) {
	dir := t.TempDir()
	a, b := newDouble("model-a", 128), newDouble("model-b", 64)
	here := open(t, dir, with(a, b))
	addNotes(t, here, 0, 20)
	reembed(t, here, smartretriever.ReembedOptions{Model: "model-b", Switch: smartretriever.SwitchNever})
	var s switching
	there := open(t, dir, func(c *smartretriever.Config) {
		with(a, b)(c)
		c.OpenStore = func(ctx context.Context) (_ smartretriever.Store, err error) {
			s.Store, err = sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "smartretriever.db")})
			return &s, err
		}
	})
	expect(t, "before", nearest(t, there, "number3 gate21"), "n3")
	to := func(number int) *func() {
		run := func() {
			if _, err := here.SwitchGeneration(t.Context(), rag.Scope{}, number, nil); err != nil {
				t.Error(err)
			}
			if number == 2 {
				addNotes(t, here, 21, 22)
			}
		}
		return &run
	}
	addNotes(t, here, 20, 21)
	s.conflict.Store(to(1))
	s.changes.Store(to(2))
	expect(t, "meanwhile", nearest(t, there, "number20 gate140"), "n20")
	if s.conflict.Load() != nil {
		t.Error("nothing lacked an embedding while the other generation was live")
	}
	expect(t, "afterwards", nearest(t, there, "number21 gate147"), "n21")
	sound(t, there)
}

// Two processes that build the same generation do not both do all the work.
func TestReembedTwice(t *testing.T) {
	dir := t.TempDir()
	a, b := newDouble("model-a", 32), newDouble("model-b", 32)
	here, there := open(t, dir, with(a, b)), open(t, dir, with(a, b))
	addNotes(t, here, 0, 200)
	opt := smartretriever.ReembedOptions{Model: "model-b", Batch: 4, Questions: -1}
	var inner error
	once := sync.Once{}
	b.set(func(ctx context.Context, passages int) error {
		if passages == 20 {
			// The other process comes, and builds on from where this one is.
			once.Do(func() {
				b.set(nil)
				_, inner = there.Reembed(ctx, rag.Scope{}, opt)
			})
		}
		return nil
	})
	if _, err := here.Reembed(t.Context(), rag.Scope{}, opt); err != nil || inner != nil {
		t.Fatal(err, inner)
	}
	if n := b.embedded(); n > 200+2*4 {
		t.Errorf("%d passages were embedded, of 200", n)
	}
	expect(t, "generations", generations(t, here), "1 previous model-a 0; 2 live model-b 0; ")
}

// A collection with nothing in it is moved at once.
func TestReembedNothing(t *testing.T) {
	a, b := newDouble("model-a", 32), newDouble("model-b", 32)
	r := open(t, t.TempDir(), with(a, b))
	if _, err := r.CreateCollection(t.Context(), rag.Scope{}, rag.Collection{Name: "default"}); err != nil {
		t.Fatal(err)
	}
	if res := reembed(t, r, smartretriever.ReembedOptions{Model: "model-b"}); !res.Switched || res.Comparison != nil || res.Plan.Chunks != 0 {
		t.Errorf("%+v", res)
	}
	addNotes(t, r, 0, 1)
	expect(t, "embedded by the new model", b.embedded(), 1)
}
