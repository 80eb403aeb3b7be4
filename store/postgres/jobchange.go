package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// CancelJob ends a job: one that waits at once, one that runs as soon as its holder
// looks. One that has ended stays as it is.
func (s *Store) CancelJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error) {
	return s.changeJob(ctx, "cancel job", scope, id, func(ctx context.Context, tx pgx.Tx, job jobRow, now time.Time) error {
		query := "UPDATE jobs SET cancelling = true, updated_at = $1 WHERE id = $2"
		switch {
		case job.State.Ended():
			return nil
		case job.State == rag.JobQueued:
			query = "UPDATE jobs SET state = 'cancelled', cancelling = false, updated_at = $1, ended_at = $1 WHERE id = $2"
		}
		_, err := tx.Exec(ctx, query, now, job.row)
		return err
	})
}

// RetryJob has a job that has ended tried again: the items that failed, those that had
// no turn yet, and, of a sync, all of it. KindConflict if it has not ended, or its source
// has another job that has not; KindInvalid if there is nothing to be tried again.
func (s *Store) RetryJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error) {
	return s.changeJob(ctx, "try a job again", scope, id, func(ctx context.Context, tx pgx.Tx, job jobRow, now time.Time) error {
		p, err := store.Retried(job.Job)
		if err != nil {
			return err
		}
		if job.Kind == rag.JobAdd {
			_, err := tx.Exec(ctx, "UPDATE job_items SET state = '', error = '', kind = '', tries = 0 WHERE job = $1 AND state = 'failed'", job.row)
			if err != nil {
				return err
			}
		} else {
			open, err := openSync(ctx, tx, rag.Job{CollectionID: job.CollectionID, Source: job.Source})
			if err != nil {
				return err
			}
			if open.row != 0 {
				return store.SyncIsOpen(job.Source, open.ID)
			}
		}
		_, err = tx.Exec(ctx, `
			UPDATE jobs SET state = 'queued', error = '', not_before = NULL, ended_at = NULL, tries = 0, progress = $1, updated_at = $2 WHERE id = $3`,
			store.JSON(p), now, job.row)
		return err
	})
}

// DeleteJob removes a job that has ended; what it stored stays. KindConflict if it has
// not ended.
func (s *Store) DeleteJob(ctx context.Context, scope rag.Scope, id rag.JobID) error {
	scope = scope.WithDefaults()
	err := s.update(ctx, inTenant(scope.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		job, err := jobInScope(ctx, tx, scope, id, lockJob)
		if err != nil {
			return err
		}
		if err := store.CheckEnded(job.Job); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM jobs WHERE id = $1", job.row)
		return err
	})
	return wrap(err, "delete job")
}

func (s *Store) changeJob(ctx context.Context, doing string, scope rag.Scope, id rag.JobID, change func(context.Context, pgx.Tx, jobRow, time.Time) error) (rag.Job, error) {
	scope = scope.WithDefaults()
	var job jobRow
	err := s.update(ctx, inTenant(scope.Tenant), func(ctx context.Context, tx pgx.Tx) (err error) {
		if job, err = jobInScope(ctx, tx, scope, id, lockJob); err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		if err = change(ctx, tx, job, now); err != nil {
			return err
		}
		job, err = jobByRow(ctx, tx, job.row)
		return err
	})
	if err != nil {
		return rag.Job{}, wrap(err, "%s", doing)
	}
	return job.Job, nil
}

// PurgeJobs removes the jobs, of every tenant, that ended at olderThan or before, and
// returns how many there were.
func (s *Store) PurgeJobs(ctx context.Context, olderThan time.Time) (n int, err error) {
	err = s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "DELETE FROM jobs WHERE ended_at <= $1", olderThan)
		n = int(tag.RowsAffected())
		return err
	})
	return n, wrap(err, "remove old jobs")
}
