package store_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

func TestBlocks(t *testing.T) {
	for _, blocks := range [][]rag.Block{
		nil,
		{{Kind: rag.Paragraph}},
		{{Kind: rag.Heading, Level: 6, Page: 1, Span: rag.Span{Start: 3, End: 9}}, {Kind: rag.Table, Page: 1 << 30, Span: rag.Span{Start: 9, End: 1 << 40}, HeaderEnd: 10}},
		{{Kind: rag.Table, Span: rag.Span{Start: 5, End: 9}, HeaderEnd: 5}, {Kind: "", Level: -3}},
		{{Kind: rag.Paragraph, Page: 1, Box: rag.Box{X0: 72.1, Y0: 60.3, X1: 523.9, Y1: 99}, Span: rag.Span{End: 5}}, {Kind: rag.Paragraph, Span: rag.Span{Start: 7, End: 9}}},
		{{Kind: rag.Footnote, Page: 1, Box: rag.Box{X0: -0.5, X1: 14400, Y1: 14400}}},
	} {
		got, err := store.DecodeBlocks(store.EncodeBlocks(blocks))
		if err != nil || !reflect.DeepEqual(got, blocks) {
			t.Errorf("%+v comes back as %+v, %v", blocks, got, err)
		}
	}
	many := make([]rag.Block, 5000)
	for i := range many {
		many[i] = rag.Block{Kind: rag.Paragraph, Page: 1 + i/20, Span: rag.Span{Start: i * 300, End: i*300 + 298}}
	}
	if n := len(store.EncodeBlocks(many)); n > 10*len(many) {
		t.Errorf("%d blocks take %d bytes", len(many), n)
	}
	for i := range many {
		y := float32(i%20) * 40
		many[i].Box = rag.Box{X0: 72, Y0: y, X1: 523.5, Y1: y + 35.5}
	}
	if n := len(store.EncodeBlocks(many)); n > 17*len(many) {
		t.Errorf("%d blocks with boxes take %d bytes", len(many), n)
	}
}

// TestOldBlocks reads what versions before boxes wrote.
func TestOldBlocks(t *testing.T) {
	old := []byte{1, 2, 7, 'h', 'e', 'a', 'd', 'i', 'n', 'g', 9, 'p', 'a', 'r', 'a', 'g', 'r', 'a', 'p', 'h', 2, 0, 2, 2, 0, 10, 0, 1, 0, 2, 4, 20, 0}
	got, err := store.DecodeBlocks(old)
	want := []rag.Block{
		{Kind: rag.Heading, Level: 1, Page: 1, Span: rag.Span{End: 5}},
		{Kind: rag.Paragraph, Page: 1, Span: rag.Span{Start: 7, End: 17}},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if again := store.EncodeBlocks(got); !slices.Equal(again, old) {
		t.Errorf("%v is written as %v", old, again)
	}
}

func FuzzDecodeBlocks(f *testing.F) {
	f.Add(store.EncodeBlocks([]rag.Block{{Kind: rag.Heading, Level: 1, Span: rag.Span{End: 5}}, {Kind: rag.Table, Page: 2, Span: rag.Span{Start: 7, End: 20}, HeaderEnd: 9}}))
	f.Add(store.EncodeBlocks([]rag.Block{{Kind: rag.Paragraph, Page: 1, Box: rag.Box{X0: 1, Y0: 2.5, X1: 300, Y1: 4}, Span: rag.Span{End: 5}}}))
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0})
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		blocks, err := store.DecodeBlocks(data)
		if err != nil {
			if !errors.Is(err, rag.ErrInternal) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := store.DecodeBlocks(store.EncodeBlocks(blocks))
		if err != nil || !slices.Equal(again, blocks) {
			t.Errorf("%+v comes back as %+v, %v", blocks, again, err)
		}
	})
}

func TestVector(t *testing.T) {
	v := []float32{0, -1.5, math.MaxFloat32, math.SmallestNonzeroFloat32}
	got, err := store.Vector(store.AppendVector(nil, v))
	if err != nil || !slices.Equal(got, v) {
		t.Errorf("%v comes back as %v, %v", v, got, err)
	}
	if data := store.AppendVector([]byte{9}, []float32{1}); !slices.Equal(data, []byte{9, 0, 0, 0x80, 0x3f}) {
		t.Errorf("1 is written as %x", data)
	}
	if _, err := store.Vector([]byte{1, 2, 3}); !errors.Is(err, rag.ErrInternal) {
		t.Errorf("three bytes: %v", err)
	}
}

func TestCursor(t *testing.T) {
	for _, c := range []store.Cursor{{List: "a", ID: 1 << 60}, {List: "a", Name: "ü/\x00", Desc: true}} {
		got, begun, err := store.ParseCursor("a", rag.ListOptions{Cursor: c.String(), Descending: c.Desc})
		if err != nil || !begun || got != c {
			t.Errorf("%+v comes back as %+v, %v, %v", c, got, begun, err)
		}
		for _, opt := range []rag.ListOptions{{Cursor: c.String(), Descending: !c.Desc}, {Cursor: c.String() + "x", Descending: c.Desc}} {
			if _, _, err := store.ParseCursor("a", opt); !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("%+v: %v", opt, err)
			}
		}
		if _, _, err := store.ParseCursor("b", rag.ListOptions{Cursor: c.String(), Descending: c.Desc}); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("of another list: %v", err)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(store.Cursor{List: "a", ID: 7}.String())
	f.Fuzz(func(t *testing.T, cursor string) {
		if _, _, err := store.ParseCursor("a", rag.ListOptions{Cursor: cursor}); err != nil && !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%q: %v", cursor, err)
		}
	})
}

func TestLimit(t *testing.T) {
	for in, want := range map[int]int{0: 100, 1: 1, 1000: 1000, 1001: 1000} {
		if got, err := store.Limit(rag.ListOptions{Limit: in}); err != nil || got != want {
			t.Errorf("limit %d: %d, %v", in, got, err)
		}
	}
}
