package openai

import (
	"context"
	"errors"
	"net/http"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/api"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
	"github.com/smartretriever/smartretriever/server/upload"
)

// FilesCollection holds uploaded files until they are deleted.
const FilesCollection = "openai-files"

const purposeKey = reserved + "purpose"

var purposes = map[string]bool{"assistants": true, "batch": true, "fine-tune": true, "vision": true, "user_data": true, "evals": true}

type fileObject struct {
	ID        string `json:"id"`
	Object    string `json:"object"`
	Bytes     int64  `json:"bytes"`
	CreatedAt int64  `json:"created_at"`
	Filename  string `json:"filename"`
	Purpose   string `json:"purpose"`
	Status    string `json:"status"`
}

func fileOf(d rag.Document) fileObject {
	purpose := d.Metadata[purposeKey].Text()
	if purpose == "" {
		purpose = "assistants" // it came in another way
	}
	return fileObject{
		ID: fileID(d), Object: "file", Bytes: d.Bytes, CreatedAt: d.CreatedAt.Unix(), Filename: api.FileName(d),
		Purpose: purpose, Status: "processed",
	}
}

func (h *handlers) createFile(w http.ResponseWriter, r *http.Request) error {
	form, err := upload.Read(r, h.cfg.Upload)
	if err != nil {
		if rag.KindOf(err) == rag.KindExhausted {
			return problem.OfDocument(err)
		}
		return err
	}
	defer func() {
		if err := form.Close(); err != nil {
			request.Note(r.Context(), err)
		}
	}()
	purpose := form.Get("purpose")
	switch {
	case len(form.Files) != 1:
		return invalid("file", "exactly one file is needed, not %d", len(form.Files))
	case !purposes[purpose]:
		return invalid("purpose", "purpose %.40q is not known; use assistants or user_data", purpose)
	}
	doc, err := h.upload(r.Context(), auth.From(r.Context()).Manage(FilesCollection), form.Files[0], purpose)
	if err != nil {
		return err
	}
	return reply(w, fileOf(doc))
}

// upload stores a file. What cannot be read as a document is refused here, with
// the reason, rather than when it is attached.
func (h *handlers) upload(ctx context.Context, scope rag.Scope, file *upload.File, purpose string) (rag.Document, error) {
	content, err := file.Open()
	if err != nil {
		return rag.Document{}, coded(problem.OfDocument(err), "file", "")
	}
	defer content.Close() // only read from: nothing can be lost
	if err := h.ensureFilesCollection(ctx, scope); err != nil {
		return rag.Document{}, err
	}
	res, err := h.svc.AddDocument(ctx, scope, rag.Input{
		ExternalID: newID(filePrefix), Name: file.Name, Source: file.Name, Content: content,
		Metadata: rag.Metadata{purposeKey: rag.Str(purpose)},
	})
	if err != nil {
		if res.State == rag.Failed || res.State == rag.Skipped {
			return rag.Document{}, coded(problem.OfDocument(rag.Errorf(rag.KindOf(err), "%s %w", file.Name, err)), "file", "unsupported_file")
		}
		return rag.Document{}, err
	}
	return h.svc.Document(ctx, scope, res.ID)
}

func (h *handlers) ensureFilesCollection(ctx context.Context, scope rag.Scope) error {
	_, err := h.svc.Collection(ctx, scope)
	if !errors.Is(err, rag.ErrNotFound) {
		return err
	}
	_, err = h.svc.CreateCollection(ctx, scope, rag.Collection{Name: FilesCollection, Description: "Files uploaded to /v1/files"})
	if errors.Is(err, rag.ErrConflict) {
		return nil // somebody else was as quick
	}
	return err
}

func (h *handlers) listFiles(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r, 10_000, 10_000)
	if err != nil {
		return err
	}
	var filter rag.Filter
	if purpose := r.URL.Query().Get("purpose"); purpose != "" {
		filter = rag.Eq(purposeKey, rag.Str(purpose))
	}
	docs, more, err := h.documents(r.Context(), auth.From(r.Context()).Manage(FilesCollection), p, filter)
	if err != nil && !(errors.Is(err, rag.ErrNotFound) && p.after+p.before == "") { // nothing has been uploaded yet
		return err
	}
	files := make([]fileObject, len(docs))
	for i, d := range docs {
		files[i] = fileOf(d)
	}
	return reply(w, listed(files, more, func(f fileObject) string { return f.ID }))
}

// anyFile finds an uploaded file, or else a document of any collection by the
// file id that citations and search results name it by.
func (h *handlers) anyFile(ctx context.Context, id string) (rag.Scope, rag.Document, error) {
	scope := auth.From(ctx).Manage(FilesCollection)
	doc, err := h.document(ctx, scope, id)
	if !errors.Is(err, rag.ErrNotFound) {
		return scope, doc, err
	}
	collections, lerr := h.collections(ctx, scope)
	if lerr != nil {
		return scope, doc, lerr
	}
	for _, c := range collections {
		in := scope.In(c.Name)
		if doc, err := h.document(ctx, in, id); !errors.Is(err, rag.ErrNotFound) {
			return in, doc, err
		}
	}
	return scope, doc, err
}

func (h *handlers) getFile(w http.ResponseWriter, r *http.Request) error {
	_, doc, err := h.anyFile(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return reply(w, fileOf(doc))
}

func (h *handlers) fileContent(w http.ResponseWriter, r *http.Request) error {
	scope, doc, err := h.anyFile(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	doc, content, err := h.svc.Original(r.Context(), scope, doc.ID)
	if err != nil {
		return err
	}
	defer content.Close() // only read from: nothing can be lost
	api.SendFile(w, r, doc, content)
	return nil
}

// deleteFile removes an uploaded file, and from every vector store that it is
// attached to. Documents that came in another way are deleted where they are.
func (h *handlers) deleteFile(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("id")
	scope := auth.From(ctx).Manage(FilesCollection)
	file, err := h.document(ctx, scope, id)
	if err != nil {
		return err
	}
	collections, err := h.collections(ctx, scope)
	if err != nil {
		return err
	}
	for _, c := range collections {
		in := scope.In(c.Name)
		doc, err := h.svc.FindDocument(ctx, in, fileID(file))
		if err == nil {
			err = h.svc.DeleteDocument(ctx, in, doc.ID)
		}
		if err != nil && !errors.Is(err, rag.ErrNotFound) {
			return err
		}
	}
	if err := h.svc.DeleteDocument(ctx, scope, file.ID); err != nil {
		return err
	}
	return reply(w, deleted{id, "file", true})
}
