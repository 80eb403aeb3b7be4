package format

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/docx"
	"github.com/smartretriever/smartretriever/text/extract/html"
	"github.com/smartretriever/smartretriever/text/extract/markdown"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
	"github.com/smartretriever/smartretriever/text/extract/plain"
	"github.com/smartretriever/smartretriever/text/language"
)

// Request is one file to be read.
type Request struct {
	Format   ID
	Name     string
	Password string
	Content  []byte
}

// Reader reads the supported formats in this process. It is goroutine-safe.
type Reader struct {
	PDF      *pdf.Engine
	MaxText  int // bytes of text, 0 for no limit
	MaxPages int // of a PDF, 0 for pdf.DefaultMaxPages
}

// Start makes ready what the first file of a format would wait for: the PDF engine's code is compiled, which says nothing
// of the file.
func (r *Reader) Start(id ID) error {
	if id == PDF {
		return r.PDF.Start()
	}
	return nil
}

// Read returns the text of a file with media type and language.
func (r *Reader) Read(ctx context.Context, req Request) (rag.Text, error) {
	text, err := r.read(ctx, req)
	if err != nil {
		return rag.Text{}, err
	}
	text.MediaType = mediaType(req.Format, req.Name)
	if found := language.Detect(text.Content); found != "" {
		text.Language = found
	}
	return text, nil
}

func (r *Reader) read(ctx context.Context, req Request) (rag.Text, error) {
	if len(req.Content) == 0 {
		return rag.Text{}, nil
	}
	switch req.Format {
	case Markdown:
		return markdown.Extract(ctx, req.Content, markdown.Options{Limit: r.MaxText})
	case Plain:
		return plain.Extract(ctx, req.Content, plain.Options{Limit: r.MaxText})
	case Code:
		return plain.Extract(ctx, req.Content, plain.Options{Limit: r.MaxText, Kind: rag.Code})
	case HTML:
		return html.Extract(ctx, req.Content, html.Options{Limit: r.MaxText})
	case DOCX:
		return docx.Extract(ctx, req.Content, docx.Options{Limit: r.MaxText})
	case PDF:
		return r.PDF.Extract(ctx, req.Content, pdf.Options{Password: req.Password, Limit: r.MaxText, MaxPages: r.MaxPages})
	}
	return rag.Text{}, rag.Errorf(rag.KindInternal, "no reader for format %q", req.Format)
}

// Page returns the picture of a page of a file. A format that has no pages is
// KindNotFound.
func (r *Reader) Page(ctx context.Context, req Request, opt pdf.PageOptions) (rag.Picture, error) {
	if req.Format != PDF {
		return rag.Picture{}, rag.Errorf(rag.KindNotFound, "the document has no pages that could be shown")
	}
	opt.Password = req.Password
	return r.PDF.Page(ctx, req.Content, opt)
}
