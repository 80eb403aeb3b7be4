package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/enrich"
)

// subject is a label and where documents lie that bear it. The others bear none.
type subject struct {
	set, label, description string
}

// subjects are what a person would write who knows the collections by their titles. The
// documents of the sets without a label are there to be given none.
var subjects = []subject{
	{"scifact", "medicine", "Biology and medicine: cells, genes, diseases, drugs, clinical trials and patients."},
	{"cranfield", "aerodynamics", "Aerodynamics: flow around wings and bodies, boundary layers, shock waves, heat transfer and the strength of aircraft."},
	{"cacm", "computing", "Computing: algorithms, programming languages, compilers, operating systems and numerical methods."},
	{"xquad/en", "", ""},
	{"hotpotqa-100", "", ""},
}

// mostOf is how many documents of a set take part.
const mostOf = 300

// exemplars is how many documents of a subject are its examples, where examples are
// measured. They take no other part.
const exemplars = 5

// labelled is a document with its true label, "" for none, and how similar each label is
// to it.
type labelled struct {
	truth  string
	chosen bool // it is of the half that the threshold is chosen on
	scores []float64
}

// labels measures the threshold of the stage labels with the built-in model: on one half
// of the documents it is chosen by F1, on the other it is reported. The same is done
// with labels told by descriptions and by examples.
func labels(ctx context.Context, s options) ([]row, error) {
	e, err := bert.New(bert.Config{})
	if err != nil {
		return nil, err
	}
	var docs []document
	for _, sub := range subjects {
		got, err := documents(filepath.Join(s.data, sub.set, "corpus.jsonl"), sub)
		if err != nil {
			return nil, err
		}
		docs = append(docs, got...)
	}
	vectors := map[string][]float32{} // documents are compared three times, and embedded once
	embed := func(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
		out := make([][]float32, len(texts))
		for i, t := range texts {
			if vectors[t] == nil {
				got, err := e.Embed(ctx, kind, []string{t})
				if err != nil {
					return nil, err
				}
				vectors[t] = got[0]
			}
			out[i] = vectors[t]
		}
		return out, nil
	}
	var rows []row
	for _, by := range []string{"descriptions", "examples", "both"} {
		list, err := scored(ctx, embed, docs, by)
		if err != nil {
			return nil, err
		}
		rows = append(rows, judged(by, list)...)
	}
	return rows, nil
}

type document struct {
	title, text, label string
	number             int // within its set
}

// documents returns the documents of a set, evenly spread, without those that say next
// to nothing.
func documents(path string, sub subject) ([]document, error) {
	var all []document
	for d, err := range loader.Corpus(path) {
		if err != nil {
			return nil, err
		}
		if len(d.Text) >= 200 {
			all = append(all, document{title: d.Title, text: d.Text, label: sub.label})
		}
	}
	var out []document
	for i := range min(mostOf, len(all)) {
		d := all[i*len(all)/min(mostOf, len(all))]
		d.number = i
		out = append(out, d)
	}
	return out, nil
}

// scored asks the stage how similar each label is to each document.
func scored(ctx context.Context, embed enrich.Embed, docs []document, by string) ([]labelled, error) {
	var list []enrich.Label
	for _, sub := range subjects {
		if sub.label == "" {
			continue
		}
		l := enrich.Label{Name: sub.label, Description: sub.description}
		if by == "examples" {
			l.Description = ""
		}
		for _, d := range docs {
			if by != "descriptions" && d.label == sub.label && d.number < exemplars {
				l.Examples = append(l.Examples, d.text)
			}
		}
		list = append(list, l)
	}
	scorer, err := enrich.NewScorer(list)
	if err != nil {
		return nil, err
	}
	var out []labelled
	for i, d := range docs {
		if d.label != "" && d.number < exemplars {
			continue
		}
		about := &enrich.Document{Text: rag.Text{Content: d.text, Blocks: []rag.Block{{Kind: rag.Paragraph, Span: rag.Span{End: len(d.text)}}}}, Title: d.title, Embed: embed, Model: "built-in"}
		scores, err := scorer.Scores(ctx, about)
		if err != nil {
			return nil, err
		}
		h := fnv.New32a()
		fmt.Fprint(h, i)
		out = append(out, labelled{truth: d.label, chosen: h.Sum32()&1 == 0, scores: scores})
	}
	return out, nil
}

// counts are of pairs of document and label.
type counts struct{ right, wrong, missed int }

func (c counts) precision() float64 { return float64(c.right) / math.Max(1, float64(c.right+c.wrong)) }
func (c counts) recall() float64    { return float64(c.right) / math.Max(1, float64(c.right+c.missed)) }
func (c counts) f1() float64 {
	return 2 * float64(c.right) / math.Max(1, float64(2*c.right+c.wrong+c.missed))
}

// count labels documents of one half with a threshold.
func count(list []labelled, half bool, threshold float64) (c counts) {
	var names []string
	for _, s := range subjects {
		if s.label != "" {
			names = append(names, s.label)
		}
	}
	for _, d := range list {
		if d.chosen != half {
			continue
		}
		for i, name := range names {
			switch given, due := d.scores[i] >= threshold, d.truth == name; {
			case given && due:
				c.right++
			case given:
				c.wrong++
			case due:
				c.missed++
			}
		}
	}
	return c
}

// judged chooses the threshold and reports it with its neighbours.
func judged(by string, list []labelled) []row {
	best, bestF1 := 0., -1.
	for t := 20; t <= 95; t++ {
		if f1 := count(list, true, float64(t)/100).f1(); f1 > bestF1 {
			best, bestF1 = float64(t)/100, f1
		}
	}
	thresholds := []float64{best}
	for t := 40; t <= 80; t += 5 {
		thresholds = append(thresholds, float64(t)/100)
	}
	slices.Sort(thresholds)
	of := 0
	for _, d := range list {
		if !d.chosen {
			of++
		}
	}
	var rows []row
	fmt.Printf("%s: chosen %.2f (F1 %.3f on its half)\n", by, best, bestF1)
	for _, t := range slices.Compact(thresholds) {
		c := count(list, false, t)
		fmt.Printf("%-14s %.2f  precision %.3f  recall %.3f  F1 %.3f\n", by, t, c.precision(), c.recall(), c.f1())
		name := fmt.Sprintf("%s, %.2f", by, t)
		if t == best {
			name += ", chosen"
		}
		for _, m := range []struct {
			name  string
			value float64
		}{{"precision", c.precision()}, {"recall", c.recall()}, {"F1", c.f1()}} {
			rows = append(rows, row{Case: strings.TrimSpace(name), Metric: m.name, With: round(m.value), Of: of})
		}
	}
	return rows
}
