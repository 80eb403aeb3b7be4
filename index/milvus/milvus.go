package milvus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	product = "milvus"          // begins errors
	prefix  = "smartretriever_" // of the names of this program's collections
)

// Bounds of Milvus.
const (
	maxK          = 16_384   // results of a search, and rows of a query
	maxText       = 65_535   // bytes
	maxTags       = 4_096    // of an item
	maxDocument   = 256      // bytes of a document's id
	maxDimensions = 32_768   // of a vector
	maxBatch      = 5_000    // items of an upsert
	maxBytes      = 32 << 20 // of vectors and texts in an upsert
	maxMessage    = 60 << 20 // of a message; Milvus takes 64 MiB
	maxIDs        = 10_000   // in a filter: 200 kB of text
)

// patience is how long opening a space waits until its collection is loaded.
const patience = 2 * time.Minute

var _ external.Database = (*Database)(nil)

// Database is a Milvus server or cluster. It is goroutine-safe.
type Database struct {
	cfg    Config
	client *rpc.Client
}

// New returns a database, or an error of KindInvalid. It does not call the server.
func New(cfg Config) (*Database, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	client, err := rpc.New(cfg.rpc())
	if err != nil {
		return nil, err
	}
	return &Database{cfg, client}, nil
}

// Close implements external.Database.
func (d *Database) Close() error { return d.client.Close() }

// Limits implements external.Database.
func (d *Database) Limits() external.Limits {
	return external.Limits{TopK: maxK, Items: maxBatch, IDs: maxIDs, Bytes: maxBytes, Words: true}
}

// Describe implements external.Database.
func (d *Database) Describe(ctx context.Context) (external.Server, error) {
	answer, err := d.ask(ctx, "GetVersion", nil)
	if err != nil {
		return external.Server{}, err
	}
	versions, err := readStrings(answer, 2)
	if err != nil {
		return external.Server{}, malformed("%w", err)
	}
	return external.Server{Product: "Milvus", Version: strings.Join(versions, " ")}, nil
}

// Spaces implements external.Database.
func (d *Database) Spaces(ctx context.Context) ([]string, error) {
	answer, err := d.ask(ctx, "ShowCollections", d.request(""))
	if err != nil {
		return nil, err
	}
	collections, err := readStrings(answer, 2)
	if err != nil {
		return nil, malformed("%w", err)
	}
	var names []string
	for _, c := range collections {
		if name, ours := strings.CutPrefix(c, prefix); ours {
			names = append(names, name)
		}
	}
	return names, nil
}

// Drop implements external.Database.
func (d *Database) Drop(ctx context.Context, name string) error {
	err := d.do(ctx, "DropCollection", d.request(prefix+name))
	if errors.Is(err, rag.ErrNotFound) {
		return nil
	}
	return err
}

