package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
	"github.com/smartretriever/smartretriever/server/upload"
)

// Config is what this package is made of.
type Config struct {
	Service Service
	MaxBody int64         // bytes of a JSON request; 0 is 32 MiB
	Upload  upload.Limits // of forms with files
	Beat    time.Duration // between comments on a silent event stream; 0 is sse.DefaultBeat
}

type handlers struct {
	svc Service
	cfg Config
}

// Register adds the routes below Prefix to mux. Every route expects an identity
// in the request's context (package auth).
func Register(mux *http.ServeMux, cfg Config) {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 32 << 20
	}
	h := &handlers{svc: cfg.Service, cfg: cfg}
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /v1/models":            h.listModels,
		"GET /v1/models/{id...}":    h.getModel,
		"POST /v1/embeddings":       h.embed,
		"POST /v1/chat/completions": h.chat,

		"GET /v1/files":              h.listFiles,
		"POST /v1/files":             h.createFile,
		"GET /v1/files/{id}":         h.getFile,
		"DELETE /v1/files/{id}":      h.deleteFile,
		"GET /v1/files/{id}/content": h.fileContent,

		"GET /v1/vector_stores":                 h.listStores,
		"POST /v1/vector_stores":                h.createStore,
		"GET /v1/vector_stores/{store}":         h.getStore,
		"POST /v1/vector_stores/{store}":        h.updateStore,
		"DELETE /v1/vector_stores/{store}":      h.deleteStore,
		"POST /v1/vector_stores/{store}/search": h.search,

		"GET /v1/vector_stores/{store}/files":                        h.listStoreFiles,
		"POST /v1/vector_stores/{store}/files":                       h.attachFile,
		"GET /v1/vector_stores/{store}/files/{id}":                   h.getStoreFile,
		"POST /v1/vector_stores/{store}/files/{id}":                  h.updateStoreFile,
		"DELETE /v1/vector_stores/{store}/files/{id}":                h.detachFile,
		"GET /v1/vector_stores/{store}/files/{id}/content":           h.storeFileContent,
		"POST /v1/vector_stores/{store}/file_batches":                h.createBatch,
		"GET /v1/vector_stores/{store}/file_batches/{batch}":         h.getBatch,
		"POST /v1/vector_stores/{store}/file_batches/{batch}/cancel": h.cancelBatch,
		"GET /v1/vector_stores/{store}/file_batches/{batch}/files":   h.listBatchFiles,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := handle(w, r); err != nil {
				fail(w, r, err)
			}
		})
	}
}

// fail answers with err and keeps the cause of a failure of ours for the log.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if problem.Status(err) >= http.StatusInternalServerError {
		request.Note(r.Context(), err)
	}
	WriteError(w, err)
}

// decode reads the JSON body into v. Members that v does not have are accepted:
// clients send what newer versions of the interface know.
func (h *handlers) decode(r *http.Request, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, h.cfg.MaxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return problem.New(http.StatusRequestEntityTooLarge, large.Error())
		}
		return rag.Errorf(rag.KindInvalid, "the request's body cannot be read: %w", err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}") // what clients send for a call without arguments
	}
	if err := json.Unmarshal(body, v); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field != "" {
			return invalid(kind.Field, "%s: a %s is not what belongs here", kind.Field, kind.Value)
		}
		return rag.Errorf(rag.KindInvalid, "the request's body is not the JSON expected here: %w", err)
	}
	return nil
}

func reply(w http.ResponseWriter, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return rag.Wrap(rag.KindInternal, err, "encode the response")
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b.Bytes()) // the client is gone if this fails
	return nil
}

// deleted is the answer to every DELETE.
type deleted struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}
