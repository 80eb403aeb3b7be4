package pinecone

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// Database is a project of Pinecone, or one index of it.
type Database struct {
	cfg     Config
	control *rest.Client

	mu      sync.Mutex
	closed  bool
	hosted  *index                  // of Config.Host, once its dimensions are known
	clients map[string]*rest.Client // by address of a data plane
	written map[string]*freshness   // by space
}

var _ external.Database = (*Database)(nil)

// New returns a Database, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Database, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	control, err := rest.New(cfg.rest(cfg.Control))
	if err != nil {
		return nil, err
	}
	return &Database{cfg: cfg, control: control, clients: map[string]*rest.Client{}, written: map[string]*freshness{}}, nil
}

// client returns the client of an address.
func (d *Database) client(address string) (*rest.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, rag.Errorf(rag.KindUnavailable, "pinecone: the connection has been closed")
	}
	if c := d.clients[address]; c != nil {
		return c, nil
	}
	c, err := rest.New(d.cfg.rest(address))
	if err == nil {
		d.clients[address] = c
	}
	return c, err
}

func (d *Database) namespace(space string) string { return d.cfg.Prefix + "." + space }

func namespacePath(name string) string { return "/namespaces/" + url.PathEscape(name) }

// has reports whether an index has a namespace.
func (ix *index) has(ctx context.Context, namespace string) (bool, error) {
	_, err := ix.http.Do(ctx, rest.Request{Method: http.MethodGet, Path: namespacePath(namespace)}, nil)
	if errors.Is(err, rag.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Open finds the namespace in the index that has it, or makes it in the one with its dimensions.
func (d *Database) Open(ctx context.Context, s external.Space) (external.Table, error) {
	if s.Text {
		return nil, rag.Errorf(rag.KindInvalid, "pinecone: texts are not searched by their words")
	}
	list, err := d.indexes(ctx)
	if err != nil {
		return nil, err
	}
	namespace := d.namespace(s.Name)
	var fits *index
	for _, ix := range list {
		there, err := ix.has(ctx, namespace)
		switch {
		case err != nil:
			return nil, err
		case there && ix.dimensions != s.Dimensions:
			return nil, rag.Errorf(rag.KindConflict, "pinecone: the namespace %s has vectors of %d dimensions, not %d", namespace, ix.dimensions, s.Dimensions)
		case there:
			return d.table(ix, s.Name), nil
		case ix.dimensions == s.Dimensions:
			fits = ix
		}
	}
	switch {
	case fits == nil && d.cfg.Host != "":
		return nil, rag.Errorf(rag.KindInvalid, "pinecone: the index has vectors of %d dimensions, not %d", list[0].dimensions, s.Dimensions)
	case fits == nil:
		if fits, err = d.create(ctx, s.Dimensions); err != nil {
			return nil, err
		}
	}
	_, err = fits.http.Do(ctx, rest.Request{Method: http.MethodPost, Path: "/namespaces", Body: map[string]any{
		"name":   namespace,
		"schema": map[string]any{"fields": map[string]any{tagsField: map[string]any{"filterable": true}, idField: map[string]any{"filterable": true}}},
	}}, nil)
	if err != nil && !errors.Is(err, rag.ErrConflict) { // another process has made it
		return nil, err
	}
	return d.table(fits, s.Name), nil
}

func (d *Database) table(ix *index, space string) *table {
	return &table{db: d, ix: ix, namespace: d.namespace(space), fresh: d.freshness(space)}
}

// Spaces lists the namespaces with the prefix.
func (d *Database) Spaces(ctx context.Context) ([]string, error) {
	list, err := d.indexes(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, ix := range list {
		query := url.Values{"prefix": {d.namespace("")}, "limit": {"100"}}
		for {
			var page struct {
				Namespaces []struct {
					Name string `json:"name"`
				} `json:"namespaces"`
				Pagination pagination `json:"pagination"`
			}
			if _, err := ix.http.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/namespaces", Query: query}, &page); err != nil {
				return nil, err
			}
			for _, n := range page.Namespaces {
				if name, ok := strings.CutPrefix(n.Name, d.namespace("")); ok {
					names = append(names, name)
				}
			}
			if page.Pagination.Next == "" {
				break
			}
			query.Set("paginationToken", page.Pagination.Next)
		}
	}
	return names, nil
}

// pagination is the end of a page of a list.
type pagination struct {
	Next string `json:"next"` // "" on the last page
}

// Drop deletes the namespace in each index, though one at most should have it, and waits until it is gone.
func (d *Database) Drop(ctx context.Context, name string) error {
	list, err := d.indexes(ctx)
	if err != nil {
		return err
	}
	namespace := d.namespace(name)
	for _, ix := range list {
		_, err := ix.http.Do(ctx, rest.Request{Method: http.MethodDelete, Path: namespacePath(namespace)}, nil)
		if errors.Is(err, rag.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		gone, err := poll(ctx, d.cfg.CreateTimeout, func() (bool, error) {
			there, err := ix.has(ctx, namespace)
			return !there, err
		})
		if err != nil {
			return err
		}
		if !gone {
			return rag.Errorf(rag.KindUnavailable, "pinecone: the namespace %s is not gone after %s", namespace, d.cfg.CreateTimeout)
		}
	}
	d.mu.Lock()
	delete(d.written, name) // the numbers of a namespace of this name that comes later begin anew
	d.mu.Unlock()
	return nil
}

// Describe asks for the indexes. Pinecone has no version but that of its API.
func (d *Database) Describe(ctx context.Context) (external.Server, error) {
	_, err := d.indexes(ctx)
	return external.Server{Product: "Pinecone", Version: "API " + apiVersion}, err
}

// Limits are those of the API, but for TopK: an answer with the metadata of more records could be larger than the 4 MB that Pinecone sends.
func (d *Database) Limits() external.Limits {
	return external.Limits{TopK: 1_000, Items: 1_000, IDs: 1_000}
}

// Close ends the connections.
func (d *Database) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, c := range d.clients {
		_ = c.Close()
	}
	return d.control.Close()
}
