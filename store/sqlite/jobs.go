package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const jobColumns = `j.id, j.uuid, j.tenant, j.collection, c.name, j.kind, j.name, j.source, j.again, j.allow_empty, j.force, j.principals, j.admin, j.key, j.state, j.error,
	j.cancelling, j.tries, j.progress, j.created_at, j.started_at, j.updated_at, j.ended_at, j.not_before, j.held_until`

const jobsFrom = " FROM jobs j JOIN collections c ON c.id = j.collection "

type jobRow struct {
	rag.Job
	row int64
}

func scanJob(r scanner) (jobRow, error) {
	var j jobRow
	var id []byte
	var principals, progress string
	var created, started, updated, ended, notBefore, held int64
	err := r.Scan(&j.row, &id, &j.Tenant, &j.CollectionID, &j.Collection, &j.Kind, &j.Name, &j.Source, &j.Again, &j.AllowEmpty, &j.Force, &principals, &j.Admin, &j.Key, &j.State, &j.Error,
		&j.Cancelling, &j.Tries, &progress, &created, &started, &updated, &ended, &notBefore, &held)
	if err != nil {
		return j, err
	}
	u, err := uuid.FromBytes(id)
	if err != nil {
		return j, rag.Errorf(rag.KindInternal, "job row %d is damaged: %v", j.row, err)
	}
	j.ID = rag.JobID(u.String())
	j.CreatedAt, j.StartedAt, j.UpdatedAt, j.EndedAt, j.NotBefore, j.HeldUntil =
		fromMicros(created), fromMicros(started), fromMicros(updated), fromMicros(ended), fromMicros(notBefore), fromMicros(held)
	return j, store.ParseJob(&j.Job, j.row, principals, progress)
}

// CreateJob stores a job that waits for its turn, with its items, which are numbered
// here. Of spec, the collection's id, Kind, Name, Source, Again, AllowEmpty, Force, Principals,
// Admin and Key count. An item may come with a verdict, such as that it is too large to be kept.
//
// A source has one open job: if there is one, that is returned, which, as long as it waits,
// does what spec asks for besides. Of the jobs of a source that have ended, the last
// store.KeptSyncs are kept.
func (s *Store) CreateJob(ctx context.Context, spec rag.Job, items []rag.JobItem) (rag.Job, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return rag.Job{}, rag.Wrap(rag.KindInternal, err, "make a job's id")
	}
	principals := slices.Sorted(slices.Values(spec.Principals))
	progress := store.NewProgress(spec.Kind, items)
	var job rag.Job
	err = s.update(ctx, "create job", func(ctx context.Context, c *conn) error {
		now := toMicros(s.now())
		if spec.Kind == rag.JobSync {
			open, err := openSync(ctx, c, spec)
			if err != nil || open.row != 0 {
				job = open.Job
				return err
			}
			if err := forgetSyncs(ctx, c, spec); err != nil {
				return err
			}
		}
		res, err := c.exec(ctx, `
			INSERT INTO jobs (uuid, tenant, collection, kind, name, source, again, allow_empty, force, principals, admin, key, state, error, cancelling, tries, progress,
				created_at, started_at, updated_at, ended_at, not_before, holder, held_until)
			SELECT ?, tenant, id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, 0, ?, ?, 0, ?, 0, 0, '', 0 FROM collections WHERE id = ?`,
			id[:], spec.Kind, spec.Name, spec.Source, spec.Again, spec.AllowEmpty, spec.Force, store.FormatList(principals), spec.Admin, spec.Key, rag.JobQueued, store.JSON(progress), now, now, spec.CollectionID)
		if err != nil {
			return err
		}
		if affected(res) == 0 {
			return store.NoCollection(spec.CollectionID)
		}
		row, err := res.LastInsertId()
		if err != nil {
			return err
		}
		for i, it := range items {
			in := it.Input
			if err := in.Metadata.Validate(); err != nil {
				return err
			}
			_, err := c.exec(ctx, `
				INSERT INTO job_items (job, number, input, sha256, bytes, state, error, kind, tries, document, chunks, warnings)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, '[]')`, row, i+1, store.JSON(in), in.SHA256, in.Bytes, it.State, it.Error, it.Kind, it.Tries)
			if err != nil {
				return err
			}
		}
		found, err := jobByRow(ctx, c, row)
		job = found.Job
		return err
	})
	return job, err
}

