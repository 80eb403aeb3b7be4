// Command bleve serves a bleve index to the benchmark: the requests of tantivy's driver
// (../tantivy/src/main.rs), one in JSON a line, and their answers. It is a module of
// its own so that the product does not depend on bleve.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"log"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/whitespace"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"
)

type request struct {
	Op, Docs, Index, Queries, Answers, Scores, Times, Spent string
	Rows, K                                                 int
	Positions                                               bool
}

type reply struct {
	Wall     float64 `json:"wall_s,omitempty"`
	CPU      float64 `json:"cpu_s,omitempty"`
	Bytes    float64 `json:"bytes,omitempty"`
	Docs     int     `json:"docs,omitempty"`
	Resident float64 `json:"resident_bytes,omitempty"`
	WallEach float64 `json:"wall_us,omitempty"`
	CPUEach  float64 `json:"cpu_us,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	var ix bleve.Index
	for lines.Scan() {
		var r request
		var a reply
		err := json.Unmarshal(lines.Bytes(), &r)
		if err == nil {
			switch r.Op {
			case "build":
				a, err = build(r)
			case "load":
				runtime.GC()
				before, began := resident(), time.Now()
				ix, err = bleve.Open(r.Index)
				a = reply{Wall: time.Since(began).Seconds(), Resident: resident() - before}
			default:
				a, err = search(ix, r)
			}
		}
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(a)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

// words maps the one field: terms parted by white space, no stored text.
func words(positions bool) (mapping.IndexMapping, error) {
	m := bleve.NewIndexMapping()
	if err := m.AddCustomAnalyzer("words", map[string]any{"type": custom.Name, "tokenizer": whitespace.Name}); err != nil {
		return nil, err
	}
	m.ScoringModel = "bm25"
	body := bleve.NewTextFieldMapping()
	body.Analyzer, body.Store, body.IncludeInAll, body.DocValues, body.IncludeTermVectors = "words", false, false, false, positions
	doc := bleve.NewDocumentStaticMapping()
	doc.AddFieldMappingsAt("body", body)
	m.DefaultMapping = doc
	return m, nil
}

const batchDocs = 1000

func build(r request) (a reply, err error) {
	m, err := words(r.Positions)
	if err != nil {
		return a, err
	}
	f, err := os.Open(r.Docs)
	if err != nil {
		return a, err
	}
	defer f.Close()
	if err := os.RemoveAll(r.Index); err != nil {
		return a, err
	}
	began, spent := time.Now(), cpuTime()
	ix, err := bleve.NewUsing(r.Index, m, scorch.Name, scorch.Name, nil)
	if err != nil {
		return a, err
	}
	batch := ix.NewBatch()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && (r.Rows == 0 || a.Docs < r.Rows) {
		if err := batch.Index(strconv.Itoa(a.Docs), map[string]any{"body": lines.Text()}); err != nil {
			return a, err
		}
		if a.Docs++; a.Docs%batchDocs == 0 {
			if err := ix.Batch(batch); err != nil {
				return a, err
			}
			batch.Reset()
		}
	}
	if err := ix.Batch(batch); err != nil {
		return a, err
	}
	if err := ix.Close(); err != nil {
		return a, err
	}
	a.Wall, a.CPU = time.Since(began).Seconds(), (cpuTime() - spent).Seconds()
	err = filepath.WalkDir(r.Index, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			a.Bytes += float64(info.Size())
		}
		return err
	})
	return a, err
}

func search(ix bleve.Index, r request) (a reply, err error) {
	text, err := os.ReadFile(r.Queries)
	if err != nil {
		return a, err
	}
	queries := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var answers, scores, times, used []byte
	one := func(text string) (*bleve.SearchResult, error) {
		var terms []query.Query
		for _, t := range strings.Fields(text) {
			q := bleve.NewTermQuery(t)
			q.SetField("body")
			terms = append(terms, q)
		}
		return ix.SearchInContext(context.Background(), bleve.NewSearchRequestOptions(bleve.NewDisjunctionQuery(terms...), r.K, 0, false))
	}
	for i := 0; i < len(queries); i += 10 { // warm
		if _, err := one(queries[i]); err != nil {
			return a, err
		}
	}
	began, spent := time.Now(), cpuTime()
	for _, q := range queries {
		start, before := time.Now(), cpuTime()
		found, err := one(q)
		used = binary.LittleEndian.AppendUint32(used, uint32(min((cpuTime()-before).Nanoseconds(), math.MaxUint32)))
		times = binary.LittleEndian.AppendUint32(times, uint32(min(time.Since(start).Nanoseconds(), math.MaxUint32)))
		if err != nil {
			return a, fmt.Errorf("%q: %w", q, err)
		}
		for i := range r.K {
			row, score := uint32(math.MaxUint32), float32(0)
			if i < len(found.Hits) {
				n, err := strconv.Atoi(found.Hits[i].ID)
				if err != nil {
					return a, err
				}
				row, score = uint32(n), float32(found.Hits[i].Score)
			}
			answers = binary.LittleEndian.AppendUint32(answers, row)
			scores = binary.LittleEndian.AppendUint32(scores, math.Float32bits(score))
		}
	}
	a.WallEach = float64(time.Since(began).Nanoseconds()) / 1000 / float64(len(queries))
	a.CPUEach = float64((cpuTime() - spent).Nanoseconds()) / 1000 / float64(len(queries))
	for path, data := range map[string][]byte{r.Answers: answers, r.Scores: scores, r.Times: times, r.Spent: used} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return a, err
		}
	}
	return a, nil
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func resident() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages float64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize())
}
