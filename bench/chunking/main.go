// Command chunking compares the chunkers and their sizes by what a search finds
// with them, writes bench/results/chunking.json, and prints the tables of
// docs/chunking.md.
//
//	bench/chunking/bench.sh
//
// What is asked: on chunking-evaluation (472 questions with marked spans in five long
// texts), how much of the marked text do the best chunks cover, and how much else do
// they bring; on SciFact's training queries, does the right document come up, counting
// each document by its best chunk. The default is chosen by these. The settings that
// are candidates for it are then checked on sets that had no part in the choice:
// XQuAD's articles, as the first, and Cranfield, as the second.
//
// Search is what the product does: the built-in embedder and BM25, 100 candidates
// each, z-score fusion. What other projects cut (rivals.go, rivals.py) is searched in
// the same way. Embeddings are kept on disk by content, so a second run
// takes a few minutes.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
)

// Names of the sets.
const (
	tuning    = "chunking-evaluation"
	scifact   = "SciFact, training queries"
	articles  = "XQuAD articles"
	cranfield = "Cranfield"
)

// setting is a chunker to measure. Candidates for the default are measured on all
// sets and compared with it; the others on those that it is chosen by.
type setting struct {
	rag.ChunkerOptions
	candidate bool
}

// standard is the default.
var standard = setting{rag.ChunkerOptions{Name: chunk.Structure, Size: 320, Overlap: -1}, true}

var settings = slicesOf(
	sized(chunk.Names[:6], 200, 320, 400),
	sized([]string{chunk.Structure}, 128, 256, 460),
	[]setting{
		{rag.ChunkerOptions{Name: chunk.Structure, Size: 256, Overlap: 51}, true},
		{rag.ChunkerOptions{Name: chunk.Structure, Size: 320, Overlap: 32}, true},
		{rag.ChunkerOptions{Name: chunk.Structure, Size: 320, Overlap: 64}, true},
		{rag.ChunkerOptions{Name: chunk.Structure, Size: 320, Overlap: 96}, true},
		{rag.ChunkerOptions{Name: chunk.Structure, Size: 400, Overlap: 80}, true},
		{rag.ChunkerOptions{Name: chunk.Sentence, Size: 320, Overlap: 64}, false},
		{rag.ChunkerOptions{Name: chunk.Recursive, Size: 320, Overlap: 64}, false},
		{rag.ChunkerOptions{Name: chunk.Semantic, Size: 400, Break: chunk.ByGradient}, false},
		{rag.ChunkerOptions{Name: chunk.Recursive, Unit: chunk.Characters}, false},
		{rag.ChunkerOptions{Name: chunk.Fixed, Unit: chunk.Characters}, false},
	},
)

