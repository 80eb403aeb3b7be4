// Command quality measures retrieval as a client meets it: it starts the binary,
// adds a BEIR data set through the HTTP API with default settings, puts the test
// queries, and prints nDCG@10 and the other measures with confidence intervals.
// With -check it fails where a measure is below its floor.
//
//	go run ./bench/quality -data ../shared/data -check
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
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
	Set    string      `json:"set"`
	Mode   string      `json:"mode"`
	Report eval.Report `json:"report"`
}

func main() {
	var (
		data   = flag.String("data", "../shared/data", "folder with retrieval/SET")
		sets   = flag.String("sets", "scifact,cranfield", "data sets, by comma")
		modes  = flag.String("modes", "hybrid,keyword,vector", "search modes, by comma")
		binary = flag.String("bin", "bin/smartretriever", "the binary to measure")
		keep   = flag.String("keep", "", "keep the data folders here and use them again; default: temporary")
		out    = flag.String("out", "", "write JSON here")
		check  = flag.Bool("check", false, "fail below the floors")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	results, err := run(ctx, *binary, *data, *keep, strings.Split(*sets, ","), strings.Split(*modes, ","))
	if err == nil && *out != "" {
		err = write(*out, results)
	}
	if err == nil && *check {
		err = checkFloors(results)
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

func write(path string, results []result) error {
	data, err := json.MarshalIndent(map[string]any{"machine": machine.Describe(), "results": results}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

func checkFloors(results []result) error {
	ndcg, err := eval.ParseMeasure("ndcg@10")
	if err != nil {
		return err
	}
	var low []string
	for _, r := range results {
		floor, has := floors[r.Set][r.Mode]
		got, ok := r.Report.Value(ndcg)
		if has && (!ok || got.Value < floor) {
			low = append(low, fmt.Sprintf("%s %s: nDCG@10 %.4f is below %.3f", r.Set, r.Mode, got.Value, floor))
		}
	}
	if low != nil {
		return fmt.Errorf("%s", strings.Join(low, "; "))
	}
	return nil
}
