package openai

import (
	"context"
	"io"
	"net/http"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/api"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
)

const batchKey = reserved + "batch"

type storeFileObject struct {
	ID               string           `json:"id"`
	Object           string           `json:"object"`
	CreatedAt        int64            `json:"created_at"`
	VectorStoreID    string           `json:"vector_store_id"`
	Status           string           `json:"status"`
	LastError        *lastError       `json:"last_error"`
	UsageBytes       int64            `json:"usage_bytes"`
	Attributes       map[string]any   `json:"attributes"`
	ChunkingStrategy chunkingStrategy `json:"chunking_strategy"`
}

type lastError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func storeFileOf(c rag.Collection, d rag.Document) storeFileObject {
	f := storeFileObject{
		ID: fileID(d), Object: "vector_store.file", CreatedAt: d.CreatedAt.Unix(), VectorStoreID: storeID(c.Name), Status: "completed",
		UsageBytes: d.Bytes, Attributes: shown(d.Metadata), ChunkingStrategy: strategyOf(c.Generation.Chunker),
	}
	if d.State == rag.StateFailed {
		f.Status, f.LastError = "failed", &lastError{"invalid_file", d.Error}
	}
	return f
}

// attachment is a file that is to be added to a store.
type attachment struct {
	FileID           string            `json:"file_id"`
	Attributes       rag.Metadata      `json:"attributes"`
	ChunkingStrategy *chunkingStrategy `json:"chunking_strategy"` // accepted; a collection is cut in one way
	file             rag.Document
}

func attachments(ids []string) []attachment {
	out := make([]attachment, len(ids))
	for i, id := range ids {
		out[i].FileID = id
	}
	return out
}

