package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

// duplicator is what duplicates calls.
type duplicator interface {
	Duplicates(ctx context.Context, scope rag.Scope, report func(rag.DuplicateGroup) error) error
}

func (a *app) duplicatesCommand() *cobra.Command {
	var limit int
	var as []string
	c := &cobra.Command{
		Use:   "duplicates",
		Short: "List passages that say the same in the same words",
		Long: `Lists groups of passages of a collection that say the same in the same words, or
nearly: copies of documents, boilerplate, repeated sections. The largest groups come
first. Passages that differ in a number are not the same.

Nothing is changed. With --json, one group a line.`,
		Example: `  smartretriever duplicates
  smartretriever duplicates -c contracts --limit 0 --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef("--limit %d must not be negative", limit)
			}
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error { return a.duplicates(c.Context(), r, as, limit) })
		},
	}
	c.Flags().IntVar(&limit, "limit", 20, "groups to show; 0 is all")
	c.Flags().StringArrayVar(&as, "as", nil, "look only at what `principal` may see; may be repeated")
	return c
}

// errEnough ends the listing.
var errEnough = errors.New("enough groups")

func (a *app) duplicates(ctx context.Context, r duplicator, as []string, limit int) error {
	shown := 0
	err := r.Duplicates(ctx, a.scope(as), func(g rag.DuplicateGroup) error {
		if limit > 0 && shown == limit {
			return errEnough
		}
		shown++
		a.printGroup(&g)
		return nil
	})
	switch {
	case errors.Is(err, errEnough):
		if !a.flags.json {
			a.err.line("There are more groups; --limit 0 shows all.")
		}
		return nil
	case err == nil && shown == 0 && !a.flags.json:
		a.err.line("No passages say the same.")
	}
	return err
}

func (a *app) printGroup(g *rag.DuplicateGroup) {
	if a.flags.json {
		a.out.jsonLine(g)
		return
	}
	const indent, most = "     ", 10
	width := a.textWidth()
	n := 1 + len(g.Others) + g.More
	a.out.line("%s  %s", padLeft(comma(n), 4), a.out.bold(oneLine(g.Text, width-6)))
	a.out.line("%s%s", indent, a.duplicateText(&g.First))
	for i := range g.Others {
		if i == most {
			a.out.line("%s%s", indent, a.out.dim(fmt.Sprintf("and %s more", comma(n-1-most))))
			break
		}
		a.out.line("%s%s", indent, a.duplicateText(&g.Others[i]))
	}
}

// duplicateText names the place of a passage, and how near it is.
func (a *app) duplicateText(d *rag.Duplicate) string {
	text := oneLine(titleOf(&d.Document), a.textWidth()/2)
	if d.Page > 0 {
		text += fmt.Sprintf(", page %d", d.Page)
	}
	text += fmt.Sprintf(", bytes %d to %d", d.Span.Start, d.Span.End)
	if d.Similarity < 1 {
		text += fmt.Sprintf(", %.0f %% the same", 100*d.Similarity)
	}
	return text
}
