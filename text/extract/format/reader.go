package format

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/delimited"
	"github.com/smartretriever/smartretriever/text/extract/docx"
	"github.com/smartretriever/smartretriever/text/extract/epub"
	"github.com/smartretriever/smartretriever/text/extract/fb2"
	"github.com/smartretriever/smartretriever/text/extract/html"
	"github.com/smartretriever/smartretriever/text/extract/jsondoc"
	"github.com/smartretriever/smartretriever/text/extract/mail"
	"github.com/smartretriever/smartretriever/text/extract/markdown"
	"github.com/smartretriever/smartretriever/text/extract/msg"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
	"github.com/smartretriever/smartretriever/text/extract/odf"
	"github.com/smartretriever/smartretriever/text/extract/ooxmlcrypt"
	"github.com/smartretriever/smartretriever/text/extract/org"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
	"github.com/smartretriever/smartretriever/text/extract/plain"
	"github.com/smartretriever/smartretriever/text/extract/pptx"
	"github.com/smartretriever/smartretriever/text/extract/rst"
	"github.com/smartretriever/smartretriever/text/extract/rtf"
	"github.com/smartretriever/smartretriever/text/extract/subtitle"
	"github.com/smartretriever/smartretriever/text/extract/xlsx"
	"github.com/smartretriever/smartretriever/text/extract/xmldoc"
	"github.com/smartretriever/smartretriever/text/language"
	"github.com/smartretriever/smartretriever/text/language/code"
)

// Request is one file to be read.
type Request struct {
	Format      ID
	Name        string
	Password    string
	MainContent bool // of a web page: see rag.Input.MainContent
	Content     []byte
}

// Reader reads the supported formats in this process. It is goroutine-safe.
type Reader struct {
	PDF      *pdf.Engine
	MaxText  int // bytes of text, 0 for no limit
	MaxPages int // of a PDF, 0 for pdf.DefaultMaxPages
}

// maxNesting is how deep files may be attached to files.
const maxNesting = 5

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
	return r.nested(ctx, req, maxNesting)
}

// nested is Read for a file in which others may be attached, so deep.
func (r *Reader) nested(ctx context.Context, req Request, depth int) (rag.Text, error) {
	if req.Format == Locked {
		content, err := ooxmlcrypt.Decrypt(req.Content, req.Password)
		if err != nil {
			return rag.Text{}, err
		}
		req.Content = content
		if req.Format, err = Detect(req.Name, content); err != nil {
			return rag.Text{}, err
		}
		if req.Format == Locked {
			return rag.Text{}, rag.Errorf(rag.KindInvalid, "the Office file is encrypted within an encrypted one")
		}
	}
	text, err := r.read(ctx, req, depth)
	if err != nil {
		return rag.Text{}, err
	}
	text.MediaType = mediaType(req.Format, req.Name, req.Content)
	if found := language.Detect(text.Content); found != "" {
		text.Language = found
	}
	return text, nil
}

func (r *Reader) read(ctx context.Context, req Request, depth int) (rag.Text, error) {
	content, limit := req.Content, r.MaxText
	if len(content) == 0 {
		return rag.Text{}, nil
	}
	switch req.Format {
	case Markdown:
		return markdown.Extract(ctx, content, markdown.Options{Limit: limit})
	case RST:
		return rst.Extract(ctx, content, rst.Options{Limit: limit})
	case Org:
		return org.Extract(ctx, content, org.Options{Limit: limit})
	case Plain:
		return plain.Extract(ctx, content, plain.Options{Limit: limit})
	case Code:
		return r.code(ctx, req)
	case HTML:
		return html.Extract(ctx, content, html.Options{Limit: limit, Main: req.MainContent})
	case PDF:
		return r.PDF.Extract(ctx, content, pdf.Options{Password: req.Password, Limit: limit, MaxPages: r.MaxPages})
	case Image:
		return ocr.Extract(ctx, content, ocr.Options{MaxPages: r.MaxPages})
	case DOCX:
		return docx.Extract(ctx, content, docx.Options{Limit: limit})
	case PPTX:
		return pptx.Extract(ctx, content, pptx.Options{Limit: limit})
	case XLSX:
		return xlsx.Extract(ctx, content, xlsx.Options{Limit: limit})
	case ODT, ODS, ODP, ODG:
		return odf.Extract(ctx, content, odf.Options{Limit: limit, Password: req.Password})
	case EPUB:
		return epub.Extract(ctx, content, epub.Options{Limit: limit})
	case FB2:
		return fb2.Extract(ctx, content, fb2.Options{Limit: limit})
	case RTF:
		return rtf.Extract(ctx, content, rtf.Options{Limit: limit})
	case EML:
		return mail.Extract(ctx, content, mail.Options{Limit: limit, Attachment: r.attachments(req, depth)})
	case MBOX:
		return mail.ExtractMailbox(ctx, content, mail.Options{Limit: limit, Attachment: r.attachments(req, depth)})
	case MSG:
		return msg.Extract(ctx, content, mail.Options{Limit: limit, Attachment: r.attachments(req, depth)})
	case Table:
		return delimited.Extract(ctx, content, delimited.Options{Limit: limit})
	case JSON:
		return jsondoc.Extract(ctx, content, jsondoc.Options{Limit: limit})
	case XML:
		return xmldoc.Extract(ctx, content, xmldoc.Options{Limit: limit})
	case Subtitles:
		return subtitle.Extract(ctx, content, subtitle.Options{Limit: limit})
	}
	return rag.Text{}, rag.Errorf(rag.KindInternal, "no reader for format %q", req.Format)
}

// codeHead is how much of a file says which language it is in.
const codeHead = 64 << 10

// code reads source code, and says in which language it is.
func (r *Reader) code(ctx context.Context, req Request) (rag.Text, error) {
	text, err := plain.Extract(ctx, req.Content, plain.Options{Limit: r.MaxText, Kind: rag.Code})
	if err != nil {
		return rag.Text{}, err
	}
	head, _ := charset.Decode(req.Content[:min(len(req.Content), codeHead)], "")
	if id := code.Detect(req.Name, head); id != "" {
		if text.Metadata == nil {
			text.Metadata = rag.Metadata{}
		}
		text.Metadata[code.Key] = rag.Str(id)
	}
	return text, nil
}

// attachments reads the files that came with a message, those in them as well, up to a
// depth. They may have the message's password.
func (r *Reader) attachments(of Request, depth int) func(ctx context.Context, name string, content []byte) (rag.Text, error) {
	return func(ctx context.Context, name string, content []byte) (rag.Text, error) {
		if depth == 0 {
			return rag.Text{}, rag.Errorf(rag.KindExhausted, "it is attached deeper than %d levels", maxNesting)
		}
		id, err := Detect(name, content)
		if err != nil {
			return rag.Text{}, err
		}
		return r.nested(ctx, Request{Format: id, Name: name, Password: of.Password, Content: content}, depth-1)
	}
}

// Page returns the picture of a page of a file. A format that has no pages is
// KindNotFound.
func (r *Reader) Page(ctx context.Context, req Request, opt pdf.PageOptions) (rag.Picture, error) {
	switch req.Format {
	case PDF:
		opt.Password = req.Password
		return r.PDF.Page(ctx, req.Content, opt)
	case Image:
		return ocr.Show(ctx, req.Content, ocr.ShowOptions{Page: opt.Page, Width: opt.Width, DPI: opt.DPI, ForOCR: opt.ForOCR, NoImage: opt.NoImage, Boxes: opt.Boxes})
	}
	return rag.Picture{}, rag.Errorf(rag.KindNotFound, "the document has no pages that could be shown")
}
