// Command chunking compares the chunkers and their sizes by what a search finds
// with them, and prints the table of docs/chunking.md.
//
//	bench/chunking/bench.sh
//
// Two questions are asked. On chunking-evaluation (472 questions with marked
// spans in five long texts): how much of the marked text do the best chunks
// cover, and how much else do they bring. On SciFact's training queries: does the
// right document come up, counting each document by its best chunk.
//
// Search is what the product does: the built-in embedder and BM25, 100 candidates
// each, z-score fusion. What other projects cut (rivals.go, rivals.py) is searched in
// the same way. Embeddings are kept on disk by content, so a second run
// takes a minute.
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
	"text/tabwriter"
	"time"

	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
)

var settings = append(sized(200, 320, 400),
	rag.ChunkerOptions{Name: chunk.Structure, Size: 128},
	rag.ChunkerOptions{Name: chunk.Structure, Size: 460},
	rag.ChunkerOptions{Name: chunk.Structure, Size: 320, Overlap: 64},
	rag.ChunkerOptions{Name: chunk.Semantic, Size: 400, Break: chunk.ByGradient},
	rag.ChunkerOptions{Name: chunk.Recursive, Unit: chunk.Characters},
	rag.ChunkerOptions{Name: chunk.Fixed, Unit: chunk.Characters},
)

// sized are the chunkers that cut any text, at sizes in tokens and without overlap.
func sized(sizes ...int) []rag.ChunkerOptions {
	var out []rag.ChunkerOptions
	for _, n := range sizes {
		for _, name := range []string{chunk.Structure, chunk.Paragraph, chunk.Sentence, chunk.Semantic, chunk.Recursive, chunk.Fixed} {
			out = append(out, rag.ChunkerOptions{Name: name, Size: n, Overlap: -1})
		}
	}
	return out
}

func main() {
	data := flag.String("data", filepath.Join("..", "shared", "data", "retrieval"), "folder with chunking-evaluation and scifact")
	cache := flag.String("cache", filepath.Join(".cache", "chunking"), "folder for embeddings")
	docs := flag.Int("scifact", 2000, "documents of SciFact: the judged ones and the first others; 0 is all, -1 none")
	workers := flag.Int("workers", 0, "of the embedder; 0 is one a processor")
	rivals := flag.String("rivals", "", "folder of what rivals.py has written; empty leaves rivals out")
	only := flag.String("only", "", "regular expression: the settings and rivals whose names it matches")
	flag.Parse()
	chosen, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *data, *cache, *rivals, chosen, *docs, *workers); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, data, cache, rivals string, chosen *regexp.Regexp, docs, workers int) error {
	model, err := bert.New(bert.Config{Workers: workers})
	if err != nil {
		return err
	}
	embed, err := embedcache.Open(cache, model)
	if err != nil {
		return err
	}
	defer embed.Close()
	spans, err := loadSpans(filepath.Join(data, "chunking-evaluation"))
	if err != nil {
		return err
	}
	var facts *facts
	if docs >= 0 {
		if facts, err = loadFacts(filepath.Join(data, "scifact"), docs); err != nil {
			return err
		}
		fmt.Printf("SciFact: %d documents, %d training queries\n", len(facts.corpus), len(facts.dataset.Queries))
	}
	fmt.Printf("chunking-evaluation: %d texts, %d questions\n\n", len(spans.texts), len(spans.questions))

	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "chunker\tchunks\ttokens a chunk\trecall@5\tprecision@5\tIoU@5\trecall in 1,500 tokens\tnDCG@10 SciFact")
	print := func(name string, began time.Time, cut [][]rag.Chunk) error {
		row, err := spans.measure(ctx, cut, embed)
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%d\t%.0f\t%.3f\t%.3f\t%.3f\t%.3f", name, row.chunks, row.tokens, row.recall, row.precision, row.iou, row.budget)
		log.Printf("%s: %d chunks of %.0f tokens, recall %.3f, precision %.3f, IoU %.3f, in the budget %.3f; took %s", name, row.chunks, row.tokens, row.recall, row.precision, row.iou, row.budget, time.Since(began).Round(time.Second))
		return nil
	}
	for _, opt := range settings {
		if !chosen.MatchString(name(opt)) {
			continue
		}
		began := time.Now()
		c, err := chunk.New(opt, counted{embed, model.CountTokens})
		if err != nil {
			return err
		}
		cut, err := spans.cut(ctx, c)
		if err != nil {
			return err
		}
		if err := print(name(opt), began, cut); err != nil {
			return err
		}
		if facts != nil {
			m, err := facts.measure(ctx, c, embed)
			if err != nil {
				return err
			}
			fmt.Fprintf(t, "\t%.4f (%.3f-%.3f)", m.Value, m.Low, m.High)
			log.Printf("%s: nDCG@10 %.4f", name(opt), m.Value)
		}
		fmt.Fprintln(t)
	}
	if rivals != "" {
		others, err := spans.loadRivals(rivals, model.CountTokens)
		if err != nil {
			return err
		}
		for _, r := range others {
			if !chosen.MatchString(r.name) {
				continue
			}
			if err := print(r.name, time.Now(), r.cut); err != nil {
				return err
			}
			fmt.Fprintln(t)
		}
	}
	return t.Flush()
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
		return fmt.Sprintf("%s %d/%d", opt.Name, opt.Size, opt.Overlap)
	}
	return fmt.Sprintf("%s %d", opt.Name, opt.Size)
}
