package postgres

import (
	"context"

	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const itemColumns = "id, fingerprint, external_id, kind, reason, removed, reading, updated_at"

func scanItem(r pgx.CollectableRow) (rag.SourceItem, error) {
	var i rag.SourceItem
	err := r.Scan(&i.ID, &i.Fingerprint, &i.ExternalID, &i.Kind, &i.Reason, &i.Removed, &i.Reading, &i.UpdatedAt)
	i.UpdatedAt = i.UpdatedAt.UTC()
	return i, err
}

// ofSource is the scope of a source that was read from the store.
func ofSource(src rag.Source) tenantScope {
	if src.Tenant != "" {
		return inTenant(src.Tenant)
	}
	return ofCollection(src.CollectionID)
}

// SourceItem returns what is kept of an item, KindNotFound if nothing is.
func (s *Store) SourceItem(ctx context.Context, src rag.Source, id string) (item rag.SourceItem, err error) {
	list, err := s.items(ctx, src, "SELECT "+itemColumns+" FROM source_items WHERE source = $1 AND id = $2", src.ID, id)
	if err == nil && len(list) == 0 {
		return item, store.NoItem(id)
	}
	if err != nil {
		return item, err
	}
	return list[0], nil
}

// SourceItems lists items in the order of their ids, those after the given one, at
// most limit of them. failing takes only those that could not be read.
func (s *Store) SourceItems(ctx context.Context, src rag.Source, after string, failing bool, limit int) ([]rag.SourceItem, error) {
	query := "SELECT " + itemColumns + " FROM source_items WHERE source = $1 AND id > $2 ORDER BY id LIMIT $3"
	if failing {
		query = "SELECT " + itemColumns + " FROM source_items WHERE source = $1 AND id > $2 AND kind <> '' ORDER BY id LIMIT $3"
	}
	return s.items(ctx, src, query, src.ID, after, limit)
}

// StaleItems lists up to limit items that no reading from the given one on has told
// of.
func (s *Store) StaleItems(ctx context.Context, src rag.Source, reading int64, limit int) ([]rag.SourceItem, error) {
	return s.items(ctx, src, "SELECT "+itemColumns+" FROM source_items WHERE source = $1 AND reading < $2 ORDER BY reading, id LIMIT $3", src.ID, reading, limit)
}

func (s *Store) items(ctx context.Context, src rag.Source, query string, args ...any) (list []rag.SourceItem, err error) {
	err = s.view(ctx, ofSource(src), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanItem)
		return err
	})
	return list, wrap(err, "list items")
}

