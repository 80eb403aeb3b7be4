//go:build faiss

package faiss

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// TestEveryByteFlipped changes bytes of every file. What is damaged is found when it is opened, or it was padding.
func TestEveryByteFlipped(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		cfg := small(typ, indextest.Dims)
		fsys, h, _ := filled(t, cfg)
		cfg.Engine.Dir, cfg.Engine.FS = "d", fsys
		ix, err := Open(cfg) // which removes what a merge has written after the commit
		if err != nil {
			t.Fatal(err)
		}
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
		found, harmless := 0, 0
		for _, name := range list(t, fsys, "d") {
			path := filepath.Join("d", name)
			step := 7
			if testing.Short() {
				step = 61
			}
			for at := 0; at < len(fsys.Content(path)); at += step {
				bit := uint(at / step)
				fsys.Flip(path, at, bit)
				ix, err := Open(cfg)
				switch {
				case err == nil:
					harmless++
					if at%11 == 0 {
						h.Check(t, ix)
					}
					if err := ix.Close(); err != nil {
						t.Fatal(err)
					}
				case rag.KindOf(err) == rag.KindInvalid || rag.KindOf(err) == rag.KindConflict:
					found++
				default:
					t.Fatalf("byte %d of %s: %v", at, path, err)
				}
				fsys.Flip(path, at, bit)
			}
		}
		if found == 0 || harmless > found {
			t.Errorf("%d faults were found, %d not", found, harmless)
		}
		t.Logf("%d faults were found, %d were in padding", found, harmless)
	})
}

