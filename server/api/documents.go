package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/request"
)

// DocumentList is a page of documents.
type DocumentList struct {
	Documents  []Document `json:"documents" nullable:"false"`
	NextCursor string     `json:"next_cursor" doc:"Empty on the last page"`
}

// DocumentPatch is the body of a change without a new version; absent members
// stay as they are.
type DocumentPatch struct {
	Title    *string       `json:"title,omitempty" maxLength:"4096"`
	Metadata *rag.Metadata `json:"metadata,omitempty" doc:"Replaces all metadata"`
	ACL      *[]string     `json:"acl,omitempty" maxItems:"256" doc:"Replaces the access list; [] opens the document to the tenant"`
}

// Text is a document's extracted text: what spans count in.
type Text struct {
	DocumentID rag.DocumentID `json:"document_id"`
	Title      string         `json:"title"`
	MediaType  string         `json:"media_type"`
	Language   string         `json:"language"`
	Pages      int            `json:"pages"`
	Content    string         `json:"content" doc:"UTF-8; spans are byte ranges of it"`
	Blocks     []Block        `json:"blocks" nullable:"false" doc:"Headings, paragraphs, tables ... in reading order"`
	Warnings   []string       `json:"warnings" nullable:"false" doc:"What could not be read"`
}

// Block is one piece of a document in reading order.
type Block struct {
	Kind  rag.BlockKind `json:"kind" enum:"heading,paragraph,list_item,table,code,quote,caption,footnote,header,footer"`
	Level int           `json:"level" doc:"Of a heading 1 to 6, of a list item from 1, else 0"`
	Page  *int          `json:"page" doc:"From 1; null where there are no pages"`
	Box   *Box          `json:"box,omitempty" doc:"Where on the page it stands; absent where that is not known"`
	Span  Span          `json:"span"`
}

// Box is a rectangle on a page, in points (1/72 inch) from the top left corner of
// the page as it is shown.
type Box struct {
	X0 float32 `json:"x0"`
	Y0 float32 `json:"y0"`
	X1 float32 `json:"x1"`
	Y1 float32 `json:"y1"`
}

func boxOf(b rag.Box) *Box {
	if b == (rag.Box{}) {
		return nil
	}
	box := Box(b)
	return &box
}

// ChunkList holds a document's chunks in reading order.
type ChunkList struct {
	Chunks []Chunk `json:"chunks" nullable:"false"`
}

// Chunk is a piece of a document as it is embedded, searched and cited.
type Chunk struct {
	ID      rag.ChunkID `json:"id"`
	Ordinal int         `json:"ordinal" doc:"From 0, in reading order"`
	Version int         `json:"version"`
	Text    string      `json:"text"`
	Prefix  string      `json:"prefix,omitempty" doc:"What stands before the text where it is embedded and indexed: the repeated header of a table that was split, and what enrichment wrote about the passage"`
	Span    Span        `json:"span"`
	Page    *int        `json:"page" doc:"From 1; null where there are no pages"`
	Heading []string    `json:"heading" nullable:"false"`
	Tokens  int         `json:"tokens"`
}

const documentsRoute, documentRoute = collectionRoute + "/documents", collectionRoute + "/documents/{id}"

