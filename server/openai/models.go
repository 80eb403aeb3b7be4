package openai

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
)

// EmbeddingAlias names the configured embedding model, whatever it is.
const EmbeddingAlias = "default"

type modelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func model(id string, created int64) modelObject {
	return modelObject{ID: id, Object: "model", Created: created, OwnedBy: "smartretriever"}
}

// listModels lists what can be named as a model: the embedding model under both
// its names, and every collection.
func (h *handlers) listModels(w http.ResponseWriter, r *http.Request) error {
	models := []modelObject{model(EmbeddingAlias, 0), model(h.svc.Model().ID, 0)}
	collections, err := h.collections(r.Context(), auth.From(r.Context()).Manage(""))
	if err != nil {
		return err
	}
	for _, c := range collections {
		if c.Name != EmbeddingAlias { // the name stands in the list already
			models = append(models, model(c.Name, c.CreatedAt.Unix()))
		}
	}
	return reply(w, struct {
		Object string        `json:"object"`
		Data   []modelObject `json:"data"`
	}{"list", models})
}

func (h *handlers) getModel(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if id == EmbeddingAlias || id == h.svc.Model().ID {
		return reply(w, model(id, 0))
	}
	c, err := h.modelCollection(r.Context(), auth.From(r.Context()).Manage(""), id)
	if err != nil {
		return err
	}
	return reply(w, model(id, c.CreatedAt.Unix()))
}

// modelCollection finds the collection that a model's name means: a vector
// store's id, or else a collection's name.
func (h *handlers) modelCollection(ctx context.Context, scope rag.Scope, name string) (rag.Collection, error) {
	tries := []string{name}
	if inner, ok := strings.CutPrefix(name, storePrefix); ok {
		tries = []string{inner, name}
	}
	for _, t := range tries {
		if t == "" || t == FilesCollection {
			continue
		}
		c, err := h.svc.Collection(ctx, scope.In(t))
		if !errors.Is(err, rag.ErrNotFound) && !errors.Is(err, rag.ErrInvalid) {
			return c, err
		}
	}
	return rag.Collection{}, noModel(name, "name a collection as listed by /v1/models")
}

func noModel(name, hint string) error {
	return coded(rag.Errorf(rag.KindNotFound, "The model %.80q does not exist: %s", name, hint), "model", "model_not_found")
}

// collections reads all of the tenant's collections but the one that holds files.
func (h *handlers) collections(ctx context.Context, scope rag.Scope) ([]rag.Collection, error) {
	var out []rag.Collection
	opt := rag.ListOptions{Limit: 1000}
	for {
		page, err := h.svc.Collections(ctx, scope, opt)
		if err != nil {
			return nil, err
		}
		for _, c := range page.Items {
			if c.Name != FilesCollection {
				out = append(out, c)
			}
		}
		if page.Next == "" {
			return out, nil
		}
		opt.Cursor = page.Next
	}
}
