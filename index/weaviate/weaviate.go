package weaviate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	product = "weaviate"        // begins errors
	prefix  = "Smartretriever_" // of the names of this program's classes, which begin with a capital
)

// Bounds of Weaviate and of one call.
const (
	maxK          = 10_000 // QUERY_MAXIMUM_RESULTS
	maxDimensions = 65_535
	maxItems      = 500      // of an upsert, which the server puts into its graph while it is waited for
	maxBytes      = 16 << 20 // of vectors and texts in an upsert
	maxMessage    = 64 << 20 // of a message; Weaviate takes 100 MB
	maxIDs        = 5_000    // in a filter
)

var _ external.Database = (*Database)(nil)

// Database is a Weaviate server or cluster. It is goroutine-safe.
type Database struct {
	cfg  Config
	rest *rest.Client
	rpc  *rpc.Client

	mu      sync.Mutex
	writers map[string]chan struct{} // by class; who has sent to one may change the class
}

// New returns a database, or an error of KindInvalid. It does not call the server.
func New(cfg Config) (*Database, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	overREST, err := rest.New(cfg.rest())
	if err != nil {
		return nil, err
	}
	overRPC, err := rpc.New(cfg.rpc())
	if err != nil {
		return nil, err
	}
	return &Database{cfg: cfg, rest: overREST, rpc: overRPC, writers: map[string]chan struct{}{}}, nil
}

// Close implements external.Database.
func (d *Database) Close() error { return errors.Join(d.rest.Close(), d.rpc.Close()) }

// Limits implements external.Database.
func (d *Database) Limits() external.Limits {
	return external.Limits{TopK: maxK, Items: maxItems, IDs: maxIDs, Bytes: maxBytes, Words: true}
}

// alone waits until no other change of a class is under way in this process, and returns what lets the next one go on.
func (d *Database) alone(ctx context.Context, class string) (release func(), err error) {
	d.mu.Lock()
	w, known := d.writers[class]
	if !known {
		w = make(chan struct{}, 1)
		d.writers[class] = w
	}
	d.mu.Unlock()
	select {
	case w <- struct{}{}:
		return func() { <-w }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("weaviate: %w", ctx.Err())
	}
}

// Describe implements external.Database.
func (d *Database) Describe(ctx context.Context) (external.Server, error) {
	var meta struct {
		Version string `json:"version"`
	}
	if err := d.get(ctx, "/v1/meta", &meta); err != nil {
		return external.Server{}, err
	}
	return external.Server{Product: "Weaviate", Version: meta.Version}, nil
}

// Spaces implements external.Database.
func (d *Database) Spaces(ctx context.Context) ([]string, error) {
	var schema struct {
		Classes []struct {
			Class string `json:"class"`
		} `json:"classes"`
	}
	if err := d.get(ctx, "/v1/schema", &schema); err != nil {
		return nil, err
	}
	var names []string
	for _, c := range schema.Classes {
		if name, ours := strings.CutPrefix(c.Class, prefix); ours {
			names = append(names, name)
		}
	}
	return names, nil
}

// Drop implements external.Database.
func (d *Database) Drop(ctx context.Context, name string) error {
	_, err := d.rest.Do(ctx, rest.Request{Method: http.MethodDelete, Path: classPath(prefix + name)}, nil)
	if err == nil {
		d.mu.Lock()
		delete(d.writers, prefix+name)
		d.mu.Unlock()
	}
	if err == nil || rag.KindOf(err) == rag.KindUnauthorized {
		return err
	}
	if errors.Is(d.there(ctx, prefix+name), rag.ErrNotFound) { // servers differ in what they say where there is nothing
		return nil
	}
	return err
}

