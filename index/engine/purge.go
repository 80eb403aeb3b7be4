package engine

import (
	"context"
	"path/filepath"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// Purge takes what is deleted out of the index and its files for good: segments with dead rows or changed documents are
// written again, the manifest is replaced, and the old files are removed. It does nothing if nothing is dead, and where another process
// writes the folder, which does the same.
func (ix *Index) Purge(ctx context.Context) error {
	if ix.guest() {
		return nil
	}
	err := ix.rewrite(ctx, func(views []*view) []*view {
		for _, v := range views {
			if v.dead > 0 {
				return []*view{v}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return ix.Commit(ctx)
}

// Unfiled reports whether the folder holds something else than searches see.
func (ix *Index) Unfiled() bool {
	if !ix.Owner() {
		return false
	}
	s := ix.acquire()
	defer s.release()
	return !ix.isFiled(s)
}

// Remove removes the folder of an index, unless an index has it open, here or in another process. fsys nil is the disk.
func Remove(fsys section.FS, dir string) error {
	if fsys == nil {
		fsys = section.Disk{}
	}
	names, err := fsys.List(dir)
	if err != nil || len(names) == 0 {
		return rag.Wrap(rag.KindUnavailable, err, "index: remove a folder")
	}
	unlock, held, err := fsys.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return rag.Wrap(rag.KindUnavailable, err, "index: remove a folder")
	}
	if !held {
		return nil
	}
	err = section.RemoveAll(fsys, dir)
	if e := unlock(); err == nil {
		err = e
	}
	return rag.Wrap(rag.KindUnavailable, err, "index: remove a folder")
}
