package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// RecordQuery adds a row to the query log. KindNotFound if its collection is
// gone. Each call syncs to the disk: many rows are cheaper through RecordQueries.
func (s *Store) RecordQuery(ctx context.Context, r rag.QueryRecord) error {
	return s.RecordQueries(ctx, []rag.QueryRecord{r})
}

// RecordQueries adds rows to the query log in one transaction, all or none. An
// answer that cites a document which has been purged meanwhile is kept without
// its text and citations.
func (s *Store) RecordQueries(ctx context.Context, records []rag.QueryRecord) error {
	return s.update(ctx, "record query", func(ctx context.Context, c *conn) error {
		for i := range records {
			if err := s.recordQuery(ctx, c, records[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) recordQuery(ctx context.Context, c *conn, r rag.QueryRecord) error {
	scope := r.Scope.WithDefaults()
	if _, err := collectionByName(ctx, c, scope.Tenant, scope.Collection); err != nil {
		return err
	}
	if r.ID == "" {
		r.ID = uuid.NewString()
	}
	if r.At.IsZero() {
		r.At = s.now()
	}
	if math.IsNaN(r.Confidence) || math.IsInf(r.Confidence, 0) {
		r.Confidence = 0
	}
	whole, err := citedStand(ctx, c, r.Citations)
	if err != nil {
		return err
	}
	if !whole {
		r.Answer, r.Citations = "", nil
	}
	hits, citations, usage, err := formatQuery(r)
	if err != nil {
		return err
	}
	res, err := c.exec(ctx, `
		INSERT INTO queries (uuid, tenant, collection, principals, kind, text, answer, hits, citations, confidence, refused, cached, usage, took, at, error)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, scope.Tenant, scope.Collection, formatPrincipals(scope), r.Kind, r.Text, r.Answer, hits, citations, r.Confidence,
		r.Refused, r.Cached, usage, int64(r.Took), toMicros(r.At), r.Err)
	if err != nil || r.Answer == "" {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	for _, cited := range r.Citations {
		key, err := idBytes(cited.Document.ID)
		if err != nil {
			return err
		}
		if _, err := c.exec(ctx, "INSERT OR IGNORE INTO query_documents (document, query) VALUES (?, ?)", key, id); err != nil {
			return err
		}
	}
	// An answer may say in its own words what a source says that it does not cite.
	_, err = c.exec(ctx, `
		INSERT OR IGNORE INTO query_documents (document, query)
		SELECT DISTINCT d.uuid, ? FROM json_each(?) j JOIN chunks k ON k.id = j.value JOIN documents d ON d.id = k.document`, id, hits)
	return err
}

// citedStand reports whether every cited document is still in the store.
func citedStand(ctx context.Context, c *conn, citations []rag.Citation) (bool, error) {
	for _, cited := range citations {
		key, err := idBytes(cited.Document.ID)
		if err != nil {
			return false, nil
		}
		var n int
		if err := c.row(ctx, "SELECT count(*) FROM documents WHERE uuid = ?", []any{key}, &n); err != nil || n == 0 {
			return false, err
		}
	}
	return true, nil
}

func formatQuery(r rag.QueryRecord) (hits, citations, usage string, err error) {
	if r.Hits == nil {
		r.Hits = []rag.ChunkID{}
	}
	if r.Citations == nil {
		r.Citations = []rag.Citation{}
	}
	var out [3]string
	for i, v := range []any{r.Hits, r.Citations, r.Usage} {
		data, err := json.Marshal(v)
		if err != nil {
			return "", "", "", rag.Errorf(rag.KindInvalid, "query %s cannot be recorded: %v", r.ID, err)
		}
		out[i] = string(data)
	}
	return out[0], out[1], out[2], nil
}

func formatPrincipals(scope rag.Scope) string {
	if len(scope.Principals) == 0 {
		return "[]"
	}
	return mustJSON(scope.Principals)
}

// Queries lists the query log of scope's collection, oldest first, or newest
// first if opt says so. An administrator sees all of it; others see what was
// asked with exactly their principals. Filters are KindInvalid here.
func (s *Store) Queries(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.QueryRecord], error) {
	scope = scope.WithDefaults()
	var page rag.Page[rag.QueryRecord]
	limit, err := store.Limit(opt)
	if err != nil {
		return page, err
	}
	cursor, begun, err := store.ParseCursor("queries", opt)
	if err != nil {
		return page, err
	}
	if !opt.Filter.IsZero() {
		return page, rag.Errorf(rag.KindInvalid, "the query log cannot be filtered")
	}
	query := "SELECT id, uuid, principals, kind, text, answer, hits, citations, confidence, refused, cached, usage, took, at, error FROM queries " +
		"WHERE tenant = ? AND collection = ? AND (? OR principals = ?) "
	if opt.Descending {
		query += "AND (NOT ? OR id < ?) ORDER BY id DESC LIMIT ?"
	} else {
		query += "AND (NOT ? OR id > ?) ORDER BY id LIMIT ?"
	}
	err = s.view(ctx, "list queries", func(c *conn) error {
		args := []any{scope.Tenant, scope.Collection, scope.Admin, formatPrincipals(scope), begun, cursor.ID, limit + 1}
		return c.each(ctx, query, args, func(rows *sql.Rows) error {
			id, r, err := scanQuery(rows, scope)
			if err != nil {
				return err
			}
			if len(page.Items) == limit {
				page.Next = cursor.String()
				return nil
			}
			cursor.ID = id
			page.Items = append(page.Items, r)
			return nil
		})
	})
	return page, err
}

func scanQuery(r scanner, scope rag.Scope) (id int64, q rag.QueryRecord, err error) {
	var principals, hits, citations, usage string
	var took, at int64
	err = r.Scan(&id, &q.ID, &principals, &q.Kind, &q.Text, &q.Answer, &hits, &citations, &q.Confidence, &q.Refused, &q.Cached, &usage, &took, &at, &q.Err)
	if err != nil {
		return id, q, err
	}
	q.Scope = rag.Scope{Tenant: scope.Tenant, Collection: scope.Collection}
	q.Took, q.At = time.Duration(took), fromMicros(at)
	for _, part := range []struct {
		json string
		into any
	}{{principals, &q.Scope.Principals}, {hits, &q.Hits}, {citations, &q.Citations}, {usage, &q.Usage}} {
		if err := json.Unmarshal([]byte(part.json), part.into); err != nil {
			return id, q, rag.Errorf(rag.KindInternal, "query log row %d is damaged: %v", id, err)
		}
	}
	return id, q, nil
}
