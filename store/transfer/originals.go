package transfer

import (
	"context"
	"io"

	"github.com/smartretriever/smartretriever/rag"
)

// Originals is where original files are, by their SHA-256.
type Originals interface {
	Put(ctx context.Context, r io.Reader, limit int64) (sha256 string, size int64, err error)
	Keep(ctx context.Context, sha256 string, size int64) (bool, error)
	Open(ctx context.Context, sha256 string) (io.ReadCloser, int64, error)
}

// OriginalsReport is what was copied of original files.
type OriginalsReport struct {
	Files   int      `json:"files"`             // that the store refers to
	Copied  int      `json:"copied"`            // of them; the others were there
	Bytes   int64    `json:"bytes"`             // of those that were copied
	Missing []string `json:"missing,omitempty"` // digests of those that the source does not have, or has damaged
}

// CopyOriginals copies the original files that live names, those that are not there. What
// arrives has the digest that it is asked for by, or is an error; what the source lacks,
// or has damaged, is reported and passed over. tell is told after each file.
func CopyOriginals(ctx context.Context, live func(context.Context, func(sha string) error) error, from, to Originals, tell func(OriginalsReport)) (OriginalsReport, error) {
	var report OriginalsReport
	err := live(ctx, func(sha string) error {
		report.Files++
		size, copied, err := copyOriginal(ctx, sha, from, to)
		switch {
		case rag.KindOf(err) == rag.KindNotFound:
			report.Missing = append(report.Missing, sha)
		case err != nil:
			return err
		case copied:
			report.Copied++
			report.Bytes += size
		}
		tell(report)
		return ctx.Err()
	})
	return report, err
}

// copyOriginal reports KindNotFound where the source does not have the file.
func copyOriginal(ctx context.Context, sha string, from, to Originals) (size int64, copied bool, err error) {
	content, size, err := from.Open(ctx, sha)
	if err != nil {
		return 0, false, err
	}
	defer content.Close()
	if there, err := to.Keep(ctx, sha, size); err != nil || there {
		return 0, false, err
	}
	source := &noted{Reader: content}
	got, n, err := to.Put(ctx, source, size)
	switch {
	case source.err != nil && ctx.Err() == nil && rag.KindOf(source.err) == rag.KindInternal:
		return 0, false, rag.Errorf(rag.KindNotFound, "the original %s is damaged: %v", sha, source.err)
	case err != nil:
		return 0, false, rag.Errorf(rag.KindOf(err), "copy the original %s: %w", sha, err)
	case got != sha || n != size:
		return 0, false, rag.Errorf(rag.KindInternal, "the original %s arrived as %s", sha, got)
	}
	return size, true, nil
}

// noted remembers the error of a reader.
type noted struct {
	io.Reader
	err error
}

func (r *noted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
