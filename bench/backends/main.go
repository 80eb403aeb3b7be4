// Command backends measures the program on the servers that it can be set up with: PostgreSQL, Redis and vector databases, beside the embedded set-up. run.sh
// starts them.
//
//	main.go     parts and flags
//	corpus.go   real texts with their embeddings
//	setup.go    the program as an operator sets it up
//	report.go   the result file
//	put.go      chunks into the store
//	search.go   searches, cached answers, many at once
//	vectors.go  every vector database on the same data
//	truth.go    what is right, by comparing every vector
//	rebuild.go  indexes made anew from the store
//
// Where a set-up is compared with another one, both answer in turn, request by request or round by round, so that what else the machine does meets both alike.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// parts in the order in which they run.
var parts = []struct {
	name string
	run  func(b *bench, ctx context.Context) error
}{
	{"put", (*bench).put},
	{"search", (*bench).searches},
	{"statements", (*bench).statements},
	{"cached", (*bench).cached},
	{"together", (*bench).together},
	{"vectors", (*bench).vectors},
	{"rebuild", (*bench).rebuild},
}

type bench struct {
	corpus *corpus
	report *report
	dir    string // for data folders; goes at the end

	put1      int // chunks a round and store
	rows      int // of the collection that is searched
	questions int
	big       int // of the collection that is rebuilt
	targets   []string
	graphs    bool // rebuilding ends when graphs are built
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	home, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	b := &bench{}
	folder := flag.String("data", filepath.Join("..", "shared", "data"), "folder with retrieval")
	cache := flag.String("cache", filepath.Join(home, "smartretriever", "bench-index"), "folder of the embeddings, which bench/index has as well; what is missing is made, some 40 a second")
	only := flag.String("only", "", "parts to run: "+strings.Join(names, ", "))
	flag.IntVar(&b.put1, "put", 6400, "chunks that are put in each round")
	flag.IntVar(&b.rows, "rows", 20_000, "chunks of the collection that is searched")
	flag.IntVar(&b.questions, "questions", 400, "questions, at most 1,000")
	flag.IntVar(&b.big, "rebuild", 100_000, "chunks of the collection that indexes are rebuilt of, at most 129,000")
	into := flag.String("into", "", "the indexes that are rebuilt; all whose servers are there when empty")
	flag.BoolVar(&b.graphs, "graphs", true, "wait until the graphs of what is rebuilt are there, as pgvector builds its own after loading")
	out := flag.String("out", filepath.Join("bench", "results", "backends.json"), "result file; the parts that were run replace theirs in it")
	flag.Parse()
	list := func(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }
	b.targets = list(*into)
	want := list(*only)
	for _, w := range want {
		if !slices.Contains(names, w) {
			return fmt.Errorf("no part is called %q; there are %s", w, strings.Join(names, ", "))
		}
	}
	if b.corpus, err = openCorpus(ctx, *cache, *folder, max(b.rows, b.big, putRounds*b.put1)); err != nil {
		return err
	}
	b.questions = min(b.questions, len(b.corpus.questions))
	b.report = &report{path: *out}
	if err := b.report.read(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "bench-backends-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, p := range parts {
		if len(want) > 0 && !slices.Contains(want, p.name) {
			continue
		}
		began := time.Now()
		b.report.begin(p.name)
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		log.Printf("%s took %s", p.name, time.Since(began).Round(time.Second))
		if err := b.report.end(); err != nil {
			return err
		}
	}
	return nil
}
