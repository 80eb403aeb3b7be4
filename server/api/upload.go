package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
	"github.com/smartretriever/smartretriever/server/upload"
)

// MaxDocuments is how many documents one request may hold.
const MaxDocuments = 1000

// NewDocuments is the JSON body of an addition.
type NewDocuments struct {
	Documents []NewDocument `json:"documents" minItems:"1" maxItems:"1000"`
}

// NewDocument is one document handed in as text.
type NewDocument struct {
	ExternalID string       `json:"external_id,omitempty" doc:"The caller's own id; a document that has it already is replaced"`
	Title      string       `json:"title,omitempty" doc:"Empty takes the title found in the text"`
	Text       string       `json:"text" doc:"The text"`
	MediaType  string       `json:"media_type,omitempty" enum:"text/plain,text/markdown,text/html" doc:"Of the text; text/plain when absent"`
	Source     string       `json:"source,omitempty" doc:"Where it came from, for people"`
	Metadata   rag.Metadata `json:"metadata,omitempty"`
	ACL        []string     `json:"acl,omitempty" doc:"Principals that may see it; empty: the whole tenant"`
	Force      bool         `json:"force,omitempty" doc:"Read and cut it again even if nothing has changed"`
}

func (d NewDocument) input() rag.Input {
	return rag.Input{
		ExternalID: d.ExternalID, Title: d.Title, Text: d.Text, MediaType: d.MediaType, Source: d.Source,
		Metadata: d.Metadata, ACL: d.ACL, Force: d.Force,
	}
}

// AddedDocuments is the verdict on each document, in the order of the request.
type AddedDocuments struct {
	Documents []AddedDocument `json:"documents" nullable:"false"`
}

// AddedDocument is the verdict on one document.
type AddedDocument struct {
	ID         rag.DocumentID `json:"id" doc:"Empty where nothing was stored"`
	ExternalID string         `json:"external_id"`
	Title      string         `json:"title"`
	Source     string         `json:"source"`
	State      rag.AddState   `json:"state" enum:"added,updated,unchanged,failed,skipped,removed" doc:"skipped: holds no text; removed: gone from its archive"`
	Error      *string        `json:"error" doc:"Why it failed or was skipped, else null"`
	Version    int            `json:"version"`
	Chunks     int            `json:"chunks"`
	Seq        int64          `json:"seq" doc:"Number of its change; pass it as min_seq to read it back"`
	Warnings   []string       `json:"warnings" nullable:"false" doc:"What could not be read of it"`
}

func addedOf(res rag.AddResult) AddedDocument {
	a := AddedDocument{
		ID: res.ID, ExternalID: res.ExternalID, Title: res.Title, Source: res.Source, State: res.State,
		Version: res.Version, Chunks: res.Chunks, Seq: res.Seq, Warnings: list(res.Warnings),
	}
	if res.Err != nil {
		why := problem.Detail(res.Err)
		a.Error = &why
	}
	return a
}

func (h *handlers) registerUpload() {
	add := h.operation(http.MethodPost, documentsRoute, "addDocuments", "documents", "Add or replace documents")
	add.Description = "Takes JSON, or a form with files. The collection is made if it does not exist. A document's own fault is in its entry and leaves the others. An archive (zip, tar, mbox and packed ones) has an entry for each of its files, whose external_id is that of the archive, !/ and the path. A file without external_id is known by its name: a second file of that name replaces the first."
	add.Parameters = []*huma.Param{pathParam("name", "Collection")}
	add.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json":    {Schema: schemaOf[NewDocuments](h)},
		"multipart/form-data": {Schema: formSchema(true)},
	}}
	add.Responses["200"] = &huma.Response{Description: "A verdict on each document", Content: jsonContent(schemaOf[AddedDocuments](h))}
	h.raw(add, h.addDocuments)

	put := h.operation(http.MethodPut, documentRoute, "replaceDocument", "documents", "Replace a document's content")
	put.Description = "Takes one document as JSON, or a form with one file. The id and the external id stay; so do metadata and acl where they are left out."
	put.Parameters = []*huma.Param{pathParam("name", "Collection"), pathParam("id", "Document id (UUID)")}
	put.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json":    {Schema: schemaOf[NewDocument](h)},
		"multipart/form-data": {Schema: formSchema(false)},
	}}
	put.Responses["200"] = &huma.Response{Description: "The document", Content: jsonContent(schemaOf[Document](h))}
	h.raw(put, h.replaceDocument)
}

