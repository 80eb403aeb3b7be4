package servertest

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/png"
	"io"
	"net/url"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

func (f *Fake) visible(s rag.Scope, id rag.DocumentID) (*collection, *document, error) {
	c, err := f.find(s)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range c.docs {
		if d.ID == id && s.May(d.ACL) {
			return c, d, nil
		}
	}
	return nil, nil, rag.Errorf(rag.KindNotFound, "document %q does not exist", id)
}

// enterDocument is enter, with a document that scope may see and its collection.
func (f *Fake) enterDocument(method string, s rag.Scope, id rag.DocumentID) (*collection, *document, func(), error) {
	leave, err := f.enter(method)
	if err != nil {
		return nil, nil, nil, err
	}
	c, d, err := f.visible(s, id)
	if err != nil {
		leave()
		return nil, nil, nil, err
	}
	return c, d, leave, nil
}

func (f *Fake) Document(_ context.Context, s rag.Scope, id rag.DocumentID) (rag.Document, error) {
	_, d, leave, err := f.enterDocument("Document", s, id)
	if err != nil {
		return rag.Document{}, err
	}
	defer leave()
	return d.Document, nil
}

func (f *Fake) FindDocument(_ context.Context, s rag.Scope, externalID string) (rag.Document, error) {
	leave, err := f.enter("FindDocument")
	if err != nil {
		return rag.Document{}, err
	}
	defer leave()
	c, err := f.find(s)
	if err != nil {
		return rag.Document{}, err
	}
	if d := f.byExternalID(c, externalID); d != nil && s.May(d.ACL) {
		return d.Document, nil
	}
	return rag.Document{}, rag.Errorf(rag.KindNotFound, "document %q does not exist", externalID)
}

func (f *Fake) Documents(_ context.Context, s rag.Scope, opt rag.ListOptions) (rag.Page[rag.Document], error) {
	leave, err := f.enter("Documents")
	if err != nil {
		return rag.Page[rag.Document]{}, err
	}
	defer leave()
	c, err := f.find(s)
	if err != nil {
		return rag.Page[rag.Document]{}, err
	}
	if err := opt.Filter.Validate(); err != nil {
		return rag.Page[rag.Document]{}, err
	}
	var out []rag.Document
	for _, d := range c.docs {
		if s.May(d.ACL) && opt.Filter.Match(d.Lookup) {
			out = append(out, d.Document)
		}
	}
	return paged(out, opt, func(d rag.Document) string { return string(d.ID) })
}

func (f *Fake) Text(_ context.Context, s rag.Scope, id rag.DocumentID, version int) (rag.Text, error) {
	_, d, leave, err := f.enterDocument("Text", s, id)
	if err != nil {
		return rag.Text{}, err
	}
	defer leave()
	return d.kept(cmp.Or(version, d.Version))
}

func (f *Fake) Chunks(_ context.Context, s rag.Scope, id rag.DocumentID) ([]rag.Chunk, error) {
	_, d, leave, err := f.enterDocument("Chunks", s, id)
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Clone(d.chunks), nil
}

func (f *Fake) Original(_ context.Context, s rag.Scope, id rag.DocumentID) (rag.Document, io.ReadCloser, error) {
	_, d, leave, err := f.enterDocument("Original", s, id)
	if err != nil {
		return rag.Document{}, nil, err
	}
	defer leave()
	return d.Document, io.NopCloser(bytes.NewReader(d.original)), nil
}

// OriginalURL is Presigned, with the id of the document and the name behind it.
func (f *Fake) OriginalURL(_ context.Context, s rag.Scope, id rag.DocumentID, fileName func(rag.Document) string) (string, error) {
	_, d, leave, err := f.enterDocument("OriginalURL", s, id)
	if err != nil {
		return "", err
	}
	defer leave()
	if f.Presigned == "" {
		return "", nil
	}
	return f.Presigned + string(id) + "?" + url.Values{"name": {fileName(d.Document)}}.Encode(), nil
}

// PagePicture shows every document as one page of 200 by 100 pixels, on which a
// passage is a line. Originals that begin like a PDF have a password.
func (f *Fake) PagePicture(_ context.Context, s rag.Scope, id rag.DocumentID, req rag.PageRequest) (rag.Picture, error) {
	_, d, leave, err := f.enterDocument("PagePicture", s, id)
	if err != nil {
		return rag.Picture{}, err
	}
	defer leave()
	switch {
	case req.Version != 0 && req.Version != d.Version:
		return rag.Picture{}, rag.Errorf(rag.KindNotFound, "the original of version %d is not kept", req.Version)
	case req.Page != 1:
		return rag.Picture{}, rag.Errorf(rag.KindNotFound, "there is no page %d: the document has 1", req.Page)
	case bytes.HasPrefix(d.original, []byte("%PDF")) && req.Password != "open":
		return rag.Picture{}, rag.Errorf(rag.KindUnauthorized, "the PDF is encrypted; give its password")
	}
	p := rag.Picture{Width: min(200, req.Width), Height: 100}
	if n := req.Span.Len(); n > 0 && req.Span.End <= len(d.texts[d.Version].Content) {
		p.Marks = []rag.Rect{{X: 10, Y: 20, Width: n, Height: 12}}
	}
	if req.NoImage {
		return p, nil
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, p.Width, p.Height))); err != nil {
		return rag.Picture{}, err
	}
	p.Image, p.MediaType = b.Bytes(), "image/png"
	return p, nil
}

func (f *Fake) UpdateDocument(_ context.Context, s rag.Scope, id rag.DocumentID, change rag.DocumentChange) (rag.Document, error) {
	_, d, leave, err := f.enterDocument("UpdateDocument", s, id)
	if err != nil {
		return rag.Document{}, err
	}
	defer leave()
	if change.Title != nil {
		d.Title = *change.Title
	}
	if change.Metadata != nil {
		d.Metadata = *change.Metadata
	}
	if change.ACL != nil {
		d.ACL = *change.ACL
	}
	d.UpdatedAt = f.tick()
	return d.Document, nil
}

func (f *Fake) DeleteDocument(_ context.Context, s rag.Scope, id rag.DocumentID) error {
	c, d, leave, err := f.enterDocument("DeleteDocument", s, id)
	if err != nil {
		return err
	}
	defer leave()
	c.docs = slices.DeleteFunc(c.docs, func(e *document) bool { return e == d })
	f.tick()
	return nil
}
