package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

// searcher is what search calls.
type searcher interface {
	Search(ctx context.Context, scope rag.Scope, q rag.Query) (rag.SearchResult, error)
	Explain(ctx context.Context, scope rag.Scope, q rag.Query, id rag.ChunkID) (rag.Explanation, error)
}

func (a *app) searchCommand() *cobra.Command {
	var f queryFlags
	var byDocument, operators, explain, duplicates bool
	c := &cobra.Command{
		Use:   "search WORDS",
		Short: "Find passages",
		Long: `Finds the passages that match best, by meaning and by words at once, and shows
score, document, page or heading, and the beginning of each.

With --operators, +word and "two words" must be there, -word must not, word* stands for
all words that begin so, and word~ (word~2) for words that differ in one letter (two).`,
		Example: `  smartretriever search "range of the sensor"
  smartretriever search invoice 2024-117 --mode keyword -k 3
  smartretriever search --operators '"hull number" -draft refit*'
  smartretriever search budget --filter 'team = sales and year >= 2023' --by-document`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := words(args)
			if err != nil {
				return err
			}
			filter, err := f.parse()
			if err != nil {
				return err
			}
			if err := a.load(c, f.settings(c, "retrieval.k")...); err != nil {
				return err
			}
			q := rag.Query{Text: text, K: a.cfg.Retrieval.K, Mode: rag.Mode(a.cfg.Retrieval.Mode), Filter: filter, NoCache: f.cold, NoRerank: f.plain, Operators: operators, KeepDuplicates: duplicates}
			if byDocument {
				q.GroupBy = "document"
			}
			return a.with(c.Context(), false, func(r Retriever) error { return a.search(c.Context(), r, q, f, explain) })
		},
	}
	f.add(c, "passages to show")
	c.Flags().BoolVar(&explain, "explain", false, "take the scores of each passage apart")
	c.Flags().BoolVar(&operators, "operators", false, "read +, -, quotes, * and ~ in the words")
	c.Flags().BoolVar(&duplicates, "duplicates", false, "list passages that say the same one by one")
	c.Flags().BoolVar(&byDocument, "by-document", false, "show each document once, by its best passage")
	return c
}

func (a *app) search(ctx context.Context, r searcher, q rag.Query, f queryFlags, explain bool) error {
	res, err := r.Search(ctx, a.scope(f.as), q)
	if err != nil {
		return err
	}
	var why []rag.Explanation
	if explain {
		for i := range res.Hits {
			e, err := r.Explain(ctx, a.scope(f.as), q, res.Hits[i].ChunkID)
			if err != nil {
				return err
			}
			why = append(why, e)
		}
	}
	if a.flags.json {
		a.out.json(struct {
			rag.SearchResult
			Explained []rag.Explanation `json:"explained,omitempty"`
		}{res, why})
		return nil
	}
	if len(res.Hits) == 0 {
		a.err.line("Nothing found.")
	}
	for i := range res.Hits {
		a.printHit(i+1, &res.Hits[i])
		if explain {
			a.printExplanation(&why[i])
			a.printDuplicates(res.Hits[i].Duplicates)
		}
	}
	a.notes("search", res.Degraded, res.Warnings)
	if f.trace {
		a.out.print("\n")
		a.out.printTrace(res.Trace)
	}
	return nil
}

// snippetRunes is how much of a passage is shown: about three lines.
const snippetRunes = 260

func (a *app) printHit(rank int, h *rag.Hit) {
	s, width := a.out, a.textWidth()
	const indent = "            " // below the title
	s.line("%s  %s  %s", padLeft(fmt.Sprint(rank), 3), s.green(fmt.Sprintf("%5.2f", h.Score)), s.bold(oneLine(titleOf(&h.Document), width-len(indent))))
	if p := place(h.Document.Title, h.Page, h.Heading); p != "" {
		s.line("%s%s", indent, oneLine(p, width-len(indent)))
	}
	s.line("%s%s", indent, wrap(snippet(h.Text, h.Document.Title, snippetRunes), width, indent))
	if from := whereFrom(&h.Document); from != "" {
		s.line("%s%s", indent, s.dim(fitPath(from, width-len(indent))))
	}
	if n := len(h.Duplicates); n > 0 {
		s.line("%s%s", indent, s.dim("the same stands in "+plural(n, "other passage")))
	}
}

// printDuplicates names the passages that a hit speaks for.
func (a *app) printDuplicates(duplicates []rag.Duplicate) {
	const indent = "            "
	for i := range duplicates {
		a.out.line("%s%s", indent, a.out.dim("same     "+a.duplicateText(&duplicates[i])))
	}
}

// printExplanation shows where a hit's two scores come from.
func (a *app) printExplanation(e *rag.Explanation) {
	s := a.out
	const indent = "            "
	if e.VectorRank > 0 {
		s.line("%s%s", indent, s.dim(fmt.Sprintf("meaning  cosine %.4f, place %s of all passages", e.Vector, comma(e.VectorRank))))
	}
	if e.Keyword == 0 {
		return
	}
	s.line("%s%s", indent, s.dim(fmt.Sprintf("words    BM25 %.4f; %s terms, %.1f on average in %s passages", e.Keyword, comma(e.Length), e.MeanLength, comma(e.Chunks))))
	for _, t := range e.Terms {
		if t.TF > 0 {
			s.line("%s%s", indent, s.dim(fmt.Sprintf("         %s %.4f = idf %.3f (in %s) x %.3f (%d times)", pad(t.Term, 14), t.Score, t.IDF, comma(t.DF), t.Factor, t.TF)))
		}
	}
}
