package smartretriever

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

// Blobs keeps original files by content. store/blobtest is its contract as a suite. It may be a Presigner besides, be told by BelongTo(storeID string) before
// anything else whose originals it keeps, say by Ping(context.Context) error whether it is there and by String where, and have a Close.
type Blobs interface {
	// Put stores what r holds and returns its SHA-256 in hexadecimal and its size. More
	// than limit bytes is KindExhausted and stores nothing; an error of r is returned as
	// it is. A clean-up that is told to spare what is so young does it.
	Put(ctx context.Context, r io.Reader, limit int64) (sha256 string, size int64, err error)
	// Keep reports whether the content is there. A document that was committed before
	// the call keeps its original after a yes.
	Keep(ctx context.Context, sha256 string, size int64) (bool, error)
	// Open returns the content and its size; KindNotFound if there is none. Bytes that
	// are not those that were stored are an error of Read.
	Open(ctx context.Context, sha256 string) (io.ReadCloser, int64, error)
	// Sweep deletes what was stored before olderThan and is among what unreferenced
	// returns of the digests that it is given, by what is committed when it is asked; it
	// may be asked about one again. An error of KindRefused says that files that could
	// not be deleted will be able to be later, and that all others have been.
	Sweep(ctx context.Context, unreferenced func(context.Context, []string) ([]string, error), olderThan time.Time) (blob.Swept, error)
	// SweepThese is Sweep for some files only, whatever their age.
	SweepThese(ctx context.Context, sha256s []string, unreferenced func(context.Context, []string) ([]string, error)) (blob.Swept, error)
}

// Presigner is what Blobs may be besides: able to give out addresses at which content
// can be downloaded past this program, for some minutes, as a file of a name.
type Presigner interface {
	// Presign returns such an address, which is a secret as long as it is good.
	// KindNotFound if there is no such content.
	Presign(ctx context.Context, sha256, fileName, mediaType string) (string, error)
}

var _ Blobs = (*blob.Store)(nil)

func (r *Retriever) openBlobs() error {
	if r.blobs = r.cfg.Blobs; r.blobs == nil {
		return r.openFolder()
	}
	// A bucket need not be there when the program starts: it looks whose it is later.
	if o, ok := r.blobs.(interface{ BelongTo(storeID string) }); ok {
		o.BelongTo(r.store.ID())
	}
	if c, ok := r.blobs.(io.Closer); ok {
		r.owned(c)
	}
	return nil
}

// openFolder opens the folder of originals. One that is not this program's alone is marked as this store's; one in the data folder is as the store beside it.
func (r *Retriever) openFolder() error {
	folder, err := blob.Open(r.blobsDir())
	if err == nil && r.cfg.BlobsDir != "" {
		err = folder.BelongTo(r.store.ID())
	}
	if err != nil {
		return err
	}
	r.blobs = folder
	return nil
}

func (r *Retriever) blobsDir() string { return cmp.Or(r.cfg.BlobsDir, r.path(blobsDir)) }

// Places returns where a data folder has its store, a file of package sqlite, and its
// originals, a folder of package blob, where a Config names no others.
func Places(dir string) (store, originals string) {
	return filepath.Join(dir, databaseFile), filepath.Join(dir, blobsDir)
}

// blobsHealth says where originals are and whether they can be had.
func (r *Retriever) blobsHealth(ctx context.Context) (string, error) {
	if r.cfg.Blobs == nil {
		_, err := os.Stat(r.blobsDir())
		return "folder", err
	}
	detail := "as configured"
	if s, ok := r.blobs.(fmt.Stringer); ok {
		detail = s.String()
	}
	if p, ok := r.blobs.(interface{ Ping(context.Context) error }); ok {
		return detail, p.Ping(ctx)
	}
	return detail, nil
}

// OriginalURL returns an address at which the original of a document can be downloaded
// without this program, as a file of the given name, "" where that is not configured
// (Config.PresignOriginals): Original then has the bytes. Whoever has the address can
// download the file for the minutes for which it is good.
func (r *Retriever) OriginalURL(ctx context.Context, scope rag.Scope, id rag.DocumentID, fileName func(rag.Document) string) (string, error) {
	leave, err := r.enter()
	if err != nil {
		return "", err
	}
	defer leave()
	p, ok := r.blobs.(Presigner)
	if !r.cfg.PresignOriginals || !ok {
		return "", nil
	}
	doc, err := r.store.Document(ctx, scope.WithDefaults(), id)
	if err != nil {
		return "", err
	}
	at, err := p.Presign(ctx, doc.SHA256, fileName(doc), doc.MediaType)
	if errors.Is(err, rag.ErrNotFound) {
		return "", nil // Original looks for it in more than one place, and says what is wrong
	}
	return at, err
}
