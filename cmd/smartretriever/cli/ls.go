package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

func (a *app) lsCommand() *cobra.Command {
	var long, newest bool
	var filter string
	var as []string
	var limit int
	c := &cobra.Command{
		Use:   "ls [FOLDER]",
		Short: "List the documents of a collection",
		Long: `Lists the documents of a collection, oldest first; with FOLDER only those whose
files lie below it. With --json, one document a line.`,
		Example: `  smartretriever ls
  smartretriever ls ~/papers --long
  smartretriever ls --newest --limit 20 --filter '$media_type = application/pdf'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := rag.ParseFilter(filter)
			if err != nil {
				return usageError{err}
			}
			if limit < 0 {
				return usagef("--limit must not be negative")
			}
			if err := a.load(c); err != nil {
				return err
			}
			opt := rag.ListOptions{Filter: f, Descending: newest}
			if len(args) == 1 {
				abs, err := filepath.Abs(args[0])
				if err != nil {
					return rag.Wrap(rag.KindInvalid, err, args[0])
				}
				opt.Filter = below(abs)
				if !f.IsZero() {
					opt.Filter = rag.And(below(abs), f)
				}
			}
			return a.with(c.Context(), false, func(r Retriever) error { return a.ls(c.Context(), r, opt, as, long, limit) })
		},
	}
	fl := c.Flags()
	fl.BoolVarP(&long, "long", "l", false, "show id, version, language and title too")
	fl.BoolVar(&newest, "newest", false, "newest first")
	fl.IntVar(&limit, "limit", 0, "most documents to list; 0 lists all")
	fl.StringVarP(&filter, "filter", "f", "", "only documents whose metadata match `expression`")
	fl.StringArrayVar(&as, "as", nil, "list only what `principal` may see; may be repeated")
	return c
}

func (a *app) ls(ctx context.Context, r lister, opt rag.ListOptions, as []string, long bool, limit int) error {
	n := 0
	for d, err := range documents(ctx, r, a.scope(as), opt) {
		if err != nil {
			return err
		}
		if limit > 0 && n == limit {
			break
		}
		switch {
		case a.flags.json:
			a.out.jsonLine(d)
		case long:
			a.printLong(&d)
		default:
			if n == 0 {
				a.out.line("%s", a.out.dim("updated     chunks       size  document"))
			}
			a.printShort(&d)
		}
		n++
	}
	if n == 0 && !a.flags.json {
		a.err.line("No documents.")
	}
	return nil
}

// printShort shows a document on one line: day, chunks, size, and its path or title.
func (a *app) printShort(d *rag.Document) {
	s := a.out
	name := whereFrom(d)
	if name == "" {
		name = titleOf(d)
	}
	columns := s.width()
	if !s.terminal {
		columns = 1 << 20 // a program reads it: cut nothing
	}
	s.line("%s  %s  %s  %s", day(d.UpdatedAt), padLeft(comma(d.Chunks), 6), padLeft(size(d.Bytes), 9), fitPath(name, max(10, columns-32)))
}

// printLong shows a document on several lines.
func (a *app) printLong(d *rag.Document) {
	s := a.out
	s.line("%s", s.bold(oneLine(titleOf(d), s.width())))
	facts := []string{string(d.ID), fmt.Sprintf("version %d", d.Version), d.MediaType}
	if d.Pages > 0 {
		facts = append(facts, plural(d.Pages, "page"))
	}
	facts = append(facts, plural(d.Chunks, "chunk"), size(d.Bytes))
	if d.Language != "" {
		facts = append(facts, d.Language)
	}
	facts = append(facts, day(d.UpdatedAt))
	text := strings.Join(facts, " · ")
	if s.terminal { // a program reads one line
		text = wrap(text, s.width()-1, "  ")
	}
	s.line("  %s", text)
	if from := whereFrom(d); from != "" {
		s.line("  %s", s.dim(oneLine(from, 1<<20)))
	}
}

func day(t time.Time) string {
	if t.IsZero() {
		return "          "
	}
	return t.Local().Format("2006-01-02")
}
