package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// invariant is a statement that must find nothing. Each row it finds is one
// sentence.
type invariant struct{ rule, query string }

// maxFaults bounds how many faults of one kind are listed.
const maxFaults = 20

// invariants hold after every transaction.
var invariants = []invariant{
	{"collection counters", `
		SELECT format('collection %s counts %s documents, %s chunks, %s bytes and has %s, %s, %s', c.id, c.documents, c.chunks, c.bytes, n.documents, n.chunks, n.bytes)
		FROM collections c JOIN (
			SELECT c.id,
				(SELECT count(*) FROM documents d WHERE d.collection = c.id AND d.deleted_at IS NULL) AS documents,
				(SELECT count(*) FROM chunks k JOIN documents d ON d.id = k.document WHERE k.collection = c.id AND d.deleted_at IS NULL) AS chunks,
				(SELECT coalesce(sum(d.bytes), 0) FROM documents d WHERE d.collection = c.id AND d.deleted_at IS NULL) AS bytes
			FROM collections c) n ON n.id = c.id
		WHERE c.documents <> n.documents OR c.chunks <> n.chunks OR c.bytes <> n.bytes`},
	{"active generation", `
		SELECT format('collection %s has no generation %s', c.id, c.generation) FROM collections c
		WHERE NOT EXISTS (SELECT 1 FROM generations g WHERE g.collection = c.id AND g.number = c.generation)`},
	{"document chunk count", `
		SELECT format('document %s says %s chunks and has %s, ordinals up to %s', d.id, d.chunks, count(k.id), max(k.ordinal))
		FROM documents d LEFT JOIN chunks k ON k.document = d.id
		GROUP BY d.id, d.chunks HAVING d.chunks <> count(k.id) OR d.chunks <> coalesce(max(k.ordinal) + 1, 0)`},
	{"current version", `
		SELECT format('document %s has no row of its version %s', d.id, d.version) FROM documents d
		WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.document = d.id AND v.version = d.version)`},
	{"chunks of the current version", `
		SELECT format('chunk %s belongs to no current version of its document, or to another collection', k.id) FROM chunks k
		WHERE NOT EXISTS (SELECT 1 FROM documents d JOIN versions v ON v.document = d.id AND v.version = d.version
			WHERE d.id = k.document AND d.collection = k.collection AND v.id = k.version)`},
	{"spans within the text", `
		SELECT format('chunk %s covers bytes %s to %s of a text of %s', k.id, k.start_at, k.end_at, length(v.content))
		FROM chunks k JOIN versions v ON v.id = k.version
		WHERE k.start_at < 0 OR k.end_at <= k.start_at OR k.end_at > length(v.content)`},
	{"embeddings of the active model", `
		SELECT format('chunk %s has no embedding of model %s', k.id, g.model)
		FROM chunks k JOIN collections c ON c.id = k.collection
		JOIN generations g ON g.collection = c.id AND g.number = c.generation
		LEFT JOIN models m ON m.name = g.model
		LEFT JOIN embeddings e ON e.hash = k.hash AND e.model = m.id AND e.tenant = k.tenant
		WHERE g.model <> '' AND length(e.vector) IS DISTINCT FROM g.dimensions * 4`},
	{"generations", `
		SELECT format('collection %s has %s generations that are being built and %s that were live before', c.id,
			count(*) FILTER (WHERE g.number <> c.generation AND g.live_at IS NULL), count(*) FILTER (WHERE g.number <> c.generation AND g.live_at IS NOT NULL))
		FROM collections c JOIN generations g ON g.collection = c.id GROUP BY c.id
		HAVING count(*) FILTER (WHERE g.number <> c.generation AND g.live_at IS NULL) > 1
		OR count(*) FILTER (WHERE g.number <> c.generation AND g.live_at IS NOT NULL) > 1
		OR count(*) FILTER (WHERE g.number = c.generation AND g.live_at IS NULL) > 0`},
	{"embeddings in use", `
		SELECT format('embedding %s of model %s has no chunk in any generation, and no purge will find it', encode(e.hash, 'hex'), e.model) FROM embeddings e
		WHERE NOT EXISTS (SELECT 1 FROM chunks k JOIN generations g ON g.collection = k.collection JOIN models m ON m.name = g.model
			WHERE k.hash = e.hash AND k.tenant = e.tenant AND m.id = e.model)
		AND NOT EXISTS (SELECT 1 FROM loose_embeddings l WHERE l.hash = e.hash AND l.model = e.model AND l.tenant = e.tenant)`},
	{"live chunks in the feed", `
		SELECT format('the last change of live chunk %s is not a put', k.id)
		FROM chunks k JOIN documents d ON d.id = k.document AND d.deleted_at IS NULL
		WHERE (SELECT op FROM changes WHERE chunk = k.id ORDER BY seq DESC LIMIT 1) IS DISTINCT FROM 1`},
	{"gone chunks in the feed", `
		SELECT format('the last change of chunk %s is a put, and it is gone', f.chunk)
		FROM (SELECT DISTINCT ON (chunk) chunk, op FROM changes ORDER BY chunk, seq DESC) f
		WHERE f.op = 1 AND NOT EXISTS (SELECT 1 FROM chunks k JOIN documents d ON d.id = k.document WHERE k.id = f.chunk AND d.deleted_at IS NULL)`},
	{"sequence numbers", `
		SELECT format('collection %s is at change %s, its feed goes from %s to %s', c.id, c.seq, c.feed_start, f.last)
		FROM collections c LEFT JOIN (SELECT collection, max(seq) AS last FROM changes GROUP BY collection) f ON f.collection = c.id
		WHERE c.seq < coalesce(f.last, 0) OR c.seq < c.feed_start`},
	{"feeds of collections", `
		SELECT format('change %s is of collection %s, which is gone', seq, collection) FROM changes
		WHERE collection NOT IN (SELECT id FROM collections)`},
	{"items of sources", `
		SELECT format('item %s of source %s is of collection %s, and its source is not', i.id, i.source, i.collection) FROM source_items i
		WHERE NOT EXISTS (SELECT 1 FROM sources s WHERE s.id = i.source AND s.collection = i.collection)`},
	{"tenant of every row", `
		SELECT format('%s %s is of tenant %s, and what it belongs to is of another, or gone', x.what, x.id, x.tenant) FROM (
			SELECT 'document' AS what, d.id AS id, d.tenant, c.tenant AS owner FROM documents d LEFT JOIN collections c ON c.id = d.collection
			UNION ALL SELECT 'version', v.id, v.tenant, d.tenant FROM versions v LEFT JOIN documents d ON d.id = v.document
			UNION ALL SELECT 'chunk', k.id, k.tenant, c.tenant FROM chunks k LEFT JOIN collections c ON c.id = k.collection
			UNION ALL SELECT 'change', f.seq, f.tenant, c.tenant FROM changes f LEFT JOIN collections c ON c.id = f.collection) x
		WHERE x.tenant IS DISTINCT FROM x.owner`},
	{"keys of external ids", `
		SELECT format('document %s is not found by its external id', d.id) FROM documents d
		WHERE d.external_key <> substring(convert_to(d.external_id, 'UTF8') FOR 1000)
		OR d.external_rest <> CASE WHEN octet_length(d.external_id) > 1000 THEN sha256(convert_to(d.external_id, 'UTF8')) ELSE ''::bytea END`},
}

// Verify checks the store's invariants, all at one moment, and returns a sentence
// for each that is violated, at most 20 for each rule; none is a sound store. It
// reads all rows: a second or so for 100 MB. References between tables, and the
// checksums of pages where the server has them, are the database's own to keep.
func (s *Store) Verify(ctx context.Context) ([]string, error) {
	var faults []string
	err := s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		faults = nil
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		for _, inv := range invariants {
			rows, err := tx.Query(ctx, inv.query+fmt.Sprintf(" LIMIT %d", maxFaults))
			if err != nil {
				return fmt.Errorf("%s: %w", inv.rule, err)
			}
			found, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				return fmt.Errorf("%s: %w", inv.rule, err)
			}
			for _, fault := range found {
				faults = append(faults, inv.rule+": "+fault)
			}
		}
		return nil
	})
	return faults, wrap(err, "verify the store")
}
