// Command extract measures the reading of files: how many can be read, how fast that
// is, and how much of their text comes out: of PDF by the words that pdftotext finds
// and, for the contracts, by the text that is known (main.go), of the other formats by
// the texts that others made of them (formats.go).
//
//	go run ./bench/extract -data ../shared/data/documents -out bench/results/extract.json
//
// Every file is read in this process by an engine that is not interruptible, as
// the child process of the product does it; the time is processor time of the
// calls alone, with the engine compiled before. F1 is that of bags of words
// (extracttest.F1) and counts for files in which pdftotext finds 20 words or more.
// Without the program pdftotext that part is left out, and the output says so.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// What counts in the comparison with pdftotext, and what is held to it.
const (
	fewWords   = 20
	goodF1     = 0.95
	patience   = 60 * time.Second // for one file of pdftotext
	engineSize = 2 << 30
)

func main() {
	data := flag.String("data", filepath.Join("..", "shared", "data", "documents"), "folder with manifest.tsv")
	out := flag.String("out", "", "file for the rows, as JSON")
	only := flag.String("only", "", "measure only files whose path holds this")
	verbose := flag.Bool("v", false, "print a line a file")
	worst := flag.Int("worst", 0, "print so many of the PDF files that differ most from pdftotext, with the words that do")
	words := flag.Int("words", 40, "words of each kind that -worst prints")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *data, *out, *only, *verbose, *worst, *words); err != nil {
		log.Fatal(err)
	}
}

// file is a row of the manifest.
type file struct{ path, expected string }

func pdfFiles(data, only string) ([]file, error) {
	f, err := os.Open(filepath.Join(data, "manifest.tsv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var files []file
	s := bufio.NewScanner(f)
	for s.Scan() {
		row := strings.Split(s.Text(), "\t")
		if len(row) >= 9 && row[1] == "pdf" && strings.Contains(row[0], only) {
			files = append(files, file{row[0], row[8]})
		}
	}
	return files, s.Err()
}

// row is what the result file holds for a measure.
type row struct {
	Set    string  `json:"set"`
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	Files  int     `json:"files"`
}

type tally struct {
	files, opened, pages int
	cpu                  time.Duration
	against, contracts   []float64
	halves               [2][]float64 // against, by the half of the files
	differences          []difference
}

func run(ctx context.Context, data, out, only string, verbose bool, worst, words int) error {
	files, err := pdfFiles(data, only)
	if err != nil {
		return err
	}
	reference, _ := exec.LookPath("pdftotext")
	if reference == "" {
		fmt.Println("pdftotext is not installed: no comparison with it")
	}
	cache, err := os.MkdirTemp("", "bench-extract")
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	engine := pdf.NewEngine(pdf.Config{CacheDir: cache, MemoryLimit: engineSize})
	defer engine.Close()
	if err := engine.Start(); err != nil {
		return err
	}
	t := &tally{}
	for _, f := range files {
		if err := t.measure(ctx, engine, data, f, reference, verbose); err != nil {
			return err
		}
	}
	printWorst(t.differences, worst, words)
	more, err := formats(ctx, data, only)
	if err != nil {
		return err
	}
	return t.report(out, more)
}

// measure reads one file.
func (t *tally) measure(ctx context.Context, engine *pdf.Engine, data string, f file, reference string, verbose bool) error {
	path := filepath.Join(data, f.path)
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before := machine.CPUTime()
	text, err := engine.Extract(ctx, content, pdf.Options{})
	cpu := machine.CPUTime() - before
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.files++
	t.cpu += cpu
	if err == nil {
		t.opened++
		t.pages += text.Pages
	}
	theirs, f1 := -1.0, -1.0
	if err == nil && f.expected != "" {
		if want, err := os.ReadFile(filepath.Join(data, f.expected)); err == nil && strings.HasPrefix(f.expected, "expected/cuad") {
			f1 = extracttest.F1(text.Content, string(want))
			t.contracts = append(t.contracts, f1)
		}
	}
	if reference != "" {
		want, ok := pdftotext(ctx, reference, path)
		if ok && len(extracttest.Tokens(want)) >= fewWords {
			theirs = extracttest.F1(text.Content, want)
			t.against = append(t.against, theirs)
			t.halves[half(f.path)] = append(t.halves[half(f.path)], theirs)
			t.differences = append(t.differences, differ(f.path, text.Content, want, theirs))
		}
	}
	if verbose {
		kind := "ok"
		if err != nil {
			kind = string(rag.KindOf(err))
		}
		fmt.Printf("%-12s pages %4d  cpu %6.2f s  F1 pdftotext %7.4f  expected %7.4f  %s\n", kind, text.Pages, cpu.Seconds(), theirs, f1, f.path)
	}
	return nil
}

// pdftotext returns the text that the program finds in a file; ok is false where
// it does not open it.
func pdftotext(ctx context.Context, program, path string) (text string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-q", "-enc", "UTF-8", path, "-").Output()
	return string(out), err == nil
}

func (t *tally) report(out string, more []row) error {
	rows := []row{
		{"pdf", "files opened", float64(t.opened), t.files},
		{"pdf", "pages", float64(t.pages), t.files},
	}
	if t.cpu > 0 {
		rows = append(rows, row{"pdf", "pages per CPU second", float64(t.pages) / t.cpu.Seconds(), t.files})
	}
	if n := len(t.against); n > 0 {
		good := 0
		for _, x := range t.against {
			if x >= goodF1 {
				good++
			}
		}
		rows = append(rows,
			row{"pdf against pdftotext", "mean F1", mean(t.against), n},
			row{"pdf against pdftotext", "share of files with F1 >= 0.95", float64(good) / float64(n), n})
		for i, name := range []string{"one half", "other half"} {
			if len(t.halves[i]) > 0 {
				rows = append(rows, row{"pdf against pdftotext, " + name, "mean F1", mean(t.halves[i]), len(t.halves[i])})
			}
		}
	}
	if n := len(t.contracts); n > 0 {
		rows = append(rows,
			row{"contracts against known text", "mean F1", mean(t.contracts), n},
			row{"contracts against known text", "minimum F1", slices.Min(t.contracts), n})
	}
	rows = append(rows, more...)
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "set\tmetric\tvalue\tfiles")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%.4f\t%d\n", r.Set, r.Metric, r.Value, r.Files)
	}
	if err := w.Flush(); err != nil || out == "" {
		return err
	}
	return machine.WriteRows(out, rows)
}

func mean(s []float64) float64 {
	sum := 0.0
	for _, x := range s {
		sum += x
	}
	return sum / float64(len(s))
}
