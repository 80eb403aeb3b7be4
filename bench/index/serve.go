package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/index"
)

// vectorEngine is a way of ours to search vectors. Its index is a file.
type vectorEngine interface {
	// Build writes the index of unit vectors, dims numbers each, row 0 first.
	Build(ctx context.Context, base []float32, dims, threads int, file string) error
	// Open makes ready what Build wrote.
	Open(file string) error
	// Searcher returns a search for one goroutine, which appends the k best rows to dst.
	// A nil allowed allows all rows.
	Searcher(param map[string]int) func(ctx context.Context, q []float32, k int, allowed index.Bitmap, dst []index.Hit) ([]index.Hit, error)
}

// keywordEngine is a way of ours to search words. Its index is a folder.
type keywordEngine interface {
	// Build writes the index of a file of documents, one a line, terms parted by single
	// spaces, and returns their number. positions says whether the places of words are kept.
	Build(ctx context.Context, docs string, positions bool, threads int, folder string) (int, error)
	// Open makes ready what Build wrote.
	Open(folder string) error
	// Searcher returns a search for one goroutine, which appends the k best documents by
	// BM25 (k1 1.2, b .75) to dst; a term that the query has twice counts twice.
	Searcher() func(ctx context.Context, terms []string, k int, dst []index.Hit) ([]index.Hit, error)
}

// serve is the program of our own engines: what rivals/vectors.py and the tantivy
// driver are for theirs. args are "vectors" or "words" and an engine's name.
func serve(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("serve vectors ENGINE or serve words ENGINE")
	}
	ctx := context.Background()
	var answer func(request) (reply, error)
	switch args[0] {
	case "vectors":
		e, err := openVectorEngine(args[1])
		if err != nil {
			return err
		}
		s := &vectorServer{engine: e}
		answer = func(r request) (reply, error) { return s.answer(ctx, r) }
	case "words":
		e, err := openKeywordEngine(args[1])
		if err != nil {
			return err
		}
		s := &wordServer{engine: e}
		answer = func(r request) (reply, error) { return s.answer(ctx, r) }
	default:
		return fmt.Errorf("serve vectors or words, not %q", args[0])
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		a, err := answer(r)
		if err != nil {
			a.Fault = err.Error()
		}
		if err := json.NewEncoder(out).Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

// building measures what makes an index.
func building(build func() (rows int, err error), path string) (reply, error) {
	began, spent := time.Now(), machine.CPUTime()
	rows, err := build()
	a := reply{Wall: time.Since(began).Seconds(), CPU: (machine.CPUTime() - spent).Seconds(), Docs: rows}
	if err != nil {
		return a, err
	}
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
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

// loading measures what opens an index. before is the memory in use without it.
func loading(open func() error) (a reply, before float64, err error) {
	before = settled()
	began := time.Now()
	err = open()
	a.Wall = time.Since(began).Seconds()
	a.Resident = settled() - before
	return a, before, err
}

// settled is the memory in use once what is not needed was given back to the system.
func settled() float64 {
	debug.FreeOSMemory()
	return resident()
}
