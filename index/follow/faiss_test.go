//go:build faiss

package follow

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/faiss"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// backend is under test: with this tag, all tests of the package run on FAISS.
var backend = NewBackend(
	func(cfg engine.Config) (*faiss.Index, error) { return faiss.Create(faiss.For(cfg)) },
	func(cfg engine.Config) (*faiss.Index, error) { return faiss.Open(faiss.For(cfg)) },
)

// unusual is a vector whose bytes nothing else has. It has unit length, as what is searched.
var unusual = []float32{.48, .6, .64}

// point puts a document of one chunk with a vector.
func point(s *feed, document string, v []float32) (id rag.ChunkID, seq int64) {
	seq = s.put(document, document)
	s.with(func() {
		id = s.next - 1
		r := s.chunks[id]
		r.Vector = v
		s.chunks[id] = r
	})
	return id, seq
}

// nearest returns the documents nearest to a vector.
func nearest(t *testing.T, f *Follower, v []float32, minSeq int64) string {
	t.Helper()
	res, err := f.Searcher(collection(1), minSeq).Search(t.Context(), rag.IndexQuery{Vector: v, K: 3})
	if err != nil {
		t.Fatal(err)
	}
	var out []rag.DocumentID
	for _, h := range res.Vector {
		out = append(out, h.DocumentID)
	}
	return fmt.Sprint(out)
}

// inFiles reports whether the unusual vector stands in the files of the collection, all of it or most.
func inFiles(t *testing.T, f *Follower) bool {
	t.Helper()
	return holds(t, f, 1, string(section.Bytes(unusual[:2])))
}

// TestFAISS puts, searches, deletes, opens again, and goes through a night.
func TestFAISS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dir, c := newFeed(), t.TempDir(), collection(1)
		point(s, "east", []float32{1, 0, 0})
		secret, seq := point(s, "secret", unusual)
		cfg := Config{Feed: s, Dir: dir, CompactAt: 3 * time.Hour}
		f := start(t, cfg)
		if got := nearest(t, f, unusual, seq); got != "[secret east]" {
			t.Fatalf("found %s", got)
		}
		e, err := f.Explain(t.Context(), c, rag.IndexQuery{Vector: []float32{1, 0, 0}}, secret)
		if err != nil || e.VectorRank != 2 || !e.Present || !e.Allowed || e.Vector < .47 || e.Vector > .49 {
			t.Errorf("explain: %+v, %v", e, err)
		}
		save(t, f, 1)
		if !inFiles(t, f) {
			t.Fatal("the test looks for a vector that is not in the files")
		}
		seq = s.put("secret") // deleted
		if got := nearest(t, f, unusual, seq); got != "[east]" {
			t.Fatalf("after the deletion, found %s", got)
		}
		if err := f.Purge(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if inFiles(t, f) {
			t.Error("a deleted vector is in the files")
		}
		expect(t, "vectors that are dead", f.Status()[0].Stats.Dead, 1)
		expectSound(t, f, c)

		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		snapshots := s.count("snapshot")
		f = start(t, cfg)
		if got := nearest(t, f, []float32{1, 0, 0}, 0); got != "[east]" {
			t.Errorf("opened again, found %s", got)
		}
		expect(t, "vectors that are dead", f.Status()[0].Stats.Dead, 1)
		expect(t, "rebuilds", s.count("snapshot"), snapshots)

		time.Sleep(24 * time.Hour)
		synctest.Wait()
		st := f.Status()[0]
		expect(t, "after a night, vectors that are dead", st.Stats.Dead, 0)
		expect(t, "vectors", st.Stats.Vectors, 1)
		if !st.Saved {
			t.Error("what the night has made is not saved")
		}
		if got := nearest(t, f, unusual, 0); got != "[east]" {
			t.Errorf("after a night, found %s", got)
		}
		d, err := f.Rebuild(t.Context(), c)
		if err != nil || d.Vectors != 1 || d.Dead != 0 || d.Files != 2 {
			t.Errorf("rebuilt: %+v, %v", d, err)
		}
		expectSound(t, f, c)
	})
}

// TestDamagedVectors: a damaged file of FAISS's side is found, and made again.
func TestDamagedVectors(t *testing.T) {
	s, dir, c := newFeed(), t.TempDir(), collection(1)
	point(s, "east", []float32{1, 0, 0})
	f := start(t, Config{Feed: s, Dir: dir, Poll: time.Hour})
	if got := nearest(t, f, unusual, 0); got != "[east]" {
		t.Fatalf("found %s", got)
	}
	save(t, f, 1)
	files, err := filepath.Glob(filepath.Join(f.path(viewKey{1, 1}), "*.faiss"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	for what, harm := range map[string]func() error{
		"cut off": func() error { return os.Truncate(files[0], 100) },
		"gone":    func() error { return os.Remove(files[0]) },
		"changed": func() error {
			data, err := os.ReadFile(files[0])
			if err != nil {
				return err
			}
			at := bytes.Index(data, section.Bytes([]float32{1, 0, 0}))
			data[at] ^= 1
			return os.WriteFile(files[0], data, 0o600)
		},
	} {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		if found, mended, err := f.Verify(t.Context(), c); found == nil || !mended || err != nil {
			t.Errorf("%s: %v, %v, %v", what, found, mended, err)
		}
		expectSound(t, f, c)
	}
}

// TestBackendsTakeOver: files of one backend are of no use to the other, which leaves nothing of them.
func TestBackendsTakeOver(t *testing.T) {
	s, dir := newFeed(), t.TempDir()
	point(s, "east", []float32{1, 0, 0})
	point(s, "secret", unusual)
	step := func(b Backend, rebuilds int, want string) *Follower {
		t.Helper()
		before := s.count("snapshot")
		f := start(t, Config{Feed: s, Dir: dir, Poll: time.Hour, Backend: b})
		if got := nearest(t, f, unusual, 0); got != want {
			t.Fatalf("found %s, want %s", got, want)
		}
		expect(t, "rebuilds", s.count("snapshot")-before, rebuilds)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return f
	}
	step(Builtin(), 1, "[secret east]")
	f := step(backend, 1, "[secret east]")
	step(backend, 0, "[secret east]")
	if !inFiles(t, f) {
		t.Fatal("the test looks for a vector that is not in the files")
	}
	s.put("secret")
	step(Builtin(), 1, "[east]")
	if inFiles(t, f) {
		t.Error("a deleted vector is in files that FAISS has left")
	}
	step(Builtin(), 0, "[east]")
	step(backend, 1, "[east]")
	if seg, err := filepath.Glob(filepath.Join(f.path(viewKey{1, 1}), "*")); err != nil || len(seg) != 4 {
		t.Errorf("there is %q, %v; want a lock, a manifest, a segment and vectors", seg, err)
	}
}
