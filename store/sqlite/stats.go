package sqlite

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
)

// Ping reports whether the store can be read.
func (s *Store) Ping(ctx context.Context) error {
	return s.view(ctx, "reach the store", func(c *conn) error {
		var id string
		return c.row(ctx, "SELECT value FROM meta WHERE key = 'store_id'", nil, &id)
	})
}

// DataVersion returns a number that differs from that of the call before if any
// connection of any process has committed to the store in between. It costs a few
// microseconds: a follower asks often, and reads the feed only on a change.
func (s *Store) DataVersion(ctx context.Context) (int64, error) {
	const doing = "look for changes"
	c, err := s.watcher.take(ctx)
	if err != nil {
		return 0, translate(ctx, err, doing)
	}
	defer s.watcher.give(c)
	var version int64
	if err := c.row(ctx, "PRAGMA data_version", nil, &version); err != nil {
		c.drop()
		return 0, translate(ctx, err, doing)
	}
	// SQLite's number compares only within one connection: another one in its
	// place must not give the same by chance.
	return c.serial<<32 | version, nil
}

// Stats counts what scope's tenant has, over all its collections. StoreBytes and
// the free pages in it are of the whole file.
func (s *Store) Stats(ctx context.Context, scope rag.Scope) (rag.Stats, error) {
	scope = scope.WithDefaults()
	var st rag.Stats
	err := s.view(ctx, "count", func(c *conn) error {
		err := c.row(ctx, `
			SELECT count(*), coalesce(sum(documents), 0), coalesce(sum(chunks), 0), coalesce(sum(bytes), 0), coalesce(max(seq), 0)
			FROM collections WHERE tenant = ?`, []any{scope.Tenant}, &st.Collections, &st.Documents, &st.Chunks, &st.Bytes, &st.Seq)
		if err != nil {
			return err
		}
		err = c.row(ctx, `
			SELECT count(DISTINCT e.id) FROM collections c
			JOIN generations g ON g.collection = c.id JOIN models m ON m.name = g.model
			JOIN chunks k ON k.collection = c.id JOIN embeddings e ON e.hash = k.hash AND e.model = m.id
			WHERE c.tenant = ?`, []any{scope.Tenant}, &st.Embeddings)
		if err != nil {
			return err
		}
		if err := c.row(ctx, "SELECT count(*) FROM queries WHERE tenant = ?", []any{scope.Tenant}, &st.Queries); err != nil {
			return err
		}
		var pages, size int64
		if err := c.row(ctx, "PRAGMA page_count", nil, &pages); err != nil {
			return err
		}
		if err := c.row(ctx, "PRAGMA page_size", nil, &size); err != nil {
			return err
		}
		st.StoreBytes = pages * size
		return nil
	})
	return st, err
}
