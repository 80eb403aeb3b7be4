// Package blob keeps original files by their content: in a folder, under the
// SHA-256 of their bytes.
//
//	DIR/ab/cdef...   a file whose digest begins with ab, the other 62 digits its name
//	DIR/tmp/         files that are being written
//
// The same content is kept once, however often it comes. A file appears under its
// name only when it is whole and on the disk: it is written to tmp, synced, and
// renamed; the folder is synced after it. What is read is compared with its name
// while it is read, so damage on the disk is an error and never wrong bytes taken
// for right ones. Any number of processes may use one folder.
//
// Nothing here knows which files are still needed. Sweep asks, and deletes what
// nobody needs; see its comment for how it keeps out of the way of writers.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

const tmp = "tmp"

// Store is an open folder. Safe for concurrent use.
type Store struct{ dir string }

// Open opens the folder, and makes it, readable by the owner only, if there is
// none.
func Open(dir string) (*Store, error) {
	if dir == "" {
		return nil, rag.Errorf(rag.KindInvalid, "the store of original files needs a folder")
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(filepath.Join(abs, tmp), 0o700)
	}
	if err != nil {
		return nil, rag.Errorf(rag.KindUnavailable, "open original files: %v", err)
	}
	return &Store{dir: abs}, nil
}

// Put stores what r holds and returns its SHA-256 in hexadecimal and its size.
// More than limit bytes is KindExhausted and stores nothing; no more than
// limit+1 are read. An error of r is returned as it is.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (sha string, size int64, err error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, tmp), "put-*")
	if err != nil {
		return "", 0, rag.Errorf(rag.KindUnavailable, "store original file: %v", err)
	}
	defer func() {
		_ = f.Close()
		if err != nil || sha == "" {
			_ = os.Remove(f.Name())
		}
	}()
	digest := sha256.New()
	size, err = copyLimited(ctx, f, digest, r, limit)
	if err != nil {
		return "", 0, err
	}
	sha = hex.EncodeToString(digest.Sum(nil))
	if err := s.keep(f, sha, size); err != nil {
		_ = os.Remove(f.Name())
		return "", 0, err
	}
	return sha, size, nil
}

// copyLimited copies r to f and digest, at most limit bytes of it. An error of r
// is returned as it is, one of f with its kind.
func copyLimited(ctx context.Context, f *os.File, digest hash.Hash, r io.Reader, limit int64) (int64, error) {
	buf := make([]byte, 64<<10)
	var size int64
	for {
		if err := ctx.Err(); err != nil {
			return 0, rag.Wrap(rag.KindOf(err), err, "store original file")
		}
		n, err := r.Read(buf)
		if size += int64(n); size > limit {
			return 0, rag.Errorf(rag.KindExhausted, "the file is larger than the limit of %d bytes", limit)
		}
		digest.Write(buf[:n])
		if _, err := f.Write(buf[:n]); err != nil {
			return 0, WriteError(err)
		}
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// keep gives the written file its name, unless the content is there already.
func (s *Store) keep(f *os.File, sha string, size int64) error {
	path := s.path(sha)
	if present(path, size) {
		return rag.Wrap(rag.KindUnavailable, ignoreMissing(os.Remove(f.Name())), "store original file")
	}
	if err := f.Sync(); err != nil {
		return WriteError(err)
	}
	if err := f.Close(); err != nil {
		return WriteError(err)
	}
	// The system's own time of a file may lag by a tick of its clock, in which a sweep
	// may have begun.
	now := time.Now()
	if err := os.Chtimes(f.Name(), now, now); err != nil {
		return WriteError(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return WriteError(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return WriteError(err)
	}
	// The name is durable when its folder is, and that when the one above is.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return WriteError(err)
	}
	if err := syncDir(s.dir); err != nil {
		return WriteError(err)
	}
	return nil
}

// Keep reports whether content of this size is there, and makes it young if it
// is: a Sweep that began before lets it be.
func (s *Store) Keep(ctx context.Context, sha string, size int64) (bool, error) {
	if err := CheckDigest(sha); err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, rag.Wrap(rag.KindOf(err), err, "keep original file "+sha)
	}
	return present(s.path(sha), size), nil
}

// present reports whether a file of this size is there, and makes it young: a
// Sweep that was about to delete it then lets it be. A file of another size is
// damaged and to be replaced.
func present(path string, size int64) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return false
	}
	now := time.Now()
	return os.Chtimes(path, now, now) == nil
}

