package smartretriever

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// around is how many bytes of the text in front of a quote and behind it tell which
// of several places on a page is meant.
const around = 200

// PagePicture shows a page of a document's original as it is printed, with the
// words of a span of its text marked: that of a citation. What of the span lies on
// other pages is not marked. Kinds of error: KindNotFound if scope may not see the
// document, the page is not there, the format has no pages, or the version is not
// the current one, whose original alone is kept; KindUnauthorized if the original
// is encrypted and the password is missing or wrong; KindExhausted over a limit.
func (r *Retriever) PagePicture(ctx context.Context, scope rag.Scope, id rag.DocumentID, req rag.PageRequest) (rag.Picture, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Picture{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	doc, err := r.store.Document(ctx, scope, id)
	if err != nil {
		return rag.Picture{}, err
	}
	if req.Version != 0 && req.Version != doc.Version {
		return rag.Picture{}, rag.Errorf(rag.KindNotFound, "the original of version %d is not kept: the document has version %d", req.Version, doc.Version)
	}
	if doc.Pages == 0 {
		return rag.Picture{}, rag.Errorf(rag.KindNotFound, "document %s has no pages that could be shown", id)
	}
	opt := pdf.PageOptions{Page: req.Page, Width: req.Width, NoImage: req.NoImage}
	if req.Span.Len() > 0 {
		text, err := r.store.Text(ctx, scope, id, doc.Version)
		if err != nil {
			return rag.Picture{}, err
		}
		onPage(&opt, text, req.Span)
	}
	content, err := r.original(ctx, doc)
	if err != nil {
		return rag.Picture{}, err
	}
	return r.extract.Page(ctx, doc.Source, content, req.Password, opt)
}

// onPage fills in what of a span of the text is to be marked on the page.
func onPage(opt *pdf.PageOptions, text rag.Text, span rag.Span) {
	var parts []string
	first, last := -1, -1
	for _, b := range text.Blocks {
		if b.Page != opt.Page || !b.Span.Overlaps(span) {
			continue
		}
		part := rag.Span{Start: max(b.Span.Start, span.Start), End: min(b.Span.End, span.End)}
		parts = append(parts, part.Of(text.Content))
		if first < 0 {
			first = part.Start
		}
		last = part.End
		if b.Box != (rag.Box{}) {
			opt.Boxes = append(opt.Boxes, b.Box)
		}
	}
	if first < 0 {
		return
	}
	clean := func(s string) string { return strings.ToValidUTF8(s, "") } // cut anywhere
	opt.Quote = clean(strings.Join(parts, "\n"))
	opt.Before = clean(text.Content[max(0, first-around):first])
	opt.After = clean(text.Content[last:min(len(text.Content), last+around)])
}

// original reads a document's original whole.
func (r *Retriever) original(ctx context.Context, doc rag.Document) (_ []byte, err error) {
	file, _, err := r.blobs.Open(ctx, doc.SHA256)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(file)
}