// class is a space in Weaviate's words.
type class struct {
	Class         string         `json:"class"`
	Description   string         `json:"description"`
	Vectorizer    string         `json:"vectorizer"`
	IndexType     IndexType      `json:"vectorIndexType"`
	Index         map[string]any `json:"vectorIndexConfig"`
	InvertedIndex map[string]any `json:"invertedIndexConfig"`
	Sharding      map[string]any `json:"shardingConfig,omitempty"`
	Replication   map[string]any `json:"replicationConfig"`
	Properties    []property     `json:"properties"`
}

type property struct {
	Name         string   `json:"name"`
	Type         []string `json:"dataType"`
	Tokenization string   `json:"tokenization"`
	Filterable   bool     `json:"indexFilterable"`
	Searchable   bool     `json:"indexSearchable"`
}

// Open implements external.Database.
func (d *Database) Open(ctx context.Context, s external.Space) (external.Table, error) {
	if s.Dimensions < 1 || s.Dimensions > maxDimensions {
		return nil, rag.Errorf(rag.KindInvalid, "weaviate: vectors have 1 to %d dimensions, not %d", maxDimensions, s.Dimensions)
	}
	t := &table{db: d, space: s, class: prefix + s.Name}
	err := t.check(ctx)
	if errors.Is(err, rag.ErrNotFound) {
		err = t.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// create makes the class. Another process may do so at the same time.
func (t *table) create(ctx context.Context) error {
	_, made := t.db.rest.Do(ctx, rest.Request{Method: http.MethodPost, Path: "/v1/schema", Body: t.db.class(t.class, t.space)}, nil)
	if made == nil {
		return nil
	}
	if err := t.check(ctx); !errors.Is(err, rag.ErrNotFound) {
		return err
	}
	return made
}

func (d *Database) class(name string, s external.Space) class {
	c := class{
		Class:         name,
		Description:   description(s),
		Vectorizer:    "none",
		IndexType:     d.cfg.Index,
		Index:         map[string]any{"distance": "cosine"},
		InvertedIndex: map[string]any{"stopwords": map[string]any{"preset": "none"}}, // of a collection in any language
		Replication:   map[string]any{"factor": d.cfg.Replicas},
		Properties: []property{
			{Name: "tags", Type: []string{"text[]"}, Tokenization: "field", Filterable: true},
			{Name: "document", Type: []string{"text"}, Tokenization: "field"},
		},
	}
	if d.cfg.Index == HNSW {
		c.Index["maxConnections"], c.Index["efConstruction"], c.Index["ef"] = d.cfg.M, d.cfg.EfConstruction, -1
		if d.cfg.Ef > 0 {
			c.Index["ef"] = d.cfg.Ef
		}
	}
	if d.cfg.Shards > 0 {
		c.Sharding = map[string]any{"desiredCount": d.cfg.Shards}
	}
	if s.Text {
		c.Properties = append(c.Properties, property{Name: "text", Type: []string{"text"}, Tokenization: d.cfg.Tokenization, Searchable: true})
	}
	return c
}

// description is what a class says of its space, since Weaviate itself does not know dimensions before there are vectors.
func description(s external.Space) string {
	words := "without"
	if s.Text {
		words = "with"
	}
	return fmt.Sprintf("Index of a collection of SmartRetriever: %d dimensions, %s words", s.Dimensions, words)
}

// check compares the class that is there with the space.
func (t *table) check(ctx context.Context) error {
	var there class
	if err := t.db.get(ctx, classPath(t.class), &there); err != nil {
		return err
	}
	if want := description(t.space); there.Description != want {
		return rag.Errorf(rag.KindConflict, "weaviate: space %s is there as another one: %.200q, not %q", t.space.Name, there.Description, want)
	}
	return nil
}

// there returns nil if a class is there, an error of KindNotFound if it is not.
func (d *Database) there(ctx context.Context, class string) error {
	return d.get(ctx, classPath(class), nil)
}

func (d *Database) get(ctx context.Context, path string, answer any) error {
	_, err := d.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: path}, answer)
	return err
}

func classPath(class string) string { return "/v1/schema/" + url.PathEscape(class) }
