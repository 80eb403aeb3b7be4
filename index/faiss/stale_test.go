//go:build faiss

package faiss

import (
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/section/faultfs"
	"github.com/smartretriever/smartretriever/rag"
)

const staleDims = 8

// stale is an index beside what it must hold.
type stale struct {
	t    *testing.T
	cfg  Config
	fs   *faultfs.FS
	ix   *Index
	rng  *rand.Rand
	want map[rag.ChunkID][]float32
	seq  int64
	kept map[rag.ChunkID][]float32 // want as of the last commit
	at   int64                     // seq of it
}

// newStale returns an index of 120 chunks that uses what its type says.
func newStale(t *testing.T, typ string) *stale {
	s := &stale{t: t, cfg: small(typ, staleDims), fs: faultfs.New(), rng: rand.New(rand.NewPCG(1, 2)), want: map[rag.ChunkID][]float32{}}
	s.cfg.Engine.Dir, s.cfg.Engine.FS, s.cfg.DeadShare = "d", s.fs, 1
	s.ix = create(t, s.cfg)
	for id := range rag.ChunkID(120) {
		s.put(id + 1)
	}
	s.rebuild()
	if got := shapeOf(s.ix); got != (shape{typ, 120, 0}) {
		t.Fatalf("the index is %+v", got)
	}
	s.check("at first")
	s.commit()
	return s
}

func (s *stale) vector() []float32 {
	v := make([]float32, staleDims)
	for i := range v {
		v[i] = float32(s.rng.NormFloat64())
	}
	return v
}

func record(id rag.ChunkID, v []float32) rag.Record {
	return rag.Record{ChunkID: id, Document: &rag.Document{ID: "a"}, Text: "w1", Vector: v}
}

func (s *stale) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// apply applies and notes a batch: puts of new vectors, and deletes.
func (s *stale) apply(puts, deletes []rag.ChunkID) {
	s.t.Helper()
	for _, id := range deletes {
		delete(s.want, id)
	}
	var records []rag.Record
	for _, id := range puts {
		s.want[id] = s.vector()
		records = append(records, record(id, s.want[id]))
	}
	s.seq++
	s.must(s.ix.Apply(records, deletes, s.seq))
}

func (s *stale) put(ids ...rag.ChunkID) { s.t.Helper(); s.apply(ids, nil) }
func (s *stale) del(ids ...rag.ChunkID) { s.t.Helper(); s.apply(nil, ids) }
func (s *stale) rebuild()               { s.t.Helper(); s.must(s.ix.Compact(s.t.Context())) }

func (s *stale) commit() {
	s.t.Helper()
	s.must(s.ix.Commit(s.t.Context()))
	s.kept, s.at = maps.Clone(s.want), s.seq
}

// crash loses power and opens what is left, which is as of the last commit.
func (s *stale) crash() {
	s.t.Helper()
	after := s.fs.Crash(s.rng)
	s.fs.SetFault(nil)
	s.must(s.ix.Close())
	s.fs, s.cfg.Engine.FS = after, after
	ix, err := Open(s.cfg)
	s.must(err)
	closed(s.t, ix)
	s.ix, s.want, s.seq = ix, maps.Clone(s.kept), s.at
	if ix.Seq() != s.at {
		s.t.Fatalf("open finds change %d; the last commit was of change %d", ix.Seq(), s.at)
	}
}

// check compares all that is found with all that is there: from random places, and from where each of some chunks is or was.
func (s *stale) check(when string, from ...[]float32) {
	s.t.Helper()
	for range 5 {
		from = append(from, s.vector())
	}
	for _, v := range from {
		for _, k := range []int{1, 10, 1000} {
			res, err := s.ix.Search(s.t.Context(), rag.IndexQuery{Vector: v, K: k})
			s.must(err)
			s.compare(when, v, k, res.Vector)
		}
	}
}

