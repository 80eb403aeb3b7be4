package engine

import (
	"context"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/index/postings"
	"github.com/smartretriever/smartretriever/rag"
)

// analyzed is the terms of some texts, and the memory they were made in.
type analyzed struct {
	terms   [][]string
	field   [1]postings.Field
	builder *postings.Builder
}

var analyses = sync.Pool{New: func() any { return &analyzed{builder: postings.NewBuilder()} }}

// writeWords writes the keyword section of records.
func (ix *Index) writeWords(w io.Writer, records []rag.Record) error {
	a := analyses.Get().(*analyzed)
	defer a.free()
	for len(a.terms) < len(records) {
		a.terms = append(a.terms, nil)
	}
	ix.analyze(a.terms, records)
	b := a.builder
	b.Reset()
	for i := range records {
		a.field[0] = postings.Field{Terms: a.terms[i]}
		b.Add(a.field[:])
	}
	return b.Write(w, ix.cfg.ranking())
}

// free gives the memory back, without what could keep large texts alive.
func (a *analyzed) free() {
	const usual = 4096 // texts
	if len(a.terms) > usual {
		a.terms = nil
	}
	for i := range a.terms {
		clear(a.terms[i])
	}
	a.field[0] = postings.Field{}
	analyses.Put(a)
}

// analyze turns texts into terms, on all cores when there are many.
func (ix *Index) analyze(dst [][]string, records []rag.Record) {
	const enough = 32 // texts that are worth a goroutine
	one := func(i int) { dst[i] = ix.cfg.Analyzer.Append(dst[i][:0], records[i].Text) }
	workers := min(runtime.GOMAXPROCS(0), len(records)/enough)
	if workers < 2 {
		for i := range records {
			one(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(records); i = int(next.Add(1)) - 1 {
				one(i)
			}
		})
	}
	wg.Wait()
}

// mergeWords writes the keyword section of a merged segment.
func mergeWords(ctx context.Context, w io.Writer, p *plan) error {
	parts := make([]postings.Part, len(p.views))
	for i, v := range p.views {
		parts[i] = postings.Part{Segment: v.seg.words, Rows: p.maps[i]}
	}
	return postings.Merge(ctx, w, parts)
}
