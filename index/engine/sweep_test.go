package engine

import (
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/section/faultfs"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// listing is a file system that does something before the files of a folder are listed.
type listing struct {
	section.FS
	before func()
}

func (l *listing) List(dir string) ([]string, error) {
	if l.before != nil {
		l.before()
	}
	return l.FS.List(dir)
}

// TestSweepBesideAMerge has a segment be written to a file while Commit looks for files that nobody needs: it is needed.
func TestSweepBesideAMerge(t *testing.T) {
	fsys := &listing{FS: faultfs.New()}
	ix, err := Create(Config{Dimensions: 2, Analyzer: analyze.For(""), Dir: "d", FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	put := func(id rag.ChunkID) error {
		return ix.Apply([]rag.Record{{ChunkID: id, Document: &rag.Document{ID: "a"}, Text: "w1"}}, nil, int64(id))
	}
	if err := put(1); err != nil {
		t.Fatal(err)
	}
	fsys.before = func() {
		fsys.before = nil
		if err := put(2); err != nil {
			t.Error(err)
		}
		if err := ix.flush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := ix.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if fsys.before != nil {
		t.Fatal("nothing was listed")
	}
	names, err := fsys.List("d")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range ix.current.Load().views {
		if v.seg.name != "" && !slices.Contains(names, v.seg.name) {
			t.Errorf("%s is gone; there are %q", v.seg.name, names)
		}
	}
	if err := ix.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	fsys.before = nil
	again, err := Open(ix.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
