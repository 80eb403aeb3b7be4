package smartretriever

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/smartretriever/smartretriever/rag"
)

// AddDocument adds or replaces one document in scope's collection, which is made
// if it does not exist. An input that is unchanged costs a look-up. The result's
// Err is returned as the error too. An archive is read as one document, if its format
// can be: its files are added by AddDocuments.
func (r *Retriever) AddDocument(ctx context.Context, scope rag.Scope, in rag.Input) (rag.AddResult, error) {
	var res rag.AddResult
	in.Whole = true
	one := func(yield func(rag.Input) bool) { yield(in) }
	err := r.AddDocuments(ctx, scope, one, func(_ int, got rag.AddResult) { res = got })
	if err == nil {
		err = res.Err
	}
	return res, err
}

// AddDocuments adds many. inputs is drawn as workers come free; report is called
// once a document, one call at a time, in order of completion, with the index of its
// input. An input that is an archive has a result for each of its files, all but the
// last with More set; so the last result of any input is that without More. Files that
// are gone from a new version of an archive are deleted (rag.Removed). The error is that of
// the whole (the store is down, ctx was cancelled): what was reported before is
// stored. The fault of a single document is in its result.
func (r *Retriever) AddDocuments(ctx context.Context, scope rag.Scope, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error {
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	col, err := r.ensure(ctx, scope.WithDefaults())
	if err != nil {
		return err
	}
	return r.run(rag.ChargedTo(ctx, col.Tenant), col, inputs, report)
}

// run ingests inputs and tells those who follow what came of it.
func (r *Retriever) run(ctx context.Context, col rag.Collection, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error {
	return r.ingest.Run(ctx, col, inputs, func(index int, res rag.AddResult) {
		if res.Seq > 0 {
			r.follow.Notify(col.ID, res.Seq)
		}
		if res.State == rag.Removed {
			r.changed(ctx, rag.Scope{Tenant: col.Tenant, Collection: col.Name})
		}
		if res.State == rag.Updated || res.State == rag.Removed {
			r.janitor.wake(col.ID) // the version before it is to go
		}
		report(index, res)
	})
}

// ensure returns scope's collection, made now if there is none.
func (r *Retriever) ensure(ctx context.Context, scope rag.Scope) (rag.Collection, error) {
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if !errors.Is(err, rag.ErrNotFound) {
		return col, err
	}
	col, err = r.store.CreateCollection(ctx, r.spec(scope, rag.Collection{}))
	if errors.Is(err, rag.ErrConflict) { // somebody else was quicker
		return r.store.Collection(ctx, scope.Tenant, scope.Collection)
	}
	return col, err
}

// Document returns a document that scope may see.
func (r *Retriever) Document(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Document{}, err
	}
	defer leave()
	return r.store.Document(ctx, scope.WithDefaults(), id)
}

// FindDocument returns a document that scope may see by its external id.
func (r *Retriever) FindDocument(ctx context.Context, scope rag.Scope, externalID string) (rag.Document, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Document{}, err
	}
	defer leave()
	return r.store.DocumentByExternalID(ctx, scope.WithDefaults(), externalID)
}

// Documents lists the documents that scope may see, oldest first unless
// opt.Descending.
func (r *Retriever) Documents(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Document], error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Page[rag.Document]{}, err
	}
	defer leave()
	return r.store.Documents(ctx, scope.WithDefaults(), opt)
}

// Text returns the extracted text of a version of a document; 0 is the current
// one. Versions that were replaced are kept only as long as the janitor takes.
func (r *Retriever) Text(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.Text, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Text{}, err
	}
	defer leave()
	return r.store.Text(ctx, scope.WithDefaults(), id, version)
}

// Chunks returns a document's chunks in reading order.
func (r *Retriever) Chunks(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Chunk, error) {
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return r.store.DocumentChunks(ctx, scope.WithDefaults(), id)
}

// Original opens the original file of a document. Its bytes are compared with its
// SHA-256 while they are read; a mismatch is an error of Read.
func (r *Retriever) Original(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, io.ReadCloser, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Document{}, nil, err
	}
	defer leave()
	doc, err := r.store.Document(ctx, scope.WithDefaults(), id)
	if err != nil {
		return rag.Document{}, nil, err
	}
	content, _, err := r.blobs.Open(ctx, doc.SHA256)
	return doc, content, err
}

// UpdateDocument changes title, metadata or access list. It is in every search
// that begins after the call.
func (r *Retriever) UpdateDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID, change rag.DocumentChange) (rag.Document, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Document{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	doc, err := r.store.UpdateDocument(ctx, scope, id, change)
	if err == nil {
		r.changed(ctx, scope)
	}
	return doc, err
}

// DeleteDocument removes a document. It is in no search that begins after the
// call; its text, vectors and original are purged soon after, or when the
// configured retention has passed. A document that came from a source comes back when
// its item there has other content (see Sync).
func (r *Retriever) DeleteDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error {
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	scope = scope.WithDefaults()
	if err := r.store.DeleteDocument(ctx, scope, id); err != nil {
		return err
	}
	if col, ok := r.changed(ctx, scope); ok {
		r.janitor.wake(col.ID)
	}
	return nil
}

// RestoreDocument brings a deleted document back while its retention lasts.
func (r *Retriever) RestoreDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error {
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	scope = scope.WithDefaults()
	if err := r.store.RestoreDocument(ctx, scope, id); err != nil {
		return err
	}
	r.changed(ctx, scope)
	return nil
}

// changed tells the follower of the collection that there is something new. It
// is a hint: without it the follower would find out by polling, and a search
// waits for the collection's last change in any case.
func (r *Retriever) changed(ctx context.Context, scope rag.Scope) (rag.Collection, bool) {
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if err == nil {
		r.follow.Notify(col.ID, col.Seq)
	}
	return col, err == nil
}
