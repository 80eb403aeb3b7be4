package memory_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/memory"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

var identity = memory.Identity{Store: "0192-store", Collection: 7, Generation: 2, Model: "bge"}

// reopened saves an index after every change and goes on with what it loads: all
// that the suite asks of an index must hold for one that came from a file.
type reopened struct {
	*memory.Index
	t    *testing.T
	path string
	cfg  memory.Config
}

func (r *reopened) Apply(puts []rag.Record, deletes []rag.ChunkID, seq int64) error {
	if err := r.Index.Apply(puts, deletes, seq); err != nil {
		return err
	}
	if _, err := r.Save(r.path, identity); err != nil {
		return err
	}
	ix, err := memory.Load(r.path, r.cfg, identity)
	if err != nil {
		return err
	}
	before, after := r.Index.Stats(), ix.Stats()
	before.Bytes, after.Bytes = 0, 0
	if before != after {
		r.t.Errorf("saved %+v, loaded %+v", before, after)
	}
	r.Index = ix
	return nil
}

func TestConformanceAfterLoading(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a file for each of some hundred changes")
	}
	indextest.Run(t, func(t *testing.T, dims int) indextest.Index {
		cfg := memory.Config{Dimensions: dims, Analyzer: analyze.For("")}
		return &reopened{Index: open(t, dims), t: t, path: filepath.Join(t.TempDir(), "x.index"), cfg: cfg}
	}, "Empty", "PutReplaceDelete", "Sides", "Filters", "AccessLists", "DocumentChanges", "RandomHistory")
}

// small returns an index with a little of everything.
func small(t testing.TB) *memory.Index {
	t.Helper()
	ix := open(t, 4)
	d := &rag.Document{
		ID: "0192", ExternalID: "ext", Title: "Title", Source: "s.txt", MediaType: "text/plain", ACL: []string{"anna", "ben"},
		Metadata:  rag.Metadata{"s": rag.Str("x"), "n": rag.Num(-1.5), "b": rag.Bool(true), "l": rag.List(rag.Str("a"), rag.Num(2), rag.Bool(false))},
		CreatedAt: time.Date(2024, 2, 3, 4, 5, 6, 789, time.UTC),
	}
	err := ix.Apply([]rag.Record{
		{ChunkID: 5, Document: d, Text: "apple banana banana", Vector: []float32{1, 0, 0, 0}},
		{ChunkID: 6, Document: d, Text: "cherry apple"},
		{ChunkID: 9, Document: &rag.Document{ID: "0193"}, Vector: []float32{0, 0.6, 0.8, 0}},
	}, nil, 42)
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

func config() memory.Config { return memory.Config{Dimensions: 4, Analyzer: analyze.For("")} }

func TestFileKeepsWhatFiltersLookAt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.index")
	seq, err := small(t).Save(path, identity)
	if err != nil || seq != 42 {
		t.Fatalf("saved %d, %v", seq, err)
	}
	ix, err := memory.Load(path, config(), identity)
	if err != nil {
		t.Fatal(err)
	}
	created := float64(time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC).Unix())
	for _, f := range []rag.Filter{
		{}, rag.Eq("s", rag.Str("x")), rag.Eq("n", rag.Num(-1.5)), rag.Eq("b", rag.Bool(true)), rag.Eq("l", rag.Num(2)), rag.Eq("l", rag.Bool(false)),
		rag.Eq(rag.KeyTitle, rag.Str("Title")), rag.Eq(rag.KeyExternalID, rag.Str("ext")), rag.Eq(rag.KeySource, rag.Str("s.txt")),
		rag.Eq(rag.KeyMediaType, rag.Str("text/plain")), rag.Eq(rag.KeyDocumentID, rag.Str("0192")), rag.Eq(rag.KeyCreatedAt, rag.Num(created)),
	} {
		for principal, want := range map[string]int{"ben": 2, "zoe": 0} {
			res, err := ix.Search(t.Context(), rag.IndexQuery{Text: "apple", K: 9, Filter: f, Scope: rag.Scope{Principals: []string{principal}}})
			if err != nil || len(res.Keyword) != want || res.Seq != 42 {
				t.Errorf("filter %+v as %s: %+v, %v", f, principal, res, err)
			}
		}
	}
}

