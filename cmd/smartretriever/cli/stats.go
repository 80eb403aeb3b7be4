package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

func (a *app) statsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count what is stored",
		Long:  "Counts the collections, documents, passages and bytes of the tenant.",
		Example: `  smartretriever stats
  smartretriever stats --json | jq .documents`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				st, err := r.Stats(c.Context(), a.scope(nil))
				if err != nil {
					return err
				}
				a.printStats(st)
				return nil
			})
		},
	}
}

func (a *app) printStats(st rag.Stats) {
	if a.flags.json {
		a.out.json(st)
		return
	}
	row := func(name, value string) { a.out.line("%s %s", a.out.dim(pad(name, 16)), padLeft(value, 12)) }
	row("collections", comma(st.Collections))
	row("documents", comma(st.Documents))
	row("chunks", comma(st.Chunks))
	row("embeddings", comma(st.Embeddings))
	row("original files", size(st.Bytes))
	row("database", size(st.StoreBytes))
	row("logged queries", comma(int(st.Queries)))
	if len(a.cfg.Enrich.Stages) > 0 {
		a.out.line("%s %s", a.out.dim(pad("enrichment", 16)), strings.Join(a.cfg.Enrich.Stages, ", "))
	}
	a.out.line("%s %s", a.out.dim(pad("data folder", 16)), a.cfg.Data)
}
