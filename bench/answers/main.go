// Command answers measures the answerer without a language model: how often its
// quotes hold the right answer, how often it refuses a question that it should
// answer, and how often it notices that the documents do not hold the answer. It
// prints the tables of docs/answers.md.
//
//	go run ./bench/answers -data ../shared/data/retrieval
//
// Each question is asked three times: of its own corpus, of its own corpus without
// the passages that answer it (what is left is about the same subject), and of
// another set's corpus (what is there is about something else).
//
// With -fit it also fits the weights of package extractive's evidence, on every other
// question, and prints them.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/smartretriever/smartretriever/answer/extractive"
	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
)

func main() {
	data := flag.String("data", filepath.Join("..", "shared", "data", "retrieval"), "folder with xquad, hotpotqa-100, quotesum-dev and rgb")
	cache := flag.String("cache", filepath.Join(".cache", "answers"), "folder for embeddings")
	fit := flag.Bool("fit", false, "fit the weights of the evidence and print them")
	wordsOnly := flag.Bool("words", false, "without an embedder for the sentences")
	dump := flag.String("dump", "", "file for the outcome of each question, a line of JSON each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *data, *cache, *dump, *fit, *wordsOnly); err != nil {
		log.Fatal(err)
	}
}

// conditions in which each question is asked.
const (
	own     = "own corpus"
	without = "own corpus, answer removed"
	other   = "another corpus"
)

func run(ctx context.Context, data, cache, dump string, fit, wordsOnly bool) error {
	sets, err := load(data)
	if err != nil {
		return err
	}
	model, err := bert.New(bert.Config{})
	if err != nil {
		return err
	}
	embed, err := embedcache.Open(cache, model)
	if err != nil {
		return err
	}
	defer embed.Close()
	c, err := chunk.New(rag.ChunkerOptions{}, model.CountTokens)
	if err != nil {
		return err
	}
	cfg := extractive.Config{}
	if fit {
		cfg.MinEvidence = -1 // quote always, so that the quotes can be judged
	}
	if !wordsOnly {
		cfg.Embed = func(ctx context.Context, texts []string) ([][]float32, error) { return embed.Embed(ctx, rag.PassageText, texts) }
		cfg.EmbedQuestion = func(ctx context.Context, q string) ([]float32, error) {
			v, err := embed.Embed(ctx, rag.QuestionText, []string{q})
			if err != nil {
				return nil, err
			}
			return v[0], nil
		}
	}
	g, err := extractive.New(cfg)
	if err != nil {
		return err
	}
	libraries := map[string]*library{}
	for _, s := range sets {
		if libraries[s.name], err = open(ctx, s.corpus, c, embed); err != nil {
			return err
		}
	}
	var outcomes []outcome
	for i, s := range sets {
		began := time.Now()
		elsewhere := libraries[sets[elsewhere[i]].name]
		for _, it := range s.items {
			got, err := inEach(ctx, g, s, it, libraries[s.name], elsewhere)
			if err != nil {
				return fmt.Errorf("%s, question %s: %w", s.name, it.id, err)
			}
			outcomes = append(outcomes, got...)
		}
		log.Printf("%s: %d questions took %s", s.name, len(s.items), time.Since(began).Round(time.Second))
	}
	if dump != "" {
		if err := write(dump, outcomes); err != nil {
			return err
		}
	}
	report(os.Stdout, sets, outcomes)
	if fit {
		fitAll(os.Stdout, outcomes)
	}
	return nil
}

// elsewhere is, for each set, the one whose corpus it is asked of as well.
var elsewhere = []int{1, 0, 0, 1, 3, 4, 4, 4}

func load(data string) ([]*set, error) {
	var sets []*set
	add := func(s *set, err error) error {
		if err == nil {
			sets = append(sets, s)
		}
		return err
	}
	err := add(loadBEIR(filepath.Join(data, "xquad", "en"), "xquad en", oneAnswer))
	if err == nil {
		err = add(loadBEIR(filepath.Join(data, "hotpotqa-100"), "hotpotqa-100", oneAnswer))
	}
	if err == nil {
		err = add(loadBEIR(filepath.Join(data, "quotesum-dev"), "quotesum-dev", shortAnswers))
	}
	if err == nil {
		err = add(loadRGB(filepath.Join(data, "rgb", "en_fact.json"), "rgb en_fact"))
	}
	return sets, err
}

// inEach asks a question in the three conditions.
func inEach(ctx context.Context, g *extractive.Generator, s *set, it item, here, there *library) ([]outcome, error) {
	mine := map[string]bool{}
	for _, id := range it.only {
		mine[id] = true
	}
	among := func(p passage) bool { return it.only == nil || mine[p.id] }
	var out []outcome
	for _, c := range []struct {
		name string
		of   *library
		keep func(passage) bool
	}{
		{own, here, among},
		{without, here, func(p passage) bool { return among(p) && !it.gold[p.id] }},
		{other, there, func(passage) bool { return true }},
	} {
		sources, err := c.of.sources(ctx, it.text, c.keep)
		if err != nil {
			return nil, err
		}
		o, err := ask(ctx, g, it, sources)
		if err != nil {
			return nil, err
		}
		o.Set, o.Condition, o.Answerable = s.name, c.name, c.name == own
		out = append(out, o)
	}
	return out, nil
}

func write(path string, outcomes []outcome) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	enc := json.NewEncoder(f)
	for _, o := range outcomes {
		if err := enc.Encode(o); err != nil {
			return err
		}
	}
	return f.Close()
}
