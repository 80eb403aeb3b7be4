//go:build faiss

package faiss

import (
	"errors"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/section/faultfs"
	"github.com/smartretriever/smartretriever/rag"
)

var (
	historySteps = flag.Int("history.steps", 750, "changes of the random histories of each type, in all")
	historySeed  = flag.Uint64("history.seed", 0, "seed of the first random history; 0 draws one")
)

// TestRandomHistories changes, rebuilds, commits, crashes, fills disks, reopens and searches at random, and compares every
// answer with exact search.
func TestRandomHistories(t *testing.T) {
	steps := *historySteps
	if testing.Short() {
		steps = min(steps, 250)
	}
	eachType(t, func(t *testing.T, typ string) {
		indextest.Lives(t, *historySeed, steps, 250, func(t *testing.T, seed uint64, steps int) { life(t, typ, seed, steps) })
	})
}

func life(t *testing.T, typ string, seed uint64, steps int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	fsys := faultfs.New()
	cfg := small(typ, indextest.Dims)
	cfg.Engine.Dir, cfg.Engine.FlushRows = "d", []int{16, 64, 1000}[rng.IntN(3)]
	h := indextest.NewHistory(seed)
	open := func() *Index {
		cfg.Engine.FS = fsys
		ix, err := Open(cfg)
		if err != nil {
			if !errors.Is(err, rag.ErrNotFound) { // whatever happened to the machine, what it holds is whole
				t.Fatalf("open: %v", err)
			}
			if ix, err = Create(cfg); err != nil {
				t.Fatalf("create: %v", err)
			}
		}
		h.CatchUp(t, indextest.OnFullDisk{Index: ix, FS: fsys})
		return ix
	}
	ix := open()
	check := func(what string, err error) {
		t.Helper()
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%s after change %d: %v", what, h.Seq(), err)
		}
	}
	for range steps {
		h.Step(t, indextest.OnFullDisk{Index: ix, FS: fsys})
		switch rng.IntN(30) {
		case 0, 1, 2:
			check("commit", ix.Commit(t.Context()))
		case 3:
			check("purge", ix.Purge(t.Context()))
		case 4:
			check("compact", ix.Compact(t.Context()))
		case 5: // an orderly end
			fsys.SetFault(nil)
			check("commit", ix.Commit(t.Context()))
			check("close", ix.Close())
			ix = open()
			if ix.Seq() != h.Seq() {
				t.Fatalf("after a commit at change %d, open finds change %d", h.Seq(), ix.Seq())
			}
		case 6: // power is lost
			fsys.SetFault(nil)
			after := fsys.Crash(rng)
			check("close", ix.Close())
			fsys = after
			ix = open()
		case 7: // power is lost while the index is being committed: what comes after some operation is not done
			fsys.SetFault(nil)
			at := fsys.Calls() + 1 + rng.IntN(25)
			fsys.SetFault(func(call int, op, _ string) error {
				if call >= at && op != "map" && op != "lock" {
					return syscall.ENOSPC
				}
				return nil
			})
			check("commit", ix.Commit(t.Context()))
			after := fsys.Crash(rng)
			fsys.SetFault(nil)
			check("close", ix.Close())
			fsys = after
			ix = open()
		case 8: // the disk is full from some operation on
			at := fsys.Calls() + 1 + rng.IntN(30)
			fsys.SetFault(func(call int, op, _ string) error {
				if call >= at && op != "map" && op != "remove" && op != "lock" {
					return syscall.ENOSPC
				}
				return nil
			})
		case 9:
			fsys.SetFault(nil)
		case 10:
			check("build from the store", ix.Rebuild(t.Context(), func(add func(rag.Record) error) (int64, error) {
				return h.Seq(), h.Records(add)
			}))
		}
		if rng.IntN(4) == 0 {
			h.Check(t, ix)
		}
	}
	fsys.SetFault(nil)
	check("commit", ix.Commit(t.Context()))
	check("close", ix.Close())
	for _, name := range list(t, fsys, "d") {
		if strings.HasSuffix(name, ".tmp") || strings.HasSuffix(name, fileSuffix) && name != fileName(h.Seq()) {
			t.Errorf("%s is left", name)
		}
	}
}

func list(t *testing.T, fsys *faultfs.FS, dir string) []string {
	t.Helper()
	names, err := fsys.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// filled returns a file system with a committed index of a history, the history, and the path of the vectors' file.
func filled(t *testing.T, cfg Config) (*faultfs.FS, *indextest.History, string) {
	t.Helper()
	fsys := faultfs.New()
	cfg.Engine.Dir, cfg.Engine.FS, cfg.DeadShare = "d", fsys, 1
	ix, err := Create(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := indextest.NewHistory(5)
	for i := range 25 {
		h.Step(t, ix)
		if i == 15 {
			if err := ix.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := shapeOf(ix); s.typ != cfg.Type || s.dead == 0 {
		t.Fatalf("the index is too simple: %+v", s)
	}
	if err := errors.Join(ix.Commit(t.Context()), ix.Close()); err != nil {
		t.Fatal(err)
	}
	return fsys, h, filepath.Join("d", fileName(h.Seq()))
}