func (s *stale) compare(when string, from []float32, k int, got []rag.Scored) {
	s.t.Helper()
	var best []float64
	for _, v := range s.want {
		best = append(best, cosine(from, v))
	}
	slices.Sort(best)
	slices.Reverse(best)
	if len(got) != min(k, len(best)) {
		s.t.Fatalf("%s: %d hits of %d chunks, k %d", when, len(got), len(best), k)
	}
	seen := map[rag.ChunkID]bool{}
	for i, h := range got {
		v, ok := s.want[h.ChunkID]
		if !ok || seen[h.ChunkID] {
			s.t.Fatalf("%s: chunk %d is found; it is there: %v, found before: %v", when, h.ChunkID, ok, seen[h.ChunkID])
		}
		seen[h.ChunkID] = true
		if c := cosine(from, v); math.Abs(c-float64(h.Score)) > 1e-5 || math.Abs(best[i]-c) > 1e-5 {
			s.t.Fatalf("%s: place %d is chunk %d with %v; its vector has %v, the place %v", when, i+1, h.ChunkID, h.Score, c, best[i])
		}
	}
}

func cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot, aa, bb = dot+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}

// TestStaleVectors goes through the ways in which an index of positions comes to answer with what is gone.
func TestStaleVectors(t *testing.T) {
	cases := []struct {
		name string
		run  func(s *stale)
	}{
		{"deleted", func(s *stale) { s.del(7) }},
		{"deleted, then others come", func(s *stale) { s.del(7, 8, 9); s.put(200, 201, 202) }},
		{"the first and the last positions deleted", func(s *stale) { s.del(1, 2, 119, 120); s.put(300) }},
		{"replaced", func(s *stale) { s.put(7) }},
		{"replaced many times", func(s *stale) {
			for range 100 {
				s.put(7)
			}
		}},
		{"replaced by a chunk without a vector", func(s *stale) {
			s.seq++
			s.must(s.ix.Apply([]rag.Record{record(7, nil)}, nil, s.seq))
			delete(s.want, 7)
		}},
		{"deleted, put again under the same id", func(s *stale) { s.del(7); s.put(7) }},
		{"deleted and put in one batch", func(s *stale) { s.apply([]rag.ChunkID{7}, []rag.ChunkID{7}) }},
		{"put twice in one batch", func(s *stale) {
			s.want[7] = s.vector()
			s.seq++
			s.must(s.ix.Apply([]rag.Record{record(7, s.vector()), record(7, s.want[7])}, nil, s.seq))
		}},
		{"put with, then without a vector in one batch", func(s *stale) {
			delete(s.want, 7)
			s.seq++
			s.must(s.ix.Apply([]rag.Record{record(7, s.vector()), record(7, nil)}, nil, s.seq))
		}},
		{"all deleted", func(s *stale) { s.del(slices.Collect(maps.Keys(s.want))...) }},
		{"all deleted, put again", func(s *stale) {
			ids := slices.Sorted(maps.Keys(s.want))
			s.del(ids...)
			s.put(ids...)
		}},
		{"a delete applied again", func(s *stale) { s.del(7); s.del(7) }},
	}
	eachType(t, func(t *testing.T, typ string) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				s := newStale(t, typ)
				old := s.want[7]
				c.run(s)
				s.check("at once", old)
				s.rebuild()
				s.check("rebuilt", old)
				s.commit()
				s.crash()
				s.check("opened again", old)
				s.put(7, 400)
				s.del(1)
				s.check("changed after that", old)
			})
			t.Run(c.name+", while rebuilding", func(t *testing.T) {
				s := newStale(t, typ)
				old := s.want[7]
				s.ix.cfg.afterCopy = func() { c.run(s); s.check("while rebuilding", old) }
				s.rebuild()
				s.check("rebuilt", old)
				s.ix.cfg.afterCopy = nil
				s.commit()
				s.crash()
				s.check("opened again", old)
			})
			t.Run(c.name+", lost in a crash", func(t *testing.T) {
				s := newStale(t, typ)
				old := s.want[7]
				c.run(s)
				s.crash()
				s.check("opened again", old) // as of the commit: nothing of it has happened
				c.run(s)
				s.check("applied again", old)
			})
			t.Run(c.name+", crash between the two sides of a commit", func(t *testing.T) {
				s := newStale(t, typ)
				old := s.want[7]
				c.run(s)
				s.fs.SetFault(func(_ int, op, name string) error {
					if op == "rename" && name == "d/manifest" {
						return syscall.EIO
					}
					return nil
				})
				if err := s.ix.Commit(t.Context()); !errors.Is(err, syscall.EIO) {
					t.Fatalf("commit: %v", err)
				}
				s.crash()
				s.check("opened again", old)
				c.run(s)
				s.check("applied again", old)
				s.commit()
				s.crash()
				s.check("opened once more", old)
			})
		}
	})
}

