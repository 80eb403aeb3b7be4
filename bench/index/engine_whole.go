package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/bench/index/data"
	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// fields takes texts that are terms already.
type fields struct{}

func (fields) Name() string { return "fields" }

func (fields) Append(dst []string, text string) []string {
	for t := range strings.FieldsSeq(text) {
		dst = append(dst, t)
	}
	return dst
}

// whole is an engine with words and vectors for a million rows.
type whole struct {
	cfg     engine.Config
	ix      *engine.Index
	vectors []float32
	dims    int
	texts   []string // of questions
	queries []float32
}

const perDocument = 10 // rows

// openWhole builds the engine, or opens the one that an earlier run has built.
func (b *bench) openWhole(ctx context.Context) (w *whole, built time.Duration, err error) {
	words, err := b.data.Words(data.RandomWords)
	if err != nil {
		return nil, 0, err
	}
	vectors, err := b.data.Vectors(ctx, data.Large128)
	if err != nil {
		return nil, 0, err
	}
	w = &whole{dims: vectors.Dims}
	w.cfg = engine.Config{
		Dimensions: vectors.Dims, Analyzer: fields{}, Dir: filepath.Join(b.cache, "indexes", "engine-1m"),
		Identity: engine.Identity{Store: words.Name, Model: vectors.Name},
	}
	if w.vectors, err = data.Map[float32](vectors.Base()); err != nil {
		return nil, 0, err
	}
	if w.queries, err = data.Map[float32](vectors.Queries(data.Questions)); err != nil {
		return nil, 0, err
	}
	if err := eachText(words.Questions(data.FullQuestions), func(_ int, text string) error {
		w.texts = append(w.texts, text)
		return nil
	}); err != nil {
		return nil, 0, err
	}
	if w.ix, err = engine.Open(w.cfg); err == nil {
		return w, 0, nil
	}
	began := time.Now()
	if w.ix, err = engine.Create(w.cfg); err != nil {
		return nil, 0, err
	}
	err = w.ix.Rebuild(ctx, func(add func(rag.Record) error) (int64, error) {
		return 1, eachText(words.File(), func(i int, text string) error {
			if i >= vectors.Rows {
				return nil
			}
			return add(w.record(i, text))
		})
	})
	if err == nil {
		err = w.ix.Optimize(ctx)
	}
	if err == nil {
		err = w.ix.Commit(ctx)
	}
	return w, time.Since(began), err
}

// record is row i of the data.
func (w *whole) record(i int, text string) rag.Record {
	d := i / perDocument
	return rag.Record{
		ChunkID:  rag.ChunkID(i + 1),
		Document: &rag.Document{ID: rag.DocumentID(fmt.Sprintf("d%07d", d)), Metadata: rag.Metadata{"group": rag.Num(float64(d % 100))}},
		Text:     text,
		Vector:   w.vector(i),
	}
}

func (w *whole) vector(i int) []float32 { return w.vectors[i*w.dims:][:w.dims] }

func eachText(path string, fn func(i int, text string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for i := 0; lines.Scan(); i++ {
		if err := fn(i, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// query is hybrid query i for k candidates a side.
func (w *whole) query(i, k int) rag.IndexQuery {
	i %= len(w.texts)
	return rag.IndexQuery{Text: w.texts[i], Vector: w.queries[i*w.dims:][:w.dims], K: k}
}

// searches runs all queries once and returns the milliseconds of each.
func (w *whole) searches(ctx context.Context, k int) ([]float64, error) {
	out := make([]float64, 0, len(w.texts))
	for i := range w.texts {
		began := time.Now()
		res, err := w.ix.Search(ctx, w.query(i, k))
		if err != nil {
			return nil, err
		}
		if len(res.Vector) == 0 {
			return nil, errors.New("a search found nothing")
		}
		out = append(out, float64(time.Since(began).Microseconds())/1000)
	}
	return out, nil
}

// openings returns the median milliseconds of opening the index.
func (w *whole) openings(rounds int) (float64, error) {
	var all []float64
	for range max(rounds, 1) {
		if err := w.ix.Close(); err != nil {
			return 0, err
		}
		began := time.Now()
		ix, err := engine.Open(w.cfg)
		if err != nil {
			return 0, err
		}
		all = append(all, float64(time.Since(began).Microseconds())/1000)
		w.ix = ix
	}
	return median(all), nil
}

// load is what putting rows in while searching has shown.
type load struct {
	rate     float64   // rows a second that were put in
	searches float64   // a second meanwhile
	visible  []float64 // milliseconds of each batch until searches see it
}

const (
	batchRows  = 50
	targetRate = 5000 // rows a second
)

// under puts rows in for a while, at no more than targetRate, and searches at the same time; with no rows it only searches.
func (w *whole) under(ctx context.Context, seconds int, put bool) (load, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	defer cancel()
	var l load
	var done atomic.Int64
	var wg sync.WaitGroup
	var putErr error
	rows := 0
	if put {
		wg.Go(func() { rows, putErr = w.put(ctx, &l) })
	}
	began := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		if _, err := w.ix.Search(context.WithoutCancel(ctx), w.query(i, 10)); err != nil {
			return l, err
		}
		done.Add(1)
	}
	wg.Wait()
	took := time.Since(began).Seconds()
	l.rate, l.searches = float64(rows)/took, float64(done.Load())/took
	return l, putErr
}

// put puts rows in, with texts and vectors of rows that are there, as new documents.
func (w *whole) put(ctx context.Context, l *load) (rows int, err error) {
	first := rag.ChunkID(10_000_000 + w.ix.Seq()*batchRows)
	began := time.Now()
	for ctx.Err() == nil {
		if ahead := time.Duration(rows)*time.Second/targetRate - time.Since(began); ahead > 0 {
			time.Sleep(ahead)
		}
		puts := make([]rag.Record, batchRows)
		d := &rag.Document{ID: rag.DocumentID(fmt.Sprintf("new%d", w.ix.Seq()))}
		for i := range puts {
			at := (rows + i) % len(w.texts)
			puts[i] = rag.Record{ChunkID: first + rag.ChunkID(rows+i), Document: d, Text: w.texts[at] + " " + w.texts[(at+7)%len(w.texts)], Vector: w.vector(at * 900)}
		}
		at := time.Now()
		if err := w.ix.Apply(puts, nil, w.ix.Seq()+1); err != nil {
			return rows, err
		}
		l.visible = append(l.visible, float64(time.Since(at).Microseconds())/1000)
		rows += batchRows
	}
	return rows, nil
}
