package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// invariant is a statement that must find nothing. Each row it finds is one
// sentence.
type invariant struct{ rule, query string }

// maxFaults bounds how many faults of one kind are listed.
const maxFaults = 20

// invariants hold after every transaction.
var invariants = []invariant{
	{"collection counters", `
		SELECT format('collection %d counts %d documents, %d chunks, %d bytes and has %d, %d, %d', c.id, c.documents, c.chunks, c.bytes, n.documents, n.chunks, n.bytes)
		FROM collections c JOIN (
			SELECT c.id,
				(SELECT count(*) FROM documents d WHERE d.collection = c.id AND d.deleted_at IS NULL) AS documents,
				(SELECT count(*) FROM chunks k JOIN documents d ON d.id = k.document WHERE k.collection = c.id AND d.deleted_at IS NULL) AS chunks,
				(SELECT coalesce(sum(d.bytes), 0) FROM documents d WHERE d.collection = c.id AND d.deleted_at IS NULL) AS bytes
			FROM collections c) n ON n.id = c.id
		WHERE c.documents <> n.documents OR c.chunks <> n.chunks OR c.bytes <> n.bytes`},
	{"active generation", `
		SELECT format('collection %d has no generation %d', c.id, c.generation) FROM collections c
		WHERE NOT EXISTS (SELECT 1 FROM generations g WHERE g.collection = c.id AND g.number = c.generation)`},
	{"document chunk count", `
		SELECT format('document %d says %d chunks and has %d, ordinals up to %d', d.id, d.chunks, count(k.id), max(k.ordinal))
		FROM documents d LEFT JOIN chunks k ON k.document = d.id
		GROUP BY d.id HAVING d.chunks <> count(k.id) OR d.chunks <> coalesce(max(k.ordinal) + 1, 0)`},
	{"current version", `
		SELECT format('document %d has no row of its version %d', d.id, d.version) FROM documents d
		WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.document = d.id AND v.version = d.version)`},
	{"chunks of the current version", `
		SELECT format('chunk %d belongs to no current version of its document, or to another collection', k.id) FROM chunks k
		WHERE NOT EXISTS (SELECT 1 FROM documents d JOIN versions v ON v.document = d.id AND v.version = d.version
			WHERE d.id = k.document AND d.collection = k.collection AND v.id = k.version)`},
	{"spans within the text", `
		SELECT format('chunk %d covers bytes %d to %d of a text of %d', k.id, k.start_at, k.end_at, v.length)
		FROM chunks k JOIN versions v ON v.id = k.version
		WHERE k.start_at < 0 OR k.end_at <= k.start_at OR k.end_at > v.length`},
	{"text of every version", `
		SELECT format('version %d says %d bytes of text and has %d', v.id, v.length, coalesce(t.length, 0)) FROM versions v
		LEFT JOIN (SELECT id >> 24 AS version, sum(length(content)) AS length FROM texts GROUP BY 1) t ON t.version = v.id
		WHERE v.length <> coalesce(t.length, 0)`},
	{"version of every text", `
		SELECT format('text piece %d belongs to no version', t.id) FROM texts t
		WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.id = t.id >> 24)`},
	{"embeddings of the active model", `
		SELECT format('chunk %d has no embedding of model %s', k.id, g.model)
		FROM chunks k JOIN collections c ON c.id = k.collection
		JOIN generations g ON g.collection = c.id AND g.number = c.generation
		LEFT JOIN models m ON m.name = g.model
		LEFT JOIN embeddings e ON e.hash = k.hash AND e.model = m.id
		WHERE g.model <> '' AND length(e.vector) IS NOT g.dimensions * 4`},
	{"generations", `
		SELECT format('collection %d has %d generations that are being built and %d that were live before', c.id,
			count(*) FILTER (WHERE g.number <> c.generation AND g.live_at IS NULL), count(*) FILTER (WHERE g.number <> c.generation AND g.live_at IS NOT NULL))
		FROM collections c JOIN generations g ON g.collection = c.id GROUP BY c.id
		HAVING count(*) FILTER (WHERE g.number <> c.generation AND g.live_at IS NULL) > 1
		OR count(*) FILTER (WHERE g.number <> c.generation AND g.live_at IS NOT NULL) > 1
		OR count(*) FILTER (WHERE g.number = c.generation AND g.live_at IS NULL) > 0`},
	{"embeddings in use", `
		SELECT format('embedding %d has no chunk in any generation, and no purge will find it', e.id) FROM embeddings e
		WHERE NOT EXISTS (SELECT 1 FROM chunks k JOIN generations g ON g.collection = k.collection JOIN models m ON m.name = g.model
			WHERE k.hash = e.hash AND m.id = e.model)
		AND NOT EXISTS (SELECT 1 FROM loose_embeddings l WHERE l.id = e.id)`},
	{"live chunks in the feed", `
		SELECT format('the last change of live chunk %d is not a put', k.id)
		FROM chunks k JOIN documents d ON d.id = k.document AND d.deleted_at IS NULL
		WHERE (SELECT op FROM changes WHERE chunk = k.id ORDER BY seq DESC LIMIT 1) IS NOT 1`},
	{"gone chunks in the feed", `
		SELECT format('the last change of chunk %d is a put, and it is gone', f.chunk)
		FROM (SELECT chunk, op, max(seq) FROM changes GROUP BY chunk) f
		WHERE f.op = 1 AND NOT EXISTS (SELECT 1 FROM chunks k JOIN documents d ON d.id = k.document WHERE k.id = f.chunk AND d.deleted_at IS NULL)`},
	{"sequence numbers", `
		SELECT format('collection %d is at change %d, its feed goes from %d to %d', c.id, c.seq, c.feed_start, f.last)
		FROM collections c LEFT JOIN (SELECT collection, max(seq) AS last FROM changes GROUP BY collection) f ON f.collection = c.id
		WHERE c.seq < coalesce(f.last, 0) OR c.seq < c.feed_start`},
	{"feeds of collections", `
		SELECT format('change %d is of collection %d, which is gone', seq, collection) FROM changes
		WHERE collection NOT IN (SELECT id FROM collections)`},
	{"items of sources", `
		SELECT format('item %s of source %d is of collection %d, and its source is not', i.id, i.source, i.collection) FROM source_items i
		WHERE NOT EXISTS (SELECT 1 FROM sources s WHERE s.id = i.source AND s.collection = i.collection)`},
	{"references", `
		SELECT format('row %d of %s refers to a row of %s that is gone', rowid, "table", parent) FROM pragma_foreign_key_check`},
	{"database file", `
		SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'`},
}

// Verify checks the store's invariants, all at one moment, and returns a sentence
// for each that is violated, at most 20 for each rule; none is a sound store. It
// reads the whole file: a second or so for 100 MB.
func (s *Store) Verify(ctx context.Context) ([]string, error) {
	var faults []string
	err := s.view(ctx, "verify the store", func(c *conn) error {
		for _, inv := range invariants {
			err := c.each(ctx, inv.query+fmt.Sprintf(" LIMIT %d", maxFaults), nil, func(r *sql.Rows) error {
				var fault string
				err := r.Scan(&fault)
				faults = append(faults, inv.rule+": "+fault)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", inv.rule, err)
			}
		}
		return nil
	})
	return faults, err
}
