package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// A generation has no rows of its own beside its one in generations: the chunks
// are the collection's, and the embedding of a chunk is that of its hash and the
// generation's model. So a generation is built by storing embeddings that nobody
// looks at yet, and becomes live by changing collections.generation.

// generation is what a generation asks of embeddings.
type generation struct {
	number     int
	name       string // of the model, "" for none
	model      int64  // row of models; 0 for none
	dimensions int
	live       bool
}

// building is its number if embeddings of it may still be missing, otherwise 0.
func (g *generation) building() int {
	if g.live || g.name == "" {
		return 0
	}
	return g.number
}

// generationOf reads a generation, 0 for the live one. KindNotFound says that
// there is no such collection, or that it has no such generation.
func generationOf(ctx context.Context, c *conn, collectionID int64, number int) (generation, error) {
	var g generation
	var active int
	err := c.row(ctx, "SELECT generation FROM collections WHERE id = ?", []any{collectionID}, &active)
	if errors.Is(err, sql.ErrNoRows) {
		return g, store.NoCollection(collectionID)
	}
	if err != nil {
		return g, err
	}
	if number == 0 {
		number = active
	}
	err = c.row(ctx, `
		SELECT g.number, g.model, g.dimensions, coalesce(m.id, 0) FROM generations g LEFT JOIN models m ON m.name = g.model
		WHERE g.collection = ? AND g.number = ?`, []any{collectionID, number}, &g.number, &g.name, &g.dimensions, &g.model)
	if errors.Is(err, sql.ErrNoRows) {
		return g, store.NoGeneration(collectionID, number)
	}
	g.live = number == active
	return g, err
}

// modelRow returns the row of a model, made on its first use. A model's vectors all
// have one length: two models that differ must have different names.
func modelRow(ctx context.Context, c *conn, name string, dimensions int) (int64, error) {
	var id int64
	var known int
	err := c.row(ctx, "SELECT id, dimensions FROM models WHERE name = ?", []any{name}, &id, &known)
	if errors.Is(err, sql.ErrNoRows) {
		err := c.row(ctx, "INSERT INTO models (name, dimensions) VALUES (?, ?) RETURNING id", []any{name, dimensions}, &id)
		return id, err
	}
	if err == nil && known != dimensions {
		err = store.OtherDimensions(name, dimensions, known)
	}
	return id, err
}

