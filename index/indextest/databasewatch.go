package indextest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// privateText is in every text that the suite sends: no error may hold it.
const privateText = "zqprivatezq"

// watch returns db, with its errors looked at: none may hold one of the secrets.
func watch(t testing.TB, db external.Database, secrets []string) external.Database {
	return watchedDatabase{db, watcher{t, secrets}}
}

type watcher struct {
	t       testing.TB
	secrets []string
}

func (w watcher) saw(err error) error {
	if err == nil {
		return nil
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err)} {
		for _, s := range w.secrets {
			if s != "" && strings.Contains(text, s) {
				w.t.Errorf("an error holds a secret or what was sent: %s", text)
				return err
			}
		}
	}
	return err
}

type watchedDatabase struct {
	external.Database
	watcher
}

func (d watchedDatabase) Open(ctx context.Context, s external.Space) (external.Table, error) {
	table, err := d.Database.Open(ctx, s)
	if d.saw(err) != nil {
		return nil, err
	}
	return watchedTable{table, d.watcher}, nil
}

func (d watchedDatabase) Spaces(ctx context.Context) ([]string, error) {
	names, err := d.Database.Spaces(ctx)
	return names, d.saw(err)
}

func (d watchedDatabase) Drop(ctx context.Context, name string) error {
	return d.saw(d.Database.Drop(ctx, name))
}

func (d watchedDatabase) Describe(ctx context.Context) (external.Server, error) {
	s, err := d.Database.Describe(ctx)
	return s, d.saw(err)
}

func (d watchedDatabase) Close() error { return d.saw(d.Database.Close()) }

type watchedTable struct {
	table external.Table
	watcher
}

func (w watchedTable) Upsert(ctx context.Context, items []external.Item) error {
	return w.saw(w.table.Upsert(ctx, items))
}

func (w watchedTable) Delete(ctx context.Context, ids []rag.ChunkID) error {
	return w.saw(w.table.Delete(ctx, ids))
}

func (w watchedTable) DeleteWhere(ctx context.Context, where external.Condition) error {
	return w.saw(w.table.DeleteWhere(ctx, where))
}

func (w watchedTable) Search(ctx context.Context, q external.Query) (external.Result, error) {
	r, err := w.table.Search(ctx, q)
	return r, w.saw(err)
}

func (w watchedTable) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	ids, err := w.table.IDs(ctx, after, limit)
	return ids, w.saw(err)
}

func (w watchedTable) Count(ctx context.Context) (int64, error) {
	n, err := w.table.Count(ctx)
	return n, w.saw(err)
}
