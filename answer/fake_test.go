package answer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// world is a tiny document store with an index that ranks by a fixed order.
type world struct {
	mu     sync.Mutex
	texts  map[rag.DocumentID]string
	docs   map[rag.DocumentID]rag.Document
	blocks map[rag.DocumentID][]rag.Block
	chunks []rag.Chunk
	err    error        // of the index
	calls  int          // of the index
	reads  atomic.Int32 // of chunks, from the store
}

func newWorld() *world {
	return &world{texts: map[rag.DocumentID]string{}, docs: map[rag.DocumentID]rag.Document{}}
}

// add stores a document of one chunk.
func (w *world) add(id, text string, acl ...string) {
	d := rag.DocumentID(id)
	w.texts[d] = text
	w.docs[d] = rag.Document{ID: d, Title: id, ACL: acl, Version: 1, Metadata: rag.Metadata{"name": rag.Str(id)}}
	w.chunks = append(w.chunks, rag.Chunk{ID: rag.ChunkID(len(w.chunks) + 1), DocumentID: d, Version: 1,
		Span: rag.Span{End: len(text)}, Text: text, Tokens: len(wordsOf(text))})
}

func (w *world) Search(_ context.Context, _ rag.Collection, q rag.IndexQuery, minSeq int64) (rag.IndexResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	res := rag.IndexResult{Seq: minSeq}
	for i, c := range w.chunks {
		s := rag.Scored{ChunkID: c.ID, DocumentID: c.DocumentID, Score: 1 - float32(i)/100}
		if len(q.Vector) > 0 && len(res.Vector) < q.K {
			res.Vector = append(res.Vector, s)
		}
		if q.Text != "" && len(res.Keyword) < q.K {
			res.Keyword = append(res.Keyword, s)
		}
	}
	return res, w.err
}

func (w *world) Chunks(_ context.Context, _ int64, ids []rag.ChunkID) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error) {
	w.reads.Add(1)
	var out []rag.Chunk
	for _, id := range ids {
		for _, c := range w.chunks {
			if c.ID == id {
				out = append(out, c)
			}
		}
	}
	return out, w.docs, nil
}

func (w *world) Quote(_ context.Context, _ int64, id rag.DocumentID, _ int, span rag.Span) (string, error) {
	text, ok := w.texts[id]
	if q := span.Of(text); ok && q != "" {
		return q, nil
	}
	return "", rag.Errorf(rag.KindNotFound, "no such text")
}

func (w *world) Blocks(_ context.Context, _ int64, id rag.DocumentID, _ int) ([]rag.Block, error) {
	if blocks, ok := w.blocks[id]; ok {
		return blocks, nil
	}
	return nil, rag.Errorf(rag.KindNotFound, "no such text")
}

func (w *world) ChunkAt(_ context.Context, _ int64, id rag.DocumentID, _, offset int) (rag.Chunk, error) {
	for _, c := range w.chunks {
		if c.DocumentID == id && c.Span.Start <= offset && offset < c.Span.End {
			return c, nil
		}
	}
	return rag.Chunk{}, rag.Errorf(rag.KindNotFound, "no such chunk")
}

// constantEmbedder gives every text the same vector.
type constantEmbedder struct{ err error }

func (constantEmbedder) Model() rag.Model         { return rag.Model{ID: "constant", Dimensions: 2} }
func (constantEmbedder) CountTokens(s string) int { return len(wordsOf(s)) }
func (e constantEmbedder) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = []float32{1, 0}
	}
	return out, e.err
}

// script is a generator that says what it is told to, piece by piece.
type script struct {
	pieces []string
	draft  Draft
	err    error
	seen   Prompt
}

func (s *script) Budget() int { return 1000 }
func (s *script) Generate(_ context.Context, p Prompt, emit func(string) error) (Draft, error) {
	s.seen = p
	for _, piece := range s.pieces {
		if err := emit(piece); err != nil {
			return Draft{}, err
		}
	}
	return s.draft, s.err
}

type mapCache struct {
	mu   sync.Mutex
	m    map[string][]byte
	fail error
}

func (c *mapCache) Get(_ context.Context, key string) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.m[key]
	return v, ok, c.fail
}

func (c *mapCache) Set(_ context.Context, key string, value []byte, _ time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[string][]byte{}
	}
	c.m[key] = value
	return c.fail
}