func TestSameIndexSameFile(t *testing.T) {
	dir := t.TempDir()
	var files [2]string
	for i := range files {
		path := filepath.Join(dir, fmt.Sprint(i))
		if _, err := small(t).Save(path, identity); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = string(data)
	}
	if files[0] != files[1] {
		t.Error("two files of equal indexes differ")
	}
}

// TestEveryDamageIsFound flips every byte of a file, cuts it at every length and
// adds to it.
func TestEveryDamageIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.index")
	if _, err := small(t).Save(path, identity); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := memory.Load(path, config(), identity); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: error %v, want an invalid one", what, err)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range good {
		bad := append([]byte{}, good...)
		bad[i] ^= byte(1 + rng.IntN(255))
		try(fmt.Sprintf("byte %d of %d changed", i, len(good)), bad)
		try(fmt.Sprintf("cut at %d of %d", i, len(good)), good[:i])
	}
	try("a byte added", append(append([]byte{}, good...), 0))
	try("zeros in place of the second half, as after a crash", append(append([]byte{}, good[:len(good)/2]...), make([]byte, len(good)-len(good)/2)...))
	try("nothing", nil)
}

func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.index")
	if _, err := small(t).Save(path, identity); err != nil {
		t.Fatal(err)
	}
	check := func(what string, cfg memory.Config, of memory.Identity, path string, want error) {
		t.Helper()
		if _, err := memory.Load(path, cfg, of); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", what, err, want)
		}
	}
	for what, change := range map[string]func(of *memory.Identity){
		"another store":      func(of *memory.Identity) { of.Store = "other" },
		"another collection": func(of *memory.Identity) { of.Collection++ },
		"another generation": func(of *memory.Identity) { of.Generation++ },
		"another model":      func(of *memory.Identity) { of.Model = "minilm" },
	} {
		of := identity
		change(&of)
		check(what, config(), of, path, rag.ErrInvalid)
	}
	cfg := config()
	cfg.Dimensions = 5
	check("other dimensions", cfg, identity, path, rag.ErrInvalid)
	cfg = config()
	cfg.Analyzer = analyze.For("de")
	check("another analyzer", cfg, identity, path, rag.ErrInvalid)
	check("no file", config(), identity, filepath.Join(dir, "none"), rag.ErrNotFound)
	check("a folder", config(), identity, dir, rag.ErrInvalid)
	cfg = config()
	cfg.K1 = 2 // ranking is no part of the file
	if _, err := memory.Load(path, cfg, identity); err != nil {
		t.Errorf("another k1: %v", err)
	}
}

func TestSaveReplacesAndRemove(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.index")
	ix := small(t)
	for range 3 {
		if _, err := ix.Save(path, identity); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v (%v), want one file", entries, err)
	}
	for range 2 {
		if err := memory.Remove(path); err != nil {
			t.Error(err)
		}
	}
	if _, err := ix.Save(filepath.Join(dir, "none", "x"), identity); !errors.Is(err, rag.ErrUnavailable) || !strings.Contains(err.Error(), "none") {
		t.Errorf("saving into a folder that is not there: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	path := filepath.Join(f.TempDir(), "x.index")
	if _, err := small(f).Save(path, identity); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:100])
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.index")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if ix, err := memory.Load(path, config(), identity); err == nil {
			if _, err := ix.Search(t.Context(), rag.IndexQuery{Text: "apple", Vector: []float32{1, 0, 0, 0}, K: 3}); err != nil {
				t.Error(err)
			}
		}
	})
}
