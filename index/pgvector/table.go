package pgvector

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// table is a space.
type table struct {
	db    *Database
	space external.Space
	name  string // quoted, with its schema
	kind  string // of the column embedding, as "vector(384)"
	class string // operator class of an index on it

	grown   atomic.Int64 // items put in since it was last asked whether an index pays
	indexed atomic.Bool  // it is known that there is one
	last    atomic.Int64 // when items were last put in, Unix nanoseconds
	waiting atomic.Bool  // an index is to be built, or being built, in the background
}

// Upsert puts items in by pipelined statements in one transaction.
func (t *table) Upsert(ctx context.Context, items []external.Item) error {
	if len(items) == 0 {
		return nil
	}
	sorted := slices.Clone(items) // two writers that lock rows in one order do not wait for each other
	slices.SortFunc(sorted, func(a, b external.Item) int { return cmp.Compare(a.ID, b.ID) })
	insert := fmt.Sprintf(`
		INSERT INTO %s (id, document, tags, embedding, words) VALUES ($1, $2, $3, $4::real[]::%s, to_tsvector($5::text::regconfig, $6::text))
		ON CONFLICT (id) DO UPDATE SET document = excluded.document, tags = excluded.tags, embedding = excluded.embedding, words = excluded.words`, t.name, t.kind)
	batch := &pgx.Batch{}
	for i := range sorted {
		it := &sorted[i]
		if len(it.Vector) != t.space.Dimensions {
			return rag.Errorf(rag.KindInvalid, "pgvector: chunk %d has a vector of %d dimensions, not %d", it.ID, len(it.Vector), t.space.Dimensions)
		}
		var words *string
		if t.space.Text {
			text := plain(it.Text)
			words = &text
		}
		batch.Queue(insert, int64(it.ID), string(it.Document), tagsOf(it.Tags), it.Vector, t.db.cfg.Language, words)
	}
	if err := t.db.pool.SendBatch(ctx, batch).Close(); err != nil {
		return translate(err, fmt.Sprintf("put %d items into space %s", len(items), t.space.Name))
	}
	t.grow(len(items))
	return nil
}

// plain returns a text without what PostgreSQL does not take: zero bytes, and what is no UTF-8.
func plain(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", " "), " ")
}

// Delete takes items out.
func (t *table) Delete(ctx context.Context, ids []rag.ChunkID) error {
	if len(ids) == 0 {
		return nil
	}
	return t.DeleteWhere(ctx, external.Condition{IDs: ids})
}

// DeleteWhere takes out what meets a condition.
func (t *table) DeleteWhere(ctx context.Context, where external.Condition) error {
	var s statement
	cond := s.where(where)
	// In the order of ids, for the reason that Upsert has.
	q := fmt.Sprintf("DELETE FROM %s WHERE id = ANY (ARRAY(SELECT id FROM %s WHERE %s ORDER BY id FOR UPDATE))", t.name, t.name, cond)
	_, err := t.db.pool.Exec(ctx, q, s.args...)
	return translate(err, "delete from space "+t.space.Name)
}

// Search finds the best on each side in one statement.
func (t *table) Search(ctx context.Context, q external.Query) (external.Result, error) {
	if q.Vector != nil && len(q.Vector) != t.space.Dimensions {
		return external.Result{}, rag.Errorf(rag.KindInvalid, "pgvector: the query has %d dimensions, not %d", len(q.Vector), t.space.Dimensions)
	}
	if q.K < 1 || q.Vector == nil && q.Text == "" {
		return external.Result{}, nil
	}
	res, err := t.search(ctx, q, false)
	if err != nil || q.Vector == nil || len(res.Vector) >= q.K || !t.hasIndex() {
		return res, err
	}
	// The index gave fewer than are wanted: either there are no more, or it was left too early.
	exact := q
	exact.Text = ""
	all, err := t.search(ctx, exact, true)
	res.Vector = all.Vector
	return res, err
}

func (t *table) hasIndex() bool { return t.db.cfg.Index != "none" }