// Open implements external.Database.
func (d *Database) Open(ctx context.Context, s external.Space) (external.Table, error) {
	if s.Dimensions < 2 || s.Dimensions > maxDimensions {
		return nil, rag.Errorf(rag.KindInvalid, "milvus: vectors have 2 to %d dimensions, not %d", maxDimensions, s.Dimensions)
	}
	t := &table{db: d, space: s, collection: prefix + s.Name}
	err := t.check(ctx)
	if errors.Is(err, rag.ErrNotFound) {
		err = t.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := t.index(ctx); err != nil {
		return nil, err
	}
	if err := t.load(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// check compares the collection that is there with the space.
func (t *table) check(ctx context.Context) error {
	answer, err := t.db.ask(ctx, "DescribeCollection", t.db.request(t.collection))
	if err != nil {
		return err
	}
	there, err := readDescription(answer)
	switch {
	case err != nil:
		return malformed("%w", err)
	case there.dimensions != t.space.Dimensions:
		return rag.Errorf(rag.KindConflict, "milvus: space %s is there with %d dimensions, not %d", t.space.Name, there.dimensions, t.space.Dimensions)
	case there.text != t.space.Text:
		return rag.Errorf(rag.KindConflict, "milvus: space %s is there, and texts are kept in one of the two only", t.space.Name)
	}
	return nil
}

// create makes the collection. Another process may do so at the same time. How servers say that it was first differs from one to the next, and some do
// before the collection can be described.
func (t *table) create(ctx context.Context) error {
	b := t.db.request(t.collection)
	b = rpc.AppendMessage(b, 4, t.db.schema(t.collection, t.space))
	b = rpc.AppendUint(b, 5, uint64(t.db.cfg.Shards))
	made := t.db.do(ctx, "CreateCollection", b)
	if made == nil {
		return nil
	}
	if kind := rag.KindOf(made); kind == rag.KindUnauthorized || kind == rag.KindExhausted {
		return made
	}
	for pause := 10 * time.Millisecond; pause < 2*time.Second; pause *= 2 {
		if err := t.check(ctx); !errors.Is(err, rag.ErrNotFound) {
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	return made
}

// wait waits, or returns the error of ctx once that has ended.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("milvus: %w", ctx.Err())
	case <-timer.C:
		return nil
	}
}

// index makes the indexes that are not there.
func (t *table) index(ctx context.Context) error {
	there, err := t.indexed(ctx)
	if err != nil {
		return err
	}
	type wanted struct {
		field, kind, metric string
		params              map[string]any
	}
	c := t.db.cfg
	indexes := []wanted{{"vector", string(c.Index), "COSINE", map[IndexType]map[string]any{
		HNSW:    {"M": c.M, "efConstruction": c.EfConstruction},
		IVFFlat: {"nlist": c.NList},
	}[c.Index]}}
	if t.space.Text {
		indexes = append(indexes, wanted{"words", "SPARSE_INVERTED_INDEX", "BM25", nil})
	}
	for _, w := range indexes {
		if slices.Contains(there, w.field) {
			continue
		}
		b := rpc.AppendString(t.db.request(t.collection), 4, w.field)
		b = appendPair(b, 5, "index_type", w.kind)
		b = appendPair(b, 5, "metric_type", w.metric)
		if len(w.params) > 0 {
			params, _ := json.Marshal(w.params) // numbers cannot fail
			b = appendPair(b, 5, "params", string(params))
		}
		if made := t.db.do(ctx, "CreateIndex", b); made != nil {
			if there, err := t.indexed(ctx); err != nil || !slices.Contains(there, w.field) { // nor has another process made it
				return made
			}
		}
	}
	return nil
}

// indexed returns the fields with an index.
func (t *table) indexed(ctx context.Context) ([]string, error) {
	answer, err := t.db.ask(ctx, "DescribeIndex", t.db.request(t.collection))
	if s, ok := errors.AsType[*status](err); ok && s.code == codeNoIndex {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fields, err := readStrings(answer, 2, 4)
	if err != nil {
		return nil, malformed("%w", err)
	}
	return fields, nil
}

// load has the collection loaded and waits until it is.
func (t *table) load(ctx context.Context) error {
	if is, err := t.loaded(ctx); is || err != nil {
		return err
	}
	b := rpc.AppendUint(t.db.request(t.collection), 4, uint64(t.db.cfg.Replicas))
	if err := t.db.do(ctx, "LoadCollection", b); err != nil {
		return err
	}
	for waited, pause := time.Duration(0), 10*time.Millisecond; waited < patience; waited, pause = waited+pause, min(2*pause, time.Second) {
		if is, err := t.loaded(ctx); is || err != nil {
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	return rag.Errorf(rag.KindUnavailable, "milvus: space %s is not loaded after %s", t.space.Name, patience)
}

func (t *table) loaded(ctx context.Context) (bool, error) {
	b := rpc.AppendString(nil, 2, t.collection) // the two have other numbers here
	if t.db.cfg.Database != "" {
		b = rpc.AppendString(b, 4, t.db.cfg.Database)
	}
	answer, err := t.db.ask(ctx, "GetLoadState", b)
	if err != nil {
		return false, err
	}
	state, err := readNumber(answer, 2)
	if err != nil {
		return false, malformed("%w", err)
	}
	return state == loadStateLoaded, nil
}

// do makes a call whose answer is a status.
func (d *Database) do(ctx context.Context, method string, message []byte) error {
	answer, err := d.client.Call(ctx, service+method, message)
	if err != nil {
		return err
	}
	return d.status(answer)
}

// ask makes a call whose answer has a status in its first field.
func (d *Database) ask(ctx context.Context, method string, message []byte) ([]byte, error) {
	answer, err := d.client.Call(ctx, service+method, message)
	if err != nil {
		return nil, err
	}
	err = walk(answer, []protowire.Number{1}, d.status)
	if err != nil {
		return nil, err
	}
	return answer, nil
}

const service = "milvus.proto.milvus.MilvusService/"

func (d *Database) status(message []byte) error {
	s, err := readStatus(message)
	if err != nil {
		return malformed("%w", err)
	}
	return s.err(d.cfg.Password, d.cfg.Token)
}

// after is the filter of the ids above one.
func after(id rag.ChunkID) string { return "id > " + strconv.FormatInt(int64(id), 10) }