func (h *handlers) registerDocuments() {
	huma.Register(h.api, h.operation(http.MethodGet, documentsRoute, "listDocuments", "documents", "List documents"), h.listDocuments)
	huma.Register(h.api, h.operation(http.MethodGet, documentRoute, "getDocument", "documents", "Get a document"), h.getDocument)
	huma.Register(h.api, h.operation(http.MethodPatch, documentRoute, "updateDocument", "documents", "Change title, metadata or access list"), h.updateDocument)
	remove := h.operation(http.MethodDelete, documentRoute, "deleteDocument", "documents", "Delete a document")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(h.api, remove, h.deleteDocument)
	huma.Register(h.api, h.operation(http.MethodGet, documentRoute+"/text", "getDocumentText", "documents", "Get the extracted text"), h.documentText)
	huma.Register(h.api, h.operation(http.MethodGet, documentRoute+"/chunks", "getDocumentChunks", "documents", "Get the chunks"), h.documentChunks)

	original := h.operation(http.MethodGet, documentRoute+"/original", "getDocumentOriginal", "documents", "Download the original file")
	original.Description = "Where originals are kept in a bucket and blobs.presign is set, the answer leads to an address there that is good for some minutes."
	original.Parameters = []*huma.Param{pathParam("name", "Collection"), pathParam("id", "Document id (UUID)"),
		{Name: "direct", In: "query", Description: "true has the bytes sent by this server in any case", Schema: &huma.Schema{Type: huma.TypeBoolean}}}
	original.Responses["200"] = &huma.Response{
		Description: "The file, byte for byte",
		Content:     map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}
	original.Responses["302"] = &huma.Response{
		Description: "The file is at the address in Location, for some minutes and for anybody who has it",
		Headers:     map[string]*huma.Param{"Location": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}
	h.raw(original, h.documentOriginal)
}

func (h *handlers) listDocuments(ctx context.Context, in *struct {
	CollectionPath
	Paging
	Filter string `query:"filter" maxLength:"16384" doc:"Filter as JSON"`
}) (*output[DocumentList], error) {
	opt := in.options()
	if in.Filter != "" {
		if err := decodeFilter(in.Filter, &opt.Filter); err != nil {
			return nil, failed(ctx, err)
		}
	}
	page, err := h.svc.Documents(ctx, auth.From(ctx).Manage(in.Name), opt)
	out := DocumentList{Documents: make([]Document, len(page.Items)), NextCursor: page.Next}
	for i, d := range page.Items {
		out.Documents[i] = documentOf(d)
	}
	return reply(ctx, out, err)
}

func decodeFilter(s string, f *rag.Filter) error {
	dec := json.NewDecoder(strings.NewReader(s))
	dec.DisallowUnknownFields()
	if err := dec.Decode(f); err != nil {
		return rag.Errorf(rag.KindInvalid, "query parameter filter: %w", err)
	}
	return f.Validate()
}

func (h *handlers) getDocument(ctx context.Context, in *DocumentPath) (*output[Document], error) {
	d, err := h.svc.Document(ctx, auth.From(ctx).Manage(in.Name), in.ID)
	return reply(ctx, documentOf(d), err)
}

func (h *handlers) updateDocument(ctx context.Context, in *struct {
	DocumentPath
	Body DocumentPatch
}) (*output[Document], error) {
	if m := in.Body.Metadata; m != nil {
		if err := m.Validate(); err != nil {
			return nil, failed(ctx, err)
		}
	}
	d, err := h.svc.UpdateDocument(ctx, auth.From(ctx).Manage(in.Name), in.ID, rag.DocumentChange(in.Body))
	return reply(ctx, documentOf(d), err)
}

func (h *handlers) deleteDocument(ctx context.Context, in *DocumentPath) (*struct{}, error) {
	if err := h.svc.DeleteDocument(ctx, auth.From(ctx).Manage(in.Name), in.ID); err != nil {
		return nil, failed(ctx, err)
	}
	return nil, nil
}

func (h *handlers) documentText(ctx context.Context, in *struct {
	DocumentPath
	Version int `query:"version" minimum:"0" doc:"0 or absent is the current one"`
}) (*output[Text], error) {
	t, err := h.svc.Text(ctx, auth.From(ctx).Manage(in.Name), in.ID, in.Version)
	blocks := make([]Block, len(t.Blocks))
	for i, b := range t.Blocks {
		blocks[i] = Block{Kind: b.Kind, Level: b.Level, Page: page(b.Page), Box: boxOf(b.Box), Span: Span(b.Span)}
	}
	return reply(ctx, Text{
		DocumentID: in.ID, Title: t.Title, MediaType: t.MediaType, Language: t.Language, Pages: t.Pages,
		Content: t.Content, Blocks: blocks, Warnings: list(t.Warnings),
	}, err)
}

func (h *handlers) documentChunks(ctx context.Context, in *DocumentPath) (*output[ChunkList], error) {
	chunks, err := h.svc.Chunks(ctx, auth.From(ctx).Manage(in.Name), in.ID)
	out := ChunkList{Chunks: make([]Chunk, len(chunks))}
	for i, c := range chunks {
		out.Chunks[i] = Chunk{
			ID: c.ID, Ordinal: c.Ordinal, Version: c.Version, Text: c.Text, Prefix: c.Prefix, Span: Span(c.Span),
			Page: page(c.Page), Heading: list(c.Heading), Tokens: c.Tokens,
		}
	}
	return reply(ctx, out, err)
}

// documentOriginal sends the file for saving. It is never shown in place: a
// browser must not run what somebody uploaded in the server's own origin.
func (h *handlers) documentOriginal(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	scope, id := auth.From(ctx).Manage(r.PathValue("name")), rag.DocumentID(r.PathValue("id"))
	// Such an address is signed for GET, and no answer to what a client has already.
	if r.Method == http.MethodGet && r.Header.Get("If-None-Match") == "" && r.URL.Query().Get("direct") != "true" {
		at, err := h.svc.OriginalURL(ctx, scope, id, FileName)
		if err != nil {
			return err
		}
		if at != "" {
			w.Header().Set("Location", at)
			w.Header().Set("Cache-Control", "private, no-store")
			w.Header().Set("Referrer-Policy", "no-referrer")
			w.WriteHeader(http.StatusFound)
			return nil
		}
	}
	doc, content, err := h.svc.Original(ctx, scope, id)
	if err != nil {
		return err
	}
	defer content.Close() // only read from: nothing can be lost
	SendFile(w, r, doc, content)
	return nil
}

// SendFile sends an original file as a download. A fault in the middle, such as
// bytes that are not those that were stored, breaks the connection off, so that
// the client sees that the file is not whole.
func SendFile(w http.ResponseWriter, r *http.Request, doc rag.Document, content io.Reader) {
	header := w.Header()
	mediaType := doc.MediaType
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	header.Set("Content-Type", mediaType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": FileName(doc)}))
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	header.Set("Cache-Control", "private, no-cache")
	if doc.SHA256 != "" {
		header.Set("ETag", strconv.Quote(doc.SHA256))
	}
	if strings.Contains(r.Header.Get("If-None-Match"), doc.SHA256) && doc.SHA256 != "" {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Length", strconv.FormatInt(doc.Bytes, 10))
	if r.Method == http.MethodHead {
		return
	}
	if err := sendWhole(w, content, doc.Bytes); err != nil {
		if !errors.Is(err, context.Canceled) {
			request.Note(r.Context(), err)
		}
		panic(http.ErrAbortHandler)
	}
}

// sendWhole copies size bytes. The last is held back until the content has ended without a
// fault: who has as many bytes as were announced takes them for the whole.
func sendWhole(w io.Writer, content io.Reader, size int64) error {
	wrong := rag.Errorf(rag.KindInternal, "an original file has not the %d bytes that it should have", size)
	switch _, err := io.CopyN(w, content, max(0, size-1)); {
	case errors.Is(err, io.EOF):
		return wrong
	case err != nil:
		return err
	}
	last := make([]byte, 2)
	n, err := io.ReadFull(content, last)
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case err == nil, int64(n) != min(size, 1):
		return wrong
	}
	_, err = w.Write(last[:n])
	return err
}

// FileName is a document's name as a file: the last element of where it came
// from, or else its title.
func FileName(d rag.Document) string {
	for _, s := range []string{d.Source, d.ExternalID, d.Title} {
		s = strings.TrimSpace(strings.ReplaceAll(s, "\\", "/"))
		if base := path.Base(s); base != "." && base != "/" {
			return strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return '_'
				}
				return r
			}, base)
		}
	}
	return string(d.ID)
}
