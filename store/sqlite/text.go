package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// A text lies in pieces of pieceSize bytes. The pieces of a version have the ids
// version<<pieceBits + 0, 1, 2 ...: they stand side by side in the table, and the
// piece that holds an offset is found by arithmetic.
const (
	pieceShift = 13
	pieceSize  = 1 << pieceShift
	pieceBits  = 24
	pieceMask  = 1<<pieceBits - 1
	maxText    = pieceSize << pieceBits
)

func firstPiece(version int64) int64 { return version << pieceBits }
func lastPiece(version int64) int64  { return version<<pieceBits | pieceMask }

// pieceAt is the id of the piece that holds the byte at offset.
func pieceAt(version int64, offset int) int64 {
	return version<<pieceBits + int64(offset>>pieceShift)
}

func putText(ctx context.Context, c *conn, version int64, text string) error {
	if len(text) > maxText {
		return rag.Errorf(rag.KindInvalid, "a text of %d bytes is too long to be stored", len(text))
	}
	for id := firstPiece(version); text != ""; id++ {
		n := min(len(text), pieceSize)
		if _, err := c.exec(ctx, "INSERT INTO texts (id, content) VALUES (?, ?)", id, []byte(text[:n])); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

func deleteText(ctx context.Context, c *conn, version int64) error {
	_, err := c.exec(ctx, "DELETE FROM texts WHERE id BETWEEN ? AND ?", firstPiece(version), lastPiece(version))
	return err
}

// readSpan returns the bytes of span of a version's text. The span lies within
// the text; bytes that are missing nevertheless are KindInternal.
func readSpan(ctx context.Context, c *conn, version int64, span rag.Span) (string, error) {
	if span.Len() <= 0 {
		return "", nil
	}
	first, last := pieceAt(version, span.Start), pieceAt(version, span.End-1)
	var p pieces
	err := c.each(ctx, "SELECT id, content FROM texts WHERE id BETWEEN ? AND ? ORDER BY id", []any{first, last}, p.scan)
	if err != nil {
		return "", err
	}
	return p.cut(version, span)
}

// pieces are some of the pieces of texts, by id.
type pieces map[int64][]byte

func (p *pieces) scan(rows *sql.Rows) error {
	var id int64
	var content []byte
	if err := rows.Scan(&id, &content); err != nil {
		return err
	}
	if *p == nil {
		*p = pieces{}
	}
	(*p)[id] = content
	return nil
}

// cut puts a span together from the pieces that cover it.
func (p pieces) cut(version int64, span rag.Span) (string, error) {
	out := make([]byte, 0, span.Len())
	for at := span.Start; at < span.End; {
		piece := p[pieceAt(version, at)]
		from := at & (pieceSize - 1)
		to := min(len(piece), from+span.End-at)
		if to <= from {
			return "", rag.Errorf(rag.KindInternal, "the stored text of version row %d ends before byte %d", version, at)
		}
		out = append(out, piece[from:to]...)
		at += to - from
	}
	return string(out), nil
}

// Text returns the extracted text of a document's current version (version 0) or
// of an older one that is still kept. KindNotFound if there is no such document
// that scope may see, or no such version.
func (s *Store) Text(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.Text, error) {
	var text rag.Text
	err := s.view(ctx, "read text", func(c *conn) error {
		doc, err := visible(ctx, c, scope, id)
		if err != nil {
			return err
		}
		if version == 0 {
			version = doc.Version
		}
		text, err = readText(ctx, c, doc.row, id, version)
		return err
	})
	return text, err
}

func readText(ctx context.Context, c *conn, document int64, id rag.DocumentID, version int) (rag.Text, error) {
	var row int64
	var length int
	var blocks []byte
	var facts string
	err := c.row(ctx, "SELECT id, length, blocks, info FROM versions WHERE document = ? AND version = ?", []any{document, version},
		&row, &length, &blocks, &facts)
	if errors.Is(err, sql.ErrNoRows) {
		return rag.Text{}, store.NoVersion(id, version)
	}
	if err != nil {
		return rag.Text{}, err
	}
	text, err := store.ParseFacts(facts)
	if err != nil {
		return rag.Text{}, rag.Errorf(rag.KindInternal, "version row %d: %v", row, err)
	}
	if text.Blocks, err = store.DecodeBlocks(blocks); err != nil {
		return rag.Text{}, err
	}
	text.Content, err = readSpan(ctx, c, row, rag.Span{End: length})
	return text, err
}