func slicesOf(lists ...[]setting) []setting {
	var out []setting
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// sized are chunkers at sizes in tokens and without overlap.
func sized(names []string, sizes ...int) []setting {
	var out []setting
	for _, n := range sizes {
		for _, name := range names {
			s := setting{rag.ChunkerOptions{Name: name, Size: n, Overlap: -1}, name == chunk.Structure && n >= 320 && n <= 400}
			out = append(out, s)
		}
	}
	return out
}

func main() {
	data := flag.String("data", filepath.Join("..", "shared", "data", "retrieval"), "folder with chunking-evaluation, scifact, cranfield and xquad")
	cache := flag.String("cache", filepath.Join(".cache", "chunking"), "folder for embeddings")
	most := flag.Int("scifact", 2000, "documents of SciFact: the judged ones and the first others; 0 is all")
	workers := flag.Int("workers", 0, "of the embedder; 0 is one a processor")
	rivals := flag.String("rivals", "", "folder of what rivals.py has written; empty leaves rivals out")
	only := flag.String("only", "", "regular expression: the settings and rivals whose names it matches")
	out := flag.String("out", "", "write JSON here; settings that are not measured keep what stands there of them")
	texts := flag.String("texts", "", "write the documents of SciFact here, for rivals.py, and measure nothing")
	flag.Parse()
	chosen, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b, err := open(*data, *cache, *most, *workers)
	if err != nil {
		log.Fatal(err)
	}
	defer b.embed.Close()
	if *texts != "" {
		if err := b.ranked[0].write(*texts); err != nil {
			log.Fatal(err)
		}
		return
	}
	results, err := b.run(ctx, *rivals, chosen)
	if err == nil && *out != "" {
		err = write(*out, results)
	}
	if err == nil {
		fmt.Print(tables(results))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// bench is what settings are measured with.
type bench struct {
	embed    *embedcache.Cache
	count    func(string) int
	asker    *asker
	spans    []*spans     // chunking-evaluation, and what candidates are checked with
	ranked   []*documents // SciFact, likewise
	measured []*measured
}

// measured is what came of a setting, by set.
type measured struct {
	name   string
	spans  map[string]row
	ranked map[string]eval.Report
	chunks map[string]int
}

func open(data, cache string, most, workers int) (*bench, error) {
	model, err := bert.New(bert.Config{Workers: workers})
	if err != nil {
		return nil, err
	}
	b := &bench{count: model.CountTokens}
	if b.embed, err = embedcache.Open(cache, model); err != nil {
		return nil, err
	}
	if b.asker, err = newAsker(b.embed); err != nil {
		return nil, err
	}
	long, err := loadSpans(filepath.Join(data, "chunking-evaluation"))
	if err != nil {
		return nil, err
	}
	short, err := loadArticles(filepath.Join(data, "xquad", "en"))
	if err != nil {
		return nil, err
	}
	b.spans = []*spans{long, short}
	facts, err := loadDocuments(scifact, filepath.Join(data, "scifact"), "train", most)
	if err != nil {
		return nil, err
	}
	planes, err := loadDocuments(cranfield, filepath.Join(data, "cranfield"), "test", 0)
	if err != nil {
		return nil, err
	}
	b.ranked = []*documents{facts, planes}
	for _, s := range b.spans {
		log.Printf("%s: %d texts, %d questions", s.set, len(s.texts), len(s.questions))
	}
	for _, d := range b.ranked {
		log.Printf("%s: %d documents, %d queries", d.set, len(d.corpus), len(d.dataset.Queries))
	}
	return b, nil
}

// run measures what is chosen.
func (b *bench) run(ctx context.Context, rivals string, chosen *regexp.Regexp) (*results, error) {
	for _, s := range settings {
		if !chosen.MatchString(name(s.ChunkerOptions)) {
			continue
		}
		c, err := chunk.New(s.ChunkerOptions, counted{b.embed, b.count})
		if err != nil {
			return nil, err
		}
		sets := 1
		var ask *asker
		if s.candidate {
			sets, ask = len(b.spans), b.asker
		}
		m := b.begin(name(s.ChunkerOptions))
		for _, of := range b.spans[:sets] {
			cut, err := of.cut(ctx, c)
			if err != nil {
				return nil, err
			}
			if err := b.span(ctx, m, of, cut, ask); err != nil {
				return nil, err
			}
		}
		for _, of := range b.ranked[:sets] {
			cut, err := of.cut(ctx, c)
			if err != nil {
				return nil, err
			}
			if err := b.rank(ctx, m, of, cut); err != nil {
				return nil, err
			}
		}
	}
	if rivals != "" {
		if err := b.runRivals(ctx, rivals, chosen); err != nil {
			return nil, err
		}
	}
	return b.results()
}

// runRivals measures what other projects have cut.
func (b *bench) runRivals(ctx context.Context, dir string, chosen *regexp.Regexp) error {
	names, err := rivalNames(filepath.Join(dir, "spans"))
	if err != nil {
		return err
	}
	long, facts := b.spans[0], b.ranked[0]
	ids := make([]string, len(facts.corpus))
	for i, d := range facts.corpus {
		ids[i] = d.ID
	}
	for _, rival := range names {
		if !chosen.MatchString(rival) {
			continue
		}
		m := b.begin(rival)
		cut, err := loadRival(filepath.Join(dir, "spans"), rival, long.names, func(i int) string { return long.texts[i].Content }, b.count)
		if err != nil {
			return err
		}
		if err := b.span(ctx, m, long, cut, nil); err != nil {
			return err
		}
		cut, err = loadRival(filepath.Join(dir, "scifact"), rival, ids, func(i int) string { return facts.corpus[i].Text }, b.count)
		if err != nil {
			return err
		}
		if err := b.rank(ctx, m, facts, cut); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) begin(name string) *measured {
	m := &measured{name, map[string]row{}, map[string]eval.Report{}, map[string]int{}}
	b.measured = append(b.measured, m)
	return m
}

func (b *bench) span(ctx context.Context, m *measured, of *spans, cut [][]rag.Chunk, ask *asker) error {
	began := time.Now()
	r, err := of.measure(ctx, cut, b.embed, b.count, ask)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", m.name, of.set, err)
	}
	m.spans[of.set] = r
	log.Printf("%s on %s: %d chunks, recall@5 %.3f; took %s", m.name, of.set, r.chunks, mean(r.values, recall5), time.Since(began).Round(time.Second))
	return nil
}

func (b *bench) rank(ctx context.Context, m *measured, of *documents, cut [][]rag.Chunk) error {
	began := time.Now()
	r, n, err := of.measure(ctx, cut, b.embed)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", m.name, of.set, err)
	}
	m.ranked[of.set], m.chunks[of.set] = r, n
	v, _ := r.Value(ndcg10)
	log.Printf("%s on %s: %d chunks, nDCG@10 %.4f; took %s", m.name, of.set, n, v.Value, time.Since(began).Round(time.Second))
	return nil
}

// counted is the cache of embeddings with a counter of tokens: the model of semantic.
type counted struct {
	*embedcache.Cache
	count func(string) int
}

func (c counted) CountTokens(text string) int { return c.count(text) }

func name(opt rag.ChunkerOptions) string {
	switch {
	case opt.Size == 0:
		return opt.Name + " 1000/200 characters"
	case opt.Break != "":
		return fmt.Sprintf("%s %d, %s", opt.Name, opt.Size, opt.Break)
	case opt.Overlap > 0:
		return fmt.Sprintf("%s %d, overlap %d", opt.Name, opt.Size, opt.Overlap)
	}
	return fmt.Sprintf("%s %d", opt.Name, opt.Size)
}
