package chroma

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// Database is a database of a tenant of a Chroma server.
type Database struct {
	cfg  Config
	http *rest.Client
	path string // of the database
}

var _ external.Database = (*Database)(nil)

// New returns a Database, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Database, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	client, err := rest.New(cfg.rest())
	if err != nil {
		return nil, err
	}
	return &Database{cfg: cfg, http: client, path: "/api/v2/tenants/" + url.PathEscape(cfg.Tenant) + "/databases/" + url.PathEscape(cfg.Database)}, nil
}

// layout is the version of how records are kept. It is in the metadata of collections, and says that this program made them.
const (
	layout        = 1
	layoutKey     = "smartretriever_layout"
	dimensionsKey = "dimensions"
)

// collection is what Chroma tells of one.
type collection struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Metadata struct {
		Layout     int `json:"smartretriever_layout"`
		Dimensions int `json:"dimensions"`
	} `json:"metadata"`
}

// collectionName returns the name of a space's collection. Chroma's begin and end with a letter or digit, and have three at least.
func (d *Database) collectionName(space string) string { return d.cfg.Prefix + "." + space + ".v1" }

// spaceName returns the name of a collection's space, if it is one of this program's.
func (d *Database) spaceName(c collection) (string, bool) {
	name, ok := strings.CutPrefix(c.Name, d.cfg.Prefix+".")
	if !ok || c.Metadata.Layout == 0 {
		return "", false
	}
	return strings.CutSuffix(name, ".v1")
}

// Open gets a collection or makes it.
func (d *Database) Open(ctx context.Context, s external.Space) (external.Table, error) {
	if s.Text {
		return nil, rag.Errorf(rag.KindInvalid, "chroma: texts are not searched by their words")
	}
	c, err := d.getOrCreate(ctx, s)
	if refused(err) {
		c, err = d.afterRefusal(ctx, s, err)
	}
	switch {
	case err != nil:
		return nil, err
	case c.Metadata.Layout != layout:
		return nil, rag.Errorf(rag.KindConflict, "chroma: the collection %s was made by others, or by another version of this program", c.Name)
	case c.Metadata.Dimensions != s.Dimensions:
		return nil, rag.Errorf(rag.KindConflict, "chroma: the collection %s has vectors of %d dimensions, not %d", c.Name, c.Metadata.Dimensions, s.Dimensions)
	}
	return &table{db: d, path: d.path + "/collections/" + url.PathEscape(c.ID), dimensions: s.Dimensions}, nil
}

// getOrCreate returns the collection that is there, with its own metadata, or else a new one.
func (d *Database) getOrCreate(ctx context.Context, s external.Space) (collection, error) {
	var c collection
	_, err := d.http.Do(ctx, rest.Request{Method: http.MethodPost, Path: d.path + "/collections", Body: map[string]any{
		"name":          d.collectionName(s.Name),
		"get_or_create": true,
		"metadata":      map[string]any{layoutKey: layout, dimensionsKey: s.Dimensions},
		"configuration": map[string]any{"hnsw": map[string]any{
			"space": "cosine", "max_neighbors": d.cfg.MaxNeighbors, "ef_construction": d.cfg.EfConstruction, "ef_search": d.cfg.EfSearch,
		}},
	}}, &c)
	if err == nil && c.ID == "" {
		return c, rag.Errorf(rag.KindInternal, "chroma: the answer has no collection")
	}
	return c, err
}

// afterRefusal makes the database, if that is what was missing and allowed, and tries again. It does so as well if the database is there: another process may have
// made it since.
func (d *Database) afterRefusal(ctx context.Context, s external.Space, err error) (collection, error) {
	missing := d.isMissing(ctx, err)
	switch {
	case missing && !d.cfg.Create:
		return collection{}, rag.Wrap(rag.KindNotFound, err, "chroma: the tenant or its database is not there")
	case !d.cfg.Create:
		return collection{}, err
	case missing:
		if err := d.create(ctx); err != nil {
			return collection{}, err
		}
	}
	return d.getOrCreate(ctx, s)
}

// refused reports whether err may come from the database not being there, which Chroma tells in several ways.
func refused(err error) bool {
	return errors.Is(err, rag.ErrInvalid) || errors.Is(err, rag.ErrNotFound)
}

// isMissing reports whether err came from that.
func (d *Database) isMissing(ctx context.Context, err error) bool {
	if !refused(err) {
		return false
	}
	_, err = d.http.Do(ctx, rest.Request{Method: http.MethodGet, Path: d.path}, nil)
	return errors.Is(err, rag.ErrNotFound)
}

// create makes the tenant and its database. Others may make them at the same time.
func (d *Database) create(ctx context.Context) error {
	tenants := "/api/v2/tenants"
	for _, step := range []struct{ path, name string }{{tenants, d.cfg.Tenant}, {tenants + "/" + url.PathEscape(d.cfg.Tenant) + "/databases", d.cfg.Database}} {
		_, err := d.http.Do(ctx, rest.Request{Method: http.MethodPost, Path: step.path, Body: map[string]any{"name": step.name}}, nil)
		if err != nil && !errors.Is(err, rag.ErrConflict) {
			return err
		}
	}
	return nil
}

// Spaces lists the collections with the prefix, but for those of others.
func (d *Database) Spaces(ctx context.Context) ([]string, error) {
	const page = 100 // one is described in some 3,000 bytes
	var names []string
	seen := map[string]bool{} // when a collection comes or goes meanwhile, others move to another page
	for offset := 0; ; offset += page {
		var list []collection
		query := url.Values{"limit": {strconv.Itoa(page)}, "offset": {strconv.Itoa(offset)}}
		_, err := d.http.Do(ctx, rest.Request{Method: http.MethodGet, Path: d.path + "/collections", Query: query}, &list)
		switch {
		case d.cfg.Create && d.isMissing(ctx, err):
			return nil, nil // it has not been made yet
		case err != nil:
			return nil, err
		}
		for _, c := range list {
			if name, ok := d.spaceName(c); ok && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
		if len(list) < page {
			return names, nil
		}
	}
}

// Drop deletes a collection, unless others made it.
func (d *Database) Drop(ctx context.Context, name string) error {
	var c collection
	path := d.path + "/collections/" + url.PathEscape(d.collectionName(name))
	_, err := d.http.Do(ctx, rest.Request{Method: http.MethodGet, Path: path}, &c)
	switch {
	case err == nil && c.Metadata.Layout == 0:
		return rag.Errorf(rag.KindConflict, "chroma: the collection %s was made by others", c.Name)
	case err == nil:
		_, err = d.http.Do(ctx, rest.Request{Method: http.MethodDelete, Path: path}, nil)
	}
	if errors.Is(err, rag.ErrNotFound) || d.cfg.Create && d.isMissing(ctx, err) {
		return nil
	}
	return err
}

// Describe asks for the version, which is that of the API: servers of the Python package 1.5.9 say 1.0.0.
func (d *Database) Describe(ctx context.Context) (external.Server, error) {
	s := external.Server{Product: "Chroma"}
	_, err := d.http.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/api/v2/version"}, &s.Version)
	return s, err
}

// Limits are chosen so that a request is answered within seconds: a vector is in the graph when it is.
func (d *Database) Limits() external.Limits {
	return external.Limits{TopK: 10_000, Items: 1_000, IDs: 5_000, Bytes: 6 << 20}
}

// Close ends the connections.
func (d *Database) Close() error { return d.http.Close() }
