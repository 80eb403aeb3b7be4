package sqlite

import (
	"context"
	"database/sql"
	"time"

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
	l, err := store.NewLogged(r)
	if err != nil {
		return err
	}
	if _, err := collectionByName(ctx, c, l.Scope.Tenant, l.Scope.Collection); err != nil {
		return err
	}
	if l.At.IsZero() {
		l.At = s.now()
	}
	whole, err := citedStand(ctx, c, l.Citations)
	if err != nil {
		return err
	}
	if !whole {
		l = l.WithoutAnswer()
	}
	res, err := c.exec(ctx, `
		INSERT INTO queries (uuid, tenant, collection, principals, kind, text, answer, hits, citations, confidence, refused, cached, usage, took, at, error)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		l.ID, l.Scope.Tenant, l.Scope.Collection, store.FormatPrincipals(l.Scope), l.Kind, l.Text, l.Answer, l.HitsJSON, l.CitationsJSON, l.Confidence,
		l.Refused, l.Cached, l.UsageJSON, int64(l.Took), toMicros(l.At), l.Err)
	if err != nil || l.Answer == "" {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	for _, cited := range l.Citations {
		key, err := store.DocumentKey(cited.Document.ID)
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
		SELECT DISTINCT d.uuid, ? FROM json_each(?) j JOIN chunks k ON k.id = j.value JOIN documents d ON d.id = k.document`, id, l.HitsJSON)
	return err
}

// citedStand reports whether every cited document is still in the store.
func citedStand(ctx context.Context, c *conn, citations []rag.Citation) (bool, error) {
	for _, cited := range citations {
		key, err := store.DocumentKey(cited.Document.ID)
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

// Queries lists the query log of scope's collection, oldest first, or newest
// first if opt says so. An administrator sees all of it; others see what was
// asked with exactly their principals. Filters are KindInvalid here.
func (s *Store) Queries(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.QueryRecord], error) {
	scope = scope.WithDefaults()
	list, err := store.NewListing[rag.QueryRecord]("queries", opt)
	if err != nil {
		return rag.Page[rag.QueryRecord]{}, err
	}
	if !opt.Filter.IsZero() {
		return list.Page, rag.Errorf(rag.KindInvalid, "the query log cannot be filtered")
	}
	query := "SELECT id, uuid, principals, kind, text, answer, hits, citations, confidence, refused, cached, usage, took, at, error FROM queries " +
		"WHERE tenant = ? AND collection = ? AND (? OR principals = ?) "
	if opt.Descending {
		query += "AND (NOT ? OR id < ?) ORDER BY id DESC LIMIT ?"
	} else {
		query += "AND (NOT ? OR id > ?) ORDER BY id LIMIT ?"
	}
	err = s.view(ctx, "list queries", func(c *conn) error {
		args := []any{scope.Tenant, scope.Collection, scope.Admin, store.FormatPrincipals(scope), list.Begun, list.After.ID, list.Limit + 1}
		return c.each(ctx, query, args, func(rows *sql.Rows) error {
			id, r, err := scanQuery(rows, scope)
			if err != nil {
				return err
			}
			list.Add(r, id, "")
			return nil
		})
	})
	return list.Page, err
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
	return id, q, store.ParseLogged(&q, id, principals, hits, citations, usage)
}
