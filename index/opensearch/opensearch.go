package opensearch

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// Database is a server or cluster of OpenSearch or Elasticsearch. It is goroutine-safe.
type Database struct {
	cfg     Config
	client  *rest.Client
	product atomic.Pointer[string] // once it is known
}

var _ external.Database = (*Database)(nil)

// New returns the database, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Database, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	client, err := rest.New(cfg.rest())
	if err != nil {
		return nil, err
	}
	d := &Database{cfg: cfg, client: client}
	if cfg.Product != "" {
		d.product.Store(&cfg.Product)
	}
	return d, nil
}

// Close implements external.Database.
func (d *Database) Close() error { return d.client.Close() }

// Limits implements external.Database. As JSON a vector takes three times as many bytes.
func (d *Database) Limits() external.Limits {
	return external.Limits{TopK: maxWindow, Items: 1_000, IDs: 10_000, Bytes: 8 << 20, Words: true}
}

// Describe implements external.Database.
func (d *Database) Describe(ctx context.Context) (external.Server, error) {
	var answer struct {
		Tagline string
		Version struct {
			Distribution, Number string
		}
	}
	if err := d.do(ctx, rest.Request{Method: http.MethodGet, Path: "/"}, &answer); err != nil {
		return external.Server{}, err
	}
	switch {
	case answer.Version.Distribution == "opensearch":
		return external.Server{Product: "OpenSearch", Version: answer.Version.Number}, nil
	case answer.Tagline == "You Know, for Search":
		return external.Server{Product: "Elasticsearch", Version: answer.Version.Number}, nil
	}
	return external.Server{}, rag.Errorf(rag.KindInvalid, "opensearch: the server is neither OpenSearch nor Elasticsearch")
}

// which returns the product, which is asked for once.
func (d *Database) which(ctx context.Context) (string, error) {
	if known := d.product.Load(); known != nil {
		return *known, nil
	}
	s, err := d.Describe(ctx)
	if err != nil {
		return "", err
	}
	product := strings.ToLower(s.Product)
	d.product.Store(&product)
	return product, nil
}

// aliasOf is the name of the alias of an index.
func aliasOf(index string) string { return index + "-w" }

// Spaces implements external.Database.
func (d *Database) Spaces(ctx context.Context) ([]string, error) {
	var answer map[string]struct {
		Aliases map[string]json.RawMessage
	}
	err := d.do(ctx, rest.Request{Method: http.MethodGet, Path: "/" + d.cfg.Prefix + "*/_alias"}, &answer)
	if err != nil {
		return nil, err
	}
	var spaces []string
	for index, is := range answer {
		space, ours := strings.CutPrefix(index, d.cfg.Prefix)
		if _, open := is.Aliases[aliasOf(index)]; ours && open {
			spaces = append(spaces, space)
		}
	}
	return spaces, nil
}

// Drop implements external.Database. The alias goes with its index.
func (d *Database) Drop(ctx context.Context, name string) error {
	err := d.do(ctx, rest.Request{Method: http.MethodDelete, Path: "/" + url.PathEscape(d.cfg.Prefix+name)}, nil)
	if errors.Is(err, rag.ErrNotFound) {
		return nil
	}
	return err
}

// Open implements external.Database.
func (d *Database) Open(ctx context.Context, s external.Space) (external.Table, error) {
	product, err := d.which(ctx)
	if err != nil {
		return nil, err
	}
	index := d.cfg.Prefix + s.Name
	found, err := d.mapping(ctx, index)
	if errors.Is(err, rag.ErrNotFound) {
		found, err = d.create(ctx, index, product, s)
	}
	if err != nil {
		return nil, err
	}
	if err := found.fits(product, s); err != nil {
		return nil, err
	}
	// It may be one that another process is about to make, or that a restarted server is about to open.
	ready := rest.Request{Method: http.MethodGet, Path: "/_cluster/health/" + url.PathEscape(index), Query: url.Values{"wait_for_status": {"yellow"}, "timeout": {"10s"}}}
	if err := d.do(ctx, ready, nil); err != nil {
		return nil, err
	}
	return &table{db: d, product: product, alias: aliasOf(index), dimensions: s.Dimensions}, nil
}

// create makes an index. Another process may make it at the same time: who comes second takes what is there.
func (d *Database) create(ctx context.Context, index, product string, s external.Space) (mapped, error) {
	err := d.do(ctx, rest.Request{Method: http.MethodPut, Path: "/" + url.PathEscape(index), Body: d.cfg.index(product, s, aliasOf(index))}, nil)
	if r := rest.RefusalOf(err); err != nil && (r == nil || r.Code != "resource_already_exists_exception") {
		return mapped{}, err
	}
	return d.mapping(ctx, index)
}

func (d *Database) mapping(ctx context.Context, index string) (mapped, error) {
	var answer map[string]mapped
	if err := d.do(ctx, rest.Request{Method: http.MethodGet, Path: "/" + url.PathEscape(index) + "/_mapping"}, &answer); err != nil {
		return mapped{}, err
	}
	return answer[index], nil
}

// do makes a call.
func (d *Database) do(ctx context.Context, r rest.Request, answer any) error {
	_, err := d.client.Do(ctx, r, answer)
	if r := rest.RefusalOf(err); r != nil && r.Code == blocked {
		return rag.Wrap(kindOf(r.Status, r.Code), r, "opensearch: the index takes no changes now")
	}
	return err
}
