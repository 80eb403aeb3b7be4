package ingest

import (
	"context"
	"io"

	"github.com/smartretriever/smartretriever/rag"
)

// Store is what ingestion needs of a document store.
type Store interface {
	// CollectionByID returns a collection as it is now.
	CollectionByID(ctx context.Context, id int64) (rag.Collection, error)
	// FindDocument returns the live document with this external id, ErrNotFound
	// if there is none. It ignores access lists: ingestion replaces by id.
	FindDocument(ctx context.Context, collectionID int64, externalID string) (rag.Document, error)
	// DocumentsUnder returns the live documents whose external id begins with prefix
	// and is greater than after, in the order of their ids' bytes, at most limit. It
	// ignores access lists.
	DocumentsUnder(ctx context.Context, collectionID int64, prefix, after string, limit int) ([]rag.Document, error)
	// DeleteDocument removes a document that scope may see, ErrNotFound if there is
	// none.
	DeleteDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error
	// MissingEmbeddings returns those of hashes that have no vector of model that
	// collections of the tenant could use.
	MissingEmbeddings(ctx context.Context, tenant, model string, hashes []rag.Hash) ([]rag.Hash, error)
	// PutDocuments stores documents, versions, texts, chunks, new embeddings and
	// feed rows in one transaction. A fault of one document is that document's
	// PutResult.Err and leaves the others; a fault of the whole is the error, and
	// then nothing was stored. KindConflict of a document says that an embedding has
	// been purged meanwhile, or that the collection has moved to another generation.
	PutDocuments(ctx context.Context, puts []rag.Put) ([]rag.PutResult, error)
}

// Blobs keeps original files by content.
type Blobs interface {
	// Put stores what r holds and returns its SHA-256 in hexadecimal and its
	// size. More than limit bytes is KindExhausted and stores nothing.
	Put(ctx context.Context, r io.Reader, limit int64) (sha256 string, size int64, err error)
	// Keep reports whether the content is there, and makes it young if it is, so
	// that a clean-up which began before spares it.
	Keep(ctx context.Context, sha256 string, size int64) (bool, error)
}

// Extractor turns bytes into structured text.
type Extractor interface {
	// Extract recognises the format by content (name is only a hint) and returns
	// the text. Damaged, encrypted (KindUnauthorized), unsupported (KindInvalid)
	// and too large or slow input (KindExhausted) are errors that say so; a
	// document without text is no error. Goroutine-safe.
	Extract(ctx context.Context, file rag.File) (rag.Text, error)
}

// Chunker cuts a text. Chunks come in reading order, every span lies within the
// text, Text equals the span's bytes; ID, DocumentID, Version and Hash are left
// to the pipeline. Errors: that of ctx, and where it asks a model for vectors, those
// of the model. Goroutine-safe.
type Chunker interface {
	Chunk(ctx context.Context, t rag.Text) ([]rag.Chunk, error)
}

// Embedder turns texts into unit-length vectors, one each, in order. Texts
// longer than the model takes are cut by the model. Goroutine-safe.
type Embedder interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	// CountTokens returns the tokens of text by the model's own tokenizer,
	// without the special ones.
	CountTokens(text string) int
}
