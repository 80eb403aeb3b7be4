package pgvector

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// buildTimeout bounds the building of one index.
const buildTimeout = 12 * time.Hour

// A table is left alone until nothing was put in for quiet, as rows that come while an index is built, and after, cost far more; but for no longer than patience.
const (
	quiet    = 5 * time.Second
	patience = 30 * time.Minute
)

// grow notes that n items came, and has an index built in the background once there are enough and it has become quiet. Whether it pays is asked after every IndexFrom items.
func (t *table) grow(n int) {
	if t.indexed.Load() || !t.hasIndex() {
		return
	}
	t.last.Store(time.Now().UnixNano())
	if t.grown.Add(int64(n)) < int64(t.db.cfg.IndexFrom) || !t.waiting.CompareAndSwap(false, true) {
		return
	}
	t.grown.Store(0)
	if t.db.living.Err() != nil {
		return
	}
	t.db.builds.Go(func() {
		defer t.waiting.Store(false)
		if !t.becomesQuiet(t.db.living) {
			return
		}
		if err := t.Optimize(t.db.living); err != nil && t.db.living.Err() == nil {
			t.db.cfg.Logger.Warn("pgvector: the index could not be built; it is tried again when more has come", "space", t.space.Name, "err", err)
		}
	})
}

// becomesQuiet waits until nothing is put in any more, and reports whether the database is still open then.
func (t *table) becomesQuiet(ctx context.Context) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		rest := quiet - time.Since(time.Unix(0, t.last.Load()))
		if rest <= 0 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(rest):
		}
	}
	return true
}

// Optimize builds the approximate index, if there are rows enough for one and it is not there, and brings the planner's statistics up to date. One that somebody else is
// building it leaves to him.
func (t *table) Optimize(ctx context.Context) error {
	if !t.hasIndex() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	state, rows, err := t.look(ctx)
	if err != nil {
		return translate(err, "look at the index of space "+t.space.Name)
	}
	index := pgx.Identifier{t.db.cfg.Schema, t.space.Name + "_v"}.Sanitize()
	switch {
	case state == "valid":
		t.indexed.Store(true)
		return nil
	case state == "building" || rows < t.db.cfg.IndexFrom:
		return nil
	case state == "broken": // its building was cut off
		if _, err := t.db.pool.Exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+index, pgx.QueryExecModeSimpleProtocol); err != nil {
			return translate(err, "drop the unfinished index of space "+t.space.Name)
		}
	}
	began := time.Now()
	if err := t.build(ctx, rows); err != nil {
		return translate(err, "build the index of space "+t.space.Name)
	}
	t.indexed.Store(true)
	t.db.cfg.Logger.Info("pgvector: index built", "space", t.space.Name, "rows", rows, "took", time.Since(began))
	return nil
}

// look says whether there is an index ("valid"), one is "building" or was left "broken", "" for none, and counts rows up to what matters.
func (t *table) look(ctx context.Context) (state string, rows int, err error) {
	err = t.db.pool.QueryRow(ctx, `
		SELECT coalesce((
			SELECT CASE WHEN i.indisvalid THEN 'valid' WHEN EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid OR p.relid = i.indrelid) THEN 'building' ELSE 'broken' END
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass($1) AND c.relname = $2), ''),
			(SELECT count(*) FROM `+t.name+`)`, t.name, t.space.Name+"_v").Scan(&state, &rows)
	return state, rows, err
}

func (t *table) build(ctx context.Context, rows int) error {
	c := t.db.cfg
	with := fmt.Sprintf("m = %d, ef_construction = %d", c.M, c.EfConstruction)
	if c.Index == "ivfflat" {
		lists := c.Lists
		if lists == 0 {
			lists = max(1, root(rows))
		}
		with = fmt.Sprintf("lists = %d", lists)
	}
	conn, err := t.db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if !c.PgBouncer {
		if _, err := conn.Exec(ctx, fmt.Sprintf("SET maintenance_work_mem = '%dMB'", c.BuildMemory)); err != nil {
			return err
		}
		defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "RESET maintenance_work_mem") }()
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("CREATE INDEX CONCURRENTLY IF NOT EXISTS %s ON %s USING %s (embedding %s) WITH (%s)",
		pgx.Identifier{t.space.Name + "_v"}.Sanitize(), t.name, c.Index, t.class, with), pgx.QueryExecModeSimpleProtocol)
	if err == nil {
		_, err = conn.Exec(ctx, "ANALYZE "+t.name, pgx.QueryExecModeSimpleProtocol)
	}
	return err
}