// openSync returns the job of a source that has not ended, with what spec asks for; its row
// is 0 if there is none.
func openSync(ctx context.Context, c *conn, spec rag.Job) (job jobRow, err error) {
	var row int64
	err = c.row(ctx, `
		UPDATE jobs SET again = again OR (state = 'queued' AND ?), allow_empty = allow_empty OR (state = 'queued' AND ?), force = force OR (state = 'queued' AND ?)
		WHERE id = (SELECT id FROM jobs WHERE kind = 'sync' AND collection = ? AND source = ? AND state IN ('queued', 'running') LIMIT 1)
		RETURNING id`, []any{spec.Again, spec.AllowEmpty, spec.Force, spec.CollectionID, spec.Source}, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return job, nil
	}
	if err != nil {
		return job, err
	}
	return jobByRow(ctx, c, row)
}

// forgetSyncs removes old jobs of a source, to which one is to come.
func forgetSyncs(ctx context.Context, c *conn, spec rag.Job) error {
	res, err := c.exec(ctx, `
		DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE kind = 'sync' AND collection = ? AND source = ? AND ended_at > 0
			ORDER BY id DESC LIMIT -1 OFFSET ?)`, spec.CollectionID, spec.Source, store.KeptSyncs-1)
	if err != nil || affected(res) == 0 {
		return err
	}
	return owesErasure(ctx, c)
}

func jobByRow(ctx context.Context, c *conn, row int64) (job jobRow, err error) {
	err = c.each(ctx, "SELECT "+jobColumns+jobsFrom+"WHERE j.id = ?", []any{row}, func(r *sql.Rows) error {
		job, err = scanJob(r)
		return err
	})
	return job, err
}

// Job returns a job of scope's collection that scope may see: an administrator sees
// all, others those that were made with exactly their principals and are no sync.
func (s *Store) Job(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error) {
	var job jobRow
	err := s.view(ctx, "read job", func(c *conn) (err error) {
		job, err = jobInScope(ctx, c, scope, id)
		return err
	})
	return job.Job, err
}

func jobInScope(ctx context.Context, c *conn, scope rag.Scope, id rag.JobID) (jobRow, error) {
	scope = scope.WithDefaults()
	var job jobRow
	key, err := store.JobKey(id)
	if err != nil {
		return job, err
	}
	found := false
	err = c.each(ctx, "SELECT "+jobColumns+jobsFrom+"WHERE j.uuid = ? AND j.tenant = ? AND c.name = ? AND (? OR j.principals = ? AND j.kind <> 'sync')",
		[]any{key, scope.Tenant, scope.Collection, scope.Admin, store.FormatPrincipals(scope)}, func(r *sql.Rows) (err error) {
			found = true
			job, err = scanJob(r)
			return err
		})
	if err == nil && !found {
		err = store.NoJob(id)
	}
	return job, err
}

// Jobs lists the jobs of scope's collection that scope may see, in the order in
// which they were made.
func (s *Store) Jobs(ctx context.Context, scope rag.Scope, q rag.JobQuery) (rag.Page[rag.Job], error) {
	scope = scope.WithDefaults()
	list, err := store.NewListing[rag.Job]("jobs", q.ListOptions)
	if err != nil {
		return rag.Page[rag.Job]{}, err
	}
	if !q.Filter.IsZero() {
		return list.Page, rag.Errorf(rag.KindInvalid, "jobs cannot be filtered by metadata")
	}
	query := "SELECT " + jobColumns + jobsFrom + `WHERE j.tenant = ? AND c.name = ? AND (? OR j.principals = ? AND j.kind <> 'sync')
		AND (?5 = '[]' OR j.state IN (SELECT value FROM json_each(?5))) `
	if q.Descending {
		query += "AND (NOT ? OR j.id < ?) ORDER BY j.id DESC LIMIT ?"
	} else {
		query += "AND (NOT ? OR j.id > ?) ORDER BY j.id LIMIT ?"
	}
	err = s.view(ctx, "list jobs", func(c *conn) error {
		args := []any{scope.Tenant, scope.Collection, scope.Admin, store.FormatPrincipals(scope), store.FormatList(q.States), list.Begun, list.After.ID, list.Limit + 1}
		return c.each(ctx, query, args, func(rows *sql.Rows) error {
			job, err := scanJob(rows)
			if err != nil {
				return err
			}
			list.Add(job.Job, job.row, "")
			return nil
		})
	})
	return list.Page, err
}