// TestRefusedBatchLeavesNothing: vectors that were staged for a batch that the other side refuses are never found.
func TestRefusedBatchLeavesNothing(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		s := newStale(t, typ)
		if err := s.ix.words.Close(); err != nil { // from now on the side with words refuses
			t.Fatal(err)
		}
		s.ix.mu.Lock()
		first, err := s.ix.v.stage([]entry{{7, "a", unit(s.vector())}, {500, "a", unit(s.vector())}})
		s.ix.mu.Unlock()
		if err != nil || first != 120 {
			t.Fatal(first, err)
		}
		for range 5 {
			q := unit(s.vector())
			for _, k := range []int{1, 10, 1000} {
				hits, err := s.ix.v.search(t.Context(), q, k, s.ix.v.everything())
				s.must(err)
				s.compare("staged", q, k, s.ix.v.scored(hits))
			}
		}
	})
}

// TestSameChangeTwice: a sequence number stands for one state, or the files of both sides could not be told to belong together.
func TestSameChangeTwice(t *testing.T) {
	s := newStale(t, engine.TypeFlat)
	if err := s.ix.Apply(nil, []rag.ChunkID{7}, s.seq); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("another change %d: %v", s.seq, err)
	}
	if err := s.ix.Apply(nil, nil, s.seq); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
	s.check("then")
}

// TestRebuildWhileDeleting rebuilds all the time while chunks go, come and change, and looks for what is gone after each change.
func TestRebuildWhileDeleting(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		s := newStale(t, typ)
		steps := 300
		if testing.Short() {
			steps = 60
		}
		done := make(chan struct{})
		var wg sync.WaitGroup
		rebuilt := 0
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := s.ix.Compact(t.Context()); err != nil {
					t.Error(err)
					return
				}
				rebuilt++
			}
		})
		stop := sync.OnceFunc(func() { close(done); wg.Wait() })
		defer stop()
		for range steps {
			ids := slices.Sorted(maps.Keys(s.want))
			var gone, come []rag.ChunkID
			for range 6 {
				gone = append(gone, ids[s.rng.IntN(len(ids))])
				come = append(come, 1+rag.ChunkID(s.rng.IntN(150)))
			}
			old := s.want[gone[0]]
			s.del(gone...)
			s.check("after a delete", old)
			s.put(come...)
		}
		stop()
		s.check("in the end")
		if rebuilt < 5 {
			t.Errorf("it was rebuilt %d times only", rebuilt)
		}
	})
}

// TestDeadVectorsGoByThemselves: the index rebuilds itself once too much of it is dead.
func TestDeadVectorsGoByThemselves(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		s := newStale(t, typ)
		s.ix.cfg.DeadShare = 0.3
		for range 40 {
			s.put(1, 2, 3, 4, 5, 6, 7, 8)
			s.ix.wg.Wait()
			if got := shapeOf(s.ix); got.dead > 8+max(20, 40*(got.live+got.dead)/100) {
				t.Fatalf("there is %+v", got)
			}
		}
		s.check("in the end")
	})
}

// TestCancelledRebuild leaves the old index.
func TestCancelledRebuild(t *testing.T) {
	s := newStale(t, engine.TypeHNSW)
	s.del(7, 8)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.ix.Compact(ctx); err == nil {
		t.Error("no error")
	}
	if got := shapeOf(s.ix); got.dead != 2 {
		t.Errorf("there is %+v", got)
	}
	s.check("then")
}
