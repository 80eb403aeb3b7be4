package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

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
	bad        error // why nothing can be embedded for it
}

// building is its number if embeddings of it may still be missing, otherwise 0.
func (g *generation) building() int {
	if g.live || g.name == "" {
		return 0
	}
	return g.number
}

// generationOf reads a generation, 0 for the live one, and the bounds of the
// collection's feed. KindNotFound says that there is no such collection, or that it
// has no such generation.
func generationOf(ctx context.Context, tx pgx.Tx, collectionID int64, number int) (generation, feedBounds, error) {
	var g generation
	var b feedBounds
	var found *int
	var name *string
	var dimensions *int
	var active int
	err := tx.QueryRow(ctx, `
		SELECT c.feed_start, c.seq, c.generation, g.number, g.model, g.dimensions, coalesce(m.id, 0)
		FROM collections c LEFT JOIN generations g ON g.collection = c.id AND g.number = CASE WHEN $2::bigint = 0 THEN c.generation ELSE $2::bigint END
		LEFT JOIN models m ON m.name = g.model WHERE c.id = $1`, collectionID, number).
		Scan(&b.start, &b.last, &active, &found, &name, &dimensions, &g.model)
	if errors.Is(err, pgx.ErrNoRows) {
		return g, b, store.NoCollection(collectionID)
	}
	if err != nil {
		return g, b, err
	}
	if found == nil {
		return g, b, store.NoGeneration(collectionID, number)
	}
	g.number, g.name, g.dimensions, g.live = *found, *name, *dimensions, *found == active
	return g, b, nil
}

// modelRow returns the row of a model, made on its first use. A model's vectors all
// have one length: two models that differ must have different names.
func modelRow(ctx context.Context, tx pgx.Tx, name string, dimensions int) (id int64, err error) {
	var known int
	const look = "SELECT id, dimensions FROM models WHERE name = $1"
	err = tx.QueryRow(ctx, look, name).Scan(&id, &known)
	if errors.Is(err, pgx.ErrNoRows) {
		// Another transaction may be first: then this one waits for it, and looks again.
		if _, err := tx.Exec(ctx, "INSERT INTO models (name, dimensions) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, dimensions); err != nil {
			return 0, err
		}
		err = tx.QueryRow(ctx, look, name).Scan(&id, &known)
	}
	if err == nil && known != dimensions {
		err = store.OtherDimensions(name, dimensions, known)
	}
	return id, err
}

// lacking is SQL for a chunk k that has no embedding of the model named by a parameter.
const lacking = `NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.hash = k.hash AND e.tenant = k.tenant AND e.model = (SELECT id FROM models WHERE name = $2))`

