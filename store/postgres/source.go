package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const selectSource = `
SELECT s.id, s.collection, c.tenant, c.name, s.name, s.kind, s.settings, s.metadata, s.acl, s.created_at, s.last_run, s.last_success,
       s.last_error, s.last_report, s.cursor, s.reading, s.holder, s.held_until,
       (SELECT count(*) FROM source_items i WHERE i.source = s.id),
       (SELECT count(*) FROM source_items i WHERE i.source = s.id AND i.kind <> '')
FROM sources s JOIN collections c ON c.id = s.collection `

func scanSource(r pgx.CollectableRow) (rag.Source, error) {
	var s rag.Source
	var settings, metadata, acl, report string
	var run, success, held *time.Time
	err := r.Scan(&s.ID, &s.CollectionID, &s.Tenant, &s.Collection, &s.Name, &s.Kind, &settings, &metadata, &acl, &s.CreatedAt, &run, &success,
		&s.LastError, &report, &s.Cursor, &s.Reading, &s.Holder, &held, &s.Items, &s.Failing)
	if err != nil {
		return s, err
	}
	s.CreatedAt = s.CreatedAt.UTC()
	s.LastRun, s.LastSuccess, s.HeldUntil = orZero(run), orZero(success), orZero(held)
	return s, store.ParseSource(&s, settings, metadata, acl, report)
}

func oneSource(ctx context.Context, tx pgx.Tx, collectionID int64, name, lock string) (rag.Source, error) {
	rows, err := tx.Query(ctx, selectSource+"WHERE s.collection = $1 AND s.name = $2"+lock, collectionID, name)
	if err != nil {
		return rag.Source{}, err
	}
	s, err := pgx.CollectOneRow(rows, scanSource)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, store.NoSource(name)
	}
	return s, err
}

// lockSource is for a source that is decided about and changed.
const lockSource = " FOR NO KEY UPDATE OF s"

// CreateSource adds a source to the collection src.CollectionID; times, counters and
// numbers of src are ignored. A name in use is KindConflict, more than
// store.MaxSources in a collection KindExhausted.
func (s *Store) CreateSource(ctx context.Context, src rag.Source) (made rag.Source, err error) {
	if err := store.CheckSource(src); err != nil {
		return made, err
	}
	err = s.update(ctx, ofCollection(src.CollectionID), func(ctx context.Context, tx pgx.Tx) error {
		col, err := lockByID(ctx, tx, src.CollectionID)
		if err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		var taken, all int
		err = tx.QueryRow(ctx, "SELECT count(*) FILTER (WHERE name = $1), count(*) FROM sources WHERE collection = $2", src.Name, col.ID).Scan(&taken, &all)
		if err != nil {
			return err
		}
		if err := store.CheckRoom(src.Name, taken, all); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO sources (tenant, collection, name, kind, settings, metadata, acl, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			col.Tenant, col.ID, src.Name, src.Kind, string(src.Settings), store.FormatMetadata(src.Metadata), store.FormatStrings(src.ACL), now)
		if err != nil {
			return err
		}
		made, err = oneSource(ctx, tx, col.ID, src.Name, "")
		return err
	})
	return made, wrap(err, "create source %s", src.Name)
}

// ChangeSource gives a source other settings, metadata and access list. All its
// items then count as changed, and the cursor begins anew. KindConflict says that
// src is of another kind.
func (s *Store) ChangeSource(ctx context.Context, src rag.Source) (changed rag.Source, err error) {
	if err := store.CheckSource(src); err != nil {
		return changed, err
	}
	err = s.update(ctx, ofCollection(src.CollectionID), func(ctx context.Context, tx pgx.Tx) error {
		old, err := oneSource(ctx, tx, src.CollectionID, src.Name, lockSource)
		if err != nil {
			return err
		}
		if err := store.CheckKind(old, src); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE sources SET settings = $1, metadata = $2, acl = $3, cursor = NULL WHERE id = $4",
			string(src.Settings), store.FormatMetadata(src.Metadata), store.FormatStrings(src.ACL), old.ID)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE source_items SET fingerprint = '' WHERE source = $1", old.ID); err != nil {
			return err
		}
		changed, err = oneSource(ctx, tx, src.CollectionID, src.Name, "")
		return err
	})
	return changed, wrap(err, "change source %s", src.Name)
}

