package openai

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
)

// Keys of a collection's metadata that hold what a collection has no field for.
const (
	nameKey    = reserved + "name"
	expiresKey = reserved + "expires_after_days"
)

type storeObject struct {
	ID           string         `json:"id"`
	Object       string         `json:"object"`
	CreatedAt    int64          `json:"created_at"`
	Name         string         `json:"name"`
	Description  string         `json:"description,omitempty"`
	UsageBytes   int64          `json:"usage_bytes"`
	FileCounts   fileCounts     `json:"file_counts"`
	Status       string         `json:"status"`
	ExpiresAfter *expiresAfter  `json:"expires_after"`
	ExpiresAt    *int64         `json:"expires_at"` // always null: expiry is kept, and not acted upon
	LastActiveAt int64          `json:"last_active_at"`
	Metadata     map[string]any `json:"metadata"`
}

type fileCounts struct {
	InProgress int `json:"in_progress"`
	Completed  int `json:"completed"`
	Failed     int `json:"failed"`
	Cancelled  int `json:"cancelled"`
	Total      int `json:"total"`
}

type expiresAfter struct {
	Anchor string `json:"anchor"`
	Days   int    `json:"days"`
}

func storeOf(c rag.Collection) storeObject {
	s := storeObject{
		ID: storeID(c.Name), Object: "vector_store", CreatedAt: c.CreatedAt.Unix(), LastActiveAt: c.CreatedAt.Unix(), Name: c.Name,
		Description: c.Description, UsageBytes: c.Bytes, Status: "completed",
		FileCounts: fileCounts{Completed: c.Documents, Total: c.Documents}, Metadata: shown(c.Metadata),
	}
	if name, ok := c.Metadata[nameKey]; ok {
		s.Name = name.Text()
	}
	if days := c.Metadata[expiresKey].Number(); days > 0 {
		s.ExpiresAfter = &expiresAfter{"last_active_at", int(days)}
	}
	return s
}

type storeRequest struct {
	Name             *string           `json:"name"`
	Description      *string           `json:"description"`
	FileIDs          []string          `json:"file_ids"`
	ExpiresAfter     *expiresAfter     `json:"expires_after"`
	ChunkingStrategy *chunkingStrategy `json:"chunking_strategy"`
	Metadata         *rag.Metadata     `json:"metadata"`
}

func (r storeRequest) validate() error {
	if r.Name != nil && len(*r.Name) > 256 {
		return invalid("name", "name has %d bytes; at most 256 are kept", len(*r.Name))
	}
	if r.Metadata != nil {
		if err := given("metadata", *r.Metadata); err != nil {
			return err
		}
	}
	if e := r.ExpiresAfter; e != nil && (e.Anchor != "last_active_at" || e.Days < 1 || e.Days > 365) {
		return invalid("expires_after", `expires_after must have the anchor "last_active_at" and 1 to 365 days`)
	}
	return nil
}

// apply puts what the request says into a collection's metadata.
func (r storeRequest) apply(m rag.Metadata) rag.Metadata {
	out := withReserved(m, nil)
	if r.Metadata != nil {
		out = withReserved(*r.Metadata, m)
	}
	if r.Name != nil {
		out[nameKey] = rag.Str(*r.Name)
	}
	if r.ExpiresAfter != nil {
		out[expiresKey] = rag.Num(float64(r.ExpiresAfter.Days))
	}
	return out
}

// store returns the collection that a vector store is, and its scope.
func (h *handlers) store(ctx context.Context, id string) (rag.Scope, rag.Collection, error) {
	scope := auth.From(ctx).Manage("")
	name, ok := strings.CutPrefix(id, storePrefix)
	if !ok || name == "" || name == FilesCollection {
		return scope, rag.Collection{}, noStore(id)
	}
	scope = scope.In(name)
	c, err := h.svc.Collection(ctx, scope)
	if errors.Is(err, rag.ErrNotFound) || errors.Is(err, rag.ErrInvalid) {
		err = noStore(id)
	}
	return scope, c, err
}

func noStore(id string) error {
	return coded(rag.Errorf(rag.KindNotFound, "Vector store %.80q not found", id), "vector_store_id", "")
}

func (h *handlers) createStore(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req storeRequest
	if err := h.decode(r, &req); err != nil {
		return err
	}
	if err := req.validate(); err != nil {
		return err
	}
	name := ""
	if req.Name != nil {
		name = *req.Name
	}
	spec := rag.Collection{Name: slug(name), Metadata: req.apply(nil)}
	if req.Description != nil {
		spec.Description = *req.Description
	}
	var err error
	if spec.Generation.Chunker, err = req.ChunkingStrategy.options(h.svc.Model()); err != nil {
		return err
	}
	scope := auth.From(ctx).Manage(spec.Name)
	files, err := h.uploaded(ctx, scope, attachments(req.FileIDs))
	if err != nil {
		return err
	}
	c, err := h.svc.CreateCollection(ctx, scope, spec)
	if err != nil {
		return err
	}
	failed := 0
	if len(files) > 0 {
		if failed, err = h.attach(ctx, scope, files, ""); err != nil {
			return err
		}
		if c, err = h.svc.Collection(ctx, scope); err != nil {
			return err
		}
	}
	s := storeOf(c)
	s.FileCounts.Failed = failed
	s.FileCounts.Total += failed
	return reply(w, s)
}

func (h *handlers) listStores(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r, 20, 100)
	if err != nil {
		return err
	}
	collections, err := h.collections(r.Context(), auth.From(r.Context()).Manage(""))
	if err != nil {
		return err
	}
	slices.SortFunc(collections, func(a, b rag.Collection) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Name, b.Name))
	})
	wanted, more, err := cut(collections, p, func(c rag.Collection) string { return storeID(c.Name) })
	if err != nil {
		return err
	}
	stores := make([]storeObject, len(wanted))
	for i, c := range wanted {
		stores[i] = storeOf(c)
	}
	return reply(w, listed(stores, more, func(s storeObject) string { return s.ID }))
}

func (h *handlers) getStore(w http.ResponseWriter, r *http.Request) error {
	_, c, err := h.store(r.Context(), r.PathValue("store"))
	if err != nil {
		return err
	}
	return reply(w, storeOf(c))
}

func (h *handlers) updateStore(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	scope, c, err := h.store(ctx, r.PathValue("store"))
	if err != nil {
		return err
	}
	var req storeRequest
	if err := h.decode(r, &req); err != nil {
		return err
	}
	if err := errors.Join(req.validate(), auth.From(ctx).RequireAdmin("changing a vector store")); err != nil {
		return err
	}
	metadata := req.apply(c.Metadata)
	c, err = h.svc.UpdateCollection(ctx, scope, rag.CollectionChange{Description: req.Description, Metadata: &metadata})
	if err != nil {
		return err
	}
	return reply(w, storeOf(c))
}

func (h *handlers) deleteStore(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("store")
	scope, _, err := h.store(ctx, id)
	if err != nil {
		return err
	}
	if err := auth.From(ctx).RequireAdmin("deleting a vector store"); err != nil {
		return err
	}
	if err := h.svc.DeleteCollection(ctx, scope); err != nil {
		return err
	}
	return reply(w, deleted{id, "vector_store.deleted", true})
}
