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
}

func (a *app) searchCommand() *cobra.Command {
	var f queryFlags
	var byDocument bool
	c := &cobra.Command{
		Use:   "search WORDS",
		Short: "Find passages",
		Long: `Finds the passages that match best, by meaning and by words at once, and shows
score, document, page or heading, and the beginning of each.`,
		Example: `  smartretriever search "range of the sensor"
  smartretriever search invoice 2024-117 --mode keyword -k 3
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
			q := rag.Query{Text: text, K: a.cfg.Retrieval.K, Mode: rag.Mode(a.cfg.Retrieval.Mode), Filter: filter, NoCache: f.cold, NoRerank: f.plain}
			if byDocument {
				q.GroupBy = "document"
			}
			return a.with(c.Context(), false, func(r Retriever) error { return a.search(c.Context(), r, q, f) })
		},
	}
	f.add(c, "passages to show")
	c.Flags().BoolVar(&byDocument, "by-document", false, "show each document once, by its best passage")
	return c
}

func (a *app) search(ctx context.Context, r searcher, q rag.Query, f queryFlags) error {
	res, err := r.Search(ctx, a.scope(f.as), q)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.json(res)
		return nil
	}
	if len(res.Hits) == 0 {
		a.err.line("Nothing found.")
	}
	for i := range res.Hits {
		a.printHit(i+1, &res.Hits[i])
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
}