// Open returns the content under a digest and its size. The reader compares what
// it gives with the digest: when the bytes differ, its last Read returns a
// KindInternal error in place of io.EOF. KindNotFound if there is no such content.
func (s *Store) Open(ctx context.Context, sha string) (io.ReadCloser, int64, error) {
	if err := CheckDigest(sha); err != nil {
		return nil, 0, err
	}
	f, err := s.open(sha)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, rag.Errorf(rag.KindNotFound, "the original file %s is not in the store", sha)
	}
	if err != nil {
		return nil, 0, rag.Errorf(rag.KindUnavailable, "open original file: %v", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(rag.Errorf(rag.KindUnavailable, "open original file: %v", err), f.Close())
	}
	return &verified{ctx: ctx, file: f, digest: sha256.New(), want: sha}, info.Size(), nil
}

// open opens a file under its name, or where a Sweep has put it for the moment in
// which it decides: a file that a document refers to is found at any time.
func (s *Store) open(sha string) (*os.File, error) {
	for range openTries {
		if f, err := os.Open(s.path(sha)); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		asides, err := filepath.Glob(filepath.Join(s.dir, tmp, sweptPrefix+sha+"*"))
		if err != nil || len(asides) == 0 {
			break
		}
		for _, name := range asides {
			if f, err := os.Open(name); !errors.Is(err, fs.ErrNotExist) {
				return f, err
			}
		}
	}
	return os.Open(s.path(sha)) // it may have got its name back in between
}

const openTries = 5

// verified reads a file and compares it with its digest at the end.
type verified struct {
	ctx    context.Context // of the Open: reading ends with it
	file   *os.File
	digest hash.Hash
	want   string
}

func (v *verified) Read(p []byte) (int, error) {
	if err := v.ctx.Err(); err != nil {
		return 0, rag.Wrap(rag.KindOf(err), err, "read original file "+v.want)
	}
	n, err := v.file.Read(p)
	v.digest.Write(p[:n])
	switch {
	case err == io.EOF && hex.EncodeToString(v.digest.Sum(nil)) != v.want:
		return n, rag.Errorf(rag.KindInternal, "the original file %s is damaged: its content does not match its digest", v.want)
	case err != nil && err != io.EOF:
		return n, rag.Errorf(rag.KindUnavailable, "read original file %s: %v", v.want, err)
	}
	return n, err
}

func (v *verified) Close() error { return v.file.Close() }

// Delete removes content; none there is no error.
func (s *Store) Delete(ctx context.Context, sha string) error {
	if err := CheckDigest(sha); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return rag.Wrap(rag.KindOf(err), err, "delete original file "+sha)
	}
	return rag.Wrap(rag.KindUnavailable, ignoreMissing(os.Remove(s.path(sha))), "delete original file")
}

func (s *Store) path(sha string) string { return filepath.Join(s.dir, sha[:2], sha[2:]) }

// CheckDigest reports, as KindInvalid, what is no SHA-256 in lower-case hexadecimal.
// Nothing else ever becomes part of a path or of a key.
func CheckDigest(sha string) error {
	ok := len(sha) == 2*sha256.Size
	for i := 0; ok && i < len(sha); i++ {
		ok = '0' <= sha[i] && sha[i] <= '9' || 'a' <= sha[i] && sha[i] <= 'f'
	}
	if !ok {
		return rag.Errorf(rag.KindInvalid, "%.70q is not a SHA-256 in lower-case hexadecimal", sha)
	}
	return nil
}

// WriteError gives an error of writing to the disk its kind: KindExhausted if it is
// full, else KindUnavailable.
func WriteError(err error) error {
	kind := rag.KindUnavailable
	if diskFull(err) {
		kind = rag.KindExhausted
	}
	return rag.Errorf(kind, "store original file: %v", err)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
