// Command spine measures the binary as an operator meets it: size, start to
// ready, ingestion, search latency with the embedding of the question, memory,
// and ten thousand small files.
//
//	go run ./bench/spine -data ../shared/data
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/bench/server"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/eval/loader"
)

// row is one figure beside the bar it is held to.
type row struct {
	Case   string  `json:"case"`
	Metric string  `json:"metric"`
	Ours   float64 `json:"ours"`
	Bar    float64 `json:"bar"`   // 0: none
	Ratio  float64 `json:"ratio"` // above 1: better than the bar
}

type bench struct {
	ctx    context.Context
	binary string
	data   string
	dir    string
	rows   []row
}

func main() {
	data := flag.String("data", "../shared/data", "folder with retrieval/scifact")
	binary := flag.String("bin", "bin/smartretriever", "the binary to measure")
	files := flag.Int("files", 10_000, "small files to add")
	out := flag.String("out", "", "write JSON here")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "spine-")
	if err == nil {
		defer os.RemoveAll(dir)
		b := &bench{ctx: ctx, binary: *binary, data: *data, dir: dir}
		if err = b.run(*files); err == nil && *out != "" {
			err = b.write(*out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "spine:", err)
		os.Exit(1)
	}
}

// note records a figure. less says that smaller is better.
func (b *bench) note(name, metric string, ours, bar float64, less bool) {
	r := row{Case: name, Metric: metric, Ours: ours, Bar: bar}
	if bar > 0 && ours > 0 {
		r.Ratio = ours / bar
		if less {
			r.Ratio = bar / ours
		}
	}
	b.rows = append(b.rows, r)
	fmt.Printf("%-34s %-24s %10.1f", name, metric, ours)
	if bar > 0 {
		fmt.Printf("   bar %8.1f   ratio %.2f", bar, r.Ratio)
	}
	fmt.Println()
}

func (b *bench) run(files int) error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.note("binary", "MB", float64(info.Size())/1e6, 80, true)
	if err := b.scifact(); err != nil {
		return err
	}
	return b.smallFiles(files)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (b *bench) scifact() error {
	dir := filepath.Join(b.dir, "scifact")
	source := filepath.Join(b.data, "retrieval", "scifact")
	s, err := server.Start(b.ctx, b.binary, dir)
	if err != nil {
		return err
	}
	begun := time.Now()
	n := 0
	var docs []server.Document
	for d, err := range loader.Corpus(filepath.Join(source, "corpus.jsonl")) {
		if err != nil {
			return err
		}
		docs = append(docs, server.Document{ExternalID: d.ID, Title: d.Title, Text: d.Text})
	}
	for part := range slices.Chunk(docs, 500) {
		if err := s.Add(b.ctx, "scifact", part); err != nil {
			return err
		}
		n += len(part)
	}
	took := time.Since(begun)
	b.note("SciFact, 5,183 abstracts", "documents/s added", float64(n)/took.Seconds(), 0, false)
	if _, peak, err := s.ResidentMiB(); err == nil {
		b.note("SciFact, while adding", "peak MiB resident", peak, 400, true)
	}
	if err := s.Stop(); err != nil {
		return err
	}

	var ready []float64
	for range 7 {
		s, err := server.Start(b.ctx, b.binary, dir)
		if err != nil {
			return err
		}
		ready = append(ready, ms(s.Ready))
		if err := s.Stop(); err != nil {
			return err
		}
	}
	slices.Sort(ready)
	b.note("start over SciFact", "ms to ready, median of 7", ready[3], 300, true)

	if s, err = server.Start(b.ctx, b.binary, dir); err != nil {
		return err
	}
	defer s.Stop()
	dataset, err := eval.Load(source, "test")
	if err != nil {
		return err
	}
	first := time.Now()
	if _, err := s.Search(b.ctx, "scifact", "first question after the start", "hybrid", 10); err != nil {
		return err
	}
	b.note("first search after the start", "ms", ms(time.Since(first)), 0, true)
	for _, mode := range []string{"hybrid", "keyword", "vector"} {
		report, err := eval.Run(b.ctx, dataset, func(ctx context.Context, q string, _ int) ([]eval.Ranked, error) {
			_, err := s.Search(ctx, "scifact", q, mode, 10)
			return nil, err
		}, eval.Options{})
		if err != nil {
			return err
		}
		p50, p99 := 0.0, 0.0
		if mode == "hybrid" {
			p50, p99 = 15, 40
		}
		b.note("search SciFact, "+mode+", 300 questions", "ms p50", ms(report.Latency.P50), p50, true)
		b.note("search SciFact, "+mode+", 300 questions", "ms p99", ms(report.Latency.P99), p99, true)
	}
	now, _, err := s.ResidentMiB()
	if err != nil {
		return err
	}
	b.note("after 900 searches of SciFact", "MiB resident", now, 400, true)
	return nil
}

// smallFiles adds n files of some 600 bytes by the command, and the first tenth
// of them alone before, so that growth of memory with their number shows.
func (b *bench) smallFiles(n int) error {
	src := filepath.Join(b.dir, "small")
	for i := range n {
		dir := filepath.Join(src, fmt.Sprintf("%02d", i%100))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		text := fmt.Sprintf("# Note %d\n\n%s\n", i, strings.Repeat(fmt.Sprintf("Entry %d says that part %d was checked and found in order. ", i, i*7%1000), 8))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.md", i)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	tenth, _, err := b.add(filepath.Join(b.dir, "few"), filepath.Join(src, "0*"))
	if err != nil {
		return err
	}
	all, took, err := b.add(filepath.Join(b.dir, "many"), src)
	if err != nil {
		return err
	}
	b.note(fmt.Sprintf("add %d small files", n), "files/s", float64(n)/took.Seconds(), 0, false)
	b.note(fmt.Sprintf("add %d small files", n/10), "peak MiB resident", tenth, 400, true)
	b.note(fmt.Sprintf("add %d small files", n), "peak MiB resident", all, 400, true)
	_, again, err := b.add(filepath.Join(b.dir, "many"), src)
	if err != nil {
		return err
	}
	b.note("add them again, unchanged", "files/s", float64(n)/again.Seconds(), 0, false)
	return nil
}

// add runs the command on everything that matches the pattern.
func (b *bench) add(dir, pattern string) (peakMiB float64, took time.Duration, err error) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		return 0, 0, fmt.Errorf("no files at %s: %v", pattern, err)
	}
	cmd := exec.CommandContext(b.ctx, b.binary, append([]string{"add", "--data", dir, "--json"}, paths...)...)
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	took = time.Since(begun)
	if err != nil {
		return 0, took, fmt.Errorf("add: %w: %.500s", err, out)
	}
	return maxRSS(cmd.ProcessState), took, nil
}

func (b *bench) write(path string) error {
	data, err := json.MarshalIndent(map[string]any{"machine": machine.Describe(), "rows": b.rows}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
