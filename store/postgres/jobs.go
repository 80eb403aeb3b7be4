package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const selectJob = `
SELECT j.id, j.uuid::text, j.tenant, j.collection, c.name, j.kind, j.name, j.source, j.again, j.allow_empty, j.force, j.principals, j.admin, j.key, j.state, j.error,
	j.cancelling, j.tries, j.progress, j.created_at, j.started_at, j.updated_at, j.ended_at, j.not_before, j.held_until
FROM jobs j JOIN collections c ON c.id = j.collection `

type jobRow struct {
	rag.Job
	row int64
}

func scanJob(r pgx.CollectableRow) (jobRow, error) {
	var j jobRow
	var principals, progress string
	var started, ended, notBefore, held *time.Time
	err := r.Scan(&j.row, &j.ID, &j.Tenant, &j.CollectionID, &j.Collection, &j.Kind, &j.Name, &j.Source, &j.Again, &j.AllowEmpty, &j.Force, &principals, &j.Admin, &j.Key, &j.State, &j.Error,
		&j.Cancelling, &j.Tries, &progress, &j.CreatedAt, &started, &j.UpdatedAt, &ended, &notBefore, &held)
	if err != nil {
		return j, err
	}
	j.CreatedAt, j.UpdatedAt = j.CreatedAt.UTC(), j.UpdatedAt.UTC()
	j.StartedAt, j.EndedAt, j.NotBefore, j.HeldUntil = orZero(started), orZero(ended), orZero(notBefore), orZero(held)
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
	for _, it := range items {
		if err := it.Input.Metadata.Validate(); err != nil {
			return rag.Job{}, err
		}
	}
	var job rag.Job
	err = s.update(ctx, ofCollection(spec.CollectionID), func(ctx context.Context, tx pgx.Tx) error {
		// The lock keeps the collection from being deleted meanwhile.
		var tenant string
		err := tx.QueryRow(ctx, "SELECT tenant FROM collections WHERE id = $1 FOR KEY SHARE", spec.CollectionID).Scan(&tenant)
		if errors.Is(err, pgx.ErrNoRows) {
			return store.NoCollection(spec.CollectionID)
		}
		if err != nil {
			return err
		}
		for {
			if spec.Kind == rag.JobSync {
				open, err := openSync(ctx, tx, spec)
				if err != nil || open.row != 0 {
					job = open.Job
					return err
				}
				if err := forgetSyncs(ctx, tx, spec); err != nil {
					return err
				}
			}
			row, err := s.insertJob(ctx, tx, tenant, id, spec, items)
			if errors.Is(err, pgx.ErrNoRows) {
				continue // another transaction has made the source's job meanwhile
			}
			if err != nil {
				return err
			}
			if err := insertJobItems(ctx, tx, tenant, row, items); err != nil {
				return err
			}
			found, err := jobByRow(ctx, tx, row)
			job = found.Job
			return err
		}
	})
	if err != nil {
		return rag.Job{}, wrap(err, "create job")
	}
	return job, nil
}

// insertJob adds the row of a job. pgx.ErrNoRows says that its source has an open
// one.
func (s *Store) insertJob(ctx context.Context, tx pgx.Tx, tenant string, id uuid.UUID, spec rag.Job, items []rag.JobItem) (row int64, err error) {
	principals := slices.Sorted(slices.Values(spec.Principals))
	now, err := s.clock(ctx, tx)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO jobs (tenant, collection, uuid, kind, name, source, again, allow_empty, force, principals, admin, key, state, progress, created_at, updated_at)
		VALUES ($1, $2, $3::text::uuid, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'queued', $13, $14, $14)
		ON CONFLICT (collection, source, tenant) WHERE kind = 'sync' AND state IN ('queued', 'running') DO NOTHING RETURNING id`,
		tenant, spec.CollectionID, id.String(), string(spec.Kind), storable(spec.Name), spec.Source, spec.Again, spec.AllowEmpty, spec.Force, store.FormatList(principals),
		spec.Admin, spec.Key, store.JSON(store.NewProgress(spec.Kind, items)), now).Scan(&row)
	return row, err
}

// insertJobItems adds the items of a job, numbered from 1 on.
func insertJobItems(ctx context.Context, tx pgx.Tx, tenant string, row int64, items []rag.JobItem) error {
	if len(items) == 0 {
		return nil
	}
	n := len(items)
	numbers, sizes, tries := make([]int64, n), make([]int64, n), make([]int64, n)
	inputs, sums, states, errs, kinds := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, it := range items {
		numbers[i], sizes[i], tries[i] = int64(i+1), it.Input.Bytes, int64(it.Tries)
		inputs[i], sums[i], states[i], errs[i], kinds[i] = store.JSON(it.Input), it.Input.SHA256, string(it.State), storable(it.Error), string(it.Kind)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO job_items (tenant, job, number, input, sha256, bytes, state, error, kind, tries)
		SELECT $1, $2, * FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::bigint[])`,
		tenant, row, numbers, inputs, sums, sizes, states, errs, kinds, tries)
	return err
}

// openSync returns the job of a source that has not ended, with what spec asks for; its row
// is 0 if there is none.
func openSync(ctx context.Context, tx pgx.Tx, spec rag.Job) (job jobRow, err error) {
	var row int64
	err = tx.QueryRow(ctx, `
		UPDATE jobs SET again = again OR (state = 'queued' AND $1), allow_empty = allow_empty OR (state = 'queued' AND $2), force = force OR (state = 'queued' AND $3)
		WHERE kind = 'sync' AND collection = $4 AND source = $5 AND state IN ('queued', 'running') RETURNING id`,
		spec.Again, spec.AllowEmpty, spec.Force, spec.CollectionID, spec.Source).Scan(&row)
	if errors.Is(err, pgx.ErrNoRows) {
		return job, nil
	}
	if err != nil {
		return job, err
	}
	return jobByRow(ctx, tx, row)
}