// JobItems lists the items of a job by number; of those with a verdict in states
// only, unless it is empty.
func (s *Store) JobItems(ctx context.Context, scope rag.Scope, id rag.JobID, states []rag.AddState, opt rag.ListOptions) (rag.Page[rag.JobItem], error) {
	list, err := store.NewListing[rag.JobItem]("job items", opt)
	if err != nil {
		return rag.Page[rag.JobItem]{}, err
	}
	if opt.Descending {
		return list.Page, rag.Errorf(rag.KindInvalid, "the items of a job are listed in ascending order")
	}
	err = s.view(ctx, "list the items of a job", func(c *conn) error {
		job, err := jobInScope(ctx, c, scope, id)
		if err != nil {
			return err
		}
		items, err := jobItems(ctx, c, job.row, states, int(list.After.ID), list.Limit+1)
		for _, it := range items {
			list.Add(it, int64(it.Number), "")
		}
		return err
	})
	return list.Page, err
}

func jobItems(ctx context.Context, c *conn, row int64, states []rag.AddState, after, limit int) ([]rag.JobItem, error) {
	var items []rag.JobItem
	err := c.each(ctx, `
		SELECT number, input, sha256, bytes, state, error, kind, tries, document, chunks, warnings FROM job_items
		WHERE job = ? AND number > ? AND (?3 = '[]' OR state IN (SELECT value FROM json_each(?3))) ORDER BY number LIMIT ?`,
		[]any{row, after, store.FormatList(states), limit}, func(r *sql.Rows) error {
			var it rag.JobItem
			var input, sha, warnings string
			var size int64
			if err := r.Scan(&it.Number, &input, &sha, &size, &it.State, &it.Error, &it.Kind, &it.Tries, &it.DocumentID, &it.Chunks, &warnings); err != nil {
				return err
			}
			err := store.ParseJobItem(&it, row, input, sha, size, warnings)
			items = append(items, it)
			return err
		})
	return items, err
}

// ClaimJob gives the oldest job whose turn it is to holder, who works on it and says
// so (HoldJob) before lease has passed. Jobs whose holder has not are claimed anew. ok
// is false if there is none.
func (s *Store) ClaimJob(ctx context.Context, holder string, lease time.Duration) (job rag.Job, ok bool, err error) {
	// Looking costs no turn of the writer.
	idle := true
	err = s.view(ctx, "look for a job", func(c *conn) error {
		var n int
		err := c.row(ctx, "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE "+claimable+" LIMIT 1)", []any{toMicros(s.now())}, &n)
		idle = n == 0
		return err
	})
	if err != nil || idle {
		return job, false, err
	}
	err = s.update(ctx, "claim a job", func(ctx context.Context, c *conn) error {
		now := s.now()
		var row int64
		err := c.row(ctx, "SELECT id FROM jobs WHERE "+claimable+" ORDER BY id LIMIT 1", []any{toMicros(now)}, &row)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // another process was quicker
		}
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `
			UPDATE jobs SET state = 'running', holder = ?, held_until = ?, tries = tries + 1, updated_at = ?3, not_before = 0,
				started_at = CASE started_at WHEN 0 THEN ?3 ELSE started_at END
			WHERE id = ?`, holder, toMicros(now.Add(lease)), toMicros(now), row)
		if err != nil {
			return err
		}
		found, err := jobByRow(ctx, c, row)
		if err == nil && found.Kind == rag.JobAdd {
			err = recount(ctx, c, found.row, &found.Progress)
		}
		job, ok = found.Job, err == nil
		return err
	})
	return job, ok, err
}

// recount is store.Recount for the progress in the row of a job.
func recount(ctx context.Context, c *conn, row int64, p *rag.Progress) error {
	counts := map[rag.AddState]int{}
	err := c.each(ctx, "SELECT state, count(*) FROM job_items WHERE job = ? GROUP BY state", []any{row}, func(r *sql.Rows) error {
		var state rag.AddState
		var n int
		err := r.Scan(&state, &n)
		counts[state] = n
		return err
	})
	if err == nil {
		store.Recount(p, counts)
		_, err = c.exec(ctx, "UPDATE jobs SET progress = ? WHERE id = ?", store.JSON(p), row)
	}
	return err
}

