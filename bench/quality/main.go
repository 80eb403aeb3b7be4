// Command quality measures retrieval as a client meets it: it starts the binary,
// adds a BEIR data set through the HTTP API with default settings, puts the test
// queries, and prints nDCG@10 and the other measures with confidence intervals.
// With -check it fails where nDCG@10 is below its floor or not the golden figure.
//
//	go run ./bench/quality -data ../shared/data -check
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/bench/server"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/eval/loader"
)

// floors of nDCG@10 by set and mode.
var floors = map[string]map[string]float64{
	"scifact":   {"hybrid": .725, "keyword": .675},
	"cranfield": {"hybrid": .56, "keyword": .51},
}

type result struct {
	Set    string
	Mode   string
	Report eval.Report
}

func main() {
	var (
		data    = flag.String("data", "../shared/data", "folder with retrieval/SET")
		sets    = flag.String("sets", "scifact,cranfield", "data sets, by comma")
		modes   = flag.String("modes", "hybrid,keyword,vector", "search modes, by comma")
		binary  = flag.String("bin", "bin/smartretriever", "the binary to measure")
		keep    = flag.String("keep", "", "keep the data folders here and use them again; default: temporary")
		out     = flag.String("out", "", "write JSON here")
		golden  = flag.String("golden", "bench/results/quality.json", "figures that -check compares with")
		checked = flag.Bool("check", false, "fail below the floors and where a figure differs from the golden one")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	results, err := run(ctx, *binary, *data, *keep, strings.Split(*sets, ","), strings.Split(*modes, ","))
	if err == nil && *out != "" {
		err = write(*out, results)
	}
	if err == nil && *checked {
		err = check(results, *golden)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quality:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, data, keep string, sets, modes []string) ([]result, error) {
	var results []result
	for _, set := range sets {
		dir := filepath.Join(keep, set)
		if keep == "" {
			tmp, err := os.MkdirTemp("", "quality-")
			if err != nil {
				return nil, err
			}
			defer os.RemoveAll(tmp)
			dir = tmp
		}
		got, err := measure(ctx, binary, filepath.Join(data, "retrieval", set), dir, set, modes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set, err)
		}
		results = append(results, got...)
	}
	return results, nil
}

func measure(ctx context.Context, binary, source, dir, set string, modes []string) ([]result, error) {
	dataset, err := eval.Load(source, "test")
	if err != nil {
		return nil, err
	}
	s, err := server.Start(ctx, binary, dir)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	begun := time.Now()
	n, err := add(ctx, s, set, filepath.Join(source, "corpus.jsonl"))
	if err != nil {
		return nil, err
	}
	fmt.Printf("\n%s: %d documents added in %s\n", set, n, time.Since(begun).Round(time.Second/10))
	var results []result
	for _, mode := range modes {
		search := func(ctx context.Context, query string, k int) ([]eval.Ranked, error) {
			hits, err := s.Search(ctx, set, query, mode, k)
			ranked := make([]eval.Ranked, len(hits))
			for i, h := range hits {
				ranked[i] = eval.Ranked{DocumentID: h.Document.ExternalID, Score: h.Score}
			}
			return ranked, err
		}
		report, err := eval.Run(ctx, dataset, search, eval.Options{})
		if err != nil {
			return nil, err
		}
		fmt.Printf("\n%s, %s\n", set, mode)
		if err := report.Print(os.Stdout); err != nil {
			return nil, err
		}
		results = append(results, result{set, mode, report})
	}
	return results, nil
}

func add(ctx context.Context, s *server.Server, set, corpus string) (int, error) {
	const batch = 500
	var docs []server.Document
	n := 0
	for d, err := range loader.Corpus(corpus) {
		if err != nil {
			return n, err
		}
		if strings.TrimSpace(d.Text) == "" {
			continue // Cranfield has two; the API takes no document without text
		}
		docs = append(docs, server.Document{ExternalID: d.ID, Title: d.Title, Text: d.Text})
		if n++; len(docs) == batch {
			if err := s.Add(ctx, set, docs); err != nil {
				return n, err
			}
			docs = docs[:0]
		}
	}
	if len(docs) == 0 {
		return n, nil
	}
	return n, s.Add(ctx, set, docs)
}

// row is a mean with its confidence interval, beside the bar it is held to.
type row struct {
	Case   string  `json:"case"` // set and mode
	Metric string  `json:"metric"`
	Ours   float64 `json:"ours"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Bar    float64 `json:"bar,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"` // to the bar
}

type file struct {
	Machine any   `json:"machine"`
	Rows    []row `json:"rows"`
}

func rowsOf(results []result) []row {
	var rows []row
	for _, r := range results {
		for _, m := range r.Report.Measures {
			w := row{Case: r.Set + ", " + r.Mode, Metric: m.Measure.String(), Ours: round(m.Value), Low: round(m.Low), High: round(m.High)}
			if floor, has := floors[r.Set][r.Mode]; has && w.Metric == judged {
				w.Bar, w.Ratio = floor, round(w.Ours/floor)
			}
			rows = append(rows, w)
		}
	}
	return rows
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

func write(path string, results []result) error {
	data, err := json.MarshalIndent(file{machine.Describe(), rowsOf(results)}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// judged is the measure that floors and golden figures are about.
const judged = "ndcg@10"

// tolerance is how far a figure may be from the golden one: kernels of other
// processors sum in another order.
const tolerance = .003

// check holds the results against the floors and the golden file.
func check(results []result, golden string) error {
	var want file
	data, err := os.ReadFile(golden)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &want); err != nil {
		return fmt.Errorf("%s: %w", golden, err)
	}
	known := map[string]float64{}
	for _, r := range want.Rows {
		known[r.Case+", "+r.Metric] = r.Ours
	}
	var faults []error
	for _, r := range rowsOf(results) {
		if r.Metric != judged {
			continue
		}
		if r.Ours < r.Bar {
			faults = append(faults, fmt.Errorf("%s: %s %.4f is below %.3f", r.Case, r.Metric, r.Ours, r.Bar))
		}
		if g, has := known[r.Case+", "+r.Metric]; has && math.Abs(r.Ours-g) > tolerance {
			faults = append(faults, fmt.Errorf("%s: %s is %.4f, but %.4f in %s; if the change is meant, write the file again with make bench-quality", r.Case, r.Metric, r.Ours, g, golden))
		}
	}
	return errors.Join(faults...)
}