// forgetSyncs removes old jobs of a source, to which one is to come.
func forgetSyncs(ctx context.Context, tx pgx.Tx, spec rag.Job) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE kind = 'sync' AND collection = $1 AND source = $2 AND ended_at IS NOT NULL
			ORDER BY id DESC OFFSET $3)`, spec.CollectionID, spec.Source, store.KeptSyncs-1)
	return err
}

func jobByRow(ctx context.Context, tx pgx.Tx, row int64) (jobRow, error) {
	return oneJob(ctx, tx, selectJob+"WHERE j.id = $1", row)
}

// oneJob returns the job that query finds, pgx.ErrNoRows if there is none.
func oneJob(ctx context.Context, tx pgx.Tx, query string, args ...any) (jobRow, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return jobRow{}, err
	}
	return pgx.CollectOneRow(rows, scanJob)
}

// Job returns a job of scope's collection that scope may see: an administrator sees
// all, others those that were made with exactly their principals and are no sync.
func (s *Store) Job(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error) {
	scope = scope.WithDefaults()
	var job jobRow
	err := s.view(ctx, inTenant(scope.Tenant), func(ctx context.Context, tx pgx.Tx) (err error) {
		job, err = jobInScope(ctx, tx, scope, id, "")
		return err
	})
	return job.Job, wrap(err, "read job")
}

// jobInScope returns a job that scope, with its defaults, may see. lock is empty, or how its
// row is locked.
func jobInScope(ctx context.Context, tx pgx.Tx, scope rag.Scope, id rag.JobID, lock string) (jobRow, error) {
	if _, err := store.JobKey(id); err != nil {
		return jobRow{}, err
	}
	job, err := oneJob(ctx, tx, selectJob+"WHERE j.uuid = $1::text::uuid AND c.tenant = $2 AND c.name = $3 AND ($4 OR j.principals = $5 AND j.kind <> 'sync')"+lock,
		string(id), scope.Tenant, scope.Collection, scope.Admin, store.FormatPrincipals(scope))
	if errors.Is(err, pgx.ErrNoRows) {
		err = store.NoJob(id)
	}
	return job, err
}

// lockJob is for a job about whose state is decided.
const lockJob = " FOR NO KEY UPDATE OF j"

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
	query := selectJob + `WHERE c.tenant = $1 AND c.name = $2 AND ($3 OR j.principals = $4 AND j.kind <> 'sync')
		AND (cardinality($5::text[]) = 0 OR j.state = ANY ($5::text[])) `
	if q.Descending {
		query += "AND (NOT $6 OR j.id < $7) ORDER BY j.id DESC LIMIT $8"
	} else {
		query += "AND (NOT $6 OR j.id > $7) ORDER BY j.id LIMIT $8"
	}
	var jobs []jobRow
	err = s.view(ctx, inTenant(scope.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, query, scope.Tenant, scope.Collection, scope.Admin, store.FormatPrincipals(scope), texts(q.States), list.Begun, list.After.ID, list.Limit+1)
		if err != nil {
			return err
		}
		jobs, err = pgx.CollectRows(rows, scanJob)
		return err
	})
	for _, j := range jobs {
		list.Add(j.Job, j.row, "")
	}
	return list.Page, wrap(err, "list jobs")
}

// texts are the plain strings of named ones, never nil.
func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// JobItems lists the items of a job by number; of those with a verdict in states
// only, unless it is empty.
func (s *Store) JobItems(ctx context.Context, scope rag.Scope, id rag.JobID, states []rag.AddState, opt rag.ListOptions) (rag.Page[rag.JobItem], error) {
	scope = scope.WithDefaults()
	list, err := store.NewListing[rag.JobItem]("job items", opt)
	if err != nil {
		return rag.Page[rag.JobItem]{}, err
	}
	if opt.Descending {
		return list.Page, rag.Errorf(rag.KindInvalid, "the items of a job are listed in ascending order")
	}
	var items []rag.JobItem
	err = s.view(ctx, inTenant(scope.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		job, err := jobInScope(ctx, tx, scope, id, "")
		if err == nil {
			items, err = jobItems(ctx, tx, job.row, states, int(list.After.ID), list.Limit+1)
		}
		return err
	})
	for _, it := range items {
		list.Add(it, int64(it.Number), "")
	}
	return list.Page, wrap(err, "list the items of a job")
}

func jobItems(ctx context.Context, tx pgx.Tx, row int64, states []rag.AddState, after, limit int) ([]rag.JobItem, error) {
	rows, err := tx.Query(ctx, `
		SELECT number, input, sha256, bytes, state, error, kind, tries, document, chunks, warnings FROM job_items
		WHERE job = $1 AND number > $2::bigint AND (cardinality($3::text[]) = 0 OR state = ANY ($3::text[])) ORDER BY number LIMIT $4`,
		row, after, texts(states), limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (rag.JobItem, error) {
		var it rag.JobItem
		var input, sha, warnings string
		var size int64
		if err := r.Scan(&it.Number, &input, &sha, &size, &it.State, &it.Error, &it.Kind, &it.Tries, &it.DocumentID, &it.Chunks, &warnings); err != nil {
			return it, err
		}
		return it, store.ParseJobItem(&it, row, input, sha, size, warnings)
	})
}