// PutItems keeps items as they were found by a reading, src.Reading, in one
// transaction. KindConflict says that another reading has begun meanwhile.
func (s *Store) PutItems(ctx context.Context, src rag.Source, items []rag.SourceItem) error {
	last := make(map[string]rag.SourceItem, len(items)) // of two with one id the later counts
	for _, i := range items {
		if err := store.CheckItem(i); err != nil {
			return err
		}
		last[i.ID] = i
	}
	ids := slices.Sorted(maps.Keys(last))
	n := len(ids)
	fingerprints, externals, kinds, reasons, removed := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for n, id := range ids {
		i := last[id]
		fingerprints[n], externals[n], kinds[n], reasons[n], removed[n] = i.Fingerprint, i.ExternalID, string(i.Kind), store.Cut(storable(i.Reason)), i.Removed
	}
	err := s.inReading(ctx, src, func(ctx context.Context, tx pgx.Tx, now time.Time) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO source_items (tenant, collection, source, id, fingerprint, external_id, kind, reason, removed, reading, updated_at)
			SELECT s.tenant, s.collection, s.id, v.id, v.fingerprint, v.external_id, v.kind, v.reason, v.removed, s.reading, $2
			FROM sources s, unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
				AS v (id, fingerprint, external_id, kind, reason, removed)
			WHERE s.id = $1
			ON CONFLICT (source, id, tenant) DO UPDATE SET fingerprint = excluded.fingerprint, external_id = excluded.external_id, kind = excluded.kind,
				reason = excluded.reason, removed = excluded.removed, reading = excluded.reading, updated_at = excluded.updated_at`,
			src.ID, now, ids, fingerprints, externals, kinds, reasons, removed)
		return err
	})
	return wrap(err, "keep items")
}

// inReading runs fn in a transaction that changes items of a reading, src.Reading, as
// long as no other one has begun.
func (s *Store) inReading(ctx context.Context, src rag.Source, fn func(ctx context.Context, tx pgx.Tx, now time.Time) error) error {
	return s.update(ctx, ofSource(src), func(ctx context.Context, tx pgx.Tx) error {
		if err := stillReading(ctx, tx, src.ID, src.Reading, "FOR SHARE"); err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		return fn(ctx, tx, now)
	})
}

// SeenItems notes that items are as they were, in one transaction.
func (s *Store) SeenItems(ctx context.Context, src rag.Source, ids []string) error {
	err := s.inReading(ctx, src, func(ctx context.Context, tx pgx.Tx, _ time.Time) error {
		_, err := tx.Exec(ctx, "UPDATE source_items SET reading = $1 WHERE source = $2 AND id = ANY ($3::text[])", src.Reading, src.ID, ids)
		return err
	})
	return wrap(err, "keep items")
}

// DropItems forgets items of a source and deletes their documents, with those that
// are within them, unless another item of the collection has the same document. It
// returns the external ids of what was deleted.
func (s *Store) DropItems(ctx context.Context, src rag.Source, ids []string) (deleted []string, err error) {
	err = s.deleting(ctx, src, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "DELETE FROM source_items WHERE source = $1 AND id = ANY ($2::text[]) RETURNING external_id", src.ID, ids)
		if err != nil {
			return err
		}
		externals, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		docs, err := documentsOf(ctx, tx, src.CollectionID, externals)
		if err != nil {
			return err
		}
		deleted, err = s.deleteUnheld(ctx, tx, src.CollectionID, docs, "")
		return err
	})
	return deleted, wrap(err, "drop items")
}

// deleting is inReading for what deletes documents: it locks the collection first, as
// all do that change what is in it.
func (s *Store) deleting(ctx context.Context, src rag.Source, fn func(context.Context, pgx.Tx) error) error {
	return s.update(ctx, ofSource(src), func(ctx context.Context, tx pgx.Tx) error {
		if _, err := lockByID(ctx, tx, src.CollectionID); err != nil {
			return err
		}
		if err := stillReading(ctx, tx, src.ID, src.Reading, "FOR SHARE"); err != nil {
			return err
		}
		return fn(ctx, tx)
	})
}

// PruneDocuments deletes what an item has no more: of the document with its external
// id and those within it, all that are not in keep, unless another item has them as
// its own. It returns the external ids of what was deleted.
func (s *Store) PruneDocuments(ctx context.Context, src rag.Source, externalID string, keep []string) (deleted []string, err error) {
	kept := make(map[string]bool, len(keep))
	for _, id := range keep {
		kept[id] = true
	}
	obsolete := func(ctx context.Context, tx pgx.Tx) ([]document, error) {
		docs, err := documentsOf(ctx, tx, src.CollectionID, []string{externalID})
		return slices.DeleteFunc(docs, func(d document) bool { return kept[d.ExternalID] }), err
	}
	// Nearly always there is nothing to do, which is found out without a lock.
	some := false
	err = s.view(ctx, ofSource(src), func(ctx context.Context, tx pgx.Tx) error {
		docs, err := obsolete(ctx, tx)
		some = len(docs) > 0
		return err
	})
	if err != nil || !some {
		return nil, wrap(err, "find documents")
	}
	err = s.deleting(ctx, src, func(ctx context.Context, tx pgx.Tx) error {
		docs, err := obsolete(ctx, tx)
		if err != nil {
			return err
		}
		deleted, err = s.deleteUnheld(ctx, tx, src.CollectionID, docs, externalID)
		return err
	})
	return deleted, wrap(err, "prune documents")
}

// documentsOf returns the live documents with these external ids and those within
// them, each once.
func documentsOf(ctx context.Context, tx pgx.Tx, collectionID int64, externalIDs []string) (list []document, err error) {
	wanted := map[string]bool{}
	var from, to [][]byte // ranges of keys that hold the ids, and the names of what is within
	for _, id := range externalIDs {
		if id == "" || wanted[id] {
			continue
		}
		wanted[id] = true
		key, _ := externalKey(id)
		within, _ := externalKey(id + rag.MemberMark)
		from, to = append(from, key, within), append(to, after(key[:len(key):len(key)], 0), after(within, 0xff))
	}
	if len(from) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, "SELECT "+documentColumns+` FROM documents d WHERE d.collection = $1 AND d.deleted_at IS NULL AND d.id IN (
		SELECT k.id FROM unnest($2::bytea[], $3::bytea[]) AS r (low, high)
		JOIN documents k ON k.collection = $1 AND k.deleted_at IS NULL AND k.external_key >= r.low AND k.external_key < r.high)`, collectionID, from, to)
	if err != nil {
		return nil, err
	}
	list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (document, error) { return scanDocument(r) })
	// Keys are the beginnings of long ids only, and stand for others too.
	return slices.DeleteFunc(list, func(d document) bool {
		return !slices.ContainsFunc(store.Containers(d.ExternalID), func(name string) bool { return wanted[name] })
	}), err
}

// after is a key behind all those that begin with key and, for fill 0, behind key
// itself only. UTF-8 has no byte 0xff.
func after(key []byte, fill byte) []byte { return append(slices.Clone(key), fill) }

// deleteUnheld deletes those documents that no item has, under their own external id
// or that of a document around them; the external id except does not count. It
// returns their external ids.
func (s *Store) deleteUnheld(ctx context.Context, tx pgx.Tx, collectionID int64, docs []document, except string) (deleted []string, err error) {
	names := map[string]bool{}
	for _, d := range docs {
		for _, name := range store.Containers(d.ExternalID) {
			if name != except {
				names[name] = true
			}
		}
	}
	if len(docs) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		SELECT DISTINCT external_id FROM source_items
		WHERE collection = $1 AND external_id = ANY ($2::text[]) AND external_key = ANY (SELECT hashtextextended(unnest($2::text[]), 0))`,
		collectionID, slices.Collect(maps.Keys(names)))
	if err != nil {
		return nil, err
	}
	held := map[string]bool{}
	var name string
	if _, err = pgx.ForEachRow(rows, []any{&name}, func() error { held[name] = true; return nil }); err != nil {
		return nil, err
	}
	docs = slices.DeleteFunc(docs, func(d document) bool {
		return slices.ContainsFunc(store.Containers(d.ExternalID), func(name string) bool { return held[name] })
	})
	for _, d := range docs {
		deleted = append(deleted, d.ExternalID)
	}
	return deleted, s.deleteRows(ctx, tx, collectionID, docs)
}

