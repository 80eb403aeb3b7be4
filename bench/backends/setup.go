package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
)

// setup is the program with its settings, as an operator sets it up; only the embeddings of the questions are known beforehand.
type setup struct {
	*root.Retriever
	store    root.Store
	embedded *atomic.Int64 // texts for which the model was asked
	dir      string
}

// scope is that of all that is measured.
var scope = rag.Scope{Collection: "bench"}.WithDefaults()

// known is the built-in model, which is not asked for what it is known to answer.
type known struct {
	root.Embedder
	asked map[string][]float32
	calls *atomic.Int64
}

func (k known) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		v, ok := k.asked[text]
		if kind != rag.QuestionText || !ok {
			k.calls.Add(int64(len(texts)))
			return k.Embedder.Embed(ctx, kind, texts)
		}
		out[i] = slices.Clone(v)
	}
	return out, nil
}

func (k known) Close() error {
	if c, ok := k.Embedder.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// open starts the program with the settings that set makes of the defaults. edit changes the parts that they give; nil leaves them.
func (b *bench) open(ctx context.Context, set func(*config.Config), edit func(*root.Config) error) (*setup, error) {
	dir, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, err
	}
	c := config.Default()
	c.Data = dir
	if set != nil {
		set(&c)
	}
	parts, err := backends.Open(c, backends.Deps{})
	if err != nil {
		return nil, err
	}
	s := &setup{embedded: new(atomic.Int64), dir: dir}
	parts.Embedder = known{parts.Embedder, b.corpus.asked, s.embedded}
	if edit != nil {
		if err := edit(&parts); err != nil {
			return nil, err
		}
	}
	open := parts.OpenStore
	if open == nil {
		open = func(ctx context.Context) (root.Store, error) {
			return sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "smartretriever.db")})
		}
	}
	parts.OpenStore = func(ctx context.Context) (root.Store, error) {
		st, err := open(ctx)
		s.store = st
		return st, err
	}
	s.Retriever, err = root.Open(ctx, parts)
	return s, err
}

// fill makes the collection, and puts passages into it, 640 at a time, as adding does.
func (s *setup) fill(ctx context.Context, c *corpus, rows int) error {
	col, err := s.collection(ctx)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(c.documents(col.ID, 0, rows), putDocuments) {
		if err := put(ctx, s.store, part); err != nil {
			return err
		}
	}
	return nil
}

// collection makes an empty collection.
func (s *setup) collection(ctx context.Context) (rag.Collection, error) {
	model := s.Model()
	return s.store.CreateCollection(ctx, rag.Collection{Tenant: scope.Tenant, Name: scope.Collection, Generation: rag.Generation{Number: 1, Model: model.ID, Dimensions: model.Dimensions}})
}

// putDocuments is how many documents are put at a time.
const putDocuments = 64

func put(ctx context.Context, to root.Store, puts []rag.Put) error {
	results, err := to.PutDocuments(ctx, puts)
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// server returns a variable that run.sh sets.
func server(name string) (string, error) {
	value := os.Getenv(name)
	if value == "" {
		return "", fmt.Errorf("%s is not set: run bench/backends/run.sh", name)
	}
	return value, nil
}

// schema is a schema of PostgreSQL of the benchmark's own.
type schema string

func newSchema() schema {
	var random [6]byte
	_, _ = rand.Read(random[:]) // it does not fail
	return schema("bench_" + hex.EncodeToString(random[:]))
}

// drop removes it with all that is in it.
func (s schema) drop() error { return owner("DROP SCHEMA IF EXISTS " + string(s) + " CASCADE") }

// owner runs a statement as the role that owns the database.
func owner(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, os.Getenv("PG_OWNER_URL"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// superuser asks PostgreSQL for one number.
func superuser(ctx context.Context, sql string, args ...any) (n int, err error) {
	conn, err := pgx.Connect(ctx, os.Getenv("PG_SUPER_URL"))
	if err != nil {
		return 0, err
	}
	err = conn.QueryRow(ctx, sql, args...).Scan(&n)
	return n, errors.Join(err, conn.Close(ctx))
}

// onPostgres has the store in a schema of PostgreSQL.
func (s schema) onPostgres(c *config.Config) {
	c.Store.Name = "postgres"
	c.Store.Postgres.URL, c.Store.Postgres.MigrateURL = config.NewSecret(os.Getenv("PG_URL")), config.NewSecret(os.Getenv("PG_OWNER_URL"))
	c.Store.Postgres.Schema = string(s)
}

// onRedis has the cache in Redis.
func onRedis(c *config.Config) {
	c.Cache.Name = "redis"
	c.Cache.Redis.Addresses, c.Cache.Redis.Password = []string{os.Getenv("REDIS_ADDR")}, config.NewSecret(os.Getenv("REDIS_PASSWORD"))
}
