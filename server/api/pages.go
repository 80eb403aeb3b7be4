package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/problem"
)

// PasswordHeader carries the password of an encrypted original. It is a header and
// not a parameter of the query, which logs and histories keep.
const PasswordHeader = "X-SmartRetriever-Document-Password"

// Widths of a page's picture, in pixels.
const (
	minPageWidth     = 50
	defaultPageWidth = 1200
	maxPageWidth     = 4000
)

// PageMarks says where on a page's picture a passage stands.
type PageMarks struct {
	Width  int    `json:"width" doc:"Of the picture, in pixels"`
	Height int    `json:"height" doc:"Of the picture, in pixels"`
	Marks  []Rect `json:"marks" nullable:"false" doc:"A rectangle a line, from the top; none if the passage is not on this page"`
}

// Rect is a rectangle in a picture, in pixels from the top left corner.
type Rect struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

const pageRoute = documentRoute + "/pages/{page}"

func (h *handlers) registerPages() {
	marks := h.operation(http.MethodGet, pageRoute+"/marks", "getDocumentPageMarks", "documents", "Find a passage on the picture of a page")
	huma.Register(h.api, marks, h.pageMarks)

	picture := h.operation(http.MethodGet, pageRoute, "getDocumentPage", "documents", "Show a page as it is printed")
	number := func(s huma.Schema) *huma.Schema { s.Type = huma.TypeInteger; return &s }
	one, least, most := 1.0, float64(minPageWidth), float64(maxPageWidth)
	page := pathParam("page", "Number of the page, from 1")
	page.Schema = number(huma.Schema{Minimum: &one})
	picture.Parameters = []*huma.Param{
		pathParam("name", "Collection"), pathParam("id", "Document id (UUID)"), page,
		{Name: "width", In: "query", Description: "Of the picture in pixels, at most", Schema: number(huma.Schema{Minimum: &least, Maximum: &most, Default: defaultPageWidth})},
		{Name: "version", In: "query", Description: "Of the document; only the current one's original is kept", Schema: number(huma.Schema{})},
		{Name: PasswordHeader, In: "header", Description: "Of an encrypted original; never stored", Schema: &huma.Schema{Type: huma.TypeString}},
	}
	picture.Responses["200"] = &huma.Response{
		Description: "The picture",
		Content:     map[string]*huma.MediaType{"image/png": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}
	h.raw(picture, h.page)
}

func (h *handlers) pageMarks(ctx context.Context, in *struct {
	DocumentPath
	Page     int    `path:"page" minimum:"1" doc:"Number of the page, from 1"`
	Start    int    `query:"start" minimum:"0" doc:"First byte of the passage in the extracted text"`
	End      int    `query:"end" minimum:"0" doc:"One past its last byte"`
	Version  int    `query:"version" minimum:"0" doc:"Of the document that the span is in; 0 or absent is the current one"`
	Width    int    `query:"width" minimum:"50" maximum:"4000" default:"1200" doc:"Of the picture in pixels, at most"`
	Password string `header:"X-SmartRetriever-Document-Password" doc:"Of an encrypted original; never stored"`
}) (*output[PageMarks], error) {
	if in.End < in.Start {
		return nil, failed(ctx, rag.Errorf(rag.KindInvalid, "end %d is before start %d", in.End, in.Start))
	}
	p, err := h.svc.PagePicture(ctx, auth.From(ctx).Manage(in.Name), in.ID, rag.PageRequest{
		Version: in.Version, Page: in.Page, Width: in.Width, Span: rag.Span{Start: in.Start, End: in.End}, Password: in.Password, NoImage: true,
	})
	if err != nil {
		return nil, failed(ctx, ofPage(err))
	}
	out := PageMarks{Width: p.Width, Height: p.Height, Marks: make([]Rect, len(p.Marks))}
	for i, m := range p.Marks {
		out.Marks[i] = Rect(m)
	}
	return reply(ctx, out, nil)
}

// page sends the picture of a page. A browser that has it asks whether it is still
// the one, since the right to see it can end.
func (h *handlers) page(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	scope, id := auth.From(ctx).Manage(r.PathValue("name")), rag.DocumentID(r.PathValue("id"))
	req := rag.PageRequest{Width: defaultPageWidth, Password: r.Header.Get(PasswordHeader)}
	for _, n := range []struct {
		name, value string
		least, most int
		to          *int
	}{
		{"page", r.PathValue("page"), 1, 1 << 30, &req.Page},
		{"width", r.URL.Query().Get("width"), minPageWidth, maxPageWidth, &req.Width},
		{"version", r.URL.Query().Get("version"), 0, 1 << 30, &req.Version},
	} {
		if n.value == "" {
			continue
		}
		v, err := strconv.Atoi(n.value)
		if err != nil || v < n.least || v > n.most {
			return problem.New(http.StatusUnprocessableEntity, fmt.Sprintf("%s has to be a whole number from %d to %d", n.name, n.least, n.most))
		}
		*n.to = v
	}
	doc, err := h.svc.Document(ctx, scope, id)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d", h.cfg.Version, doc.SHA256, req.Page, req.Width))
	tag := strconv.Quote(hex.EncodeToString(sum[:16]))
	header := w.Header()
	if strings.Contains(r.Header.Get("If-None-Match"), tag) && (req.Version == 0 || req.Version == doc.Version) {
		header.Set("Cache-Control", "private, no-cache")
		header.Set("ETag", tag)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	p, err := h.svc.PagePicture(ctx, scope, id, req)
	if err != nil {
		return ofPage(err)
	}
	header.Set("Content-Type", p.MediaType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	header.Set("Cache-Control", "private, no-cache")
	header.Set("ETag", tag)
	header.Set("Content-Length", strconv.Itoa(len(p.Image)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.Image) // the client is gone if this fails
	}
	return nil
}

// ofPage is the problem of a page that could not be shown: a file that passes a
// limit or is damaged is not too many requests, nor a bad one.
func ofPage(err error) error {
	switch rag.KindOf(err) {
	case rag.KindExhausted, rag.KindInvalid:
		return problem.OfDocument(err)
	}
	return err
}
