//go:build servers

package redis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// world is what a pipeline answers from: a document or more, and a generator that repeats the
// question, so that an answer to another one can be told.
type world struct {
	calls atomic.Int64 // of the generator
	takes time.Duration
	// passages are found, of the length that chunks have; 0 is a short one.
	passages int
}

const tower = "The Eiffel Tower was completed in 1889. It stands 330 metres tall."

func (w *world) Search(_ context.Context, _ rag.Collection, _ rag.IndexQuery, minSeq int64) (rag.IndexResult, error) {
	var hits []rag.Scored
	for i := range max(1, w.passages) {
		hits = append(hits, rag.Scored{ChunkID: rag.ChunkID(i + 1), DocumentID: document(rag.ChunkID(i + 1)), Score: 1 / float32(i+1)})
	}
	return rag.IndexResult{Seq: minSeq, Vector: hits, Keyword: hits}, nil
}

func (w *world) Chunks(_ context.Context, _ int64, ids []rag.ChunkID) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error) {
	var chunks []rag.Chunk
	docs := map[rag.DocumentID]rag.Document{}
	for _, id := range ids {
		text := tower
		for n := range 120 * min(w.passages, 1) { // some 1.2 KB, as chunks have
			text += fmt.Sprintf(" Word%d.", (n*n+int(id)*7919)%5000)
		}
		chunks = append(chunks, rag.Chunk{ID: id, DocumentID: document(id), Version: 1, Span: rag.Span{End: len(text)}, Text: text, Tokens: 15})
		docs[document(id)] = rag.Document{ID: document(id), Title: "Tower", Version: 1}
	}
	return chunks, docs, nil
}

func document(id rag.ChunkID) rag.DocumentID { return rag.DocumentID(fmt.Sprint("tower ", id)) }

func (w *world) Quote(_ context.Context, _ int64, _ rag.DocumentID, _ int, span rag.Span) (string, error) {
	return span.Of(tower), nil
}

func (w *world) Blocks(context.Context, int64, rag.DocumentID, int) ([]rag.Block, error) {
	return nil, rag.Errorf(rag.KindNotFound, "no blocks")
}

func (w *world) ChunkAt(context.Context, int64, rag.DocumentID, int, int) (rag.Chunk, error) {
	return rag.Chunk{}, rag.Errorf(rag.KindNotFound, "no such chunk")
}

func (w *world) Model() rag.Model         { return rag.Model{ID: "constant", Dimensions: 2} }
func (w *world) CountTokens(s string) int { return len(strings.Fields(s)) }
func (w *world) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = []float32{1, 0}
	}
	return out, nil
}

func (w *world) Budget() int { return 1000 }
func (w *world) Generate(ctx context.Context, p answer.Prompt, emit func(string) error) (answer.Draft, error) {
	w.calls.Add(1)
	if w.takes > 0 {
		select {
		case <-time.After(w.takes):
		case <-ctx.Done():
			return answer.Draft{}, ctx.Err()
		}
	}
	return answer.Draft{Confidence: -1}, emit(p.Question + ": it stands 330 metres tall [1].")
}

func (w *world) pipeline(c answer.Cache, claims answer.Claims, o *observe.Observer) *answer.Pipeline {
	return answer.New(answer.Config{Index: w, Chunks: w, Embed: w, Generate: w, Cache: c, Claims: claims, Observe: o})
}

// ask asks question i and compares the answer.
func ask(ctx context.Context, p *answer.Pipeline, i int) (rag.Answer, error) {
	question := fmt.Sprintf("question %d", i)
	a, err := p.Ask(ctx, rag.Scope{Tenant: "t"}, rag.Collection{ID: 1, Seq: 1}, rag.Question{Text: question}, nil)
	if err != nil {
		return a, err
	}
	if want := question + ": it stands 330 metres tall [1]."; a.Text != want || len(a.Citations) != 1 || a.Citations[0].Quote != "It stands 330 metres tall." {
		return a, fmt.Errorf("a wrong answer: %q with %d citations, want %q", a.Text, len(a.Citations), want)
	}
	return a, nil
}

// hammer has several ask without pause while during runs. No answer may fail or be wrong.
func hammer(t *testing.T, p *answer.Pipeline, during func()) {
	t.Helper()
	var over atomic.Bool
	var asked atomic.Int64
	var mu sync.Mutex
	var slowest time.Duration
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for !over.Load() {
				begun := time.Now()
				_, err := ask(t.Context(), p, rand.IntN(200))
				if err != nil {
					t.Error(err)
					return
				}
				asked.Add(1)
				mu.Lock()
				slowest = max(slowest, time.Since(begun))
				mu.Unlock()
			}
		})
	}
	eventually(t, func() bool { return asked.Load() > 100 || t.Failed() })
	during()
	before := asked.Load()
	eventually(t, func() bool { return asked.Load() > before+100 || t.Failed() })
	over.Store(true)
	wg.Wait()
	t.Logf("%d answers, the slowest after %v", asked.Load(), slowest.Round(time.Millisecond))
}

// cached waits until answers come from the cache.
func cached(t *testing.T, p *answer.Pipeline) {
	t.Helper()
	i := 1000
	eventually(t, func() bool {
		i++
		for range 2 {
			a, err := ask(t.Context(), p, i)
			if err != nil {
				t.Fatal(err)
			}
			if a.Cached {
				return true
			}
		}
		return false
	})
}
