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
	fields  []postings.Field
	extra   []string // terms of a title and of headings
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
		b.Add(ix.fields(a, &records[i], a.terms[i]))
	}
	return b.Write(w, ix.cfg.ranking())
}

// fields returns what a record has to be found by: its text, and title and headings once more for each weight beyond 1.
func (ix *Index) fields(a *analyzed, r *rag.Record, text []string) []postings.Field {
	a.fields = append(a.fields[:0], postings.Field{Terms: text})
	a.extra = a.extra[:0]
	if w := ix.cfg.TitleWeight - 1; w > 0 && r.Document.Title != "" {
		a.extra = ix.cfg.Analyzer.Append(a.extra, r.Document.Title)
		a.fields = append(a.fields, postings.Field{Terms: a.extra, Weight: w})
	}
	if w := ix.cfg.HeadingWeight - 1; w > 0 && len(r.Heading) > 0 {
		from := len(a.extra)
		for _, h := range r.Heading {
			a.extra = ix.cfg.Analyzer.Append(a.extra, h)
		}
		a.fields = append(a.fields, postings.Field{Terms: a.extra[from:], Weight: w})
	}
	return a.fields
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
	clear(a.fields[:cap(a.fields)])
	clear(a.extra[:cap(a.extra)])
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
