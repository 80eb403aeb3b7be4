package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

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
  smartretriever collections create notes --set chunker.name=recursive
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
	var description string
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a collection",
		Long:  "Creates a collection with the configured chunker and embedding model.",
		Example: `  smartretriever collections create contracts --description "Signed contracts"
  smartretriever collections create notes --set chunker.name=fixed --set chunker.size=800`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
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
	c.Flags().StringVar(&description, "description", "", "what the collection holds, for people")
	return c
}

func chunkerText(c rag.ChunkerOptions) string {
	text := c.Name
	if text == "" {
		text = "structure"
	}
	if c.Size > 0 {
		text += fmt.Sprintf(" of %d", c.Size)
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
