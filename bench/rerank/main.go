// Command rerank measures what reranking does for the order of documents: it adds
// BEIR data sets with default settings, searches with and without the reranker,
// and prints nDCG@10, the difference with its confidence interval (paired bootstrap),
// and how long a search takes, the first time and when the passages' vectors are
// known. Weights are chosen on the sets of -tune and judged on those of -sets.
//
//	go run ./bench/rerank -data ../shared/data/retrieval -out bench/results/rerank.json
//	go run ./bench/rerank -tune
//	go run ./bench/rerank -model FILE   # a cross-encoder's weight file instead
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/model/rerank/crossencoder"
	"github.com/smartretriever/smartretriever/model/rerank/late"
	"github.com/smartretriever/smartretriever/rag"
)

// set is a data set and one of its splits.
type set struct{ name, split string }

var (
	tuning  = []set{{"scifact", "train"}, {"cacm", "test"}, {"adi", "test"}}
	judging = []set{{"scifact", "test"}, {"cranfield", "test"}, {"hotpotqa-100", "test"}}
)

// variant is a way to search.
type variant struct {
	name   string
	weight float64 // 0: not reranked
	plain  bool    // without the words' weights
}

func main() {
	data := flag.String("data", filepath.Join("..", "shared", "data", "retrieval"), "folder with the data sets")
	keep := flag.String("keep", filepath.Join(".cache", "rerank"), "folder for what was added, used again")
	tune := flag.Bool("tune", false, "several weights on the sets for tuning, instead of the default on the others")
	model := flag.String("model", "", "weight file of a cross-encoder; default: late interaction with the built-in model")
	out := flag.String("out", "", "write JSON here")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *data, *keep, *model, *out, *tune); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, data, keep, model, out string, tune bool) error {
	reranker, weight, err := open(model)
	if err != nil {
		return err
	}
	sets, variants := judging, []variant{{name: "search"}, {name: "reranked", weight: weight}, {name: "reranked, again", weight: weight}}
	if tune {
		sets, variants = tuning, []variant{{name: "search"}}
		for _, w := range []float64{.1, .2, .3, 1. / 3, .4, .5, .7, 1} {
			variants = append(variants, variant{name: fmt.Sprintf("weight %.2f", w), weight: w})
			if model == "" {
				variants = append(variants, variant{name: fmt.Sprintf("weight %.2f, words alike", w), weight: w, plain: true})
			}
		}
	}
	fmt.Printf("%s\n\n%-18s %-26s %8s %8s %8s  %s\n", reranker.Name(), "set", "order", "p50 ms", "nDCG@10", "change", "95 %")
	var rows []row
	for _, s := range sets {
		got, err := measure(ctx, data, keep, s, reranker, variants)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		rows = append(rows, got...)
	}
	if out == "" {
		return nil
	}
	text, err := json.MarshalIndent(map[string]any{"machine": machine.Describe(), "reranker": reranker.Name(), "rows": rows}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}

func open(model string) (answer.Reranker, float64, error) {
	if model == "" {
		r, err := late.New(late.Config{Memory: 4 << 30})
		return r, late.Weight, err
	}
	weights, err := os.ReadFile(model)
	if err != nil {
		return nil, 0, err
	}
	r, err := crossencoder.New(crossencoder.Config{Weights: weights})
	return r, 1, err
}

// row is one figure of the result file. Theirs is the search's own order.
type row struct {
	Case   string  `json:"case"`
	Metric string  `json:"metric"`
	Ours   float64 `json:"ours"`
	Theirs float64 `json:"theirs"`
	Ratio  float64 `json:"ratio"`
	Change float64 `json:"change,omitempty"`
	Low    float64 `json:"low,omitempty"`
	High   float64 `json:"high,omitempty"`
}

func milliseconds(r eval.Report) float64 { return float64(r.Latency.P50.Microseconds()) / 1000 }

var judged = eval.Measure{Name: "ndcg", K: 10}

func measure(ctx context.Context, data, keep string, s set, reranker answer.Reranker, variants []variant) ([]row, error) {
	dataset, err := eval.Load(filepath.Join(data, s.name), s.split)
	if err != nil {
		return nil, err
	}
	var rows []row
	var first eval.Report
	for i, v := range variants {
		report, err := search(ctx, dataset, filepath.Join(keep, s.name), reranker, v)
		if err != nil {
			return nil, err
		}
		mean, _ := report.Value(judged)
		if i == 0 {
			first = report
			fmt.Printf("%-18s %-26s %8.1f %8.4f\n", s.name+" "+s.split, v.name, milliseconds(report), mean.Value)
			continue
		}
		c, err := eval.Compare(first, report, judged, eval.Options{})
		if err != nil {
			return nil, err
		}
		fmt.Printf("%-18s %-26s %8.1f %8.4f %+8.4f  [%+.4f, %+.4f]\n", "", v.name, milliseconds(report), mean.Value, c.Diff, c.Low, c.High)
		of := s.name + " " + s.split + ", " + v.name
		ours, theirs := milliseconds(report), milliseconds(first)
		rows = append(rows,
			row{Case: of, Metric: judged.String(), Ours: round(c.B), Theirs: round(c.A), Ratio: round(c.B / c.A), Change: round(c.Diff), Low: round(c.Low), High: round(c.High)},
			row{Case: of, Metric: "p50 ms", Ours: round(ours), Theirs: round(theirs), Ratio: round(theirs / ours)})
	}
	return rows, nil
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// search puts the queries to a Retriever that reranks as v says.
func search(ctx context.Context, dataset *eval.Dataset, dir string, reranker answer.Reranker, v variant) (eval.Report, error) {
	cfg := root.Config{Dir: dir, CacheBytes: -1, NoQueryLog: true}
	if v.weight > 0 {
		cfg.Reranker, cfg.RerankWeight, cfg.RerankTimeout = named{reranker, v.plain}, v.weight, time.Hour
		cfg.SearchTimeout = time.Hour
	}
	r, err := root.Open(ctx, cfg)
	if err != nil {
		return eval.Report{}, err
	}
	defer r.Close()
	if err := fill(ctx, r, dataset.Corpus); err != nil {
		return eval.Report{}, err
	}
	return eval.Run(ctx, dataset, func(ctx context.Context, query string, k int) ([]eval.Ranked, error) {
		res, err := r.Search(ctx, rag.Scope{}, rag.Query{Text: query, K: k, GroupBy: "document"})
		if err == nil && len(res.Degraded) > 0 {
			err = fmt.Errorf("degraded: %s", strings.Join(res.Degraded, ", "))
		}
		ranked := make([]eval.Ranked, len(res.Hits))
		for i, h := range res.Hits {
			ranked[i] = eval.Ranked{DocumentID: h.Document.ExternalID, Score: h.Score}
		}
		return ranked, err
	}, eval.Options{})
}

// named leaves the words' weights out where plain is set.
type named struct {
	answer.Reranker
	plain bool
}

func (n named) Rerank(ctx context.Context, q rag.RerankQuery) (rag.RerankResult, error) {
	if n.plain {
		q.Terms = nil
	}
	return n.Reranker.Rerank(ctx, q)
}

// fill adds the corpus unless it is there.
func fill(ctx context.Context, r *root.Retriever, corpus string) error {
	stats, err := r.Stats(ctx, rag.Scope{})
	if err != nil || stats.Documents > 0 {
		return err
	}
	var failed error
	inputs := func(yield func(rag.Input) bool) {
		for d, err := range loader.Corpus(corpus) {
			if err != nil {
				failed = err
				return
			}
			if strings.TrimSpace(d.Text) != "" && !yield(rag.Input{ExternalID: d.ID, Title: d.Title, Text: d.Text}) {
				return
			}
		}
	}
	err = r.AddDocuments(ctx, rag.Scope{}, inputs, func(_ int, res rag.AddResult) {
		if res.Err != nil && failed == nil {
			failed = res.Err
		}
	})
	if err == nil {
		err = failed
	}
	return err
}
