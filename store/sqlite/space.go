package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const selectSpace = `
	SELECT p.name, p.collection, p.generation, p.seq, p.epoch, p.turn, p.held, p.held_until,
	       NOT EXISTS (SELECT 1 FROM generations g WHERE g.collection = p.collection AND g.number = p.generation)
	FROM spaces p `

func scanSpace(r scanner) (h store.HeldSpace, err error) {
	var until int64
	err = r.Scan(&h.Name, &h.Collection, &h.Generation, &h.Seq, &h.Epoch, &h.Turn, &h.Held, &until, &h.Gone)
	h.Until = fromMicros(until)
	return h, err
}

func oneSpace(ctx context.Context, c *conn, name string) (store.HeldSpace, error) {
	st, err := c.stmt(ctx, selectSpace+"WHERE p.name = ?")
	if err != nil {
		return store.HeldSpace{}, err
	}
	h, err := scanSpace(st.QueryRowContext(ctx, name))
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NoSpace(name)
	}
	return h, err
}

// Space returns a space by name, KindNotFound if there is none.
func (s *Store) Space(ctx context.Context, name string) (found rag.Space, err error) {
	err = s.view(ctx, "read space", func(c *conn) error {
		h, err := oneSpace(ctx, c, name)
		found = h.Space
		return err
	})
	return found, err
}

// Spaces lists all spaces by name.
func (s *Store) Spaces(ctx context.Context) (list []rag.Space, err error) {
	err = s.view(ctx, "list spaces", func(c *conn) error {
		return c.each(ctx, selectSpace+"ORDER BY p.name", nil, func(rows *sql.Rows) error {
			h, err := scanSpace(rows)
			list = append(list, h.Space)
			return err
		})
	})
	return list, err
}

// LeaseSpace begins a turn of writing to a space, which is made, not filled, if
// it is not there: nobody else can begin one until the lease expires or AdvanceSpace
// gives it back. KindConflict says that another turn is going on, KindNotFound that
// the generation is no more.
func (s *Store) LeaseSpace(ctx context.Context, name string, collectionID int64, generation int, ttl time.Duration) (leased rag.Space, err error) {
	err = s.update(ctx, "lease space "+name, func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, `
			INSERT INTO spaces (name, collection, generation, seq, epoch, turn, held, held_until)
			SELECT ?, g.collection, g.number, -1, 0, 0, 0, 0 FROM generations g WHERE g.collection = ? AND g.number = ?
			ON CONFLICT (name) DO NOTHING`, name, collectionID, generation)
		if err != nil {
			return err
		}
		h, err := oneSpace(ctx, c, name)
		if err != nil {
			return err
		}
		now := s.now()
		if err := store.CheckTurn(h, collectionID, generation, now); err != nil {
			return err
		}
		if _, err := c.exec(ctx, "UPDATE spaces SET turn = turn + 1, held = 1, held_until = ? WHERE name = ?", toMicros(now.Add(ttl)), name); err != nil {
			return err
		}
		leased = h.Space
		leased.Turn++
		return nil
	})
	return leased, err
}

// AdvanceSpace keeps how far a space is, by its Seq and Epoch, and makes the lease of
// its Turn last for ttl from now, or gives it back if ttl is 0. KindConflict says that
// another turn has begun.
func (s *Store) AdvanceSpace(ctx context.Context, space rag.Space, ttl time.Duration) error {
	return s.update(ctx, "advance space "+space.Name, func(ctx context.Context, c *conn) error {
		h, err := oneSpace(ctx, c, space.Name)
		if err != nil {
			return err
		}
		if err := store.CheckWriter(h, space.Turn); err != nil {
			return err
		}
		_, err = c.exec(ctx, "UPDATE spaces SET seq = ?, epoch = ?, held = ?, held_until = ? WHERE name = ?",
			space.Seq, space.Epoch, ttl > 0, toMicros(s.now().Add(ttl)), space.Name)
		return err
	})
}

// DropSpace forgets a space; none there is no error.
func (s *Store) DropSpace(ctx context.Context, name string) error {
	return s.update(ctx, "drop space "+name, func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, "DELETE FROM spaces WHERE name = ?", name)
		return err
	})
}
