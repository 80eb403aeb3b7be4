package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Whoever works on jobs does so for all tenants, and knows a job by its id alone.
// A holder is believed as long as the lease lasts by the database's clock: processes
// whose clocks differ agree on who holds a job.

// claimable are jobs whose turn it is. $1 is the moment.
const claimable = `(state = 'queued' AND (not_before IS NULL OR not_before <= $1) OR state = 'running' AND held_until <= $1)`

// readingSource tells whether a source is being read. One is read at a time, so that a long
// reading leaves others that work on jobs free for what somebody waits for.
const readingSource = `EXISTS (SELECT 1 FROM jobs WHERE kind = 'sync' AND state = 'running' AND held_until > $1)`

// ClaimJob gives the oldest job whose turn it is to holder, who works on it and says
// so (HoldJob) before lease has passed. Jobs whose holder has not are claimed anew. ok
// is false if there is none.
func (s *Store) ClaimJob(ctx context.Context, holder string, lease time.Duration) (job rag.Job, ok bool, err error) {
	// Nearly always there is none, which is found out without writing.
	some := false
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM jobs WHERE "+claimable+" AND (kind <> 'sync' OR NOT "+readingSource+"))", now).Scan(&some)
	})
	if err != nil || !some {
		return job, false, wrap(err, "look for a job")
	}
	err = s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		job, ok = rag.Job{}, false
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		row, err := s.lockOldest(ctx, tx, now)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another process was quicker
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE jobs SET state = 'running', holder = $1, held_until = $2, tries = tries + 1, updated_at = $3, not_before = NULL, started_at = coalesce(started_at, $3)
			WHERE id = $4`, holder, now.Add(lease), now, row)
		if err != nil {
			return err
		}
		found, err := jobByRow(ctx, tx, row)
		if err == nil && found.Kind == rag.JobAdd {
			err = recount(ctx, tx, found.row, &found.Progress)
		}
		job, ok = found.Job, err == nil
		return err
	})
	if err != nil {
		return rag.Job{}, false, wrap(err, "claim a job")
	}
	return job, ok, nil
}

// lockOldest locks the job whose turn it is and returns its row. Jobs that another
// transaction is about to claim, hold or change are passed over.
func (s *Store) lockOldest(ctx context.Context, tx pgx.Tx, now time.Time) (row int64, err error) {
	const oldest = "SELECT id, kind = 'sync' FROM jobs WHERE " + claimable
	const locked = " ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
	var sync, reading bool
	err = tx.QueryRow(ctx, oldest+" AND (kind <> 'sync' OR NOT "+readingSource+")"+locked, now).Scan(&row, &sync)
	if err != nil || !sync {
		return row, err
	}
	// Two transactions that claim different sources do not see one another: one waits
	// here until the other has ended, and looks again.
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", s.cfg.lockKey("claim a source")); err != nil {
		return 0, err
	}
	if err := tx.QueryRow(ctx, "SELECT "+readingSource, now).Scan(&reading); err != nil || !reading {
		return row, err
	}
	err = tx.QueryRow(ctx, oldest+" AND kind <> 'sync'"+locked, now).Scan(&row, &sync)
	return row, err
}

// recount is store.Recount for the progress in the row of a job.
func recount(ctx context.Context, tx pgx.Tx, row int64, p *rag.Progress) error {
	rows, err := tx.Query(ctx, "SELECT state, count(*) FROM job_items WHERE job = $1 GROUP BY state", row)
	if err != nil {
		return err
	}
	counts := map[rag.AddState]int{}
	var state rag.AddState
	var n int
	_, err = pgx.ForEachRow(rows, []any{&state, &n}, func() error { counts[state] = n; return nil })
	if err == nil {
		store.Recount(p, counts)
		_, err = tx.Exec(ctx, "UPDATE jobs SET progress = $1 WHERE id = $2", store.JSON(p), row)
	}
	return err
}

// heldJob locks the row of a job that holder works on. KindConflict if that is somebody else by now.
func heldJob(ctx context.Context, tx pgx.Tx, id rag.JobID, holder string) (row int64, err error) {
	if _, err := store.JobKey(id); err != nil {
		return 0, err
	}
	var who string
	var state rag.JobState
	err = tx.QueryRow(ctx, "SELECT id, holder, state FROM jobs WHERE uuid = $1::text::uuid FOR NO KEY UPDATE", string(id)).Scan(&row, &who, &state)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, store.NoJob(id)
	case err != nil:
		return 0, err
	}
	return row, store.CheckHolder(id, holder, who, state)
}

// HoldJob says that holder goes on working on a job for another lease, and how far
// it has come. cancel is true when it is to stop. KindConflict says that the job is in
// other hands by now, KindNotFound that it is gone.
func (s *Store) HoldJob(ctx context.Context, id rag.JobID, holder string, lease time.Duration, progress rag.Progress) (cancel bool, err error) {
	err = s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		row, err := heldJob(ctx, tx, id, holder)
		if err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, "UPDATE jobs SET held_until = $1, progress = $2, updated_at = $3 WHERE id = $4 RETURNING cancelling",
			now.Add(lease), store.JSON(progress), now, row).Scan(&cancel)
	})
	return cancel, wrap(err, "hold a job")
}

// PutJobItems stores verdicts on items of a job that holder works on. An item that is
// stored as a document lets go of its content.
func (s *Store) PutJobItems(ctx context.Context, id rag.JobID, holder string, items []rag.JobItem) error {
	n := len(items)
	numbers, tries, chunks := make([]int64, n), make([]int64, n), make([]int64, n)
	states, errs, kinds, documents, warnings := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, it := range items {
		numbers[i], tries[i], chunks[i] = int64(it.Number), int64(it.Tries), int64(it.Chunks)
		states[i], errs[i], kinds[i], documents[i], warnings[i] = string(it.State), storable(it.Error), string(it.Kind), string(it.DocumentID), store.FormatList(it.Warnings)
	}
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		row, err := heldJob(ctx, tx, id, holder)
		if err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE job_items i SET state = v.state, error = v.error, kind = v.kind, tries = v.tries, document = v.document, chunks = v.chunks, warnings = v.warnings,
				sha256 = CASE WHEN v.state IN ('failed', '') THEN sha256 ELSE '' END
			FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::text[])
				AS v (number, state, error, kind, tries, document, chunks, warnings)
			WHERE i.job = $1 AND i.number = v.number`, row, numbers, states, errs, kinds, tries, documents, chunks, warnings)
		return err
	})
	return wrap(err, "store verdicts on the items of a job")
}

