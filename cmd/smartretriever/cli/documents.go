package cli

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"regexp"

	"github.com/smartretriever/smartretriever/rag"
)

// finder finds a document by what a person knows of it.
type finder interface {
	Document(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, error)
	FindDocument(ctx context.Context, scope rag.Scope, externalID string) (rag.Document, error)
}

var documentID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// find returns the document that arg names: by its id, by the path of its file, or
// by the id that it was given when it was added.
func find(ctx context.Context, r finder, scope rag.Scope, arg string) (rag.Document, error) {
	if documentID.MatchString(arg) {
		d, err := r.Document(ctx, scope, rag.DocumentID(arg))
		if err == nil || !errors.Is(err, rag.ErrNotFound) {
			return d, err
		}
	}
	if abs, err := filepath.Abs(arg); err == nil && abs != arg {
		d, err := r.FindDocument(ctx, scope, abs)
		if err == nil || !errors.Is(err, rag.ErrNotFound) {
			return d, err
		}
	}
	d, err := r.FindDocument(ctx, scope, arg)
	if errors.Is(err, rag.ErrNotFound) {
		return d, rag.Errorf(rag.KindNotFound, "there is no document %s in the collection %q", arg, scope.Collection)
	}
	return d, err
}

// lister lists documents page by page.
type lister interface {
	Documents(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Document], error)
}

// documents yields all documents of a listing, a page at a time.
func documents(ctx context.Context, r lister, scope rag.Scope, opt rag.ListOptions) iter.Seq2[rag.Document, error] {
	return func(yield func(rag.Document, error) bool) {
		opt.Limit = 1000
		for {
			page, err := r.Documents(ctx, scope, opt)
			if err != nil {
				yield(rag.Document{}, err)
				return
			}
			for _, d := range page.Items {
				if !yield(d, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			opt.Cursor = page.Next
		}
	}
}

// below is a filter on the documents whose files lie in a folder, or in an archive.
func below(folder string) rag.Filter {
	prefix := folder
	if last := prefix[len(prefix)-1]; last != filepath.Separator {
		prefix += string(filepath.Separator)
	}
	begins := func(with string) rag.Filter {
		return rag.Filter{Type: rag.OpPrefix, Key: rag.KeyExternalID, Value: rag.Str(with)}
	}
	return rag.Or(begins(prefix), begins(rag.ArchiveMember(folder, "")))
}
