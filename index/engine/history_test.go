package engine

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/section/faultfs"
	"github.com/smartretriever/smartretriever/rag"
)

var (
	historySteps = flag.Int("history.steps", 4000, "changes of the random histories, in all")
	historySeed  = flag.Uint64("history.seed", 0, "seed of the first random history; 0 draws one")
)

// TestRandomHistories changes, merges, commits, crashes, damages, fills disks, reopens and searches at random, and compares every
// answer with exact search.
func TestRandomHistories(t *testing.T) {
	steps := *historySteps
	if testing.Short() {
		steps = min(steps, 1000)
	}
	few, concurrent := fewVectors, concurrentRows
	fewVectors, concurrentRows = 16, 16 // so that what is merged gets lists and graphs, and is searched in parallel
	defer func() { fewVectors, concurrentRows = few, concurrent }()
	indextest.Lives(t, *historySeed, steps, 500, life)
}

func life(t *testing.T, seed uint64, steps int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	fsys := faultfs.New()
	cfg := exact(indextest.Dims)
	cfg.Dir, cfg.FlushRows = "d", []int{16, 64, 1000}[rng.IntN(3)]
	cfg.Type = Types[rng.IntN(len(Types))]
	h := indextest.NewHistory(seed)
	open := func() *Index {
		cfg.FS, cfg.ShardBy = fsys, []string{"", "color", "size"}[rng.IntN(3)]
		ix, err := Open(cfg)
		if err != nil {
			if !errors.Is(err, rag.ErrNotFound) {
				t.Fatalf("open: %v", err)
			}
			if ix, err = Create(cfg); err != nil {
				t.Fatalf("create: %v", err)
			}
		}
		if !ix.Owner() {
			t.Fatal("the lock is not ours")
		}
		// As thorough as can be, so that lists and graphs answer like exact search.
		if err := ix.SetEffort(maxEffort); err != nil {
			t.Fatal(err)
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
		switch rng.IntN(40) {
		case 0, 1:
			check("commit", ix.Commit(t.Context()))
		case 2:
			check("purge", ix.Purge(t.Context()))
		case 3:
			check("optimize", ix.Optimize(t.Context()))
		case 4: // an orderly end
			fsys.SetFault(nil)
			check("commit", ix.Commit(t.Context()))
			check("close", ix.Close())
			ix = open()
			if ix.Seq() != h.Seq() {
				t.Fatalf("after a commit at change %d, open finds change %d", h.Seq(), ix.Seq())
			}
		case 5: // power is lost; what the process was doing then goes on, on a disk that is not there any more
			fsys.SetFault(nil)
			after := fsys.Crash(rng)
			check("close", ix.Close())
			fsys = after
			ix = open()
		case 6: // the disk is full from some operation on
			at := fsys.Calls() + 1 + rng.IntN(30)
			fsys.SetFault(func(call int, op, _ string) error {
				if call >= at && op != "map" && op != "remove" && op != "lock" {
					return syscall.ENOSPC
				}
				return nil
			})
		case 7:
			fsys.SetFault(nil)
		case 8:
			check("rebuild", ix.Rebuild(t.Context(), func(add func(rag.Record) error) (int64, error) {
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
	for _, name := range list(t, fsys) {
		if strings.HasSuffix(name, ".tmp") {
			t.Errorf("%s is left", name)
		}
	}
}

func list(t *testing.T, fsys *faultfs.FS) []string {
	t.Helper()
	names, err := fsys.List("d")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// filled returns a file system with a committed index of a history with several segments, and the history.
func filled(t *testing.T, cfg Config) (*faultfs.FS, *indextest.History) {
	t.Helper()
	fsys := faultfs.New()
	cfg.Dir, cfg.FS = "d", fsys
	ix, err := Create(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := indextest.NewHistory(5)
	for range 3 {
		for range 8 {
			h.Step(t, ix)
		}
		if err := ix.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if st := ix.Stats(); st.Files < 2 {
		t.Fatalf("the index is too simple: %+v", st)
	}
	// Opening it removes what a merge has left that went on until the end.
	for range 2 {
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
		if ix, err = Open(cfg); err != nil {
			t.Fatal(err)
		}
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	return fsys, h
}

// TestEveryByteFlipped changes each byte of every file once. What is damaged is found when it is opened, or it was padding.
func TestEveryByteFlipped(t *testing.T) {
	fsys, h := filled(t, exact(indextest.Dims))
	found, harmless := 0, 0
	for _, name := range list(t, fsys) {
		path := "d/" + name
		step := 1
		if testing.Short() {
			step = 13
		}
		for at := 0; at < len(fsys.Content(path)); at += step {
			fsys.Flip(path, at, uint(at))
			cfg := exact(indextest.Dims)
			cfg.Dir, cfg.FS = "d", fsys
			ix, err := Open(cfg)
			switch {
			case errors.Is(err, rag.ErrInvalid):
				found++
			case err != nil:
				t.Fatalf("byte %d of %s: %v", at, name, err)
			default:
				harmless++
				if harmless%50 == 0 {
					h.Check(t, ix)
				}
				if err := ix.Verify(t.Context()); err != nil {
					t.Fatalf("byte %d of %s was found too late: %v", at, name, err)
				}
				if err := ix.Close(); err != nil {
					t.Fatal(err)
				}
			}
			fsys.Flip(path, at, uint(at))
		}
	}
	if found == 0 || harmless == 0 {
		t.Errorf("%d flips found, %d harmless", found, harmless)
	}
	t.Logf("%d flips found, %d in padding", found, harmless)
}

// TestLargeFilesAreVerifiedLater: a file that is too large to be read before it is used is read in the background, and damage ends every search
// until the index was built again.
func TestLargeFilesAreVerifiedLater(t *testing.T) {
	fsys, h := filled(t, exact(indextest.Dims))
	size := smallFile
	smallFile = 0
	defer func() { smallFile = size }()
	cfg := exact(indextest.Dims)
	cfg.Dir, cfg.FS = "d", fsys
	for _, name := range list(t, fsys) {
		if strings.HasSuffix(name, fileSuffix) {
			fsys.Flip("d/"+name, 100, 3) // within the ids
			break
		}
	}
	ix, err := Open(cfg)
	if err != nil {
		t.Fatalf("a large file was verified before it was used: %v", err)
	}
	ix.wg.Wait()
	if err := ix.Damaged(); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("damage in a large file: %v", err)
	}
	if _, err := ix.Search(t.Context(), rag.IndexQuery{Text: "w1", K: 1}); !errors.Is(err, ErrDamaged) {
		t.Errorf("search: %v", err)
	}
	if err := ix.Commit(t.Context()); err == nil {
		t.Error("a damaged index was committed")
	}
	if err := ix.Rebuild(t.Context(), func(add func(rag.Record) error) (int64, error) { return h.Seq(), h.Records(add) }); err != nil {
		t.Fatal(err)
	}
	h.Check(t, ix)
	if err := errors.Join(ix.Damaged(), ix.Commit(t.Context()), ix.Close()); err != nil {
		t.Error(err)
	}
}

// TestDamageUnderSearch lets searches meet segments whose bytes change while they are open, as they do in a large file that is not
// verified yet: the answer is an error or a list, and never a fault of the process.
func TestDamageUnderSearch(t *testing.T) {
	fsys, h := filled(t, exact(indextest.Dims))
	rng := rand.New(rand.NewPCG(3, 4))
	tries := 3000
	if testing.Short() {
		tries = 300
	}
	damaged := 0
	for range tries {
		cfg := exact(indextest.Dims)
		cfg.Dir, cfg.FS = "d", fsys
		ix, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range ix.current.Load().views {
			damage(v.seg, rng)
		}
		for range 3 {
			_, err := ix.Search(t.Context(), h.Query())
			switch {
			case errors.Is(err, ErrDamaged):
				damaged++
			case err != nil:
				t.Fatal(err)
			}
		}
		if err := ix.Optimize(context.Background()); err != nil && !errors.Is(err, rag.ErrInvalid) && !errors.Is(err, ErrDamaged) {
			t.Fatalf("merging damaged segments: %v", err)
		}
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if damaged == 0 {
		t.Error("no search met damage")
	}
}

// damage changes a byte of a segment in memory.
func damage(s *segment, rng *rand.Rand) {
	var sections [][]byte
	for _, name := range []string{idSection, vectorSection, listSection, graphSection, wordSection, documentSection} {
		if data, ok := s.file.Section(name); ok && len(data) > 0 {
			sections = append(sections, data)
		}
	}
	data := sections[rng.IntN(len(sections))]
	data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
}
