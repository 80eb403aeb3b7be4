package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Text returns the extracted text of a document's current version (version 0) or
// of an older one that is still kept. KindNotFound if there is no such document
// that scope may see, or no such version.
func (s *Store) Text(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.Text, error) {
	var text rag.Text
	err := s.view(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		doc, err := visible(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		wanted := version
		if wanted == 0 {
			wanted = doc.Version
		}
		text, err = readText(ctx, tx, doc.row, id, wanted)
		return err
	})
	return text, wrap(err, "read text")
}

func readText(ctx context.Context, tx pgx.Tx, document int64, id rag.DocumentID, version int) (rag.Text, error) {
	var blocks, content []byte
	var stored string
	err := tx.QueryRow(ctx, "SELECT blocks, info, content FROM versions WHERE document = $1 AND version = $2::bigint", document, version).
		Scan(&blocks, &stored, &content)
	if errors.Is(err, pgx.ErrNoRows) {
		return rag.Text{}, store.NoVersion(id, version)
	}
	if err != nil {
		return rag.Text{}, err
	}
	text, err := store.ParseFacts(stored)
	if err != nil {
		return rag.Text{}, err
	}
	text.Content = string(content)
	text.Blocks, err = store.DecodeBlocks(blocks)
	return text, err
}

// spanOf is SQL for the bytes of a span of v.content, of which no others are read.
func spanOf(start, end string) string {
	return "substring(v.content FROM " + start + " + 1 FOR " + end + " - " + start + ")"
}
