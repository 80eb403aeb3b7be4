package cli

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

// remover is what rm calls.
type remover interface {
	finder
	lister
	DeleteDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error
}

func (a *app) rmCommand() *cobra.Command {
	var recursive, yes bool
	c := &cobra.Command{
		Use:   "rm ID|PATH...",
		Short: "Remove documents",
		Long: `Removes documents from the store: text, passages, embeddings and the stored copy of
the file. The file that was added is not touched. A document is named by its id or by
the path of its file, and is removed without asking; -r removes everything below a
folder or in an archive, and asks first. A file in a folder that is a source stays away
from 'sync' until it changes; 'sources rm' forgets the source itself.`,
		Example: `  smartretriever rm ~/papers/old.pdf
  smartretriever rm -r ~/papers/drafts
  smartretriever rm 0198c5b2-5c1e-7d7a-b0a1-0d2f4a5b6c7d --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				if recursive {
					return a.rmFolders(c.Context(), r, args, yes)
				}
				return a.rm(c.Context(), r, args)
			})
		},
	}
	c.Flags().BoolVarP(&recursive, "recursive", "r", false, "remove all documents whose files lie below the folders or in the archives")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "with -r, do not ask")
	return c
}

// removed is a line of rm --json.
type removed struct {
	Event  string         `json:"event"` // "removed", "failed"
	Arg    string         `json:"argument,omitempty"`
	ID     rag.DocumentID `json:"id,omitempty"`
	Source string         `json:"source,omitempty"`
	Error  *errorJSON     `json:"error,omitempty"`
}

// rm removes what is named. One that does not exist does not keep the others; the
// exit code is that of the first error.
func (a *app) rm(ctx context.Context, r remover, args []string) error {
	var first error
	for _, arg := range args {
		d, err := find(ctx, r, a.scope(nil), arg)
		if err == nil {
			err = a.remove(ctx, r, d)
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return err
		}
		if a.flags.json {
			a.out.jsonLine(removed{Event: "failed", Arg: arg, Error: new(toErrorJSON(err))})
		} else {
			a.err.line("%s %s", a.err.red("error:"), clean(err.Error()))
		}
		if first == nil {
			first = errReported{exitCode(err)}
		}
	}
	return first
}

func (a *app) remove(ctx context.Context, r remover, d rag.Document) error {
	if err := r.DeleteDocument(ctx, a.scope(nil), d.ID); err != nil {
		return err
	}
	if a.flags.json {
		a.out.jsonLine(removed{Event: "removed", ID: d.ID, Source: whereFrom(&d)})
		return nil
	}
	name := whereFrom(&d)
	if name == "" {
		name = titleOf(&d)
	}
	a.out.line("removed %s", clean(name))
	return nil
}

func (a *app) rmFolders(ctx context.Context, r remover, folders []string, yes bool) error {
	for _, folder := range folders {
		abs, err := filepath.Abs(folder)
		if err != nil {
			return rag.Wrap(rag.KindInvalid, err, folder)
		}
		// The ids first: deleting while listing could skip some.
		var found []rag.Document
		for d, err := range documents(ctx, r, a.scope(nil), rag.ListOptions{Filter: below(abs)}) {
			if err != nil {
				return err
			}
			found = append(found, rag.Document{ID: d.ID, Title: d.Title, Source: d.Source, ExternalID: d.ExternalID})
		}
		if len(found) == 0 {
			return rag.Errorf(rag.KindNotFound, "there are no documents below %s in the collection %q", abs, a.cfg.Collection)
		}
		if !yes {
			if err := a.confirm(ctx, "Remove "+plural(len(found), "document")+" below "+clean(abs)+"?"); err != nil {
				return err
			}
		}
		for _, d := range found {
			if err := a.remove(ctx, r, d); err != nil && !errors.Is(err, rag.ErrNotFound) {
				return err
			}
		}
	}
	return nil
}

// confirm asks a person; no is an error. Without a person the answer must have
// been given by a flag.
func (a *app) confirm(ctx context.Context, question string) error {
	return a.confirmOr(ctx, question, "Nothing was removed.")
}

// confirmOr is confirm with other words for a no.
func (a *app) confirmOr(ctx context.Context, question, no string) error {
	in, ok := a.stdin.(*os.File)
	if !ok || !a.err.terminal {
		return usagef("%s Say yes with --yes", question)
	}
	a.err.print(question + " [y/N] ")
	if a.answers == nil { // one for all questions: it reads ahead
		a.answers = bufio.NewReader(interruptible(ctx, in))
	}
	line, err := a.answers.ReadString('\n')
	if err != nil {
		a.err.print("\n")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	a.err.line("%s", no)
	return errReported{ExitRefused}
}
