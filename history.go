package smartretriever

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/smartretriever/smartretriever/rag"
)

// DefaultKeepVersions is how many versions of a document are kept, the current one
// among them.
const DefaultKeepVersions = 5

// Versions lists the versions of a document that are kept, oldest first, the current one
// last. Those before it are found by no search.
func (r *Retriever) Versions(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Version, error) {
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return r.store.Versions(ctx, scope.WithDefaults(), id)
}

// maxCompared bounds the texts that are compared, in bytes together: the time grows with
// the product of a text's length and the number of differences.
const maxCompared = 8 << 20

// CompareVersions says what differs between the texts of two versions of a document, line by
// line; 0 is the current one. Texts of more than 8 MiB together are KindExhausted.
func (r *Retriever) CompareVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID, from, to int) (rag.Comparison, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Comparison{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	doc, err := r.store.Document(ctx, scope, id)
	if err != nil {
		return rag.Comparison{}, err
	}
	out := rag.Comparison{From: from, To: to}
	var texts [2]string
	for i, v := range []*int{&out.From, &out.To} {
		if *v == 0 {
			*v = doc.Version
		}
		t, err := r.store.Text(ctx, scope, id, *v)
		if err != nil {
			return rag.Comparison{}, err
		}
		texts[i] = t.Content
		if t.Content != "" {
			texts[i] += "\n" // a text ends with its last line's break
		}
	}
	if len(texts[0])+len(texts[1]) > maxCompared {
		return rag.Comparison{}, rag.Errorf(rag.KindExhausted, "the two versions have %d bytes of text; at most %d are compared", len(texts[0])+len(texts[1]), maxCompared)
	}
	out.Diff = udiff.Unified(fmt.Sprintf("version %d", out.From), fmt.Sprintf("version %d", out.To), texts[0], texts[1])
	lines := strings.Split(out.Diff, "\n")
	for _, l := range lines[min(2, len(lines)):] { // below the two names
		switch {
		case strings.HasPrefix(l, "+"):
			out.Added++
		case strings.HasPrefix(l, "-"):
			out.Removed++
		}
	}
	return out, nil
}

// RestoreVersion makes a version that is kept the current one again, as a new version: its
// original, its text as it was read then, and the title and metadata that its file states,
// below those that the caller gave to the document. Access list and source stay. Only
// chunks whose embedding is not there any more are embedded.
func (r *Retriever) RestoreVersion(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.AddResult, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.AddResult{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	in, content, err := r.restored(ctx, scope, id, version)
	if err != nil {
		return rag.AddResult{}, err
	}
	defer content.Close() // only read from: nothing can be lost
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if err != nil {
		return rag.AddResult{}, err
	}
	var res rag.AddResult
	one := func(yield func(rag.Input) bool) { yield(in) }
	err = r.run(rag.ChargedTo(ctx, col.Tenant), col, one, func(_ int, got rag.AddResult) { res = got })
	if err == nil {
		err = res.Err
	}
	return res, err
}

// restored is a version as an input.
func (r *Retriever) restored(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.Input, io.ReadCloser, error) {
	doc, err := r.store.Document(ctx, scope, id)
	if err != nil {
		return rag.Input{}, nil, err
	}
	if version == doc.Version {
		return rag.Input{}, nil, rag.Errorf(rag.KindInvalid, "version %d is the current one", version)
	}
	versions, err := r.store.Versions(ctx, scope, id)
	if err != nil {
		return rag.Input{}, nil, err
	}
	for _, v := range versions {
		if v.Version != version {
			continue
		}
		text, err := r.store.Text(ctx, scope, id, version)
		if err != nil {
			return rag.Input{}, nil, err
		}
		now, err := r.store.Text(ctx, scope, id, 0)
		if err != nil {
			return rag.Input{}, nil, err
		}
		content, _, err := r.blobs.Open(ctx, v.SHA256)
		if err != nil {
			return rag.Input{}, nil, err
		}
		in := rag.Input{
			ExternalID: doc.ExternalID, Source: doc.Source, Content: content, Extracted: &text, ACL: doc.ACL, Metadata: rag.Metadata{}, Force: true, Whole: true,
		}
		// What the document has beyond what its file states was given to it.
		if doc.Title != now.Title {
			in.Title = doc.Title
		}
		for key, value := range doc.Metadata {
			if !now.Metadata[key].Equal(value) {
				in.Metadata[key] = value
			}
		}
		return in, content, nil
	}
	return rag.Input{}, nil, rag.Errorf(rag.KindNotFound, "version %d of document %s is not kept", version, id)
}

// ForgetVersions removes the versions of a document before the current one for good, and
// returns how many there were.
func (r *Retriever) ForgetVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID) (int, error) {
	leave, err := r.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	n, err := r.store.ForgetVersions(ctx, scope.WithDefaults(), id)
	if n > 0 {
		r.janitor.wake(0)
	}
	return n, err
}
