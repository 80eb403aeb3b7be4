package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/bench/index/data"
)

func main() {
	log.SetFlags(log.Ltime)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		err = serve(os.Args[2:], os.Stdin, os.Stdout)
	} else {
		err = run(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// bench is one run.
type bench struct {
	cache, rivals       string // folders of what is kept, and of the rivals' programs
	data                *data.Cache
	threads, rounds     int
	exactQueries        int
	rebuild             bool
	chosen              *regexp.Regexp
	report              *report
	python, tantivy, bv string // programs
}

// part is a piece of the benchmark that can be run alone.
type part struct {
	name  string
	quick bool // belongs to the quick run
	run   func(b *bench, ctx context.Context) error
}

var parts = []part{
	{"vectors-128", true, vectorPart(data.Small128)},
	{"filters-128", true, filterPart(data.Small128)},
	{"vectors-384", true, vectorPart(data.Small384)},
	{"vectors-1m-128", false, vectorPart(data.Large128)},
	{"filters-1m-128", false, filterPart(data.Large128)},
	{"vectors-1m-384", false, vectorPart(data.Large384)},
	{"words-1m", false, wordPart(data.RandomWords)},
	{"words-1m-clustered", false, wordPart(data.ClusteredWords)},
	{"engine", false, enginePart},
}

func run(ctx context.Context) error {
	home, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	root := filepath.Join(home, "smartretriever", "bench-index")
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	folder := flag.String("data", filepath.Join("..", "shared", "data"), "folder with retrieval and models")
	flag.StringVar(&root, "cache", root, "folder for data and indexes that are used again")
	only := flag.String("only", "", "parts to run: "+strings.Join(names, ", "))
	quick := flag.Bool("quick", false, "the small sets alone, in two rounds")
	entrants := flag.String("entrants", "", "a regular expression of the entrants' names")
	rebuild := flag.Bool("rebuild", false, "build the rivals' indexes anew")
	rounds := flag.Int("rounds", 5, "rounds of each measurement")
	threads := flag.Int("threads", runtime.NumCPU(), "threads for building indexes and data")
	prepare := flag.Bool("prepare", false, "make the data and the rivals' indexes, measure nothing")
	out := flag.String("out", filepath.Join("bench", "results", "index.json"), "result file; the parts that were run replace theirs in it")
	flag.Parse()
	b := &bench{
		cache: root, rivals: filepath.Join("bench", "index", "rivals"), threads: *threads, rounds: *rounds, exactQueries: 200, rebuild: *rebuild,
		python:  filepath.Join(root, "venv", "bin", "python"),
		tantivy: filepath.Join(root, "tantivy", "release", "bench-tantivy"), bv: filepath.Join(root, "bench-bleve"),
	}
	if *quick {
		b.rounds = min(b.rounds, 2)
	}
	if *entrants != "" {
		if b.chosen, err = regexp.Compile(*entrants); err != nil {
			return err
		}
	}
	if b.report, err = openReport(*out); err != nil {
		return err
	}
	b.data = &data.Cache{Root: root, Data: *folder, Threads: *threads, Log: b.say}
	want := strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	for _, w := range want {
		if !slices.Contains(names, w) {
			return fmt.Errorf("no part is called %q; there are %s", w, strings.Join(names, ", "))
		}
	}
	for _, p := range parts {
		if len(want) > 0 && !slices.Contains(want, p.name) || len(want) == 0 && *quick && !p.quick {
			continue
		}
		began := time.Now()
		b.report.begin(p.name)
		if *prepare {
			b.rounds = 0
		}
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		b.say("%s took %s", p.name, time.Since(began).Round(time.Second))
		if !*prepare {
			if err := b.report.end(p.name, time.Since(began)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) say(format string, args ...any) { log.Printf(format, args...) }

// scratch is a file for what two programs hand each other.
func (b *bench) scratch(name string) string {
	return filepath.Join(b.cache, fmt.Sprintf("%s-%d.tmp", name, os.Getpid()))
}