// formSchema describes the form. Its fields hold for every file in it.
func formSchema(many bool) *huma.Schema {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	file := &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The file; any field name will do"}
	if many {
		file = &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "binary"}, Description: "The files; any field name will do"}
	}
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{
		"file":        file,
		"metadata":    text("JSON object"),
		"acl":         text("JSON list or comma-separated; may be repeated"),
		"title":       text("With one file only"),
		"external_id": text("With one file only"),
		"source":      text("With one file only; the file's name when absent"),
		"password":    text("For encrypted files; never stored"),
		"force":       {Type: huma.TypeString, Enum: []any{"true", "false"}, Description: "true reads and cuts files again even if they have not changed"},
	}}
}

func (h *handlers) addDocuments(w http.ResponseWriter, r *http.Request) error {
	inputs, done, err := h.inputs(r, func(body []byte) ([]input, error) { return decodeBatch(body) })
	if err != nil {
		return err
	}
	defer done()
	ctx := r.Context()
	verdicts, err := h.add(ctx, auth.From(ctx).Manage(r.PathValue("name")), inputs)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, AddedDocuments{verdicts})
}

// add hands in the inputs that are sound and returns the verdicts in the order of the
// inputs: one each, and for an archive one for each of its files.
func (h *handlers) add(ctx context.Context, scope rag.Scope, inputs []input) ([]AddedDocument, error) {
	verdicts := make([][]AddedDocument, len(inputs))
	sound := make([]int, 0, len(inputs)) // positions, in the order in which they are handed in
	for i, in := range inputs {
		if err := h.mayReplace(ctx, scope, in); err != nil {
			verdicts[i] = []AddedDocument{addedOf(rag.AddResult{ExternalID: in.ExternalID, Title: in.Title, Source: in.Source, State: rag.Failed, Err: err})}
			continue
		}
		if !scope.Admin {
			inputs[i].MayReplace = func(d rag.Document) error { return inUse(scope, d) }
		}
		sound = append(sound, i)
	}
	if len(sound) == 0 {
		return slices.Concat(verdicts...), nil
	}
	err := h.svc.AddDocuments(ctx, scope, func(yield func(rag.Input) bool) {
		for _, i := range sound {
			if !yield(inputs[i].Input) {
				return
			}
		}
	}, func(n int, res rag.AddResult) {
		if rag.KindOf(res.Err) == rag.KindInternal {
			request.Note(ctx, res.Err)
		}
		verdicts[sound[n]] = append(verdicts[sound[n]], addedOf(res))
	})
	return slices.Concat(verdicts...), err
}

// inUse refuses to replace a document that the caller may not see.
func inUse(scope rag.Scope, d rag.Document) error {
	if scope.May(d.ACL) {
		return nil
	}
	return rag.Errorf(rag.KindConflict, "external_id %.80q is in use", d.ExternalID)
}

