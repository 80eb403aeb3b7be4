package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

func (a *app) sourcesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sources",
		Short: "List, add and remove the places that documents come from",
		Long: `A source is a place that documents come from again and again, such as a folder. 'add'
makes a folder or URL a source of the collection and reads it, 'sync' reads it again.
What belongs to it, and how documents in several sources and deleted ones are dealt
with, is in docs/sources.md.`,
		Example: `  smartretriever sources ls
  smartretriever sources add ~/papers --name papers --include '*.pdf'
  smartretriever sources show papers
  smartretriever sources rm papers --keep-documents`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.listSources(c) },
	}
	c.AddCommand(a.sourcesLs(), a.sourcesShow(), a.sourcesAdd(), a.sourcesRm())
	return c
}

func (a *app) sourcesLs() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Short:   "List sources",
		Long:    "Lists the sources of the collection by name. With --json, one source a line.",
		Example: "  smartretriever sources ls",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.listSources(c) },
	}
}

func (a *app) listSources(c *cobra.Command) error {
	if err := a.load(c); err != nil {
		return err
	}
	return a.with(c.Context(), false, func(r Retriever) error {
		list, err := r.Sources(c.Context(), a.scope(nil))
		if err != nil && !noCollection(err) {
			return err
		}
		for i, s := range list {
			if a.flags.json {
				a.out.jsonLine(s)
				continue
			}
			if i == 0 {
				a.out.line("%s", a.out.dim(pad("name", 20)+"  "+pad("kind", 8)+"    items  failing  read              place"))
			}
			a.out.line("%s  %s  %s  %s  %s  %s", pad(oneLine(s.Name, 20), 20), pad(s.Kind, 8), padLeft(comma(s.Items), 7), padLeft(comma(s.Failing), 7), a.lastRead(s), clean(placeOf(s)))
		}
		if len(list) == 0 && !a.flags.json {
			a.err.line("No sources; make one with: smartretriever add FOLDER")
		}
		return nil
	})
}

// lastRead says when a source was last read, in 16 columns.
func (a *app) lastRead(s rag.Source) string {
	switch {
	case s.Holder != "" && time.Now().Before(s.HeldUntil):
		return pad("now", 16)
	case s.LastRun.IsZero():
		return pad("never", 16)
	case s.LastError != "":
		return a.out.red(pad(s.LastRun.Local().Format("01-02 15:04")+" !", 16))
	}
	return pad(s.LastRun.Local().Format("2006-01-02 15:04"), 16)
}

// shownSource is what sources show --json prints.
type shownSource struct {
	rag.Source
	FailingItems []rag.SourceItem `json:"failing_items"` // the first 50
}

func (a *app) sourcesShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a source, how its last reading went, and what failed",
		Example: "  smartretriever sources show papers\n  smartretriever sources show papers --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				src, err := r.Source(c.Context(), a.scope(nil), args[0])
				if err != nil {
					return err
				}
				failing, err := r.SourceItems(c.Context(), a.scope(nil), args[0], "", true, maxFailures)
				if err != nil {
					return err
				}
				if a.flags.json {
					if failing == nil {
						failing = []rag.SourceItem{}
					}
					a.out.json(shownSource{src, failing})
					return nil
				}
				a.printSource(src, failing)
				return nil
			})
		},
	}
}

func (a *app) printSource(s rag.Source, failing []rag.SourceItem) {
	o := a.out
	fact := func(name, value string) {
		if value != "" {
			o.line("%s %s", o.dim(pad(name, 13)), clean(value))
		}
	}
	o.line("%s", o.bold(s.Name))
	fact("kind", s.Kind)
	fact("place", placeOf(s))
	fact("settings", string(s.Settings))
	if len(s.ACL) > 0 {
		fact("seen by", joined(s.ACL))
	}
	fact("items", comma(s.Items)+", "+comma(s.Failing)+" of them failing")
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Local().Format(time.DateTime)
	}
	fact("last reading", at(s.LastRun))
	if !s.LastRun.IsZero() {
		fact("", counted(s.LastReport)+", in "+duration(s.LastReport.Took))
	}
	fact("last success", at(s.LastSuccess))
	if s.LastError != "" {
		o.line("%s %s", o.dim(pad("error", 13)), o.red(clean(s.LastError)))
	}
	for _, i := range failing {
		o.line("  %s", fitPath(i.ExternalID, max(20, o.width()-2)))
		o.line("    %s", o.dim(wrap(clean(i.Reason), o.width()-1, "    ")))
	}
	if more := s.Failing - len(failing); more > 0 {
		o.line("  and %d more", more)
	}
}