// Source returns a source by name, KindNotFound if there is none.
func (s *Store) Source(ctx context.Context, collectionID int64, name string) (found rag.Source, err error) {
	err = s.view(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) (err error) {
		found, err = oneSource(ctx, tx, collectionID, name, "")
		return err
	})
	return found, wrap(err, "read source")
}

// Sources lists the sources of a collection by name.
func (s *Store) Sources(ctx context.Context, collectionID int64) ([]rag.Source, error) {
	list, err := s.sources(ctx, ofCollection(collectionID), selectSource+"WHERE s.collection = $1 ORDER BY s.name", collectionID)
	if rag.KindOf(err) == rag.KindNotFound {
		return nil, nil // a collection that is gone has none
	}
	return list, err
}

// AllSources lists the sources of all tenants, those that were not read for the
// longest time first.
func (s *Store) AllSources(ctx context.Context) ([]rag.Source, error) {
	return s.sources(ctx, everyTenant, selectSource+"ORDER BY s.last_run NULLS FIRST, s.id")
}

func (s *Store) sources(ctx context.Context, scope tenantScope, query string, args ...any) (list []rag.Source, err error) {
	err = s.view(ctx, scope, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanSource)
		return err
	})
	return list, wrap(err, "list sources")
}

// DeleteSource removes a source and what is kept of its items. Its documents stay;
// DropItems removes them first. reading is that of the caller's lease.
func (s *Store) DeleteSource(ctx context.Context, id, reading int64) error {
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := stillReading(ctx, tx, id, reading, "FOR UPDATE"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM sources WHERE id = $1", id) // and its items
		return err
	})
	return wrap(err, "delete source")
}

// LeaseSource begins a reading: nobody else can begin one until the lease expires
// or EndReading gives it back. dead names a holder that is known to have died, ""
// if none is. KindConflict says that another holder is reading. Leases are measured
// by the database's clock.
func (s *Store) LeaseSource(ctx context.Context, collectionID int64, name, holder, dead string, ttl time.Duration) (leased rag.Source, err error) {
	err = s.update(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		src, err := oneSource(ctx, tx, collectionID, name, lockSource)
		if err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		if err := store.CheckLease(src, dead, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE sources SET holder = $1, held_until = $2, reading = reading + 1, last_run = $3 WHERE id = $4",
			holder, now.Add(ttl), now, src.ID)
		if err != nil {
			return err
		}
		leased, err = oneSource(ctx, tx, collectionID, name, "")
		return err
	})
	return leased, wrap(err, "lease source %s", name)
}

// RenewLease makes the lease of a reading last for ttl from now. KindConflict says
// that another reading has begun.
func (s *Store) RenewLease(ctx context.Context, id, reading int64, ttl time.Duration) error {
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := stillReading(ctx, tx, id, reading, "FOR NO KEY UPDATE"); err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE sources SET held_until = $1 WHERE id = $2", now.Add(ttl), id)
		return err
	})
	return wrap(err, "renew lease")
}

// EndReading gives the lease of a reading back and keeps its report. Without a
// failure ("") it keeps the cursor too, and the time as that of the last success.
func (s *Store) EndReading(ctx context.Context, id, reading int64, cursor []byte, failure string, report rag.SyncReport) error {
	data, err := store.FormatReport(cursor, report)
	if err != nil {
		return err
	}
	err = s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := stillReading(ctx, tx, id, reading, "FOR NO KEY UPDATE"); err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE sources SET holder = '', held_until = NULL, last_error = $1, last_report = $2 WHERE id = $3", store.Cut(storable(failure)), data, id)
		if err != nil || failure != "" {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE sources SET cursor = $1, last_success = $2 WHERE id = $3", cursor, now, id)
		return err
	})
	return wrap(err, "end reading")
}

// stillReading reports, as KindConflict, that the reading is not the source's last:
// its lease had expired, and what it found may be older than what is kept. lock says
// how the source's row is locked, so that no other reading begins before the end of
// the transaction.
func stillReading(ctx context.Context, tx pgx.Tx, id, reading int64, lock string) error {
	var last int64
	err := tx.QueryRow(ctx, "SELECT reading FROM sources WHERE id = $1 "+lock, id).Scan(&last)
	if errors.Is(err, pgx.ErrNoRows) {
		return store.SourceRemoved()
	}
	if err != nil {
		return err
	}
	return store.CheckReading(reading, last)
}

// storable is a message or question as a column of type text can hold it: bytes that
// are no UTF-8 and the NUL character become U+FFFD.
func storable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return strings.ReplaceAll(text, "\x00", "\uFFFD")
}
