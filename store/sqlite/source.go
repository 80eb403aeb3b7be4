package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const selectSource = `
SELECT s.id, s.collection, c.tenant, c.name, s.name, s.kind, s.settings, s.metadata, s.acl, s.created_at, s.last_run, s.last_success,
       s.last_error, s.last_report, s.cursor, s.reading, s.holder, s.held_until,
       (SELECT count(*) FROM source_items i WHERE i.source = s.id),
       (SELECT count(*) FROM source_items i WHERE i.source = s.id AND i.kind <> '')
FROM sources s JOIN collections c ON c.id = s.collection `

func scanSource(r scanner) (rag.Source, error) {
	var s rag.Source
	var settings, metadata, acl, report string
	var created, run, success, held int64
	err := r.Scan(&s.ID, &s.CollectionID, &s.Tenant, &s.Collection, &s.Name, &s.Kind, &settings, &metadata, &acl, &created, &run, &success,
		&s.LastError, &report, &s.Cursor, &s.Reading, &s.Holder, &held, &s.Items, &s.Failing)
	if err != nil {
		return s, err
	}
	s.CreatedAt, s.LastRun, s.LastSuccess, s.HeldUntil = fromMicros(created), fromMicros(run), fromMicros(success), fromMicros(held)
	return s, store.ParseSource(&s, settings, metadata, acl, report)
}

func oneSource(ctx context.Context, c *conn, collectionID int64, name string) (rag.Source, error) {
	st, err := c.stmt(ctx, selectSource+"WHERE s.collection = ? AND s.name = ?")
	if err != nil {
		return rag.Source{}, err
	}
	s, err := scanSource(st.QueryRowContext(ctx, collectionID, name))
	if errors.Is(err, sql.ErrNoRows) {
		return s, store.NoSource(name)
	}
	return s, err
}