func joined(list []string) string {
	text := ""
	for i, s := range list {
		if i > 0 {
			text += ", "
		}
		text += s
	}
	return text
}

func (a *app) sourcesAdd() *cobra.Command {
	var f placeFlags
	var name string
	c := &cobra.Command{
		Use:   "add [PATH|URL]",
		Short: "Remember a source without reading it, or change its settings",
		Long: `Remembers a folder or URL as a source of the collection; 'sync' reads it. With a
name that is in use, the source of that name takes the settings over: the next sync
then looks at everything anew and deletes what they leave out.

Settings hold no secrets. A token is put into sources.secrets of the configuration
under a name, and the settings name it.`,
		Example: `  smartretriever sources add ~/papers --name papers --include '*.pdf'
  smartretriever sources add ~/papers --name papers --exclude 'drafts/**'
  smartretriever sources add --kind folder --settings @papers.json --name papers`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			arg := ""
			if len(args) == 1 {
				arg = args[0]
			} else if f.kind == "" || f.settings == "" || name == "" {
				return usagef("name a folder or URL, or give --kind, --settings and --name")
			}
			if err := a.load(c); err != nil {
				return err
			}
			spec, err := f.spec(arg)
			if err != nil {
				return err
			}
			return a.with(c.Context(), true, func(r Retriever) error {
				remember := r.RememberSource
				if name != "" {
					spec.Name, remember = name, r.AddSource
				}
				src, err := remember(c.Context(), a.scope(nil), spec)
				if err != nil {
					return err
				}
				if a.flags.json {
					a.out.json(src)
					return nil
				}
				a.out.line("%s  %s", a.out.bold(src.Name), clean(src.Kind+"  "+placeOf(src)))
				a.err.line("Read it with: smartretriever sync %s", src.Name)
				return nil
			})
		},
	}
	c.Flags().StringVar(&name, "name", "", "`name` of the source (default: after the folder or URL)")
	f.define(c.Flags())
	return c
}

func (a *app) sourcesRm() *cobra.Command {
	var documents, keep, yes bool
	c := &cobra.Command{
		Use:   "rm NAME...",
		Short: "Forget sources, with or without their documents",
		Long: `Forgets sources. --documents removes their documents too, but for those that another
source has; --keep-documents leaves them as if they had been added by hand. The places
themselves are not touched.`,
		Example: `  smartretriever sources rm papers --keep-documents
  smartretriever sources rm papers --documents --yes`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if documents == keep {
				return usagef("what is to become of the documents? --documents removes them, --keep-documents leaves them")
			}
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error { return a.rmSources(c.Context(), r, args, documents, yes) })
		},
	}
	fl := c.Flags()
	fl.BoolVar(&documents, "documents", false, "remove their documents, after asking")
	fl.BoolVar(&keep, "keep-documents", false, "leave their documents")
	fl.BoolVarP(&yes, "yes", "y", false, "with --documents, do not ask")
	return c
}

// removedSource is a line of sources rm --json.
type removedSource struct {
	Event     string `json:"event"` // "source_removed"
	Source    string `json:"source"`
	Documents int    `json:"documents"` // that were removed with it
}

func (a *app) rmSources(ctx context.Context, r sourcer, names []string, documents, yes bool) error {
	list, err := a.named(ctx, r, names)
	if err != nil {
		return err
	}
	for _, src := range list {
		if documents && !yes {
			if err := a.confirm(ctx, "Remove the source "+src.Name+" and the documents of its "+plural(src.Items, "item")+"?"); err != nil {
				return err
			}
		}
		n, err := r.RemoveSource(ctx, a.scope(nil), src.Name, documents)
		if err != nil {
			return err
		}
		if a.flags.json {
			a.out.jsonLine(removedSource{"source_removed", src.Name, n})
			continue
		}
		a.out.line("removed %s and %s", clean(src.Name), plural(n, "document"))
	}
	return nil
}
