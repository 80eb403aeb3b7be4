package qdrant

import (
	"context"
	"errors"
	"strings"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// Database is a Qdrant server or cluster. It is goroutine-safe.
type Database struct {
	cfg    Config
	client *rpc.Client
}

var _ external.Database = (*Database)(nil)

// New returns the database, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Database, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	client, err := rpc.New(cfg.rpc())
	if err != nil {
		return nil, err
	}
	return &Database{cfg: cfg, client: client}, nil
}

// Close implements external.Database.
func (d *Database) Close() error { return d.client.Close() }

// call calls a method. What Qdrant calls an internal error can be one that passes, or a full disk, and only its words tell.
func (d *Database) call(ctx context.Context, method string, message []byte) ([]byte, error) {
	answer, err := d.client.Call(ctx, method, message)
	if s, refused := rpc.StatusOf(err); refused && s.Code == rpc.Internal {
		switch {
		case strings.Contains(s.Message, "No space left"), strings.Contains(s.Message, "OutOfMemory"):
			return nil, rag.Wrap(rag.KindExhausted, &s, "qdrant: the server is out of room")
		case strings.Contains(s.Message, "Please retry"): // some replica has the change, another has not
			return nil, rag.Wrap(rag.KindUnavailable, &s, "qdrant: the cluster cannot answer now")
		}
	}
	return answer, err
}

// Limits implements external.Database. Qdrant has no bounds of its own unless a collection is in strict mode; these keep a message within some megabytes.
func (d *Database) Limits() external.Limits {
	return external.Limits{TopK: 10_000, Items: 1_000, IDs: 10_000, Bytes: 16 << 20}
}

// Describe implements external.Database.
func (d *Database) Describe(ctx context.Context) (external.Server, error) {
	answer, err := d.call(ctx, "qdrant.Qdrant/HealthCheck", nil)
	if err != nil {
		return external.Server{}, err
	}
	version, err := readVersion(answer)
	return external.Server{Product: "Qdrant", Version: version}, err
}

// Spaces implements external.Database.
func (d *Database) Spaces(ctx context.Context) ([]string, error) {
	answer, err := d.call(ctx, "qdrant.Collections/List", nil)
	if err != nil {
		return nil, err
	}
	names, err := readCollections(answer)
	if err != nil {
		return nil, err
	}
	var spaces []string
	for _, name := range names {
		if space, ours := strings.CutPrefix(name, d.cfg.Prefix); ours {
			spaces = append(spaces, space)
		}
	}
	return spaces, nil
}

// Drop implements external.Database.
func (d *Database) Drop(ctx context.Context, name string) error {
	_, err := d.call(ctx, "qdrant.Collections/Delete", rpc.AppendString(nil, 1, d.cfg.Prefix+name))
	if errors.Is(err, rag.ErrNotFound) {
		return nil
	}
	return err
}

// Open implements external.Database.
func (d *Database) Open(ctx context.Context, s external.Space) (external.Table, error) {
	if s.Text {
		return nil, rag.Errorf(rag.KindInvalid, "qdrant: texts cannot be searched by their words")
	}
	name := d.cfg.Prefix + s.Name
	found, err := d.describe(ctx, name)
	if errors.Is(err, rag.ErrNotFound) {
		found, err = d.create(ctx, name, s.Dimensions)
	}
	switch {
	case err != nil:
		return nil, err
	case found.dimensions != s.Dimensions || found.distance != cosine:
		return nil, rag.Errorf(rag.KindConflict, "qdrant: the collection %s is there with %d dimensions and distance %d, not with %d and cosine (%d)", name, found.dimensions, found.distance, s.Dimensions, cosine)
	case !found.indexed: // made by a process that has not gone on to this, or never did
		if err := d.index(ctx, name); err != nil {
			return nil, err
		}
	}
	return &table{db: d, name: name, dimensions: s.Dimensions, replicated: found.replicated}, nil
}

func (d *Database) describe(ctx context.Context, name string) (collection, error) {
	answer, err := d.call(ctx, "qdrant.Collections/Get", rpc.AppendString(nil, 1, name))
	if err != nil {
		return collection{}, err
	}
	return readCollection(answer)
}

// create makes a collection. Another process may make it at the same time: who comes second takes what is there.
func (d *Database) create(ctx context.Context, name string, dimensions int) (collection, error) {
	_, err := d.call(ctx, "qdrant.Collections/Create", d.cfg.collection(name, dimensions))
	if s, refused := rpc.StatusOf(err); refused && (s.Code == rpc.AlreadyExists || s.Code == rpc.InvalidArgument) { // the latter before 1.9
		if found, again := d.describe(ctx, name); again == nil {
			return found, nil
		}
	}
	if err != nil {
		return collection{}, err
	}
	return d.describe(ctx, name)
}

// index has the tags indexed. What is indexed already stays so.
func (d *Database) index(ctx context.Context, name string) error {
	answer, err := d.call(ctx, "qdrant.Points/CreateFieldIndex", tagIndex(name))
	if err != nil {
		return err
	}
	return applied(answer)
}