// TestFilesMissing: either side without the other is no index.
func TestFilesMissing(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		cfg := small(typ, indextest.Dims)
		cfg.Engine.Dir = "d"
		for _, c := range []struct {
			side string
			want error
		}{{"vectors", rag.ErrInvalid}, {"manifest", rag.ErrNotFound}} {
			fsys, _, path := filled(t, cfg)
			cfg.Engine.FS = fsys
			if c.side == "manifest" {
				path = "d/manifest"
			}
			if err := fsys.Remove(path); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(cfg); !errors.Is(err, c.want) {
				t.Errorf("without its %s: error %v, want %v", c.side, err, c.want)
			}
			ix, err := Create(cfg) // what the caller does then
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(ix.Commit(t.Context()), ix.Close()); err != nil {
				t.Fatal(err)
			}
			if ix, err = Open(cfg); err != nil {
				t.Fatal(err)
			}
			if ix.Seq() != 0 || ix.Stats().Vectors != 0 {
				t.Errorf("what was there before came back: %+v", ix.Stats())
			}
			if err := ix.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestFileOfAnotherState: a file says itself which state it is of.
func TestFileOfAnotherState(t *testing.T) {
	cfg := small(engine.TypeFlat, indextest.Dims)
	fsys, h, path := filled(t, cfg)
	cfg.Engine.Dir, cfg.Engine.FS = "d", fsys
	if err := fsys.Rename(path, filepath.Join("d", fileName(h.Seq()-1))); err != nil {
		t.Fatal(err)
	}
	cfg = cfg.WithDefaults()
	if _, _, err := read(&cfg, h.Seq()-1); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("error %v, want an invalid one", err)
	}
}

// TestOtherSettings: files are only read by an index that means the same by them.
func TestOtherSettings(t *testing.T) {
	cfg := small(engine.TypeHNSW, indextest.Dims)
	cfg.Engine.Identity = engine.Identity{Store: "s", Collection: 3, Generation: 1, Model: "m"}
	fsys, h, _ := filled(t, cfg)
	cfg.Engine.Dir, cfg.Engine.FS = "d", fsys
	for name, change := range map[string]func(*Config){
		"store":      func(c *Config) { c.Engine.Identity.Store = "other" },
		"generation": func(c *Config) { c.Engine.Identity.Generation = 2 },
		"dimensions": func(c *Config) { c.Engine.Dimensions++ },
		"type":       func(c *Config) { c.Type = engine.TypeIVF },
		"m":          func(c *Config) { c.M = 8 },
		"nlist":      func(c *Config) { c.NList = 8 },
	} {
		other := cfg
		change(&other)
		if _, err := Open(other); !errors.Is(err, rag.ErrConflict) {
			t.Errorf("another %s: error %v, want a conflict", name, err)
		}
	}
	cfg.EfSearch, cfg.NProbe, cfg.EfConstruction = 1<<19, 3, 50 // what only concerns searches, or vectors to come
	ix, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	closed(t, ix)
	h.Check(t, ix)
}

// TestTwoProcesses opens one folder twice: the second reads what the first has committed, follows on its own, and writes nothing.
func TestTwoProcesses(t *testing.T) {
	cfg := small(engine.TypeHNSW, indextest.Dims)
	cfg.Engine.Dir = t.TempDir()
	first := create(t, cfg)
	h := indextest.NewHistory(9)
	for range 30 {
		h.Step(t, first)
	}
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	closed(t, second)
	if !first.Owner() || second.Owner() {
		t.Fatal("the second opening took the folder")
	}
	for range 20 {
		h.Step(t, first)
		h.CatchUp(t, second)
		h.Check(t, second)
		for _, ix := range []*Index{first, second} {
			if err := ix.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		h.Check(t, first)
	}
	if err := engine.Remove(nil, cfg.Engine.Dir); err != nil {
		t.Fatal(err)
	}
	third, err := Open(cfg)
	if err != nil {
		t.Fatalf("the folder was removed under its owner: %v", err)
	}
	closed(t, third)
}

func TestUnfiled(t *testing.T) {
	cfg := small(engine.TypeFlat, 1)
	cfg.Engine.Dir = t.TempDir()
	ix := create(t, cfg)
	step := func(what string, want bool, err error) {
		t.Helper()
		if err != nil || ix.Unfiled() != want {
			t.Errorf("%s: unfiled is %v, want %v (%v)", what, ix.Unfiled(), want, err)
		}
	}
	step("new", true, nil)
	step("committed", false, ix.Commit(t.Context()))
	step("changed", true, ix.Apply([]rag.Record{{ChunkID: 1, Document: &rag.Document{ID: "a"}, Vector: []float32{1}}}, nil, 1))
	step("committed", false, ix.Commit(t.Context()))
	step("nothing to rebuild", false, ix.Compact(t.Context()))
	step("deleted", true, ix.Apply(nil, []rag.ChunkID{1}, 2))
	step("purged", false, ix.Purge(t.Context()))
	step("rebuilt", true, ix.Compact(t.Context()))
	step("committed", false, ix.Commit(t.Context()))
}

func TestRemove(t *testing.T) {
	cfg := small(engine.TypeIVF, indextest.Dims)
	fsys, _, _ := filled(t, cfg)
	if err := errors.Join(engine.Remove(fsys, "d"), engine.Remove(fsys, "d")); err != nil {
		t.Fatal(err)
	}
	if left := list(t, fsys, "d"); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestHostileSections writes files with valid checksums and impossible content. Opening them is an error, never a read at random.
func TestHostileSections(t *testing.T) {
	for _, typ := range types {
		cfg := small(typ, indextest.Dims)
		fsys, h, path := filled(t, cfg)
		cfg.Engine.Dir, cfg.Engine.FS = "d", fsys
		cfg = cfg.WithDefaults()
		f, err := section.Open(fsys, path)
		if err != nil {
			t.Fatal(err)
		}
		tried := 0
		var names []string
		f.Sections(func(name string, _ int64) { names = append(names, name) })
		for _, name := range names {
			data, _ := f.Section(name)
			for at := 0; at < len(data); at += 1 + len(data)/97 {
				for _, b := range []byte{0xff, 0x7f, data[at] + 1, data[at] ^ 4} {
					changed := bytes.Clone(data)
					changed[at] = b
					tried++
					tryToRead(t, &cfg, h, rewrite(t, f, name, changed))
				}
			}
			for _, changed := range [][]byte{nil, append(bytes.Clone(data), data...), append(bytes.Clone(data), 0), data[:len(data)/2]} {
				tryToRead(t, &cfg, h, rewrite(t, f, name, changed))
			}
		}
		t.Logf("%s: %d files", typ, tried)
	}
}

// rewrite returns f with another content of one section, as a file whose checksums fit.
func rewrite(t *testing.T, f *section.File, name string, changed []byte) *memory {
	t.Helper()
	var b bytes.Buffer
	w := section.NewWriter(&b)
	f.Sections(func(n string, _ int64) {
		data, _ := f.Section(n)
		if n == name {
			data = changed
		}
		if _, err := w.Begin(n).Write(data); err != nil {
			t.Fatal(err)
		}
	})
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	return &memory{data: section.Usable(b.Bytes())}
}

// memory is a file system that is one file.
type memory struct {
	section.FS
	data []byte
}

func (m *memory) Map(string) ([]byte, func() error, error) {
	if m.data == nil {
		return nil, nil, fs.ErrNotExist
	}
	return m.data, func() error { return nil }, nil
}

// tryToRead reads a file, and searches and changes what comes of it, if anything does.
func tryToRead(t *testing.T, cfg *Config, h *indextest.History, fsys *memory) {
	t.Helper()
	c := *cfg
	c.Engine.FS = fsys
	v, _, err := read(&c, h.Seq())
	if err != nil {
		if k := rag.KindOf(err); k != rag.KindInvalid && k != rag.KindConflict {
			t.Fatalf("read: %v", err)
		}
		return
	}
	defer v.native.free()
	exercise(t, v)
}

func exercise(t *testing.T, v *vectors) {
	t.Helper()
	q := make([]float32, v.native.dims)
	q[0] = 1
	for _, k := range []int{1, 1000} {
		if _, err := v.search(context.Background(), q, k, v.everything()); err != nil {
			t.Fatalf("search: %v", err)
		}
	}
	if err := v.put([]entry{{1, "d", q}, {1 << 40, "d", q}}, nil); err != nil {
		t.Fatalf("put: %v", err)
	}
	if hits, err := v.search(context.Background(), q, 1, v.of([]rag.ChunkID{1 << 40})); err != nil || len(hits) != 1 {
		t.Fatalf("search: %v, %v", hits, err)
	}
}

// FuzzRead reads any sections.
func FuzzRead(f *testing.F) {
	cfg := small(engine.TypeHNSW, 2)
	cfg = cfg.WithDefaults()
	info := func(k kind, n int) []byte {
		m := info{Format: formatVersion, Settings: cfg.settings(), Kind: k, Count: n}
		text, _ := json.Marshal(m)
		return text
	}
	numbers := func(n ...int32) []byte { return section.Bytes(n) }
	f.Add(info(flat, 1), section.Bytes([]int64{1}), section.Bytes([]uint64{1}), numbers(0), []byte("\x01d"), section.Bytes([]float32{1, 0}), []byte(nil), []byte(nil))
	links := make([]int32, 64)
	for i := range links {
		links[i] = -1
	}
	f.Add(info(hnsw, 1), section.Bytes([]int64{1}), section.Bytes([]uint64{1}), numbers(0), []byte("\x01d"), section.Bytes([]float32{1, 0}), numbers(1), numbers(links...))
	f.Fuzz(func(t *testing.T, info, ids, live, docs, names, vectors, levels, links []byte) {
		var b bytes.Buffer
		w := section.NewWriter(&b)
		for _, s := range []struct {
			name string
			data []byte
		}{{"info", info}, {"ids", ids}, {"live", live}, {"docs", docs}, {"names", names}, {"vectors", vectors}, {"levels", levels}, {"links", links}} {
			if _, err := w.Begin(s.name).Write(s.data); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		c := cfg
		c.Engine.FS = &memory{data: section.Usable(b.Bytes())}
		v, _, err := read(&c, 0)
		if err != nil {
			return
		}
		defer v.native.free()
		exercise(t, v)
	})
}
