package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Info describes a stored file.
type Info struct {
	SHA256   string
	Size     int64
	Modified time.Time // when it was stored, or last stored again
}

// Walk calls fn for every stored file, in the order of their digests. Files that
// come or go meanwhile may be left out. An error of fn ends the walk.
func (s *Store) Walk(ctx context.Context, fn func(Info) error) error {
	folders, err := os.ReadDir(s.dir)
	if err != nil {
		return rag.Errorf(rag.KindUnavailable, "list original files: %v", err)
	}
	for _, folder := range folders {
		if !folder.IsDir() || len(folder.Name()) != 2 {
			continue
		}
		files, err := os.ReadDir(filepath.Join(s.dir, folder.Name()))
		if err != nil {
			return rag.Errorf(rag.KindUnavailable, "list original files: %v", err)
		}
		for _, file := range files {
			if err := ctx.Err(); err != nil {
				return rag.Wrap(rag.KindOf(err), err, "list original files")
			}
			sha := folder.Name() + file.Name()
			info, err := file.Info()
			if err != nil || !info.Mode().IsRegular() || CheckDigest(sha) != nil {
				continue
			}
			if err := fn(Info{SHA256: sha, Size: info.Size(), Modified: info.ModTime()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Swept says what a Sweep removed.
type Swept struct {
	Files int   // that no document refers to
	Stale int   // left over in tmp by a process that died
	Bytes int64 // of both
}

const sweepBatch = 500

// staleAfter is the age, before olderThan, of temporary files that no process is
// still writing.
const staleAfter = 24 * time.Hour

// Sweep deletes files that nobody needs. unreferenced is given digests and
// returns those of them that no document refers to, by what is committed when it is
// asked; it may be asked about one more than once. Files stored or stored again
// at or after olderThan, which may be now, are spared. Temporary files are
// removed after a day.
//
// A writer makes its content young once more (Keep) when its document has been
// committed, and stores it again if it is gone. Sweep takes the name away first,
// looks at the age again, and gives the name back if a writer was there in
// between: whichever of the two comes first, the writer ends with a file that
// stays.
func (s *Store) Sweep(ctx context.Context, unreferenced func(context.Context, []string) ([]string, error), olderThan time.Time) (Swept, error) {
	swept, err := s.sweepTmp(ctx, olderThan.Add(-staleAfter))
	if err != nil {
		return swept, err
	}
	var batch []string
	flush := func() error {
		err := s.sweepThese(ctx, batch, unreferenced, olderThan, &swept)
		batch = batch[:0]
		return err
	}
	err = s.Walk(ctx, func(i Info) error {
		if !i.Modified.Before(olderThan) {
			return nil
		}
		if batch = append(batch, i.SHA256); len(batch) < sweepBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return swept, err
}

// SweepThese is Sweep for some files only, and spares none for its age but those
// that are stored again while it runs.
func (s *Store) SweepThese(ctx context.Context, shas []string, unreferenced func(context.Context, []string) ([]string, error)) (Swept, error) {
	var swept Swept
	err := s.sweepThese(ctx, shas, unreferenced, time.Now(), &swept)
	return swept, err
}

func (s *Store) sweepThese(ctx context.Context, shas []string, unreferenced func(context.Context, []string) ([]string, error), olderThan time.Time, swept *Swept) error {
	if len(shas) == 0 {
		return nil
	}
	dead, err := unreferenced(ctx, shas)
	if err != nil {
		return err
	}
	for _, sha := range dead {
		if err := CheckDigest(sha); err != nil {
			return err
		}
		if err := s.sweepOne(sha, olderThan, swept); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) sweepOne(sha string, olderThan time.Time, swept *Swept) error {
	// The name is one of its own: two sweeps that put files of the same digest aside,
	// one of them written anew in between, each decide about theirs.
	path, aside := s.path(sha), filepath.Join(s.dir, tmp, sweptPrefix+sha+"-"+rand.Text())
	err := os.Rename(path, aside)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return rag.Errorf(rag.KindUnavailable, "sweep original file: %v", err)
	}
	info, err := os.Stat(aside)
	if err == nil && !info.ModTime().Before(olderThan) {
		// Should a writer have written the file anew, this is the same content, and must
		// not be older than that.
		now := time.Now()
		err = errors.Join(os.Chtimes(aside, now, now), os.Rename(aside, path))
		return rag.Wrap(rag.KindUnavailable, err, "sweep original file")
	}
	if err == nil {
		err = os.Remove(aside)
	}
	if err != nil {
		return rag.Errorf(rag.KindUnavailable, "sweep original file: %v", err)
	}
	swept.Files++
	swept.Bytes += info.Size()
	return nil
}

// sweptPrefix begins the names under which Sweep puts files aside; the digest comes
// next.
const sweptPrefix = "swept-"

// sweepTmp removes what processes that died have left: half-written files. A whole
// file that a Sweep had put aside when it died gets its name back, to be asked
// about again: a writer may have found it present just before.
func (s *Store) sweepTmp(ctx context.Context, olderThan time.Time) (Swept, error) {
	var swept Swept
	files, err := os.ReadDir(filepath.Join(s.dir, tmp))
	if err != nil {
		return swept, rag.Errorf(rag.KindUnavailable, "sweep original files: %v", err)
	}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return swept, rag.Wrap(rag.KindOf(err), err, "sweep original files")
		}
		info, err := file.Info()
		if err != nil || !info.Mode().IsRegular() || !info.ModTime().Before(olderThan) {
			continue
		}
		name := filepath.Join(s.dir, tmp, file.Name())
		if rest, aside := strings.CutPrefix(file.Name(), sweptPrefix); aside && CheckDigest(rest[:min(len(rest), 2*sha256.Size)]) == nil {
			sha := rest[:2*sha256.Size]
			if err := ignoreMissing(os.Rename(name, s.path(sha))); err != nil {
				return swept, rag.Errorf(rag.KindUnavailable, "sweep original files: %v", err)
			}
			continue
		}
		if os.Remove(name) == nil {
			swept.Stale++
			swept.Bytes += info.Size()
		}
	}
	return swept, nil
}