// deleteRows is deleteRow for many documents of one collection.
func (s *Store) deleteRows(ctx context.Context, tx pgx.Tx, collectionID int64, docs []document) error {
	if len(docs) == 0 {
		return nil
	}
	now, err := s.clock(ctx, tx)
	if err != nil {
		return err
	}
	rows := make([]int64, len(docs))
	var gone count
	for i, d := range docs {
		rows[i] = d.row
		gone.documents, gone.chunks, gone.bytes = gone.documents+1, gone.chunks+d.Chunks, gone.bytes+d.Bytes
	}
	var b pgx.Batch
	b.Queue("UPDATE documents SET deleted_at = $1 WHERE id = ANY ($2::bigint[])", now, rows)
	b.Queue(`
		WITH written AS (
			INSERT INTO changes (tenant, collection, seq, op, chunk, document, at)
			SELECT k.tenant, k.collection, c.seq + row_number() OVER (ORDER BY k.document, k.ordinal), $3::smallint, k.id, d.uuid, $4
			FROM chunks k JOIN documents d ON d.id = k.document JOIN collections c ON c.id = k.collection
			WHERE k.document = ANY ($2::bigint[]) AND k.collection = $1
			RETURNING seq)
		UPDATE collections SET documents = documents - $5, chunks = chunks - $6, bytes = bytes - $7,
			seq = greatest(seq, (SELECT max(seq) FROM written))
		WHERE id = $1`,
		collectionID, rows, int(rag.ChangeDelete), now, gone.documents, gone.chunks, gone.bytes)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	return s.touched(ctx, tx, collectionID)
}
