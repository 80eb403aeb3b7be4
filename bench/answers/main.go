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
// The weights of package extractive's evidence are fitted on one half of the questions
// (-fit prints them again); the tables are made of the other half.
package main

import (
	"context"
	"encoding/json"
	"errors"
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
	languages := flag.Bool("languages", false, "the question sets in other languages, with which nothing was fitted")
	dump := flag.String("dump", "", "file for the outcome of each question, a line of JSON each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *data, *cache, *dump, *fit, *wordsOnly, *languages); err != nil {
		log.Fatal(err)
	}
}

// conditions in which each question is asked.
const (
	own     = "own corpus"
	without = "own corpus, answer removed"
	other   = "another corpus"
)

func run(ctx context.Context, data, cache, dump string, fit, wordsOnly, languages bool) error {
	sets, err := load(data, languages)
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
	c, err := chunk.New(rag.ChunkerOptions{}, model)
	if err != nil {
		return err
	}
	cfg := extractive.Config{}
	if fit {
		cfg.MinEvidence = -1 // quote always, so that the quotes can be judged
	}
	if !wordsOnly {
		cfg.Embed = func(ctx context.Context, texts []string) ([][]float32, error) {
			return embed.Embed(ctx, rag.PassageText, texts)
		}
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
	for _, s := range sets {
		began := time.Now()
		for _, it := range s.items {
			got, err := inEach(ctx, g, s, it, libraries[s.name], libraries[elsewhere[s.name]])
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

// load reads the English sets, or those in other languages.
func load(data string, languages bool) ([]*set, error) {
	var sets []*set
	var failed error
	add := func(s *set, err error) {
		sets = append(sets, s)
		failed = errors.Join(failed, err)
	}
	if languages {
		for _, code := range []string{"de", "es", "ru", "ar", "zh"} {
			add(loadBEIR(filepath.Join(data, "xquad", code), "xquad "+code, oneAnswer))
		}
		return sets, failed
	}
	add(loadBEIR(filepath.Join(data, "xquad", "en"), "xquad en", oneAnswer))
	add(loadBEIR(filepath.Join(data, "hotpotqa-100"), "hotpotqa-100", oneAnswer))
	add(loadBEIR(filepath.Join(data, "quotesum-dev"), "quotesum-dev", shortAnswers))
	add(loadRGB(filepath.Join(data, "rgb", "en_fact.json"), "rgb en_fact"))
	return sets, failed
}

// elsewhere names the set of whose corpus another is asked as well.
var elsewhere = map[string]string{
	"xquad en": "hotpotqa-100", "hotpotqa-100": "xquad en", "quotesum-dev": "xquad en", "rgb en_fact": "hotpotqa-100",
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
		if c.of == nil {
			continue
		}
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
