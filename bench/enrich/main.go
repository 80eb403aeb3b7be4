// Command enrich measures what enrichment changes for search, each with the 95 %
// interval of a paired bootstrap:
//
//	titles     the document's title before each passage, against none
//	headings   headings that name the subject, against such that only count
//	written    context and questions, which a language model writes (-llm)
//	labels     the threshold of the stage labels: chosen on one half of the
//	           documents, reported on the other
//
// It adds the data sets with default settings and the built-in model, and keeps what was
// added, and what the language model wrote, for the next run.
//
//	go run ./bench/enrich -data ../shared/data/retrieval -out bench/results/enrich.json
//	go run ./bench/enrich -parts written -llm http://127.0.0.1:8080/v1 -model smollm2
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/eval"
)

// options are what the flags say.
type options struct {
	data, keep string
	llm        string // address of a server of the OpenAI protocol
	model, key string
	sets       string // for titles, by comma
	articles   int    // of XQuAD, about which the language model writes
}

func main() {
	var s options
	flag.StringVar(&s.data, "data", filepath.Join("..", "shared", "data", "retrieval"), "folder with the data sets")
	flag.StringVar(&s.keep, "keep", filepath.Join(".cache", "enrich"), "folder for what was added, used again")
	flag.StringVar(&s.sets, "sets", "hotpotqa-100,cranfield,scifact", "data sets of the part titles, by comma")
	flag.StringVar(&s.llm, "llm", "", "address of a server of the OpenAI protocol, with /v1, for the part written")
	flag.StringVar(&s.model, "model", "smollm2", "its model")
	flag.StringVar(&s.key, "key", "", "its key")
	flag.IntVar(&s.articles, "articles", 16, "articles that the language model writes about, at most 48")
	parts := flag.String("parts", "titles,headings,labels", "what is measured, by comma; written needs -llm")
	out := flag.String("out", "", "lay the figures over those of this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s, strings.Split(*parts, ","), *out); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, s options, parts []string, out string) error {
	known := map[string]func(context.Context, options) ([]row, error){"titles": titles, "headings": headings, "written": written, "labels": labels}
	for _, part := range parts {
		measure, ok := known[part]
		if !ok {
			return fmt.Errorf("part %q is not known", part)
		}
		rows, err := measure(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
		for i := range rows {
			rows[i].Part = part
		}
		if out == "" {
			continue
		}
		if err := lay(out, part, rows); err != nil {
			return err
		}
	}
	return nil
}

// row is one figure of the result file.
type row struct {
	Part    string  `json:"part"`
	Case    string  `json:"case"`
	Metric  string  `json:"metric"`
	Without float64 `json:"without,omitempty"`
	With    float64 `json:"with"`
	Change  float64 `json:"change,omitempty"`
	Low     float64 `json:"low,omitempty"` // of the change
	High    float64 `json:"high,omitempty"`
	Of      int     `json:"of,omitempty"` // questions, or documents
}

type file struct {
	Machine any   `json:"machine"`
	Rows    []row `json:"rows"`
}

// lay puts the rows of a part into the file, in place of those that it had.
func lay(path, part string, rows []row) error {
	var f file
	old, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(old, &f)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f.Machine = machine.Describe()
	f.Rows = append(slices.DeleteFunc(f.Rows, func(r row) bool { return r.Part == part }), rows...)
	slices.SortStableFunc(f.Rows, func(a, b row) int { return -cmp.Compare(a.Part, b.Part) })
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// compare prints how much better b is than a, and returns it as rows.
func compare(of string, a, b eval.Report, measures ...eval.Measure) ([]row, error) {
	var rows []row
	for _, m := range measures {
		c, err := eval.Compare(a, b, m, eval.Options{})
		if err != nil {
			return nil, err
		}
		fmt.Printf("%-44s %-10s %.4f  %.4f  %+.4f  [%+.4f, %+.4f]  %d better, %d worse of %d\n",
			of, m, c.A, c.B, c.Diff, c.Low, c.High, c.Better, c.Worse, len(a.Queries))
		rows = append(rows, row{Case: of, Metric: m.String(), Without: round(c.A), With: round(c.B), Change: round(c.Diff), Low: round(c.Low), High: round(c.High), Of: len(a.Queries)})
	}
	return rows, nil
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }
