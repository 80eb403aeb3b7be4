package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
)

// indexer is what index calls.
type indexer interface {
	Index(ctx context.Context, scope rag.Scope) (root.IndexDescription, error)
	VerifyIndex(ctx context.Context, scope rag.Scope) (root.IndexCheck, error)
	RebuildIndex(ctx context.Context, scope rag.Scope) (root.IndexDescription, error)
	TuneIndex(ctx context.Context, scope rag.Scope, opt root.TuneOptions) (root.IndexTuning, error)
	Collections(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Collection], error)
}

func (a *app) indexCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "index",
		Short: "Look at a collection's search index, check it, build it again, tune it",
		Long: `The index is made from what is stored and can be made again from it at any time, without
embedding anything. A server that runs has its indexes open: stats, verify and tune --dry-run
then look at what it has written, and rebuild and tune have to wait until it is stopped.`,
		Example: `  smartretriever index stats
  smartretriever index verify --all
  smartretriever index rebuild --collection contracts
  smartretriever index tune --recall 0.99`,
		Args: cobra.NoArgs,
		RunE: a.indexStats(),
	}
	c.AddCommand(a.indexStatsCommand(), a.indexVerifyCommand(), a.indexRebuildCommand(), a.indexTuneCommand())
	return c
}

func (a *app) indexStatsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "stats",
		Short:   "Say what the index is made of",
		Long:    "Lists the segments of the collection's index with their rows, sizes and sections.",
		Example: "  smartretriever index stats --collection contracts",
		Args:    cobra.NoArgs,
		RunE:    a.indexStats(),
	}
}

func (a *app) indexStats() func(*cobra.Command, []string) error {
	return a.indexing(func(ctx context.Context, r indexer) error {
		d, err := r.Index(ctx, a.scope(nil))
		if err != nil {
			return err
		}
		a.printIndex(d)
		return nil
	})
}

// indexing runs fn with an opened retriever.
func (a *app) indexing(fn func(ctx context.Context, r indexer) error) func(c *cobra.Command, _ []string) error {
	return func(c *cobra.Command, _ []string) error {
		if err := a.load(c); err != nil {
			return err
		}
		return a.with(c.Context(), false, func(r Retriever) error { return fn(c.Context(), r) })
	}
}

func (a *app) printIndex(d root.IndexDescription) {
	if a.flags.json {
		a.out.json(d)
		return
	}
	row := func(name, value string) { a.out.line("%s %s", a.out.dim(pad(name, 20)), padLeft(value, 12)) }
	row("chunks", comma(d.Chunks))
	row("deleted, still there", comma(d.Dead))
	row("vectors", comma(d.Vectors))
	row("postings", comma(int(d.Postings)))
	row("size", size(d.Bytes))
	row("in memory", size(d.Memory))
	if d.Effort > 0 {
		row("search effort", fmt.Sprintf("%.3g", d.Effort))
	}
	row("last change", comma(int(d.Seq)))
	if len(d.Segments) == 0 {
		return
	}
	a.out.line("")
	a.out.line("%s", a.out.dim("segment            rows  deleted    lists       size  sections"))
	for _, s := range d.Segments {
		name := s.File
		if name == "" {
			name = "(memory)"
		}
		parts := sections(s.Sections)
		if s.Shard != "" {
			parts = "shard " + s.Shard + "; " + parts
		}
		a.out.line("%s %s %s %s %s  %s", pad(name, 12), padLeft(comma(s.Rows), 10), padLeft(comma(s.Dead), 8),
			padLeft(comma(s.Lists), 8), padLeft(size(s.Bytes), 10), parts)
	}
}

// sections lists sizes in the order in which they stand in a file.
func sections(sizes map[string]int64) string {
	var out []string
	for _, name := range []string{"ids", "vectors", "lists", "graph", "words", "documents"} {
		if n, ok := sizes[name]; ok {
			out = append(out, name+" "+size(n))
		}
	}
	return strings.Join(out, ", ")
}

func (a *app) indexVerifyCommand() *cobra.Command {
	all := false
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare the index files with their checksums, and a vector database with them",
		Long: `Reads every file of the collection's index and compares its checksums; where a vector
database has the vectors, also which passages it holds. What is damaged, or differs, is built
again from what is stored; that costs no embeddings.

The exit code is 1 if damage was found, even though it is mended then.`,
		Example: "  smartretriever index verify --all",
		Args:    cobra.NoArgs,
		RunE:    a.indexing(func(ctx context.Context, r indexer) error { return a.verifyIndexes(ctx, r, all) }),
	}
	c.Flags().BoolVar(&all, "all", false, "all collections of the tenant")
	return c
}

func (a *app) verifyIndexes(ctx context.Context, r indexer, all bool) error {
	names := []string{a.scope(nil).WithDefaults().Collection}
	if all {
		names = names[:0]
		opt := rag.ListOptions{}
		for {
			page, err := r.Collections(ctx, a.scope(nil), opt)
			if err != nil {
				return err
			}
			for _, col := range page.Items {
				names = append(names, col.Name)
			}
			if opt.Cursor = page.Next; opt.Cursor == "" {
				break
			}
		}
	}
	for _, name := range names {
		scope := a.scope(nil)
		scope.Collection = name
		check, err := r.VerifyIndex(ctx, scope)
		if err != nil {
			return fmt.Errorf("collection %s: %w", name, err)
		}
		switch {
		case a.flags.json:
			a.out.jsonLine(check)
		case check.Damage != "" && !check.Mended:
			a.out.line("%s: is damaged; restart the process that has it open, which builds it again: %s", name, check.Damage)
		case check.Damage != "":
			a.out.line("%s: was damaged and has been built again: %s", name, check.Damage)
		default:
			a.out.line("%s: %s in %s, all checksums are right", name, size(check.Bytes), plural(check.Files, "file"))
		}
		if check.Damage != "" {
			a.code = ExitFailure
		}
	}
	return nil
}

func (a *app) indexRebuildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild",
		Short: "Build the index again from what is stored",
		Long: `Makes the collection's index anew from the stored chunks and embeddings, in one segment,
in which searches are fastest. Nothing is embedded. A server that has the index open must be
stopped first: it keeps the index up to date by itself.`,
		Example: "  smartretriever index rebuild --collection contracts",
		Args:    cobra.NoArgs,
		RunE: a.indexing(func(ctx context.Context, r indexer) error {
			d, err := r.RebuildIndex(ctx, a.scope(nil))
			if err != nil {
				return err
			}
			a.printIndex(d)
			return nil
		}),
	}
}

func (a *app) indexTuneCommand() *cobra.Command {
	opt := root.TuneOptions{}
	file := ""
	c := &cobra.Command{
		Use:   "tune",
		Short: "Set how far vector search looks, for a recall of your choice",
		Long: `Measures how many of the true best passages vector search finds, compared with looking at
every vector, and has searches look just as far as it takes for the recall asked for.
It uses the questions of the query log (embedding them may cost money with a paid model); without
at least 20 of them, passages of the collection itself, which are easier than questions.

A small collection has nothing to tune: every vector is looked at.`,
		Example: `  smartretriever index tune --recall 0.98
  smartretriever index tune --questions questions.txt --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if !(opt.Recall > 0 && opt.Recall <= 1) {
				return usagef("--recall must be above 0 and at most 1")
			}
			if opt.K < 1 || opt.K > rag.MaxK {
				return usagef("--top must be 1 to %d", rag.MaxK)
			}
			if file != "" {
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				for line := range strings.Lines(string(text)) {
					if line = strings.TrimSpace(line); line != "" {
						opt.Questions = append(opt.Questions, line)
					}
				}
				if len(opt.Questions) == 0 {
					return usagef("%s holds no question", file)
				}
			}
			return a.indexing(func(ctx context.Context, r indexer) error { return a.tuneIndex(ctx, r, opt) })(c, args)
		},
	}
	c.Flags().Float64Var(&opt.Recall, "recall", .99, "`share` of the true best passages that is to be found")
	c.Flags().IntVar(&opt.K, "top", 10, "how many best passages count")
	c.Flags().StringVar(&file, "questions", "", "`file` with questions to measure with, one a line")
	c.Flags().BoolVarP(&opt.DryRun, "dry-run", "n", false, "measure only")
	return c
}

func (a *app) tuneIndex(ctx context.Context, r indexer, opt root.TuneOptions) error {
	t, err := r.TuneIndex(ctx, a.scope(nil), opt)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.json(t)
		return nil
	}
	if t.Exact {
		a.out.line("Nothing to tune: the collection is small, and every vector is looked at.")
		return nil
	}
	a.out.line("%s", a.out.dim("effort    recall@"+fmt.Sprint(t.K)))
	for _, p := range t.Points {
		mark := ""
		if p.Effort == t.Effort {
			mark = "  <-"
		}
		a.out.line("%s %s%s", padLeft(fmt.Sprintf("%.3g", p.Effort), 6), padLeft(fmt.Sprintf("%.4f", p.Recall), 10), mark)
	}
	switch {
	case t.Recall < t.Target:
		a.out.line("No effort reaches %.4g; the highest is used.", t.Target)
	case opt.DryRun:
		a.out.line("An effort of %.3g would do; nothing was changed.", t.Effort)
	default:
		a.out.line("Searches look with an effort of %.3g from now on.", t.Effort)
	}
	return nil
}
