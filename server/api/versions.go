package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/server/auth"
)

// Version is one of the versions of a document that are kept.
type Version struct {
	Version   int       `json:"version"`
	Current   bool      `json:"current"`
	CreatedAt time.Time `json:"created_at"`
	SHA256    string    `json:"sha256" doc:"Of the original bytes"`
	Title     string    `json:"title" doc:"Found in the document"`
	MediaType string    `json:"media_type"`
	Pages     int       `json:"pages" doc:"0 where there are none"`
	TextBytes int       `json:"text_bytes"`
}

// VersionList holds the versions of a document, oldest first.
type VersionList struct {
	Versions []Version `json:"versions" nullable:"false"`
}

// Comparison is what differs between the texts of two versions.
type Comparison struct {
	From    int    `json:"from"`
	To      int    `json:"to"`
	Added   int    `json:"added" doc:"Lines of to that from does not have"`
	Removed int    `json:"removed" doc:"Lines of from that to does not have"`
	Diff    string `json:"diff" doc:"In the unified format; empty where nothing differs"`
}

const versionsRoute = documentRoute + "/versions"

func (h *handlers) registerVersions() {
	list := h.operation(http.MethodGet, versionsRoute, "listVersions", "documents", "List the versions that are kept")
	list.Description = "Searches and answers know the current version only."
	huma.Register(h.api, list, h.listVersions)
	huma.Register(h.api, h.operation(http.MethodGet, versionsRoute+"/{version}/diff", "compareVersions", "documents", "Compare a version with another"), h.compareVersions)
	huma.Register(h.api, h.operation(http.MethodPost, versionsRoute+"/{version}/restore", "restoreVersion", "documents", "Make a version the current one again"), h.restoreVersion)
	forget := h.operation(http.MethodDelete, versionsRoute, "forgetVersions", "documents", "Remove all versions but the current one")
	forget.DefaultStatus = http.StatusNoContent
	huma.Register(h.api, forget, h.forgetVersions)
}

func (h *handlers) listVersions(ctx context.Context, in *DocumentPath) (*output[VersionList], error) {
	all, err := h.svc.Versions(ctx, auth.From(ctx).Manage(in.Name), in.ID)
	out := VersionList{Versions: make([]Version, len(all))}
	for i, v := range all {
		v.CreatedAt = v.CreatedAt.UTC()
		out.Versions[i] = Version(v)
	}
	return reply(ctx, out, err)
}

func (h *handlers) compareVersions(ctx context.Context, in *struct {
	DocumentPath
	Version int `path:"version" minimum:"1"`
	With    int `query:"with" minimum:"0" doc:"The other version; 0 or absent is the current one"`
}) (*output[Comparison], error) {
	c, err := h.svc.CompareVersions(ctx, auth.From(ctx).Manage(in.Name), in.ID, in.Version, in.With)
	return reply(ctx, Comparison(c), err)
}

func (h *handlers) restoreVersion(ctx context.Context, in *struct {
	DocumentPath
	Version int `path:"version" minimum:"1"`
}) (*output[Document], error) {
	scope := auth.From(ctx).Manage(in.Name)
	if _, err := h.svc.RestoreVersion(ctx, scope, in.ID, in.Version); err != nil {
		return nil, failed(ctx, err)
	}
	d, err := h.svc.Document(ctx, scope, in.ID)
	return reply(ctx, documentOf(d), err)
}

func (h *handlers) forgetVersions(ctx context.Context, in *DocumentPath) (*struct{}, error) {
	if _, err := h.svc.ForgetVersions(ctx, auth.From(ctx).Manage(in.Name), in.ID); err != nil {
		return nil, failed(ctx, err)
	}
	return nil, nil
}
