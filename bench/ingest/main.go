// Command ingest measures bringing folders in from end to end (files read, cut, embedded,
// stored and indexed) beside LlamaIndex with its defaults and the same model, one after
// the other on the same machine, and writes bench/results/ingest.json.
//
//	go run ./bench/ingest -binary bin/smartretriever -python .cache/ingest/venv/bin/python -model DIR -data ../shared/data/documents
//
// bench.sh beside it sets up what it needs.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
)

// sets are the folders that are brought in, by the kinds of the manifest's files.
var sets = []struct {
	name  string
	kinds []string
}{
	{"Markdown and HTML", []string{"md", "html"}},
	{"PDF", []string{"pdf"}},
}

func main() {
	var b bench
	flag.StringVar(&b.binary, "binary", "bin/smartretriever", "our program")
	flag.StringVar(&b.python, "python", "", "Python with LlamaIndex; empty leaves the rival out")
	flag.StringVar(&b.model, "model", "", "folder with the model of the rival")
	flag.StringVar(&b.data, "data", filepath.Join("..", "shared", "data", "documents"), "folder with manifest.tsv")
	flag.StringVar(&b.out, "out", "", "file for the rows, as JSON")
	flag.StringVar(&b.only, "only", "", "the one set to bring in, as PDF; the rows of others stay as they are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.run(ctx); err != nil {
		log.Fatal(err)
	}
}

type bench struct{ binary, python, model, data, out, only string }

// row is a comparison; ratio is above 1 where we are better.
type row struct {
	Case   string  `json:"case"`
	Rival  string  `json:"rival"`
	Metric string  `json:"metric"`
	Ours   float64 `json:"ours"`
	Theirs float64 `json:"theirs"`
	Ratio  float64 `json:"ratio"`
}

// result is one run: the files that have text, and what became of them.
type result struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"-"` // seconds, of the program and its children
	Files   int     `json:"files"`
	Chunks  int     `json:"chunks"`
}

func (b *bench) run(ctx context.Context) error {
	work, err := os.MkdirTemp("", "bench-ingest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var rows []row
	for i, set := range sets {
		if !b.takes(set.name) {
			continue
		}
		folder := filepath.Join(work, fmt.Sprint("set", i))
		files, size, err := b.gather(folder, set.kinds)
		if err != nil {
			return err
		}
		ours, err := b.ours(ctx, folder, filepath.Join(work, fmt.Sprint("ours", i)))
		if err != nil {
			return err
		}
		fmt.Printf("%s: %d files, %.1f MB\n  ours        %7.1f s, %7.1f CPU s, %d files with text, %d chunks\n", set.name, files, float64(size)/1e6, ours.Seconds, ours.CPU, ours.Files, ours.Chunks)
		var theirs result
		if b.python != "" {
			if theirs, err = b.theirs(ctx, folder, filepath.Join(work, fmt.Sprint("theirs", i))); err != nil {
				return err
			}
			fmt.Printf("  LlamaIndex  %7.1f s, %7.1f CPU s, %d files with text, %d chunks: %.1f times as long, %.1f times the CPU\n",
				theirs.Seconds, theirs.CPU, theirs.Files, theirs.Chunks, theirs.Seconds/ours.Seconds, theirs.CPU/ours.CPU)
		}
		add := func(metric string, amount, ourTime, theirTime float64) {
			r := row{Case: set.name, Rival: "LlamaIndex", Metric: metric, Ours: amount / ourTime}
			if theirTime > 0 {
				r.Theirs = amount / theirTime
				r.Ratio = r.Ours / r.Theirs
			}
			rows = append(rows, r)
		}
		megabytes := float64(size) / 1e6
		add("files/s", float64(files), ours.Seconds, theirs.Seconds)
		add("MB/s", megabytes, ours.Seconds, theirs.Seconds)
		add("MB/CPU s", megabytes, ours.CPU, theirs.CPU)
	}
	if b.out == "" {
		return nil
	}
	return machine.WriteRows(b.out, append(b.others(), rows...))
}

// others returns the rows that stand in the result file for the sets that this run
// leaves out.
func (b *bench) others() []row {
	var kept struct{ Rows []row }
	if content, err := os.ReadFile(b.out); err != nil || json.Unmarshal(content, &kept) != nil {
		return nil // there are none yet
	}
	return slices.DeleteFunc(kept.Rows, func(r row) bool { return b.takes(r.Case) })
}

func (b *bench) takes(set string) bool { return b.only == "" || b.only == set }

// gather links the files of some kinds into a folder of their own, under their paths.
func (b *bench) gather(folder string, kinds []string) (files int, size int64, err error) {
	f, err := os.Open(filepath.Join(b.data, "manifest.tsv"))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		fields := strings.Split(s.Text(), "\t")
		if len(fields) < 2 || !slices.Contains(kinds, fields[1]) {
			continue
		}
		from, to := filepath.Join(b.data, fields[0]), filepath.Join(folder, fields[0])
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o755)
		}
		if err == nil {
			err = os.WriteFile(to, content, 0o644)
		}
		if err != nil {
			return 0, 0, err
		}
		files++
		size += int64(len(content))
	}
	return files, size, s.Err()
}

// ours runs the program as a user would, from its start to its end, but that scans are
// not read: the rival does not read them either.
func (b *bench) ours(ctx context.Context, folder, data string) (result, error) {
	begun := time.Now()
	cmd := exec.CommandContext(ctx, b.binary, "add", folder, "--data", data, "--json")
	cmd.Env = append(os.Environ(), "SMARTRETRIEVER_EXTRACT_OCR=off")
	out, err := cmd.Output()
	took := time.Since(begun)
	if _, failed := err.(*exec.ExitError); err != nil && (!failed || cmd.ProcessState.ExitCode() != 1) { // 1: some files are damaged
		return result{}, fmt.Errorf("%s: %w", b.binary, err)
	}
	r := result{Seconds: took.Seconds(), CPU: cpu(cmd.ProcessState)}
	for line := range strings.Lines(string(out)) {
		var e struct {
			Event, State string
			Chunks       int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return r, err
		}
		if e.State == "added" || e.Event == "added" {
			r.Files++
			r.Chunks += e.Chunks
		}
	}
	return r, nil
}

func (b *bench) theirs(ctx context.Context, folder, out string) (r result, err error) {
	begun := time.Now()
	script := filepath.Join("bench", "ingest", "rival.py")
	cmd := exec.CommandContext(ctx, b.python, script, folder, filepath.Join(b.model, "bge-small-en-v1.5-q.onnx"), filepath.Join(b.model, "bge-small-en-v1.5-q-tokenizer.json"), out)
	printed, err := cmd.Output()
	took := time.Since(begun)
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			return r, fmt.Errorf("LlamaIndex: %w\n%s", err, e.Stderr)
		}
		return r, err
	}
	lines := strings.Split(strings.TrimSpace(string(printed)), "\n")
	err = json.Unmarshal([]byte(lines[len(lines)-1]), &r)
	r.Seconds, r.CPU = took.Seconds(), cpu(cmd.ProcessState) // with its start, as ours
	return r, err
}

// cpu is what a process and the children that it has waited for have used, which other
// work on the machine changes little.
func cpu(p *os.ProcessState) float64 { return (p.UserTime() + p.SystemTime()).Seconds() }