// mayReplace refuses what is faulty already, and the replacement of a document
// that the caller may not see by guessing its external id.
func (h *handlers) mayReplace(ctx context.Context, scope rag.Scope, in input) error {
	if in.fault != nil {
		return in.fault
	}
	id := in.ExternalID
	if id == "" {
		id = in.Source
	}
	if scope.Admin || id == "" {
		return nil
	}
	all := scope
	all.Admin = true
	doc, err := h.svc.FindDocument(ctx, all, id)
	switch {
	case errors.Is(err, rag.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return inUse(scope, doc)
}

func (h *handlers) replaceDocument(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	scope := auth.From(ctx).Manage(r.PathValue("name"))
	old, err := h.svc.Document(ctx, scope, rag.DocumentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	inputs, done, err := h.inputs(r, func(body []byte) ([]input, error) {
		var d NewDocument
		if err := decodeStrict(body, &d); err != nil {
			return nil, rag.Errorf(rag.KindInvalid, "body: %w", err)
		}
		return []input{{Input: d.input()}}, nil
	})
	if err != nil {
		return err
	}
	defer done()
	if len(inputs) != 1 {
		return rag.Errorf(rag.KindInvalid, "a document is replaced by exactly one file, not %d", len(inputs))
	}
	in := inputs[0]
	if in.fault != nil {
		return problem.OfDocument(in.fault)
	}
	if in.ExternalID != "" && in.ExternalID != old.ExternalID {
		return rag.Errorf(rag.KindInvalid, "external_id %.80q is not this document's (%.80q); leave it out", in.ExternalID, old.ExternalID)
	}
	in.ExternalID = old.ExternalID
	if in.Metadata == nil {
		in.Metadata = old.Metadata
	}
	if in.ACL == nil { // to leave it out must not open the document; [] does
		in.ACL = old.ACL
	}
	if in.Source == "" {
		in.Source = old.Source
	}
	res, err := h.svc.AddDocument(ctx, scope, in.Input)
	if err != nil {
		if res.State == rag.Failed || res.State == rag.Skipped {
			return problem.OfDocument(err)
		}
		return err
	}
	doc, err := h.svc.Document(ctx, scope, res.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, documentOf(doc))
}

// input is a document of a request; fault is what is wrong with it alone.
type input struct {
	rag.Input
	fault error
}

// inputs reads the documents of a request. done must be called when they have
// been used.
func (h *handlers) inputs(r *http.Request, decode func([]byte) ([]input, error)) (in []input, done func(), err error) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case mediaType == "multipart/form-data":
		form, err := upload.Read(r, h.cfg.Upload)
		if err != nil {
			if rag.KindOf(err) == rag.KindExhausted {
				return nil, nil, problem.OfDocument(err)
			}
			return nil, nil, err
		}
		if in, err = formInputs(form); err != nil {
			return nil, nil, errors.Join(err, form.Close())
		}
		return in, func() {
			closeAll(in)
			if err := form.Close(); err != nil {
				request.Note(r.Context(), err)
			}
		}, nil
	case mediaType == "application/json", strings.HasSuffix(mediaType, "+json"):
		body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, h.cfg.MaxBody))
		if err != nil {
			return nil, nil, bodyError(err)
		}
		in, err = decode(body)
		return in, func() {}, err
	}
	return nil, nil, problem.New(http.StatusUnsupportedMediaType, "Content-Type must be application/json or multipart/form-data")
}

func bodyError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return problem.New(http.StatusRequestEntityTooLarge, "the request is larger than the limit of "+strconv.FormatInt(large.Limit, 10)+" bytes")
	}
	return rag.Errorf(rag.KindInvalid, "the request's body cannot be read: %w", err)
}

func closeAll(in []input) {
	for _, i := range in {
		if c, ok := i.Content.(io.Closer); ok {
			c.Close() // only read from: nothing can be lost
		}
	}
}

// decodeBatch decodes each document by itself, so that a fault in one leaves the
// others.
func decodeBatch(body []byte) ([]input, error) {
	var batch struct {
		Documents []json.RawMessage `json:"documents"`
	}
	if err := decodeStrict(body, &batch); err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "body: %w", err)
	}
	switch n := len(batch.Documents); {
	case n == 0:
		return nil, problem.New(http.StatusUnprocessableEntity, "body.documents: at least one document is needed")
	case n > MaxDocuments:
		return nil, problem.New(http.StatusUnprocessableEntity, "body.documents: at most 1,000 documents are taken at once")
	}
	out := make([]input, len(batch.Documents))
	for i, raw := range batch.Documents {
		var d NewDocument
		err := decodeStrict(raw, &d)
		if err == nil && d.Text == "" {
			err = errors.New("text is missing or empty")
		}
		out[i].Input = d.input()
		if err != nil {
			out[i].fault = rag.Errorf(rag.KindInvalid, "documents[%d]: %w", i, err)
		}
	}
	return out, nil
}

// decodeStrict refuses unknown members: a misspelt acl must not leave a document
// open to everyone.
func decodeStrict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON value")
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return rag.Wrap(rag.KindInternal, err, "encode the response")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client is gone if this fails
	return nil
}
