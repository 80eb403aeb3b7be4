package extract_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
)

var documents = filepath.Join("..", "..", "..", "shared", "data", "documents")

// file is a row of the manifest of the real documents.
type file struct{ path, kind, flags, expected string }

func manifest(t testing.TB) []file {
	t.Helper()
	f, err := os.Open(filepath.Join(documents, "manifest.tsv"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	defer f.Close()
	var files []file
	s := bufio.NewScanner(f)
	for s.Scan() {
		row := strings.Split(s.Text(), "\t")
		if len(row) < 9 || row[0] == "path" {
			continue
		}
		files = append(files, file{row[0], row[1], row[3], row[8]})
	}
	if err := s.Err(); err != nil || len(files) == 0 {
		t.Fatalf("the manifest holds %d files: %v", len(files), err)
	}
	return files
}

type outcome struct {
	file
	text rag.Text
	err  error
	took time.Duration
}

// verdict sorts outcomes for the table.
func (o outcome) verdict() string {
	switch {
	case o.err == nil && o.text.Content == "":
		return "empty"
	case o.err == nil:
		return "text"
	}
	return string(rag.KindOf(o.err))
}

// sweep reads the files on all cores.
func sweep(t *testing.T, e *extract.Extractor, files []file) []outcome {
	out := make([]outcome, len(files))
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.NumCPU() {
		wg.Go(func() {
			for i := range next {
				out[i] = read(t.Context(), e, files[i])
			}
		})
	}
	for i := range files {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

func read(ctx context.Context, e *extract.Extractor, f file) outcome {
	content, err := os.ReadFile(filepath.Join(documents, f.path))
	if err != nil {
		return outcome{file: f, err: err}
	}
	start := time.Now()
	text, err := e.Extract(ctx, rag.File{Name: f.path, Content: content})
	return outcome{f, text, err, time.Since(start)}
}

// opened is how many of the real files can be read without a password, empty ones
// among them. The others are damaged, encrypted, or of formats that are not supported.
var opened = map[string]int{"docx": 126, "html": 101, "md": 932, "other": 102, "pdf": 587, "pptx": 63, "text": 210, "xlsx": 158}

// TestSweep reads every real document: each ends in text, in "empty" or in an
// error of a kind that says whose fault it is.
func TestSweep(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	files := manifest(t)
	if only := os.Getenv("SWEEP_KIND"); only != "" {
		files = slices.DeleteFunc(files, func(f file) bool { return f.kind != only })
	}
	config := isolated(t)
	config.NoOCR = true // takes hours for all scans; TestRealScans reads some
	e := open(t, config)
	start := time.Now()
	results := sweep(t, e, files)

	table := map[string]map[string]int{}
	scores := map[string][]float64{}
	for _, o := range results {
		if table[o.kind] == nil {
			table[o.kind] = map[string]int{}
		}
		table[o.kind][o.verdict()]++
		switch {
		case o.err == nil:
			if fault := extracttest.Fault(o.text); fault != "" {
				t.Errorf("%s: %s", o.path, fault)
			}
		case errors.Is(o.err, rag.ErrInternal) || errors.Is(o.err, rag.ErrUnavailable):
			t.Errorf("%v (%s)", o.err, rag.KindOf(o.err))
		case os.Getenv("SWEEP_VERBOSE") != "":
			t.Logf("%v (%s)", o.err, rag.KindOf(o.err))
		}
		if o.took > 5*time.Second {
			t.Logf("%s took %s", o.path, o.took.Round(time.Millisecond))
		}
		if o.err == nil && o.expected != "" {
			want, err := os.ReadFile(filepath.Join(documents, o.expected))
			if err != nil {
				t.Fatal(err)
			}
			set := o.kind + " against " + strings.Split(o.expected, "/")[1]
			if strings.HasSuffix(o.expected, ".md") {
				want = []byte(extracttest.Readable(string(want)))
			}
			f1 := extracttest.F1(o.text.Content, string(want))
			scores[set] = append(scores[set], f1)
			if os.Getenv("SWEEP_VERBOSE") != "" {
				t.Logf("%.4f order %.4f %s", f1, extracttest.Order(o.text.Content, string(want)), o.path)
			}
		}
	}
	t.Logf("%d files in %s", len(files), time.Since(start).Round(time.Second))
	for _, kind := range sorted(table) {
		t.Logf("%-6s %s", kind, strings.TrimPrefix(fmt.Sprint(table[kind]), "map"))
	}
	whole := os.Getenv("SWEEP_KIND") == ""
	for kind, least := range opened {
		if n := table[kind]["text"] + table[kind]["empty"]; whole && n < least {
			t.Errorf("%d files of kind %s can be read, %d could", n, kind, least)
		}
	}
	for _, set := range sorted(scores) {
		s := scores[set]
		sum := 0.0
		for _, x := range s {
			sum += x
		}
		t.Logf("F1 %-26s mean %.4f min %.4f of %d", set, sum/float64(len(s)), slices.Min(s), len(s))
	}
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
