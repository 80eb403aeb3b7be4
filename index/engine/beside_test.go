package engine

import (
	"errors"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/section/faultfs"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// TestVectorsBeside: what keeps the vectors beside an index has its files in the same folder. They are left alone, until an index of another kind takes the
// folder over, which does not open what is there and leaves nothing of it.
func TestVectorsBeside(t *testing.T) {
	fsys := faultfs.New()
	cfg := Config{Dimensions: 2, Analyzer: analyze.For(""), Dir: "d", FS: fsys, VectorsIn: "others"}
	with := func(open func(Config) (*Index, error), fn func(ix *Index) error) {
		t.Helper()
		ix, err := open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(fn(ix), ix.Close()); err != nil {
			t.Fatal(err)
		}
	}
	names := func(want ...string) {
		t.Helper()
		got, err := fsys.List("d")
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the folder holds %q, want %q (%v)", got, want, err)
		}
	}
	const beside = "1.others"
	with(Create, func(ix *Index) error {
		f, err := fsys.Create("d/" + beside)
		if err != nil {
			return err
		}
		return errors.Join(f.Close(), ix.Apply([]rag.Record{{ChunkID: 1, Document: &rag.Document{ID: "a"}, Text: "w1"}}, nil, 1), ix.Commit(t.Context()))
	})
	names("00000001.seg", beside, "manifest")
	with(Open, func(ix *Index) error { return ix.Commit(t.Context()) })
	names("00000001.seg", beside, "manifest")

	cfg.VectorsIn = ""
	if _, err := Open(cfg); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("opened by another kind of index: %v", err)
	}
	with(Create, func(*Index) error { return nil })
	names()
}