// claimable are jobs whose turn it is. One source is read at a time, so that a long reading
// leaves others that work on jobs free for what somebody waits for.
const claimable = `(state = 'queued' AND not_before <= ?1 OR state = 'running' AND held_until <= ?1)
	AND (kind <> 'sync' OR NOT EXISTS (SELECT 1 FROM jobs o WHERE o.kind = 'sync' AND o.state = 'running' AND o.held_until > ?1))`

// heldJob returns the row of a job that holder works on. KindConflict if that is
// somebody else by now.
func heldJob(ctx context.Context, c *conn, id rag.JobID, holder string) (row int64, err error) {
	key, err := store.JobKey(id)
	if err != nil {
		return 0, err
	}
	var who string
	var state rag.JobState
	err = c.row(ctx, "SELECT id, holder, state FROM jobs WHERE uuid = ?", []any{key}, &row, &who, &state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
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
	err = s.update(ctx, "hold a job", func(ctx context.Context, c *conn) error {
		row, err := heldJob(ctx, c, id, holder)
		if err != nil {
			return err
		}
		now := s.now()
		return c.row(ctx, "UPDATE jobs SET held_until = ?, progress = ?, updated_at = ? WHERE id = ? RETURNING cancelling",
			[]any{toMicros(now.Add(lease)), store.JSON(progress), toMicros(now), row}, &cancel)
	})
	return cancel, err
}

// PutJobItems stores verdicts on items of a job that holder works on. An item that is
// stored as a document lets go of its content.
func (s *Store) PutJobItems(ctx context.Context, id rag.JobID, holder string, items []rag.JobItem) error {
	return s.update(ctx, "store verdicts on the items of a job", func(ctx context.Context, c *conn) error {
		row, err := heldJob(ctx, c, id, holder)
		if err != nil {
			return err
		}
		for _, it := range items {
			kept := it.State == rag.Failed || it.State == ""
			_, err := c.exec(ctx, `
				UPDATE job_items SET state = ?, error = ?, kind = ?, tries = ?, document = ?, chunks = ?, warnings = ?,
					sha256 = CASE WHEN ? THEN sha256 ELSE '' END
				WHERE job = ? AND number = ?`, it.State, it.Error, it.Kind, it.Tries, it.DocumentID, it.Chunks, store.FormatList(it.Warnings), kept, row, it.Number)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// WaitingJobItems returns items of a job without a verdict, by number from after on.
func (s *Store) WaitingJobItems(ctx context.Context, id rag.JobID, after, limit int) (items []rag.JobItem, err error) {
	err = s.view(ctx, "read the items of a job", func(c *conn) error {
		key, err := store.JobKey(id)
		if err != nil {
			return err
		}
		var row int64
		err = c.row(ctx, "SELECT id FROM jobs WHERE uuid = ?", []any{key}, &row)
		if errors.Is(err, sql.ErrNoRows) {
			return store.NoJob(id)
		}
		if err == nil {
			items, err = jobItems(ctx, c, row, []rag.AddState{""}, after, limit)
		}
		return err
	})
	return items, err
}

// FinishJob ends holder's work on a job: in a state that ends it, or, with JobQueued,
// until it is tried again at notBefore. message is the error of JobFailed, or why it
// waits; without one, a turn that was broken off is not counted as a try.
func (s *Store) FinishJob(ctx context.Context, id rag.JobID, holder string, state rag.JobState, message string, notBefore time.Time, progress rag.Progress) error {
	return s.update(ctx, "finish a job", func(ctx context.Context, c *conn) error {
		row, err := heldJob(ctx, c, id, holder)
		if err != nil {
			return err
		}
		now, ended := toMicros(s.now()), int64(0)
		if state.Ended() {
			ended = now
		}
		_, err = c.exec(ctx, `
			UPDATE jobs SET state = ?, error = ?, not_before = ?, progress = ?, updated_at = ?, ended_at = ?, holder = '', held_until = 0, cancelling = 0,
				tries = tries - ?
			WHERE id = ?`, state, message, toMicros(notBefore), store.JSON(progress), now, ended, state == rag.JobQueued && message == "", row)
		return err
	})
}

// CancelJob ends a job: one that waits at once, one that runs as soon as its holder
// looks. One that has ended stays as it is.
func (s *Store) CancelJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error) {
	return s.changeJob(ctx, "cancel job", scope, id, func(ctx context.Context, c *conn, job jobRow) error {
		now := toMicros(s.now())
		query := "UPDATE jobs SET cancelling = 1, updated_at = ? WHERE id = ?"
		switch {
		case job.State.Ended():
			return nil
		case job.State == rag.JobQueued:
			query = "UPDATE jobs SET state = 'cancelled', cancelling = 0, updated_at = ?1, ended_at = ?1 WHERE id = ?2"
		}
		_, err := c.exec(ctx, query, now, job.row)
		return err
	})
}

// RetryJob has a job that has ended tried again: the items that failed, those that had
// no turn yet, and, of a sync, all of it. KindConflict if it has not ended, or its source
// has another job that has not; KindInvalid if there is nothing to be tried again.
func (s *Store) RetryJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error) {
	return s.changeJob(ctx, "try a job again", scope, id, func(ctx context.Context, c *conn, job jobRow) error {
		p, err := store.Retried(job.Job)
		if err != nil {
			return err
		}
		if job.Kind == rag.JobAdd {
			_, err := c.exec(ctx, "UPDATE job_items SET state = '', error = '', kind = '', tries = 0 WHERE job = ? AND state = 'failed'", job.row)
			if err != nil {
				return err
			}
		} else {
			open, err := openSync(ctx, c, rag.Job{CollectionID: job.CollectionID, Source: job.Source})
			if err != nil {
				return err
			}
			if open.row != 0 {
				return store.SyncIsOpen(job.Source, open.ID)
			}
		}
		_, err = c.exec(ctx, `
			UPDATE jobs SET state = 'queued', error = '', not_before = 0, ended_at = 0, tries = 0, progress = ?, updated_at = ? WHERE id = ?`,
			store.JSON(p), toMicros(s.now()), job.row)
		return err
	})
}

// DeleteJob removes a job that has ended; what it stored stays. KindConflict if it has
// not ended.
func (s *Store) DeleteJob(ctx context.Context, scope rag.Scope, id rag.JobID) error {
	return s.update(ctx, "delete job", func(ctx context.Context, c *conn) error {
		job, err := jobInScope(ctx, c, scope, id)
		if err != nil {
			return err
		}
		if err := store.CheckEnded(job.Job); err != nil {
			return err
		}
		if err := owesErasure(ctx, c); err != nil {
			return err
		}
		_, err = c.exec(ctx, "DELETE FROM jobs WHERE id = ?", job.row)
		return err
	})
}

func (s *Store) changeJob(ctx context.Context, doing string, scope rag.Scope, id rag.JobID, change func(context.Context, *conn, jobRow) error) (rag.Job, error) {
	var job jobRow
	err := s.update(ctx, doing, func(ctx context.Context, c *conn) (err error) {
		if job, err = jobInScope(ctx, c, scope, id); err != nil {
			return err
		}
		if err = change(ctx, c, job); err != nil {
			return err
		}
		job, err = jobByRow(ctx, c, job.row)
		return err
	})
	return job.Job, err
}

// PurgeJobs removes the jobs, of every tenant, that ended at olderThan or before, and
// returns how many there were.
func (s *Store) PurgeJobs(ctx context.Context, olderThan time.Time) (n int, err error) {
	idle := true
	err = s.view(ctx, "look for old jobs", func(c *conn) error {
		return c.row(ctx, "SELECT count(*) = 0 FROM (SELECT 1 FROM jobs WHERE ended_at BETWEEN 1 AND ? LIMIT 1)", []any{toMicros(olderThan)}, &idle)
	})
	if err != nil || idle {
		return 0, err
	}
	err = s.update(ctx, "remove old jobs", func(ctx context.Context, c *conn) error {
		if err := owesErasure(ctx, c); err != nil {
			return err
		}
		res, err := c.exec(ctx, "DELETE FROM jobs WHERE ended_at BETWEEN 1 AND ?", toMicros(olderThan))
		if err == nil {
			n = affected(res)
		}
		return err
	})
	return n, err
}
