package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// RecordQuery adds a row to the query log. KindNotFound if its collection is
// gone. Each call waits for the disk: many rows are cheaper through RecordQueries.
func (s *Store) RecordQuery(ctx context.Context, r rag.QueryRecord) error {
	return s.RecordQueries(ctx, []rag.QueryRecord{r})
}

// RecordQueries adds rows to the query log in one transaction, all or none. An
// answer that cites a document which has been purged meanwhile is kept without
// its text and citations.
//
// Documents that an answer was made from are locked against a purge until the row
// that names them is there: a purge that comes before is seen here, and one that
// comes after finds the row.
func (s *Store) RecordQueries(ctx context.Context, records []rag.QueryRecord) error {
	if len(records) == 0 {
		return nil
	}
	list := make([]logged, len(records))
	scope := inTenant(records[0].Scope.WithDefaults().Tenant)
	for i, r := range records {
		var err error
		if list[i], err = newLogged(r); err != nil {
			return err
		}
		if list[i].Scope.Tenant != scope.tenant {
			scope = everyTenant
		}
	}
	err := s.update(ctx, scope, func(ctx context.Context, tx pgx.Tx) error {
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		collections, err := lockLogs(ctx, tx, list)
		if err != nil {
			return err
		}
		sources, err := lockSources(ctx, tx, list)
		if err != nil {
			return err
		}
		return insertLogged(ctx, tx, list, collections, sources, now)
	})
	return wrap(err, "record query")
}

// logged is a row of the query log to be written.
type logged struct {
	store.Logged
	cited []string // ids of documents
}

func newLogged(r rag.QueryRecord) (logged, error) {
	row, err := store.NewLogged(r)
	l := logged{Logged: row}
	for _, c := range l.Citations {
		l.cited = append(l.cited, string(c.Document.ID))
	}
	return l, err
}

// place names a collection as a scope does.
type place struct{ tenant, collection string }

func (l *logged) place() place { return place{l.Scope.Tenant, l.Scope.Collection} }

// lockLogs returns the collections of rows, and keeps them from being deleted.
func lockLogs(ctx context.Context, tx pgx.Tx, list []logged) (map[place]int64, error) {
	found := map[place]int64{}
	var tenants, names []string
	for i := range list {
		if _, known := found[list[i].place()]; !known {
			found[list[i].place()] = 0
			tenants, names = append(tenants, list[i].Scope.Tenant), append(names, list[i].Scope.Collection)
		}
	}
	rows, err := tx.Query(ctx, `
		SELECT c.id, c.tenant, c.name FROM unnest($1::text[], $2::text[]) AS w (tenant, name)
		JOIN collections c ON c.tenant = w.tenant AND c.name = w.name ORDER BY c.id FOR KEY SHARE OF c`, tenants, names)
	if err != nil {
		return nil, err
	}
	var id int64
	var at place
	if _, err := pgx.ForEachRow(rows, []any{&id, &at.tenant, &at.collection}, func() error { found[at] = id; return nil }); err != nil {
		return nil, err
	}
	for at, id := range found {
		if id == 0 {
			return nil, store.NoCollection(at.collection)
		}
	}
	return found, nil
}

// madeFrom are the documents that rows name, those that are still there.
type madeFrom struct {
	ofChunk map[rag.ChunkID]string // a hit's document
	tenant  map[string]string      // a document's tenant
}

// lockSources looks up the documents that rows were made from, and keeps them from being
// purged.
func lockSources(ctx context.Context, tx pgx.Tx, list []logged) (madeFrom, error) {
	m := madeFrom{map[rag.ChunkID]string{}, map[string]string{}}
	var chunks []int64
	var cited []string
	for i := range list {
		if list[i].Answer == "" {
			continue
		}
		for _, hit := range list[i].Hits {
			chunks = append(chunks, int64(hit))
		}
		for _, id := range list[i].cited {
			if _, err := store.DocumentKey(rag.DocumentID(id)); err == nil {
				cited = append(cited, id)
			}
		}
	}
	if len(chunks) == 0 && len(cited) == 0 {
		return m, nil
	}
	// An answer may say in its own words what a source says that it does not cite.
	rows, err := tx.Query(ctx, "SELECT k.id, d.uuid::text FROM chunks k JOIN documents d ON d.id = k.document WHERE k.id = ANY ($1::bigint[])", chunks)
	if err != nil {
		return m, err
	}
	var chunk rag.ChunkID
	var id, tenant string
	if _, err := pgx.ForEachRow(rows, []any{&chunk, &id}, func() error { m.ofChunk[chunk] = id; cited = append(cited, id); return nil }); err != nil {
		return m, err
	}
	rows, err = tx.Query(ctx, "SELECT uuid::text, tenant FROM documents WHERE uuid = ANY ($1::text[]::uuid[]) ORDER BY id FOR KEY SHARE", cited)
	if err != nil {
		return m, err
	}
	_, err = pgx.ForEachRow(rows, []any{&id, &tenant}, func() error { m.tenant[id] = tenant; return nil })
	return m, err
}

