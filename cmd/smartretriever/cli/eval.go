package cli

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
)

// evaluated is what eval calls.
type evaluated interface {
	adder
	searcher
	asker
}

type evalFlags struct {
	split, mode, run string
	k, limit         int
	perQuery         bool
	answers          bool
	route            string
}

func (a *app) evalCommand() *cobra.Command {
	f := evalFlags{split: "test"}
	c := &cobra.Command{
		Use:   "eval FOLDER",
		Short: "Measure retrieval on a data set with judged queries",
		Long: `Adds the corpus of a data set in BEIR layout (corpus.jsonl, queries.jsonl,
qrels/SPLIT.tsv), puts its judged queries, and reports nDCG@10, recall, precision, MRR
and MAP with 95 % confidence intervals, and how long a search takes. Passages count to
their document by the best of them.

The corpus goes into a data folder of its own that is removed afterwards, whatever
store, bucket and vector database are configured. With --collection it goes into that
collection of the configured store and stays, so that the next run has nothing to
embed.

With --answers the queries are asked as questions, and the report says how many answers
rest on a document that is judged relevant, which model wrote them (--route overrides
the rules of the settings routing), and what they cost.`,
		Example: `  smartretriever eval ~/beir/scifact
  smartretriever eval ~/beir/scifact --collection scifact --mode keyword --json
  smartretriever eval ~/beir/scifact --collection scifact --answers --route cheap --limit 50`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if f.k < 0 || f.limit < 0 {
				return usagef("-k and --limit must not be negative")
			}
			if !f.answers && f.route != "" || f.answers && (f.run != "" || f.k > 0) {
				return usagef("--route is for --answers; -k and --run are not")
			}
			if err := a.load(c, append(changed(c.Flags(), "mode", "retrieval.mode"), changed(c.Flags(), "route", "routing.always")...)...); err != nil {
				return err
			}
			data, err := eval.Load(args[0], f.split)
			if err != nil {
				return err
			}
			if !c.Flags().Changed("collection") {
				dir, err := os.MkdirTemp("", "smartretriever-eval-")
				if err != nil {
					return rag.Wrap(rag.KindUnavailable, err, "temporary data folder")
				}
				defer os.RemoveAll(dir) // what is left of a temporary folder does no harm
				a.apart(dir)
			}
			a.cfg.QueryLog.Enabled = false // judged queries are not what users asked
			return a.with(c.Context(), true, func(r Retriever) error {
				if f.answers {
					return a.evaluateAnswers(c.Context(), r, data, f)
				}
				return a.evaluate(c.Context(), r, data, f)
			})
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.split, "split", f.split, "`name` of the judgements: qrels/NAME.tsv")
	fl.StringVar(&f.mode, "mode", "", "which searches are run: hybrid, vector or keyword (default hybrid)")
	fl.IntVarP(&f.k, "k", "k", 0, "documents to ask for with each query; 0 is 100")
	fl.IntVar(&f.limit, "limit", 0, "put only the first queries; 0 puts all")
	fl.BoolVar(&f.perQuery, "queries", false, "with --json, the values of each query too")
	fl.BoolVar(&f.answers, "answers", false, "ask the queries as questions, and report what the answers rest on and cost")
	fl.StringVar(&f.route, "route", "", "which model answers: auto, cheap or good (default auto, by the settings routing)")
	fl.StringVar(&f.run, "run", "", "also write the ranking to `file` in TREC format")
	return c
}

func (a *app) evaluate(ctx context.Context, r evaluated, data *eval.Dataset, f evalFlags) error {
	scope := a.scope(nil)
	if err := a.addCorpus(ctx, r, scope, data.Corpus); err != nil {
		return err
	}
	p := startProgress(a.err, "queries")
	ranking := eval.Ranking{}
	byText := make(map[string]string, len(data.Queries))
	for _, q := range data.Queries {
		byText[q.Text] = q.ID
	}
	report, err := eval.Run(ctx, data, func(ctx context.Context, query string, k int) ([]eval.Ranked, error) {
		res, err := r.Search(ctx, scope, rag.Query{Text: query, K: k, Mode: rag.Mode(a.cfg.Retrieval.Mode), GroupBy: "document", NoCache: true})
		if err != nil {
			return nil, err
		}
		out := make([]eval.Ranked, len(res.Hits))
		for i, h := range res.Hits {
			out[i] = eval.Ranked{DocumentID: h.Document.ExternalID, Score: h.Score}
		}
		if f.run != "" {
			ranking[byText[query]] = out
		}
		return out, nil
	}, eval.Options{K: f.k, Queries: f.limit, Progress: func(done, of int) {
		p.setTotal(of, true)
		p.result(rag.AddResult{})
	}})
	p.end()
	if err != nil {
		return err
	}
	if f.run != "" {
		if err := writeRun(f.run, ranking); err != nil {
			return err
		}
	}
	if a.flags.json {
		if !f.perQuery {
			return a.printReportJSON(report)
		}
		a.out.json(report)
		return nil
	}
	return report.Print(a.out)
}

// addCorpus adds the documents and fails with the first that cannot be added:
// figures over a part of a corpus would mislead.
func (a *app) addCorpus(ctx context.Context, r adder, scope rag.Scope, path string) error {
	total := 0
	for _, err := range loader.Corpus(path) {
		if err != nil {
			return err
		}
		total++
	}
	p := startProgress(a.err, "documents")
	p.setTotal(total, true)
	begun := time.Now()
	var readErr, addErr error
	states := map[rag.AddState]int{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := r.AddDocuments(ctx, scope, corpus(path, &readErr), func(_ int, res rag.AddResult) {
		p.result(res)
		states[res.State]++
		if res.State == rag.Failed && addErr == nil && !errors.Is(res.Err, context.Canceled) {
			addErr = rag.Errorf(rag.KindOf(res.Err), "document %s: %w", res.ExternalID, res.Err)
			cancel()
		}
	})
	p.end()
	if err := cmpErr(addErr, readErr, err); err != nil {
		return err
	}
	if !a.flags.json {
		a.err.line("%s in %s: %d added, %d unchanged, %d empty.", plural(total, "document"), duration(time.Since(begun)),
			states[rag.Added]+states[rag.Updated], states[rag.Unchanged], states[rag.Skipped])
	}
	return nil
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// corpus yields the documents of a corpus file as inputs.
func corpus(path string, fault *error) iter.Seq[rag.Input] {
	return func(yield func(rag.Input) bool) {
		for d, err := range loader.Corpus(path) {
			if err != nil {
				*fault = err
				return
			}
			if !yield(rag.Input{ExternalID: d.ID, Title: d.Title, Text: d.Text}) {
				return
			}
		}
	}
}

func writeRun(path string, ranking eval.Ranking) error {
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return rag.Wrap(rag.KindInvalid, err, "write the ranking")
	}
	err = ranking.WriteTREC(f, "smartretriever")
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return rag.Wrap(rag.KindUnavailable, err, "write the ranking")
}

// printReportJSON writes the report without the values of each query.
func (a *app) printReportJSON(report eval.Report) error {
	data, err := json.Marshal(report)
	if err != nil {
		return rag.Wrap(rag.KindInternal, err, "report")
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return rag.Wrap(rag.KindInternal, err, "report")
	}
	delete(fields, "per_query")
	a.out.json(fields)
	return nil
}
