package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Spaces are the program's own book-keeping about other databases, found by their
// names: they are read and written in the scope of every tenant.

const selectSpace = `
	SELECT p.name, p.collection, p.generation, p.seq, p.epoch, p.turn, p.held_until,
	       NOT EXISTS (SELECT FROM generations g WHERE g.collection = p.collection AND g.number = p.generation)
	FROM spaces p `

func scanSpace(row pgx.CollectableRow) (h store.HeldSpace, err error) {
	var until *time.Time // null while nobody has a turn
	err = row.Scan(&h.Name, &h.Collection, &h.Generation, &h.Seq, &h.Epoch, &h.Turn, &until, &h.Gone)
	h.Held, h.Until = until != nil, orZero(until)
	return h, err
}

// oneSpace reads a space, and locks it if lock is "FOR UPDATE OF p".
func oneSpace(ctx context.Context, tx pgx.Tx, name, lock string) (store.HeldSpace, error) {
	rows, err := tx.Query(ctx, selectSpace+"WHERE p.name = $1 "+lock, name)
	if err != nil {
		return store.HeldSpace{}, err
	}
	h, err := pgx.CollectExactlyOneRow(rows, scanSpace)
	if errors.Is(err, pgx.ErrNoRows) {
		err = store.NoSpace(name)
	}
	return h, err
}

const lockSpace = "FOR UPDATE OF p"

// Space returns a space by name, KindNotFound if there is none.
func (s *Store) Space(ctx context.Context, name string) (found rag.Space, err error) {
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		h, err := oneSpace(ctx, tx, name, "")
		found = h.Space
		return err
	})
	return found, wrap(err, "read space")
}

// Spaces lists all spaces by name.
func (s *Store) Spaces(ctx context.Context) (list []rag.Space, err error) {
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectSpace+"ORDER BY p.name")
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, scanSpace)
		list = nil
		for _, h := range all {
			list = append(list, h.Space)
		}
		return err
	})
	return list, wrap(err, "list spaces")
}

// LeaseSpace begins a turn of writing to a space, which is made, not filled, if
// it is not there: nobody else can begin one until the lease expires or AdvanceSpace
// gives it back. KindConflict says that another turn is going on, KindNotFound that
// the generation is no more. Leases are measured by the database's clock.
func (s *Store) LeaseSpace(ctx context.Context, name string, collectionID int64, generation int, ttl time.Duration) (leased rag.Space, err error) {
	err = s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO spaces (name, tenant, collection, generation)
			SELECT $1, g.tenant, g.collection, g.number FROM generations g WHERE g.collection = $2 AND g.number = $3
			ON CONFLICT (name, tenant) DO NOTHING`, name, collectionID, generation)
		if err != nil {
			return err
		}
		h, err := oneSpace(ctx, tx, name, lockSpace)
		if err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		if err := store.CheckTurn(h, collectionID, generation, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE spaces SET turn = turn + 1, held_until = $2 WHERE name = $1", name, now.Add(ttl)); err != nil {
			return err
		}
		leased = h.Space
		leased.Turn++
		return nil
	})
	return leased, wrap(err, "lease space %s", name)
}

// AdvanceSpace keeps how far a space is, by its Seq and Epoch, and makes the lease of
// its Turn last for ttl from now, or gives it back if ttl is 0. KindConflict says that
// another turn has begun.
func (s *Store) AdvanceSpace(ctx context.Context, space rag.Space, ttl time.Duration) error {
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		h, err := oneSpace(ctx, tx, space.Name, lockSpace)
		if err != nil {
			return err
		}
		if err := store.CheckWriter(h, space.Turn); err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		var until *time.Time
		if ttl > 0 {
			end := now.Add(ttl)
			until = &end
		}
		_, err = tx.Exec(ctx, "UPDATE spaces SET seq = $2, epoch = $3, held_until = $4 WHERE name = $1", space.Name, space.Seq, space.Epoch, until)
		return err
	})
	return wrap(err, "advance space %s", space.Name)
}

// DropSpace forgets a space; none there is no error.
func (s *Store) DropSpace(ctx context.Context, name string) error {
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM spaces WHERE name = $1", name)
		return err
	})
	return wrap(err, "drop space %s", name)
}
