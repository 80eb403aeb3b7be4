package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
)

// embeddingKey is what an embedding of a tenant is found by.
type embeddingKey struct {
	model int64
	hash  rag.Hash
}

// storedHashes returns which of hashes have an embedding of a model, whose row it
// names; 0 where there is no such model.
func storedHashes(ctx context.Context, tx pgx.Tx, tenant, model string, hashes []rag.Hash) (found map[rag.Hash]bool, row int64, err error) {
	found = make(map[rag.Hash]bool, len(hashes))
	list := make([][]byte, len(hashes))
	for i := range hashes {
		list[i] = hashes[i][:]
	}
	rows, err := tx.Query(ctx, `
		SELECT m.id, e.hash FROM models m
		LEFT JOIN LATERAL (SELECT hash FROM embeddings WHERE model = m.id AND tenant = $1 AND hash = ANY($3::bytea[]) OFFSET 0) e ON true
		WHERE m.name = $2`, tenant, model, list)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		if err := rows.Scan(&row, &hash); err != nil {
			return nil, 0, err
		}
		if hash != nil {
			found[rag.Hash(hash)] = true
		}
	}
	rows.Close()
	return found, row, rows.Err()
}

// MissingEmbeddings returns those of hashes that have no vector of model in the
// tenant, each once, in the order of their first place.
func (s *Store) MissingEmbeddings(ctx context.Context, tenant, model string, hashes []rag.Hash) ([]rag.Hash, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	var missing []rag.Hash
	err := s.view(ctx, inTenant(tenant), func(ctx context.Context, tx pgx.Tx) error {
		missing = nil
		found, _, err := storedHashes(ctx, tx, tenant, model, hashes)
		if err != nil {
			return err
		}
		for _, h := range hashes {
			if !found[h] {
				found[h] = true
				missing = append(missing, h)
			}
		}
		return nil
	})
	return missing, wrap(err, "look up embeddings")
}

// keepEmbeddings has the purge of a tenant's embeddings wait until the end of the
// transaction: one that counts on embeddings that no chunk has at the moment, or lets go
// of some. What it lets go of may be marked as loose already; were that mark dealt with
// before it commits, by one who still sees the chunk, nobody would look again. The row of
// the collection is locked before.
func (s *Store) keepEmbeddings(ctx context.Context, tx pgx.Tx, tenant string) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock_shared($1)", s.embeddingsLock(tenant))
	return err
}

// embeddingsLock is the advisory lock of a tenant's embeddings, which their purge takes
// for itself.
func (s *Store) embeddingsLock(tenant string) int64 { return s.cfg.lockKey("embeddings of " + tenant) }

// sortEmbeddings puts embeddings in the order in which all transactions store
// them, so that none waits for another in a circle.
func sortEmbeddings(rows []embeddingRow) {
	slices.SortFunc(rows, func(x, y embeddingRow) int {
		return cmp.Or(slices.Compare(x.hash[:], y.hash[:]), cmp.Compare(x.model, y.model))
	})
}