// documents are those that a row was made from. whole is false if one that it cites is
// gone.
func (m madeFrom) documents(l *logged) (ids []string, whole bool) {
	for _, id := range l.cited {
		if m.tenant[id] != l.Scope.Tenant {
			return nil, false
		}
		ids = append(ids, id)
	}
	for _, hit := range l.Hits {
		if id := m.ofChunk[hit]; id != "" && m.tenant[id] == l.Scope.Tenant {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), true
}

// insertLogged writes rows and the names of the documents that they were made from.
func insertLogged(ctx context.Context, tx pgx.Tx, list []logged, collections map[place]int64, made madeFrom, now time.Time) error {
	rows, err := tx.Query(ctx, "SELECT nextval(pg_get_serial_sequence('queries', 'id')) FROM generate_series(1, $1)", len(list))
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	slices.Sort(ids)
	var linkedTenants, linkedDocuments []string
	var linkedIDs []int64
	var texts [10][]string // in the order of the statement
	var places, took []int64
	var confidence []float64
	var refused, cached []bool
	var at []time.Time
	for i := range list {
		l := &list[i]
		documents, whole := made.documents(l)
		row := l.Logged
		if !whole {
			row = row.WithoutAnswer()
		}
		answer := storable(row.Answer)
		if answer != "" {
			for _, id := range documents {
				linkedTenants, linkedDocuments, linkedIDs = append(linkedTenants, l.Scope.Tenant), append(linkedDocuments, id), append(linkedIDs, ids[i])
			}
		}
		for n, text := range []string{l.Scope.Tenant, storable(l.ID), store.FormatPrincipals(l.Scope), l.Kind, storable(l.Text), answer, row.HitsJSON, row.CitationsJSON, row.UsageJSON, storable(l.Err)} {
			texts[n] = append(texts[n], text)
		}
		places, took, confidence = append(places, collections[l.place()]), append(took, int64(l.Took)), append(confidence, l.Confidence)
		refused, cached = append(refused, l.Refused), append(cached, l.Cached)
		if l.At.IsZero() {
			at = append(at, now)
		} else {
			at = append(at, l.At)
		}
	}
	var b pgx.Batch
	b.Queue(`
		INSERT INTO queries (tenant, uuid, principals, kind, text, answer, hits, citations, usage, error, id, collection, took, confidence, refused, cached, at)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
			$11::bigint[], $12::bigint[], $13::bigint[], $14::float8[], $15::bool[], $16::bool[], $17::timestamptz[])`,
		texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], texts[8], texts[9], ids, places, took, confidence, refused, cached, at)
	b.Queue(`
		INSERT INTO query_documents (tenant, document, query)
		SELECT tenant, document::uuid, query FROM unnest($1::text[], $2::text[], $3::bigint[]) AS v (tenant, document, query)`,
		linkedTenants, linkedDocuments, linkedIDs)
	return tx.SendBatch(ctx, &b).Close()
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
	query := `
		SELECT q.id, q.uuid, q.principals, q.kind, q.text, q.answer, q.hits, q.citations, q.confidence, q.refused, q.cached, q.usage, q.took, q.at, q.error
		FROM queries q WHERE q.collection = (SELECT id FROM collections WHERE tenant = $1 AND name = $2) AND ($3 OR q.principals = $4) `
	if opt.Descending {
		query += "AND (NOT $5 OR q.id < $6) ORDER BY q.id DESC LIMIT $7"
	} else {
		query += "AND (NOT $5 OR q.id > $6) ORDER BY q.id LIMIT $7"
	}
	type row struct {
		id int64
		rag.QueryRecord
	}
	var found []row
	err = s.view(ctx, inTenant(scope.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, query, scope.Tenant, scope.Collection, scope.Admin, store.FormatPrincipals(scope), list.Begun, list.After.ID, list.Limit+1)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
			id, q, err := scanQuery(r, scope)
			return row{id, q}, err
		})
		return err
	})
	for _, r := range found {
		list.Add(r.QueryRecord, r.id, "")
	}
	return list.Page, wrap(err, "list queries")
}

func scanQuery(r pgx.CollectableRow, scope rag.Scope) (id int64, q rag.QueryRecord, err error) {
	var principals, hits, citations, usage string
	err = r.Scan(&id, &q.ID, &principals, &q.Kind, &q.Text, &q.Answer, &hits, &citations, &q.Confidence, &q.Refused, &q.Cached, &usage, &q.Took, &q.At, &q.Err)
	if err != nil {
		return id, q, err
	}
	q.Scope = rag.Scope{Tenant: scope.Tenant, Collection: scope.Collection}
	q.At = q.At.UTC()
	return id, q, store.ParseLogged(&q, id, principals, hits, citations, usage)
}