// uploaded looks up the files of attachments and checks their attributes, so that
// a wrong one is found before anything is changed.
func (h *handlers) uploaded(ctx context.Context, scope rag.Scope, files []attachment) ([]attachment, error) {
	for i := range files {
		f := &files[i]
		var err error
		if f.file, err = h.document(ctx, scope.In(FilesCollection), f.FileID); err != nil {
			return nil, err
		}
		if err := given("attributes", f.Attributes); err != nil {
			return nil, err
		}
		if _, err := f.ChunkingStrategy.options(rag.Model{}); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// attach adds uploaded files to scope's collection and returns how many could not
// be. batch is the id that the documents are marked with, "" for none.
func (h *handlers) attach(ctx context.Context, scope rag.Scope, files []attachment, batch string) (failed int, err error) {
	inputs := make([]rag.Input, len(files))
	for i, f := range files {
		metadata := withReserved(f.Attributes, nil)
		if batch != "" {
			metadata[batchKey] = rag.Str(batch)
		}
		inputs[i] = rag.Input{
			ExternalID: fileID(f.file), Name: api.FileName(f.file), Source: f.file.Source, ACL: f.file.ACL, Metadata: metadata,
			Whole: true, Content: &original{ctx: ctx, svc: h.svc, scope: scope.In(FilesCollection), id: f.file.ID},
		}
	}
	results := make([]rag.AddResult, len(files))
	err = h.svc.AddDocuments(ctx, scope, func(yield func(rag.Input) bool) {
		for _, in := range inputs {
			if !yield(in) {
				return
			}
		}
	}, func(i int, res rag.AddResult) { results[i] = res })
	if err != nil {
		return 0, err
	}
	for i, res := range results {
		if res.Err != nil {
			request.Note(ctx, res.Err) // it could be read when it was uploaded
			failed++
			continue
		}
		if err := h.settle(ctx, scope, res.ID, inputs[i].Metadata); err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// settle makes the attributes exactly what the client said: what a file says of
// itself (its author, say) is left out, and a file that was attached before takes
// the new ones though its content did not change.
func (h *handlers) settle(ctx context.Context, scope rag.Scope, id rag.DocumentID, want rag.Metadata) error {
	doc, err := h.svc.Document(ctx, scope, id)
	if err != nil {
		return err
	}
	same := len(doc.Metadata) == len(want)
	for k, v := range want {
		same = same && v.Equal(doc.Metadata[k])
	}
	if same {
		return nil
	}
	_, err = h.svc.UpdateDocument(ctx, scope, id, rag.DocumentChange{Metadata: &want})
	return err
}

// original opens an uploaded file with the first Read, as many may be waiting.
type original struct {
	ctx     context.Context
	svc     Service
	scope   rag.Scope
	id      rag.DocumentID
	content io.ReadCloser
}

func (o *original) Read(p []byte) (int, error) {
	if o.content == nil {
		_, content, err := o.svc.Original(o.ctx, o.scope, o.id)
		if err != nil {
			return 0, err
		}
		o.content = content
	}
	return o.content.Read(p)
}

func (o *original) Close() error {
	if o.content == nil {
		return nil
	}
	return o.content.Close()
}

func (h *handlers) attachFile(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	scope, c, err := h.store(ctx, r.PathValue("store"))
	if err != nil {
		return err
	}
	var req attachment
	if err := h.decode(r, &req); err != nil {
		return err
	}
	files, err := h.uploaded(ctx, scope, []attachment{req})
	if err != nil {
		return err
	}
	failed, err := h.attach(ctx, scope, files, "")
	if err != nil {
		return err
	}
	if failed > 0 {
		return coded(problem.OfDocument(rag.Errorf(rag.KindInvalid, "%s could not be added", api.FileName(files[0].file))), "file_id", "unsupported_file")
	}
	doc, err := h.document(ctx, scope, req.FileID)
	if err != nil {
		return err
	}
	return reply(w, storeFileOf(c, doc))
}

func (h *handlers) listStoreFiles(w http.ResponseWriter, r *http.Request) error {
	return h.replyStoreFiles(w, r, rag.Filter{})
}

func (h *handlers) replyStoreFiles(w http.ResponseWriter, r *http.Request, filter rag.Filter) error {
	scope, c, err := h.store(r.Context(), r.PathValue("store"))
	if err != nil {
		return err
	}
	p, err := pageOf(r, 20, 100)
	if err != nil {
		return err
	}
	var docs []rag.Document
	more := false
	switch status := r.URL.Query().Get("filter"); status {
	case "", "completed":
		docs, more, err = h.documents(r.Context(), scope, p, filter)
	case "in_progress", "failed", "cancelled": // adding is over when the call returns, and keeps what succeeded
	default:
		err = invalid("filter", "filter must be in_progress, completed, failed or cancelled")
	}
	if err != nil {
		return err
	}
	files := make([]storeFileObject, len(docs))
	for i, d := range docs {
		files[i] = storeFileOf(c, d)
	}
	return reply(w, listed(files, more, func(f storeFileObject) string { return f.ID }))
}

// storeFile finds the store and the file that a path names.
func (h *handlers) storeFile(r *http.Request) (rag.Scope, rag.Collection, rag.Document, error) {
	scope, c, err := h.store(r.Context(), r.PathValue("store"))
	if err != nil {
		return scope, c, rag.Document{}, err
	}
	doc, err := h.document(r.Context(), scope, r.PathValue("id"))
	return scope, c, doc, err
}

func (h *handlers) getStoreFile(w http.ResponseWriter, r *http.Request) error {
	_, c, doc, err := h.storeFile(r)
	if err != nil {
		return err
	}
	return reply(w, storeFileOf(c, doc))
}

func (h *handlers) updateStoreFile(w http.ResponseWriter, r *http.Request) error {
	scope, c, doc, err := h.storeFile(r)
	if err != nil {
		return err
	}
	var req attachment
	if err := h.decode(r, &req); err != nil {
		return err
	}
	if err := given("attributes", req.Attributes); err != nil {
		return err
	}
	metadata := withReserved(req.Attributes, doc.Metadata)
	doc, err = h.svc.UpdateDocument(r.Context(), scope, doc.ID, rag.DocumentChange{Metadata: &metadata})
	if err != nil {
		return err
	}
	return reply(w, storeFileOf(c, doc))
}

func (h *handlers) detachFile(w http.ResponseWriter, r *http.Request) error {
	scope, _, doc, err := h.storeFile(r)
	if err != nil {
		return err
	}
	if err := h.svc.DeleteDocument(r.Context(), scope, doc.ID); err != nil {
		return err
	}
	return reply(w, deleted{r.PathValue("id"), "vector_store.file.deleted", true})
}

type textPart struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// storeFileContent answers with the text as it was extracted.
func (h *handlers) storeFileContent(w http.ResponseWriter, r *http.Request) error {
	scope, _, doc, err := h.storeFile(r)
	if err != nil {
		return err
	}
	text, err := h.svc.Text(r.Context(), scope, doc.ID, 0)
	if err != nil {
		return err
	}
	return reply(w, map[string]any{
		"object": "vector_store.file_content.page", "data": []textPart{{"text", text.Content}}, "has_more": false, "next_page": nil,
		"file_id": r.PathValue("id"), "filename": api.FileName(doc), "attributes": shown(doc.Metadata),
	})
}

// ask is the scope for answering from a store.
func ask(ctx context.Context, collection string) rag.Scope { return auth.From(ctx).Ask(collection) }