// CreateSource adds a source to the collection src.CollectionID; times, counters and
// numbers of src are ignored. A name in use is KindConflict, more than
// store.MaxSources in a collection KindExhausted.
func (s *Store) CreateSource(ctx context.Context, src rag.Source) (made rag.Source, err error) {
	if err := store.CheckSource(src); err != nil {
		return made, err
	}
	err = s.update(ctx, "create source "+src.Name, func(ctx context.Context, c *conn) error {
		if _, err := collectionByID(ctx, c, src.CollectionID); err != nil {
			return err
		}
		var taken, all int
		err := c.row(ctx, "SELECT count(*) FILTER (WHERE name = ?), count(*) FROM sources WHERE collection = ?", []any{src.Name, src.CollectionID}, &taken, &all)
		if err != nil {
			return err
		}
		if err := store.CheckRoom(src.Name, taken, all); err != nil {
			return err
		}
		_, err = c.exec(ctx, "INSERT INTO sources (collection, name, kind, settings, metadata, acl, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			src.CollectionID, src.Name, src.Kind, string(src.Settings), store.FormatMetadata(src.Metadata), store.FormatStrings(src.ACL), toMicros(s.now()))
		if err != nil {
			return err
		}
		made, err = oneSource(ctx, c, src.CollectionID, src.Name)
		return err
	})
	return made, err
}

// ChangeSource gives a source other settings, metadata and access list. All its
// items then count as changed, and the cursor begins anew. KindConflict says that
// src is of another kind.
func (s *Store) ChangeSource(ctx context.Context, src rag.Source) (changed rag.Source, err error) {
	if err := store.CheckSource(src); err != nil {
		return changed, err
	}
	err = s.update(ctx, "change source "+src.Name, func(ctx context.Context, c *conn) error {
		old, err := oneSource(ctx, c, src.CollectionID, src.Name)
		if err != nil {
			return err
		}
		if err := store.CheckKind(old, src); err != nil {
			return err
		}
		_, err = c.exec(ctx, "UPDATE sources SET settings = ?, metadata = ?, acl = ?, cursor = NULL WHERE id = ?",
			string(src.Settings), store.FormatMetadata(src.Metadata), store.FormatStrings(src.ACL), old.ID)
		if err != nil {
			return err
		}
		if _, err := c.exec(ctx, "UPDATE source_items SET fingerprint = '' WHERE source = ?", old.ID); err != nil {
			return err
		}
		changed, err = oneSource(ctx, c, src.CollectionID, src.Name)
		return err
	})
	return changed, err
}

// Source returns a source by name, KindNotFound if there is none.
func (s *Store) Source(ctx context.Context, collectionID int64, name string) (found rag.Source, err error) {
	err = s.view(ctx, "read source", func(c *conn) (err error) {
		found, err = oneSource(ctx, c, collectionID, name)
		return err
	})
	return found, err
}

// Sources lists the sources of a collection by name.
func (s *Store) Sources(ctx context.Context, collectionID int64) ([]rag.Source, error) {
	return s.sources(ctx, selectSource+"WHERE s.collection = ? ORDER BY s.name", collectionID)
}

// AllSources lists the sources of all tenants, those that were not read for the
// longest time first.
func (s *Store) AllSources(ctx context.Context) ([]rag.Source, error) {
	return s.sources(ctx, selectSource+"ORDER BY s.last_run, s.id")
}

func (s *Store) sources(ctx context.Context, query string, args ...any) (list []rag.Source, err error) {
	err = s.view(ctx, "list sources", func(c *conn) error {
		return c.each(ctx, query, args, func(rows *sql.Rows) error {
			src, err := scanSource(rows)
			list = append(list, src)
			return err
		})
	})
	return list, err
}

// DeleteSource removes a source and what is kept of its items. Its documents stay;
// DropItems removes them first. reading is that of the caller's lease.
func (s *Store) DeleteSource(ctx context.Context, id, reading int64) error {
	return s.update(ctx, "delete source", func(ctx context.Context, c *conn) error {
		if err := stillReading(ctx, c, id, reading); err != nil {
			return err
		}
		_, err := c.exec(ctx, "DELETE FROM sources WHERE id = ?", id) // and its items
		return err
	})
}

// LeaseSource begins a reading: nobody else can begin one until the lease expires
// or EndReading gives it back. dead names a holder that is known to have died, ""
// if none is. KindConflict says that another holder is reading.
func (s *Store) LeaseSource(ctx context.Context, collectionID int64, name, holder, dead string, ttl time.Duration) (leased rag.Source, err error) {
	err = s.update(ctx, "lease source "+name, func(ctx context.Context, c *conn) error {
		src, err := oneSource(ctx, c, collectionID, name)
		if err != nil {
			return err
		}
		now := s.now()
		if err := store.CheckLease(src, dead, now); err != nil {
			return err
		}
		_, err = c.exec(ctx, "UPDATE sources SET holder = ?, held_until = ?, reading = reading + 1, last_run = ? WHERE id = ?",
			holder, toMicros(now.Add(ttl)), toMicros(now), src.ID)
		if err != nil {
			return err
		}
		leased, err = oneSource(ctx, c, collectionID, name)
		return err
	})
	return leased, err
}

// RenewLease makes the lease of a reading last for ttl from now. KindConflict says
// that another reading has begun.
func (s *Store) RenewLease(ctx context.Context, id, reading int64, ttl time.Duration) error {
	return s.update(ctx, "renew lease", func(ctx context.Context, c *conn) error {
		if err := stillReading(ctx, c, id, reading); err != nil {
			return err
		}
		_, err := c.exec(ctx, "UPDATE sources SET held_until = ? WHERE id = ?", toMicros(s.now().Add(ttl)), id)
		return err
	})
}

// EndReading gives the lease of a reading back and keeps its report. Without a
// failure ("") it keeps the cursor too, and the time as that of the last success.
func (s *Store) EndReading(ctx context.Context, id, reading int64, cursor []byte, failure string, report rag.SyncReport) error {
	data, err := store.FormatReport(cursor, report)
	if err != nil {
		return err
	}
	return s.update(ctx, "end reading", func(ctx context.Context, c *conn) error {
		if err := stillReading(ctx, c, id, reading); err != nil {
			return err
		}
		_, err := c.exec(ctx, "UPDATE sources SET holder = '', held_until = 0, last_error = ?, last_report = ? WHERE id = ?", store.Cut(failure), data, id)
		if err != nil || failure != "" {
			return err
		}
		_, err = c.exec(ctx, "UPDATE sources SET cursor = ?, last_success = ? WHERE id = ?", cursor, toMicros(s.now()), id)
		return err
	})
}

// stillReading reports, as KindConflict, that the reading is not the source's last:
// its lease had expired, and what it found may be older than what is kept.
func stillReading(ctx context.Context, c *conn, id, reading int64) error {
	var last int64
	err := c.row(ctx, "SELECT reading FROM sources WHERE id = ?", []any{id}, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return store.SourceRemoved()
	}
	if err != nil {
		return err
	}
	return store.CheckReading(reading, last)
}
