//go:build faiss

package faiss

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// TestFilesForgetAtOnce: after a purge nothing of what was deleted or replaced stands in the files, though FAISS still holds it.
func TestFilesForgetAtOnce(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		s := newStale(t, typ)
		gone := [][]float32{s.want[7], s.want[8], s.want[9]}
		s.seq++
		s.must(s.ix.Apply([]rag.Record{{ChunkID: 9, Document: &rag.Document{ID: "secretdoc"}, Text: "secretword", Vector: gone[2]}}, nil, s.seq))
		inFiles := func(data string) bool {
			return slices.ContainsFunc(list(t, s.fs, "d"), func(n string) bool { return strings.Contains(string(s.fs.Content("d/"+n)), data) })
		}
		bytes := func(v []float32) string { return string(section.Bytes(unit(v))) }
		s.commit()
		if !inFiles(bytes(gone[0])) || !inFiles("secretdoc") {
			t.Fatal("the test looks for what is not in the files")
		}
		s.put(7)
		s.del(8, 9)
		s.must(s.ix.Purge(t.Context()))
		s.kept, s.at = maps.Clone(s.want), s.seq
		for _, v := range gone {
			if inFiles(bytes(v)) {
				t.Error("a vector that is gone is in the files")
			}
		}
		if inFiles("secretdoc") || inFiles("secretword") {
			t.Error("a document that is gone is in the files")
		}
		if got := shapeOf(s.ix); got.dead != 4 {
			t.Errorf("there is %+v; the test wants dead vectors", got)
		}
		s.check("purged", gone...)
		s.crash()
		s.check("opened again", gone...)
		s.put(7, 8)
		s.check("changed", gone...)
		s.must(s.ix.Compact(t.Context()))
		if got := shapeOf(s.ix); got.dead != 0 {
			t.Errorf("there is %+v", got)
		}
		s.check("made anew", gone...)
	})
}

// TestRebuildFromRecords: searches see the old records or the new ones, on both sides the same, and the old ones stay if reading fails.
func TestRebuildFromRecords(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		s := newStale(t, typ)
		var wg sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		wg.Go(func() {
			for ctx.Err() == nil {
				res, err := s.ix.Search(t.Context(), rag.IndexQuery{Text: "w1", Vector: []float32{1, 0, 0, 0, 0, 0, 0, 0}, K: 1000})
				if err != nil {
					t.Error(err)
					return
				}
				ids := func(list []rag.Scored) []rag.ChunkID {
					var out []rag.ChunkID
					for _, h := range list {
						out = append(out, h.ChunkID)
					}
					return slices.Sorted(slices.Values(out))
				}
				if !slices.Equal(ids(res.Vector), ids(res.Keyword)) {
					t.Errorf("at change %d, one side finds %d chunks, the other %d", res.Seq, len(res.Vector), len(res.Keyword))
					return
				}
			}
		})
		broken := errors.New("the store is gone")
		for round := range 10 {
			fails := round%3 == 1
			want := map[rag.ChunkID][]float32{}
			err := s.ix.Rebuild(t.Context(), func(add func(rag.Record) error) (int64, error) {
				for id := range rag.ChunkID(60 + 10*round) {
					v := s.vector()
					want[id+1] = v
					if err := add(record(id+1, v)); err != nil {
						return 0, err
					}
				}
				if fails {
					return 0, broken
				}
				return s.seq + 1, nil
			})
			if fails != errors.Is(err, broken) || !fails && err != nil {
				t.Fatal(err)
			}
			if !fails {
				s.want, s.seq = want, s.seq+1
			}
			s.check("built from records")
			s.ix.wg.Wait()
			if got := shapeOf(s.ix); got != (shape{typ, len(s.want), 0}) {
				t.Fatalf("there is %+v", got)
			}
			s.check("and in its form")
		}
		stop()
		wg.Wait()
		s.commit()
		s.crash()
		s.check("opened again")
	})
}

// TestBrokenIndexIsWholeAgain: a search of an index that has lost vectors is ErrDamaged, and building it again mends it.
func TestBrokenIndexIsWholeAgain(t *testing.T) {
	s := newStale(t, engine.TypeFlat)
	s.ix.mu.Lock()
	s.ix.broken = errors.New("some were lost")
	s.ix.mu.Unlock()
	if _, err := s.ix.Search(t.Context(), rag.IndexQuery{Text: "w1", K: 1}); !errors.Is(err, engine.ErrDamaged) || s.ix.Damaged() == nil {
		t.Fatalf("search: %v", err)
	}
	err := s.ix.Rebuild(t.Context(), func(add func(rag.Record) error) (int64, error) {
		for id, v := range s.want {
			if err := add(record(id, v)); err != nil {
				return 0, err
			}
		}
		return s.seq, nil
	})
	if err != nil || s.ix.Damaged() != nil {
		t.Fatal(err, s.ix.Damaged())
	}
	s.check("then")
}