// search asks once; exactly compares every vector that meets the condition.
func (t *table) search(ctx context.Context, q external.Query, exactly bool) (external.Result, error) {
	var s statement
	var sides []string
	var with []string
	if q.Vector != nil {
		distance := distances[t.db.cfg.Distance]
		term := fmt.Sprintf("embedding %s %s::%s", distance.operator, s.arg(q.Vector, "real[]"), t.kind)
		with = append(with, fmt.Sprintf("v AS MATERIALIZED (SELECT id, document, %s AS score FROM %s WHERE %s ORDER BY %s LIMIT %d)",
			fmt.Sprintf(distance.score, term), t.name, s.where(q.Where), term, q.K))
		sides = append(sides, "SELECT 1 AS side, id, document, score::double precision FROM v")
	}
	if q.Text != "" {
		// Any of the words will do.
		with = append(with, fmt.Sprintf("a AS MATERIALIZED (SELECT string_agg(quote_literal(lexeme), ' | ')::tsquery AS words FROM unnest(to_tsvector(%s::regconfig, %s)))",
			s.arg(t.db.cfg.Language, "text"), s.arg(plain(q.Text), "text")))
		with = append(with, fmt.Sprintf("w AS MATERIALIZED (SELECT id, document, ts_rank(t.words, a.words, 1) AS score FROM a JOIN %s t ON t.words @@ a.words WHERE %s ORDER BY score DESC, id LIMIT %d)",
			t.name, s.where(q.Where), q.K))
		sides = append(sides, "SELECT 2 AS side, id, document, score::double precision FROM w")
	}
	s.WriteString("WITH " + strings.Join(with, ", ") + " " + strings.Join(sides, " UNION ALL "))
	batch := &pgx.Batch{} // one transaction, and one round trip
	batch.Queue("SELECT " + t.settings(q, exactly))
	batch.Queue(s.String(), s.args...)
	answers := t.db.pool.SendBatch(ctx, batch)
	res, err := readSides(answers)
	if e := answers.Close(); err == nil {
		err = e
	}
	if err != nil {
		return external.Result{}, translate(err, "search in space "+t.space.Name)
	}
	return res, nil
}

// settings sets, for the transaction, how the index is used.
func (t *table) settings(q external.Query, exactly bool) string {
	if exactly {
		return "set_config('enable_indexscan', 'off', true)"
	}
	c := t.db.cfg
	set := []string{}
	put := func(name string, value any) {
		set = append(set, fmt.Sprintf("set_config('%s', '%v', true)", name, value))
	}
	if c.Index == "ivfflat" {
		if c.Probes > 0 {
			put("ivfflat.probes", c.Probes)
		} else {
			put("ivfflat.probes", max(1, root(root(int(t.grown.Load())+c.IndexFrom))))
		}
		put("ivfflat.iterative_scan", "relaxed_order")
	} else {
		put("hnsw.ef_search", min(max(c.EfSearch, q.K), maxEf))
		put("hnsw.iterative_scan", "strict_order")
		put("hnsw.max_scan_tuples", max(20_000, 20*q.K))
	}
	return strings.Join(set, ", ")
}

// root returns the square root of n, rounded down.
func root(n int) int {
	r := 0
	for (r+1)*(r+1) <= n {
		r++
	}
	return r
}

func readSides(answers pgx.BatchResults) (res external.Result, err error) {
	if _, err := answers.Exec(); err != nil {
		return res, err
	}
	rows, err := answers.Query()
	if err != nil {
		return res, err
	}
	defer rows.Close()
	for rows.Next() {
		var side int
		var id int64
		var document string
		var score float64
		if err := rows.Scan(&side, &id, &document, &score); err != nil {
			return res, err
		}
		list := &res.Vector
		if side == 2 {
			list = &res.Keyword
		}
		*list = append(*list, rag.Scored{ChunkID: rag.ChunkID(id), DocumentID: rag.DocumentID(document), Score: float32(score)})
	}
	if err := rows.Err(); err != nil {
		return res, err
	}
	best := func(a, b rag.Scored) int { return cmp.Compare(b.Score, a.Score) }
	slices.SortStableFunc(res.Vector, best)
	slices.SortStableFunc(res.Keyword, best)
	return res, nil
}

// IDs lists ids in ascending order.
func (t *table) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	rows, err := t.db.pool.Query(ctx, "SELECT id FROM "+t.name+" WHERE id > $1 ORDER BY id LIMIT $2", int64(after), limit)
	if err != nil {
		return nil, translate(err, "list space "+t.space.Name)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[rag.ChunkID])
	return ids, translate(err, "list space "+t.space.Name)
}

// Count counts the items.
func (t *table) Count(ctx context.Context) (n int64, err error) {
	err = t.db.pool.QueryRow(ctx, "SELECT count(*) FROM "+t.name).Scan(&n)
	return n, translate(err, "count space "+t.space.Name)
}
