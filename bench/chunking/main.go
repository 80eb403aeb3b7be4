// Command chunking compares the chunkers and their sizes by what a search finds
// with them, and prints the table of docs/chunking.md.
//
//	go run ./bench/chunking -data ../shared/data/retrieval
//
// Two questions are asked. On chunking-evaluation (472 questions with marked
// spans in five long texts): how much of the marked text do the best chunks
// cover, and how much else do they bring. On SciFact's training queries: does the
// right document come up, counting each document by its best chunk.
//
// Search is what the product does: the built-in embedder and BM25, 100 candidates
// each, z-score fusion. Embeddings are kept on disk by content, so a second run
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
	"text/tabwriter"
	"time"

	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
)

var settings = []rag.ChunkerOptions{
	{Name: chunk.Structure, Size: 128},
	{Name: chunk.Structure, Size: 200},
	{Name: chunk.Structure, Size: 256},
	{Name: chunk.Structure, Size: 320},
	{Name: chunk.Structure, Size: 400},
	{Name: chunk.Structure, Size: 460},
	{Name: chunk.Structure, Size: 256, Overlap: 50},
	{Name: chunk.Semantic, Size: 128},
	{Name: chunk.Semantic, Size: 256},
	{Name: chunk.Semantic, Size: 400},
	{Name: chunk.Recursive},
	{Name: chunk.Recursive, Size: 400, Overlap: -1},
	{Name: chunk.Fixed},
}

func main() {
	data := flag.String("data", filepath.Join("..", "shared", "data", "retrieval"), "folder with chunking-evaluation and scifact")
	cache := flag.String("cache", filepath.Join(".cache", "chunking"), "folder for embeddings")
	docs := flag.Int("scifact", 2000, "documents of SciFact: the judged ones and the first others; 0 is all, -1 none")
	workers := flag.Int("workers", 0, "of the embedder; 0 is one a processor")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *data, *cache, *docs, *workers); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, data, cache string, docs, workers int) error {
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
	for _, opt := range settings {
		began := time.Now()
		c, err := chunk.New(opt, model.CountTokens)
		if err != nil {
			return err
		}
		row, err := spans.measure(ctx, c, embed)
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%d\t%.0f\t%.3f\t%.3f\t%.3f\t%.3f", name(opt), row.chunks, row.tokens, row.recall, row.precision, row.iou, row.budget)
		if facts != nil {
			m, err := facts.measure(ctx, c, embed)
			if err != nil {
				return err
			}
			fmt.Fprintf(t, "\t%.4f (%.3f-%.3f)", m.Value, m.Low, m.High)
		}
		fmt.Fprintln(t)
		log.Printf("%s took %s", name(opt), time.Since(began).Round(time.Second))
	}
	return t.Flush()
}

func name(opt rag.ChunkerOptions) string {
	switch {
	case opt.Size == 0:
		return opt.Name + " 1000/200"
	case opt.Overlap > 0:
		return fmt.Sprintf("%s %d/%d", opt.Name, opt.Size, opt.Overlap)
	}
	return fmt.Sprintf("%s %d", opt.Name, opt.Size)
}
