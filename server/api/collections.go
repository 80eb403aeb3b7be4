package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
)

// CollectionList is a page of collections.
type CollectionList struct {
	Collections []Collection `json:"collections" nullable:"false"`
	NextCursor  string       `json:"next_cursor" doc:"Empty on the last page"`
}

// NewCollection is the body of a creation.
type NewCollection struct {
	Name        string       `json:"name" minLength:"1" maxLength:"128" doc:"Letters, digits, dots, dashes and underscores"`
	Description string       `json:"description,omitempty" maxLength:"4096"`
	Metadata    rag.Metadata `json:"metadata,omitempty"`
	Chunker     *Chunker     `json:"chunker,omitempty" doc:"How text is cut; fixed for the life of the collection's generation"`
}

// CollectionPatch is the body of a change; absent members stay as they are.
type CollectionPatch struct {
	Description *string       `json:"description,omitempty" maxLength:"4096"`
	Metadata    *rag.Metadata `json:"metadata,omitempty" doc:"Replaces all metadata"`
}

const collectionsRoute, collectionRoute = "/api/v1/collections", "/api/v1/collections/{name}"

func (h *handlers) registerCollections() {
	huma.Register(h.api, h.operation(http.MethodGet, collectionsRoute, "listCollections", "collections", "List collections by name"), h.listCollections)
	create := h.operation(http.MethodPost, collectionsRoute, "createCollection", "collections", "Create a collection")
	create.DefaultStatus = http.StatusCreated
	huma.Register(h.api, create, h.createCollection)
	huma.Register(h.api, h.operation(http.MethodGet, collectionRoute, "getCollection", "collections", "Get a collection"), h.getCollection)
	huma.Register(h.api, h.operation(http.MethodPatch, collectionRoute, "updateCollection", "collections", "Change description and metadata"), h.updateCollection)
	remove := h.operation(http.MethodDelete, collectionRoute, "deleteCollection", "collections", "Delete a collection with everything in it")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(h.api, remove, h.deleteCollection)
}

func (h *handlers) listCollections(ctx context.Context, in *struct{ Paging }) (*output[CollectionList], error) {
	page, err := h.svc.Collections(ctx, auth.From(ctx).Manage(""), in.options())
	out := CollectionList{Collections: make([]Collection, len(page.Items)), NextCursor: page.Next}
	for i, c := range page.Items {
		out.Collections[i] = collectionOf(c)
	}
	return reply(ctx, out, err)
}

func (h *handlers) createCollection(ctx context.Context, in *struct{ Body NewCollection }) (*output[Collection], error) {
	spec := rag.Collection{Name: in.Body.Name, Description: in.Body.Description, Metadata: in.Body.Metadata}
	if c := in.Body.Chunker; c != nil {
		spec.Generation.Chunker = c.options()
	}
	if err := spec.Metadata.Validate(); err != nil {
		return nil, failed(ctx, err)
	}
	c, err := h.svc.CreateCollection(ctx, auth.From(ctx).Manage(spec.Name), spec)
	return reply(ctx, collectionOf(c), err)
}

func (h *handlers) getCollection(ctx context.Context, in *CollectionPath) (*output[Collection], error) {
	c, err := h.svc.Collection(ctx, auth.From(ctx).Manage(in.Name))
	return reply(ctx, collectionOf(c), err)
}

func (h *handlers) updateCollection(ctx context.Context, in *struct {
	CollectionPath
	Body CollectionPatch
}) (*output[Collection], error) {
	id := auth.From(ctx)
	if err := id.RequireAdmin("changing a collection"); err != nil {
		return nil, failed(ctx, err)
	}
	if m := in.Body.Metadata; m != nil {
		if err := m.Validate(); err != nil {
			return nil, failed(ctx, err)
		}
	}
	c, err := h.svc.UpdateCollection(ctx, id.Manage(in.Name), rag.CollectionChange{Description: in.Body.Description, Metadata: in.Body.Metadata})
	return reply(ctx, collectionOf(c), err)
}

func (h *handlers) deleteCollection(ctx context.Context, in *CollectionPath) (*struct{}, error) {
	id := auth.From(ctx)
	err := id.RequireAdmin("deleting a collection")
	if err == nil {
		err = h.svc.DeleteCollection(ctx, id.Manage(in.Name))
	}
	if err != nil {
		return nil, failed(ctx, err)
	}
	return nil, nil
}
