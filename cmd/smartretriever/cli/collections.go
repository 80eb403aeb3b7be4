package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

// collectioner is what collections calls.
type collectioner interface {
	CreateCollection(ctx context.Context, scope rag.Scope, spec rag.Collection) (rag.Collection, error)
	Collection(ctx context.Context, scope rag.Scope) (rag.Collection, error)
	Collections(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Collection], error)
	DeleteCollection(ctx context.Context, scope rag.Scope) error
}

func (a *app) collectionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "collections",
		Short: "List, create and remove collections",
		Long: `A collection is a set of documents that is searched together. Each is cut and
embedded in one way, which is chosen when it is created ('reembed' moves it to another
model); add creates the one it needs with the configured settings.`,
		Example: `  smartretriever collections ls
  smartretriever collections create contracts --description "Signed contracts"
  smartretriever collections create notes --chunker recursive
  smartretriever collections rm contracts`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.listCollections(c) },
	}
	c.AddCommand(a.collectionsLs(), a.collectionsCreate(), a.collectionsRm())
	return c
}

func (a *app) collectionsLs() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Short:   "List collections",
		Long:    "Lists the collections of the tenant. With --json, one collection a line.",
		Example: "  smartretriever collections ls",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.listCollections(c) },
	}
}

func (a *app) listCollections(c *cobra.Command) error {
	if err := a.load(c); err != nil {
		return err
	}
	return a.with(c.Context(), false, func(r Retriever) error {
		opt := rag.ListOptions{Limit: 1000}
		for first := true; ; first = false {
			page, err := r.Collections(c.Context(), a.scope(nil), opt)
			if err != nil {
				return err
			}
			if first && len(page.Items) == 0 && !a.flags.json {
				a.err.line("No collections.")
			}
			if first && len(page.Items) > 0 && !a.flags.json {
				a.out.line("%s", a.out.dim("documents    chunks       size  collection"))
			}
			for _, col := range page.Items {
				a.printCollection(col)
			}
			if opt.Cursor = page.Next; opt.Cursor == "" {
				return nil
			}
		}
	})
}

func (a *app) printCollection(col rag.Collection) {
	if a.flags.json {
		a.out.jsonLine(col)
		return
	}
	text := oneLine(col.Name, 1<<20)
	if col.Description != "" {
		text += "  " + a.out.dim(oneLine(col.Description, 1<<20))
	}
	a.out.line("%s %s %s  %s", padLeft(comma(col.Documents), 9), padLeft(comma(col.Chunks), 9), padLeft(size(col.Bytes), 10), text)
}

func (a *app) collectionsCreate() *cobra.Command {
	var description, chunker, unit string
	var size, overlap, parent int
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a collection",
		Long: `Creates a collection with the configured chunker and embedding model. The flags that
begin with --chunk stand for the settings chunker.*; docs/chunking.md says which
chunker is for what.`,
		Example: `  smartretriever collections create contracts --chunker legal --description "Signed contracts"
  smartretriever collections create notes --chunker sentence --chunk-size 128 --chunk-parent 600
  smartretriever collections create old --chunker fixed --chunk-unit characters --chunk-size 800`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var settings []config.Flag
			for flag, setting := range map[string]string{"chunker": "name", "chunk-unit": "unit", "chunk-size": "size", "chunk-overlap": "overlap", "chunk-parent": "parent"} {
				settings = append(settings, changed(c.Flags(), flag, "chunker."+setting)...)
			}
			if err := a.load(c, settings...); err != nil {
				return err
			}
			return a.with(c.Context(), true, func(r Retriever) error {
				col, err := r.CreateCollection(c.Context(), a.scope(nil).In(args[0]), rag.Collection{Name: args[0], Description: description})
				if err != nil {
					return err
				}
				if a.flags.json {
					a.out.json(col)
					return nil
				}
				a.out.line("Created %s (chunker %s, model %s).", clean(col.Name), chunkerText(col.Generation.Chunker), col.Generation.Model)
				return nil
			})
		},
	}
	fl := c.Flags()
	fl.StringVar(&description, "description", "", "what the collection holds, for people")
	fl.StringVar(&chunker, "chunker", "", "how text is cut: structure, sentence, paragraph, semantic, recursive,\nfixed, code, legal, medical, table, conversation or auto")
	fl.StringVar(&unit, "chunk-unit", "", "what sizes count: tokens, or characters (fixed, recursive)")
	fl.IntVar(&size, "chunk-size", 0, "most `tokens` in a chunk")
	fl.IntVar(&overlap, "chunk-overlap", 0, "`tokens` shared with the chunk before; -1 for none")
	fl.IntVar(&parent, "chunk-parent", 0, "most `tokens` of the wider text that answers read with a chunk")
	return c
}

func chunkerText(c rag.ChunkerOptions) string {
	text := c.Name
	if text == "" {
		text = "structure"
	}
	if c.Size > 0 {
		text += fmt.Sprintf(" of %d", c.Size)
		if c.Unit == "characters" {
			text += " characters"
		}
	}
	if c.Parent > 0 {
		text += fmt.Sprintf(" in parents of %d", c.Parent)
	}
	return text
}

func (a *app) collectionsRm() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:     "rm NAME",
		Short:   "Remove a collection with everything in it",
		Long:    "Removes a collection with all its documents. It asks first.",
		Example: "  smartretriever collections rm contracts --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				scope := a.scope(nil).In(args[0])
				col, err := r.Collection(c.Context(), scope)
				if err != nil {
					return err
				}
				if !yes {
					if err := a.confirm(c.Context(), fmt.Sprintf("Remove the collection %q with %s?", clean(col.Name), plural(col.Documents, "document"))); err != nil {
						return err
					}
				}
				if err := r.DeleteCollection(c.Context(), scope); err != nil {
					return err
				}
				if a.flags.json {
					a.out.json(map[string]any{"removed": col.Name, "documents": col.Documents})
					return nil
				}
				a.out.line("Removed %s with %s.", clean(col.Name), plural(col.Documents, "document"))
				return nil
			})
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}
