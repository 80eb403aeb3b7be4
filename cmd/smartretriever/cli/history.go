package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

// historian is what history calls.
type historian interface {
	finder
	Versions(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Version, error)
	CompareVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID, from, to int) (rag.Comparison, error)
	RestoreVersion(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.AddResult, error)
	ForgetVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID) (int, error)
}

func (a *app) historyCommand() *cobra.Command {
	var diff, forget bool
	var from, to, restore int
	c := &cobra.Command{
		Use:   "history ID|PATH",
		Short: "List, compare and restore the versions of a document",
		Long: `Lists the versions of a document that are kept (versions.keep, 5 unless it is set).
Searches and answers know the current one only. --diff shows what differs between two
versions, --restore makes one the current version again, and --forget removes all but
the current one for good.`,
		Example: `  smartretriever history ~/papers/rules.md
  smartretriever history ~/papers/rules.md --diff
  smartretriever history ~/papers/rules.md --diff --from 1 --to 3
  smartretriever history ~/papers/rules.md --restore 1`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			fl := c.Flags()
			switch {
			case !diff && (fl.Changed("from") || fl.Changed("to")):
				return usagef("--from and --to go with --diff")
			case fl.Changed("restore") && (restore < 1 || diff || forget), diff && forget:
				return usagef("give one of --diff, --restore VERSION and --forget")
			case from < 0 || to < 0:
				return usagef("versions count from 1")
			}
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				d, err := find(c.Context(), r, a.scope(nil), args[0])
				switch {
				case err != nil:
					return err
				case diff:
					return a.diffVersions(c.Context(), r, d, from, to)
				case forget:
					return a.forgetVersions(c.Context(), r, d)
				case restore > 0:
					return a.restoreVersion(c.Context(), r, d, restore)
				}
				return a.listVersions(c.Context(), r, d)
			})
		},
	}
	fl := c.Flags()
	fl.BoolVar(&diff, "diff", false, "show what differs between two versions")
	fl.IntVar(&from, "from", 0, "with --diff, the older `version`; the one before --to unless it is given")
	fl.IntVar(&to, "to", 0, "with --diff, the newer `version`; the current one unless it is given")
	fl.IntVar(&restore, "restore", 0, "make this `version` the current one again")
	fl.BoolVar(&forget, "forget", false, "remove all versions but the current one")
	return c
}

func (a *app) listVersions(ctx context.Context, r historian, d rag.Document) error {
	versions, err := r.Versions(ctx, a.scope(nil), d.ID)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if a.flags.json {
			a.out.jsonLine(v)
			continue
		}
		mark := ""
		if v.Current {
			mark = a.out.green("  current")
		}
		a.out.line("%s  %s  %s of text%s", padLeft(fmt.Sprint(v.Version), 4), v.CreatedAt.Local().Format("2006-01-02 15:04"), size(int64(v.TextBytes)), mark)
	}
	return nil
}

func (a *app) diffVersions(ctx context.Context, r historian, d rag.Document, from, to int) error {
	if to == 0 {
		to = d.Version
	}
	if from == 0 {
		versions, err := r.Versions(ctx, a.scope(nil), d.ID)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if v.Version < to {
				from = v.Version
			}
		}
		if from == 0 {
			return rag.Errorf(rag.KindNotFound, "no version before version %d is kept", to)
		}
	}
	c, err := r.CompareVersions(ctx, a.scope(nil), d.ID, from, to)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.jsonLine(c)
		return nil
	}
	if c.Diff == "" {
		a.err.line("The texts of versions %d and %d are the same.", c.From, c.To)
		return nil
	}
	for l := range strings.Lines(c.Diff) {
		l = a.out.clean(strings.TrimRight(l, "\n"))
		switch {
		case strings.HasPrefix(l, "+"):
			l = a.out.green(l)
		case strings.HasPrefix(l, "-"):
			l = a.out.red(l)
		case strings.HasPrefix(l, "@@"):
			l = a.out.cyan(l)
		}
		a.out.line("%s", l)
	}
	return nil
}

func (a *app) restoreVersion(ctx context.Context, r historian, d rag.Document, version int) error {
	res, err := r.RestoreVersion(ctx, a.scope(nil), d.ID, version)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.jsonLine(map[string]any{"id": res.ID, "restored": version, "version": res.Version, "chunks": res.Chunks, "embedded": res.Embedded})
		return nil
	}
	a.out.line("version %d is version %d now, %s", version, res.Version, plural(res.Chunks, "chunk"))
	return nil
}

func (a *app) forgetVersions(ctx context.Context, r historian, d rag.Document) error {
	n, err := r.ForgetVersions(ctx, a.scope(nil), d.ID)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.jsonLine(map[string]any{"id": d.ID, "forgotten": n})
		return nil
	}
	a.out.line("%s forgotten", plural(n, "version"))
	return nil
}