// WaitingJobItems returns items of a job without a verdict, by number from after on.
func (s *Store) WaitingJobItems(ctx context.Context, id rag.JobID, after, limit int) (items []rag.JobItem, err error) {
	if _, err := store.JobKey(id); err != nil {
		return nil, err
	}
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		var row int64
		err := tx.QueryRow(ctx, "SELECT id FROM jobs WHERE uuid = $1::text::uuid", string(id)).Scan(&row)
		if errors.Is(err, pgx.ErrNoRows) {
			return store.NoJob(id)
		}
		if err == nil {
			items, err = jobItems(ctx, tx, row, []rag.AddState{""}, after, limit)
		}
		return err
	})
	return items, wrap(err, "read the items of a job")
}

// FinishJob ends holder's work on a job: in a state that ends it, or, with JobQueued,
// until it is tried again at notBefore. message is the error of JobFailed, or why it
// waits; without one, a turn that was broken off is not counted as a try.
func (s *Store) FinishJob(ctx context.Context, id rag.JobID, holder string, state rag.JobState, message string, notBefore time.Time, progress rag.Progress) error {
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		row, err := heldJob(ctx, tx, id, holder)
		if err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		var ended time.Time
		if state.Ended() {
			ended = now
		}
		again := 0
		if state == rag.JobQueued && message == "" {
			again = 1
		}
		_, err = tx.Exec(ctx, `
			UPDATE jobs SET state = $1, error = $2, not_before = $3, progress = $4, updated_at = $5, ended_at = $6, holder = '', held_until = NULL, cancelling = false,
				tries = tries - $7
			WHERE id = $8`, string(state), storable(message), orNull(s.moment(notBefore, time.Now(), now)), store.JSON(progress), now, orNull(ended), again, row)
		return err
	})
	return wrap(err, "finish a job")
}

// moment is a time that the caller has read from the clock of this process, by the clock
// whose time now is (see clock): as far away as the caller meant it to be, where the
// clock of this process is at here.
func (s *Store) moment(t, here, now time.Time) time.Time {
	if s.cfg.Clock != nil || t.IsZero() {
		return t
	}
	return now.Add(t.Sub(here))
}