// Generations lists a collection's generations by number, and counts what each
// lacks. It looks at every chunk: a second or so for a million.
func (s *Store) Generations(ctx context.Context, collectionID int64) ([]rag.GenerationInfo, error) {
	var list []rag.GenerationInfo
	err := s.view(ctx, "list generations", func(c *conn) (err error) {
		list, err = generations(ctx, c, collectionID)
		if err != nil {
			return err
		}
		for i := range list {
			g := &list[i]
			if g.Model == "" {
				continue
			}
			err := c.row(ctx, `
				SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (
					SELECT 1 FROM embeddings e WHERE e.hash = k.hash AND e.model = (SELECT id FROM models WHERE name = ?2)))
				FROM chunks k WHERE k.collection = ?1`, []any{collectionID, g.Model}, &g.Chunks, &g.Missing)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// generations reads the rows, without counts.
func generations(ctx context.Context, c *conn, collectionID int64) ([]rag.GenerationInfo, error) {
	if _, err := generationOf(ctx, c, collectionID, 0); err != nil {
		return nil, err
	}
	var list []rag.GenerationInfo
	err := c.each(ctx, `
		SELECT g.number, g.chunker, g.model, g.dimensions, g.created_at, g.live_at, g.comparison, g.number = c.generation
		FROM generations g JOIN collections c ON c.id = g.collection WHERE c.id = ? ORDER BY g.number`, []any{collectionID},
		func(r *sql.Rows) error {
			g, err := scanGeneration(r)
			list = append(list, g)
			return err
		})
	return list, err
}

func scanGeneration(r scanner) (rag.GenerationInfo, error) {
	var g rag.GenerationInfo
	var chunker, comparison string
	var created int64
	var liveAt sql.NullInt64
	var live bool
	if err := r.Scan(&g.Number, &chunker, &g.Model, &g.Dimensions, &created, &liveAt, &comparison, &live); err != nil {
		return g, err
	}
	g.CreatedAt, g.LiveAt = fromMicros(created), fromMicros(liveAt.Int64)
	return g, store.ParseGeneration(&g, chunker, comparison, live, liveAt.Valid)
}

// StartGeneration adds a generation to be built, with the next number and the
// chunker of the live one: the chunks are shared. A model that a generation of the
// collection has already, or a generation that is being built, is KindConflict.
func (s *Store) StartGeneration(ctx context.Context, collectionID int64, model string, dimensions int) (rag.Generation, error) {
	gen := rag.Generation{Model: model, Dimensions: dimensions}
	if err := store.CheckStart(model, dimensions); err != nil {
		return gen, err
	}
	err := s.update(ctx, "start generation", func(ctx context.Context, c *conn) error {
		list, err := generations(ctx, c, collectionID)
		if err != nil {
			return err
		}
		if gen, err = store.NextGeneration(list, model, dimensions); err != nil {
			return err
		}
		if _, err := modelRow(ctx, c, model, dimensions); err != nil {
			return err
		}
		_, err = c.exec(ctx, "INSERT INTO generations (collection, number, chunker, model, dimensions, created_at) VALUES (?, ?, ?, ?, ?, ?)",
			collectionID, gen.Number, store.JSON(gen.Chunker), model, dimensions, toMicros(s.now()))
		return err
	})
	return gen, err
}

// Unembedded returns up to limit chunks of a collection with ids above after, in
// their order, whose text has no embedding of model. Chunks of deleted documents
// that can still be restored are among them. Two chunks may have the same hash.
func (s *Store) Unembedded(ctx context.Context, collectionID int64, model string, after rag.ChunkID, limit int) ([]rag.Unembedded, error) {
	var chunks []rag.Unembedded
	err := s.view(ctx, "look for chunks without an embedding", func(c *conn) (err error) {
		if _, err := generationOf(ctx, c, collectionID, 0); err != nil {
			return err
		}
		chunks, err = unembedded(ctx, c, collectionID, model, after, max(0, min(limit, store.MaxUnembedded)))
		return err
	})
	return chunks, err
}

func unembedded(ctx context.Context, c *conn, collectionID int64, model string, after rag.ChunkID, limit int) ([]rag.Unembedded, error) {
	var found []chunkRow
	var titles []string
	var k chunkRow
	var title string
	err := c.each(ctx, "SELECT "+chunkColumns+`, d.title FROM chunks k JOIN documents d ON d.id = k.document
		WHERE k.collection = ?1 AND k.id > ?2
		AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.hash = k.hash AND e.model = (SELECT id FROM models WHERE name = ?3))
		ORDER BY k.id LIMIT ?4`, []any{collectionID, after, model, limit}, func(r *sql.Rows) error {
		if err := k.scan(r, &title); err != nil {
			return err
		}
		found, titles = append(found, k), append(titles, title)
		return nil
	})
	if err != nil {
		return nil, err
	}
	chunks := make([]rag.Unembedded, len(found))
	for i := range found {
		k := &found[i]
		if k.Text, err = readSpan(ctx, c, k.versionRow, k.Span); err != nil {
			return nil, err
		}
		chunks[i] = rag.Unembedded{ChunkID: k.ID, Hash: k.Hash, Text: k.EmbedText(titles[i])}
	}
	return chunks, nil
}

// PutEmbeddings stores embeddings for a generation, and returns how many of them
// were new. Those of a hash that no chunk of the collection has (any more) are left
// out. KindNotFound says that the generation was dropped, KindInvalid that a vector
// is not one of its model.
func (s *Store) PutEmbeddings(ctx context.Context, collectionID int64, number int, embeddings []rag.Embedding) (stored int, err error) {
	err = s.update(ctx, "store embeddings", func(ctx context.Context, c *conn) error {
		gen, err := generationOf(ctx, c, collectionID, number)
		if err != nil {
			return err
		}
		stored, err = putEmbeddings(ctx, c, collectionID, gen, embeddings)
		return err
	})
	return stored, err
}

func putEmbeddings(ctx context.Context, c *conn, collectionID int64, gen generation, embeddings []rag.Embedding) (stored int, err error) {
	// In the order of the index they go into.
	embeddings = slices.Clone(embeddings)
	slices.SortFunc(embeddings, func(a, b rag.Embedding) int { return slices.CompareFunc(a.Hash[:], b.Hash[:], cmp.Compare[byte]) })
	for _, e := range embeddings {
		if err := store.CheckVector(e.Vector, gen.dimensions); err != nil {
			return 0, err
		}
		res, err := c.exec(ctx, `
			INSERT INTO embeddings (hash, model, vector) SELECT ?1, ?2, ?3
			WHERE EXISTS (SELECT 1 FROM chunks WHERE hash = ?1 AND collection = ?4)
			ON CONFLICT (hash, model) DO NOTHING`, e.Hash[:], gen.model, store.AppendVector(nil, e.Vector), collectionID)
		if err != nil {
			return 0, err
		}
		stored += affected(res)
	}
	return stored, nil
}

// PutComparison keeps with a generation how it compared; nil forgets it.
func (s *Store) PutComparison(ctx context.Context, collectionID int64, number int, comparison *rag.GenerationComparison) error {
	text, err := store.FormatComparison(comparison)
	if err != nil {
		return err
	}
	return s.update(ctx, "store comparison", func(ctx context.Context, c *conn) error {
		if _, err := generationOf(ctx, c, collectionID, number); err != nil {
			return err
		}
		_, err := c.exec(ctx, "UPDATE generations SET comparison = ? WHERE collection = ? AND number = ?", text, collectionID, number)
		return err
	})
}

// Embedded returns the highest chunk id of a collection, at least after, if every
// chunk above after has its embedding of a generation; KindConflict says that some
// have not. An embedding that a generation needs does not go, and ids ascend: what
// was looked at once need not be looked at again.
func (s *Store) Embedded(ctx context.Context, collectionID int64, number int, after rag.ChunkID) (last rag.ChunkID, err error) {
	err = s.view(ctx, "look for missing embeddings", func(c *conn) (err error) {
		last, err = embedded(ctx, c, collectionID, number, after)
		return err
	})
	return last, err
}

func embedded(ctx context.Context, c *conn, collectionID int64, number int, after rag.ChunkID) (last rag.ChunkID, err error) {
	gen, err := generationOf(ctx, c, collectionID, number)
	if err != nil {
		return 0, err
	}
	var missing int
	err = c.row(ctx, `
		SELECT coalesce(max(k.id), ?2), count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.hash = k.hash AND e.model = ?3))
		FROM chunks k WHERE k.collection = ?1 AND k.id > ?2`, []any{collectionID, after, gen.model}, &last, &missing)
	if err == nil {
		err = store.CheckEmbedded(missing, number, gen.name)
	}
	return last, err
}

// SwitchGeneration makes a generation live, in one step: the one that was live is
// the previous one from then on, and what was the previous one is dropped. Every
// chunk must have its embedding; KindConflict says that some have not, and nothing
// has changed. The live generation is no error.
//
// checked is what Embedded has returned for the generation, so that the transaction
// has to look only at the chunks that came since; 0 looks at all.
//
// Where documents come one after the other, some are always quicker. Then last, if it
// is not nil, is asked for the embeddings of at most MaxLast chunks inside the
// transaction: nobody can write meanwhile, so it is to be brief.
func (s *Store) SwitchGeneration(ctx context.Context, collectionID int64, number int, checked rag.ChunkID, last func(context.Context, []rag.Unembedded) ([]rag.Embedding, error)) (rag.Collection, error) {
	var switched rag.Collection
	err := s.update(ctx, "switch generation", func(steady context.Context, c *conn) error {
		_, err := embedded(steady, c, collectionID, number, checked)
		if errors.Is(err, rag.ErrConflict) && last != nil {
			err = embedLast(ctx, steady, c, collectionID, number, checked, last)
		}
		if err != nil {
			return err
		}
		if err := s.makeLive(steady, c, collectionID, number); err != nil {
			return err
		}
		switched, err = collectionByID(steady, c, collectionID)
		return err
	})
	return switched, err
}

// embedLast has the last few chunks embedded that a generation lacks. ctx is for the
// embedding, steady for the transaction.
func embedLast(ctx, steady context.Context, c *conn, collectionID int64, number int, checked rag.ChunkID, last func(context.Context, []rag.Unembedded) ([]rag.Embedding, error)) error {
	gen, err := generationOf(steady, c, collectionID, number)
	if err != nil {
		return err
	}
	chunks, err := unembedded(steady, c, collectionID, gen.name, checked, store.MaxLast+1)
	if err != nil {
		return err
	}
	if err := store.CheckLast(chunks, number, gen.name); err != nil {
		return err
	}
	embeddings, err := last(ctx, chunks)
	if err != nil {
		return err
	}
	if _, err := putEmbeddings(steady, c, collectionID, gen, embeddings); err != nil {
		return err
	}
	_, err = embedded(steady, c, collectionID, number, checked)
	return err
}

func (s *Store) makeLive(ctx context.Context, c *conn, collectionID int64, number int) error {
	list, err := generations(ctx, c, collectionID)
	if err != nil {
		return err
	}
	gone, live := store.Replaced(list, number)
	if live {
		return nil
	}
	for _, g := range gone {
		if err := dropGeneration(ctx, c, collectionID, g); err != nil {
			return err
		}
	}
	if _, err := c.exec(ctx, "UPDATE generations SET live_at = ? WHERE collection = ? AND number = ?", toMicros(s.now()), collectionID, number); err != nil {
		return err
	}
	_, err = c.exec(ctx, "UPDATE collections SET generation = ? WHERE id = ?", number, collectionID)
	return err
}

// DropGeneration removes a generation that is not live (KindConflict). Its
// embeddings, as far as no other generation has them, go with the next Purge.
func (s *Store) DropGeneration(ctx context.Context, collectionID int64, number int) error {
	return s.update(ctx, "drop generation", func(ctx context.Context, c *conn) error {
		list, err := generations(ctx, c, collectionID)
		if err != nil {
			return err
		}
		gone, err := store.Dropped(list, number)
		if err != nil {
			return err
		}
		return dropGeneration(ctx, c, collectionID, gone)
	})
}

func dropGeneration(ctx context.Context, c *conn, collectionID int64, g rag.GenerationInfo) error {
	if err := owesErasure(ctx, c); err != nil {
		return err
	}
	_, err := c.exec(ctx, `INSERT OR IGNORE INTO loose_embeddings (id)
		SELECT e.id FROM chunks k JOIN embeddings e ON e.hash = k.hash AND e.model = (SELECT id FROM models WHERE name = ?2)
		WHERE k.collection = ?1`, collectionID, g.Model)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, "DELETE FROM generations WHERE collection = ? AND number = ?", collectionID, g.Number)
	return err
}
