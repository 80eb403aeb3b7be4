package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
)

// Ping reports whether the store can be read and its role sees the schema.
func (s *Store) Ping(ctx context.Context) error {
	err := s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		var id string
		return tx.QueryRow(ctx, "SELECT id::text FROM store").Scan(&id)
	})
	return wrap(err, "reach the store")
}

// Stats counts what scope's tenant has, over all its collections. StoreBytes is of the
// whole database.
func (s *Store) Stats(ctx context.Context, scope rag.Scope) (rag.Stats, error) {
	scope = scope.WithDefaults()
	var st rag.Stats
	err := s.view(ctx, inTenant(scope.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			SELECT c.n, c.documents, c.chunks, c.bytes, c.seq,
				(SELECT count(*) FROM embeddings e WHERE e.tenant = $1 AND EXISTS (
					SELECT 1 FROM models m JOIN generations g ON g.model = m.name JOIN chunks k ON k.collection = g.collection
					WHERE m.id = e.model AND g.tenant = $1 AND k.hash = e.hash)),
				(SELECT count(*) FROM queries q JOIN collections c ON c.id = q.collection WHERE c.tenant = $1), pg_database_size(current_database())
			FROM (SELECT count(*) AS n, coalesce(sum(documents), 0)::bigint AS documents, coalesce(sum(chunks), 0)::bigint AS chunks,
				coalesce(sum(bytes), 0)::bigint AS bytes, coalesce(max(seq), 0) AS seq FROM collections WHERE tenant = $1) c`, scope.Tenant).
			Scan(&st.Collections, &st.Documents, &st.Chunks, &st.Bytes, &st.Seq, &st.Embeddings, &st.Queries, &st.StoreBytes)
	})
	return st, wrap(err, "count")
}