// Generations lists a collection's generations by number, and counts what each
// lacks. It looks at every chunk: a second or so for a million.
func (s *Store) Generations(ctx context.Context, collectionID int64) ([]rag.GenerationInfo, error) {
	var list []rag.GenerationInfo
	err := s.view(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) (err error) {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		list, err = generations(ctx, tx, collectionID)
		if err != nil {
			return err
		}
		for i := range list {
			g := &list[i]
			if g.Model == "" {
				continue
			}
			err := tx.QueryRow(ctx, "SELECT count(*), count(*) FILTER (WHERE "+lacking+") FROM chunks k WHERE k.collection = $1", collectionID, g.Model).Scan(&g.Chunks, &g.Missing)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return list, wrap(err, "list generations")
}

// generations reads the rows, without counts.
func generations(ctx context.Context, tx pgx.Tx, collectionID int64) ([]rag.GenerationInfo, error) {
	rows, err := tx.Query(ctx, `
		SELECT g.number, g.chunker, g.model, g.dimensions, g.created_at, g.live_at, g.comparison, g.number = c.generation
		FROM generations g JOIN collections c ON c.id = g.collection WHERE c.id = $1 ORDER BY g.number`, collectionID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []rag.GenerationInfo
	for rows.Next() {
		g, err := scanGeneration(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	rows.Close()
	if rows.Err() == nil && len(list) == 0 {
		return nil, store.NoCollection(collectionID)
	}
	return list, rows.Err()
}

func scanGeneration(r scanner) (rag.GenerationInfo, error) {
	var g rag.GenerationInfo
	var chunker, comparison string
	var liveAt *time.Time
	var live bool
	if err := r.Scan(&g.Number, &chunker, &g.Model, &g.Dimensions, &g.CreatedAt, &liveAt, &comparison, &live); err != nil {
		return g, err
	}
	g.CreatedAt, g.LiveAt = g.CreatedAt.UTC(), orZero(liveAt)
	return g, store.ParseGeneration(&g, chunker, comparison, live, liveAt != nil)
}

// updateCollection is update with the collection's row locked first. What fn does
// is told as a change of it.
func (s *Store) updateCollection(ctx context.Context, collectionID int64, fn func(context.Context, pgx.Tx, rag.Collection) error) error {
	return s.update(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		c, err := lockByID(ctx, tx, collectionID)
		if err != nil {
			return err
		}
		if err := s.keepEmbeddings(ctx, tx, c.Tenant); err != nil {
			return err
		}
		if err := fn(ctx, tx, c); err != nil {
			return err
		}
		return s.touched(ctx, tx, collectionID)
	})
}

// StartGeneration adds a generation to be built, with the next number and the
// chunker of the live one: the chunks are shared. A model that a generation of the
// collection has already, or a generation that is being built, is KindConflict.
func (s *Store) StartGeneration(ctx context.Context, collectionID int64, model string, dimensions int) (rag.Generation, error) {
	gen := rag.Generation{Model: model, Dimensions: dimensions}
	if err := store.CheckStart(model, dimensions); err != nil {
		return gen, err
	}
	err := s.updateCollection(ctx, collectionID, func(ctx context.Context, tx pgx.Tx, c rag.Collection) error {
		list, err := generations(ctx, tx, collectionID)
		if err != nil {
			return err
		}
		if gen, err = store.NextGeneration(list, model, dimensions); err != nil {
			return err
		}
		if _, err := modelRow(ctx, tx, model, dimensions); err != nil {
			return err
		}
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO generations (tenant, collection, number, chunker, model, dimensions, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			c.Tenant, collectionID, gen.Number, store.JSON(gen.Chunker), model, dimensions, now)
		return err
	})
	return gen, wrap(err, "start generation")
}

// Unembedded returns up to limit chunks of a collection with ids above after, in
// their order, whose text has no embedding of model. Chunks of deleted documents
// that can still be restored are among them. Two chunks may have the same hash.
func (s *Store) Unembedded(ctx context.Context, collectionID int64, model string, after rag.ChunkID, limit int) ([]rag.Unembedded, error) {
	var chunks []rag.Unembedded
	err := s.view(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) (err error) {
		if _, _, err := generationOf(ctx, tx, collectionID, 0); err != nil {
			return err
		}
		chunks, err = unembedded(ctx, tx, collectionID, model, after, max(0, min(limit, store.MaxUnembedded)))
		return err
	})
	return chunks, wrap(err, "look for chunks without an embedding")
}

func unembedded(ctx context.Context, tx pgx.Tx, collectionID int64, model string, after rag.ChunkID, limit int) ([]rag.Unembedded, error) {
	rows, err := tx.Query(ctx, "SELECT "+chunkColumns+`, d.title FROM chunks k JOIN documents d ON d.id = k.document JOIN versions v ON v.id = k.version
		WHERE k.collection = $1 AND k.id > $3 AND `+lacking+` ORDER BY k.id LIMIT $4`, collectionID, model, int64(after), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var chunks []rag.Unembedded
	for rows.Next() {
		var title string
		k, err := scanChunk(rows, &title)
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, rag.Unembedded{ChunkID: k.ID, Hash: k.Hash, Text: k.EmbedText(title)})
	}
	rows.Close()
	return chunks, rows.Err()
}

// PutEmbeddings stores embeddings for a generation, and returns how many of them
// were new. Those of a hash that no chunk of the collection has (any more) are left
// out. KindNotFound says that the generation was dropped, KindInvalid that a vector
// is not one of its model.
func (s *Store) PutEmbeddings(ctx context.Context, collectionID int64, number int, embeddings []rag.Embedding) (stored int, err error) {
	err = s.updateCollection(ctx, collectionID, func(ctx context.Context, tx pgx.Tx, c rag.Collection) error {
		gen, _, err := generationOf(ctx, tx, collectionID, number)
		if err != nil {
			return err
		}
		stored, err = putEmbeddings(ctx, tx, c, gen, embeddings)
		return err
	})
	return stored, wrap(err, "store embeddings")
}

func putEmbeddings(ctx context.Context, tx pgx.Tx, c rag.Collection, gen generation, embeddings []rag.Embedding) (stored int, err error) {
	rows := make([]embeddingRow, len(embeddings))
	for i, e := range embeddings {
		if err := store.CheckVector(e.Vector, gen.dimensions); err != nil {
			return 0, err
		}
		rows[i] = embeddingRow{embeddingKey{gen.model, e.Hash}, e.Vector}
	}
	sortEmbeddings(rows)
	for from, to := range portions(len(rows), portionRows) {
		models, hashes, vectors := columnsOf(rows[from:to])
		tag, err := tx.Exec(ctx, `
			INSERT INTO embeddings (tenant, model, hash, vector)
			SELECT $1::text, w.model, w.hash, w.vector FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) w (model, hash, vector)
			WHERE EXISTS (SELECT 1 FROM chunks k WHERE k.hash = w.hash AND k.collection = $5)
			ON CONFLICT DO NOTHING`, c.Tenant, models, hashes, vectors, c.ID)
		if err != nil {
			return 0, err
		}
		stored += int(tag.RowsAffected())
	}
	return stored, nil
}

// PutComparison keeps with a generation how it compared; nil forgets it.
func (s *Store) PutComparison(ctx context.Context, collectionID int64, number int, comparison *rag.GenerationComparison) error {
	text, err := store.FormatComparison(comparison)
	if err != nil {
		return err
	}
	err = s.updateCollection(ctx, collectionID, func(ctx context.Context, tx pgx.Tx, _ rag.Collection) error {
		if _, _, err := generationOf(ctx, tx, collectionID, number); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE generations SET comparison = $1 WHERE collection = $2 AND number = $3::bigint", text, collectionID, number)
		return err
	})
	return wrap(err, "store comparison")
}

// Embedded returns the highest chunk id of a collection, at least after, if every
// chunk above after has its embedding of a generation; KindConflict says that some
// have not. An embedding that a generation needs does not go, and ids ascend in the
// order of commit: what was looked at once need not be looked at again.
func (s *Store) Embedded(ctx context.Context, collectionID int64, number int, after rag.ChunkID) (last rag.ChunkID, err error) {
	err = s.view(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) (err error) {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		last, err = embedded(ctx, tx, collectionID, number, after)
		return err
	})
	return last, wrap(err, "look for missing embeddings")
}

func embedded(ctx context.Context, tx pgx.Tx, collectionID int64, number int, after rag.ChunkID) (last rag.ChunkID, err error) {
	gen, _, err := generationOf(ctx, tx, collectionID, number)
	if err != nil {
		return 0, err
	}
	var missing int
	err = tx.QueryRow(ctx, "SELECT coalesce(max(k.id), $3), count(*) FILTER (WHERE "+lacking+") FROM chunks k WHERE k.collection = $1 AND k.id > $3",
		collectionID, gen.name, int64(after)).Scan(&last, &missing)
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
// transaction: nobody can write to the collection meanwhile, so it is to be brief. It
// is asked again where the transaction has to be begun again.
func (s *Store) SwitchGeneration(ctx context.Context, collectionID int64, number int, checked rag.ChunkID, last func(context.Context, []rag.Unembedded) ([]rag.Embedding, error)) (rag.Collection, error) {
	var switched rag.Collection
	err := s.updateCollection(ctx, collectionID, func(ctx context.Context, tx pgx.Tx, c rag.Collection) error {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		_, err := embedded(ctx, tx, collectionID, number, checked)
		if errors.Is(err, rag.ErrConflict) && last != nil {
			err = embedLast(ctx, tx, c, number, checked, last)
		}
		if err != nil {
			return err
		}
		if err := s.makeLive(ctx, tx, collectionID, number); err != nil {
			return err
		}
		switched, err = collectionByID(ctx, tx, collectionID)
		return err
	})
	return switched, wrap(err, "switch generation")
}

// embedLast has the last few chunks embedded that a generation lacks.
func embedLast(ctx context.Context, tx pgx.Tx, c rag.Collection, number int, checked rag.ChunkID, last func(context.Context, []rag.Unembedded) ([]rag.Embedding, error)) error {
	gen, _, err := generationOf(ctx, tx, c.ID, number)
	if err != nil {
		return err
	}
	chunks, err := unembedded(ctx, tx, c.ID, gen.name, checked, store.MaxLast+1)
	if err != nil {
		return err
	}
	if err := store.CheckLast(chunks, number, gen.name); err != nil {
		return err
	}
	embeddings, err := last(ctx, chunks)
	if err != nil {
		return once(err)
	}
	if _, err := putEmbeddings(ctx, tx, c, gen, embeddings); err != nil {
		return err
	}
	_, err = embedded(ctx, tx, c.ID, number, checked)
	return err
}

func (s *Store) makeLive(ctx context.Context, tx pgx.Tx, collectionID int64, number int) error {
	list, err := generations(ctx, tx, collectionID)
	if err != nil {
		return err
	}
	gone, live := store.Replaced(list, number)
	if live {
		return nil
	}
	for _, g := range gone {
		if err := dropGeneration(ctx, tx, collectionID, g); err != nil {
			return err
		}
	}
	now, err := s.clock(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE generations SET live_at = $1 WHERE collection = $2 AND number = $3::bigint", now, collectionID, number); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE collections SET generation = $1 WHERE id = $2", number, collectionID)
	return err
}

// DropGeneration removes a generation that is not live (KindConflict). Its
// embeddings, as far as no other generation has them, go with the next Purge.
func (s *Store) DropGeneration(ctx context.Context, collectionID int64, number int) error {
	err := s.updateCollection(ctx, collectionID, func(ctx context.Context, tx pgx.Tx, _ rag.Collection) error {
		list, err := generations(ctx, tx, collectionID)
		if err != nil {
			return err
		}
		gone, err := store.Dropped(list, number)
		if err != nil {
			return err
		}
		return dropGeneration(ctx, tx, collectionID, gone)
	})
	return wrap(err, "drop generation")
}

func dropGeneration(ctx context.Context, tx pgx.Tx, collectionID int64, g rag.GenerationInfo) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO loose_embeddings (tenant, model, hash)
		SELECT DISTINCT e.tenant, e.model, e.hash FROM chunks k
		JOIN embeddings e ON e.hash = k.hash AND e.tenant = k.tenant AND e.model = (SELECT id FROM models WHERE name = $2)
		WHERE k.collection = $1 ORDER BY e.hash, e.model ON CONFLICT DO NOTHING`, collectionID, g.Model)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "DELETE FROM generations WHERE collection = $1 AND number = $2::bigint", collectionID, g.Number)
	return err
}
