package ole_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/ole"
	"github.com/smartretriever/smartretriever/text/extract/ole/oletest"
)

func streams() []oletest.Stream {
	return []oletest.Stream{
		{Name: "small", Content: []byte("a few bytes")},
		{Name: "large", Content: bytes.Repeat([]byte("0123456789"), 1000)},
		{Name: "\x06Däta", Content: bytes.Repeat([]byte("x"), 300)},
		{Name: "empty"},
	}
}

func TestRead(t *testing.T) {
	f, err := ole.Open(oletest.Build(streams()...))
	if err != nil {
		t.Fatal(err)
	}
	if paths := slices.Collect(f.Paths()); len(paths) != 4 {
		t.Errorf("streams %q", paths)
	}
	for _, s := range streams() {
		got, err := f.Read(s.Name)
		if err != nil || !bytes.Equal(got, s.Content) {
			t.Errorf("%s: %d bytes, want %d, %v", s.Name, len(got), len(s.Content), err)
		}
	}
	if !f.Has("SMALL") || !f.Has("\x06dÄTA") {
		t.Error("names differ in case only")
	}
	if _, err := f.Read("none"); !errors.Is(err, rag.ErrInvalid) || f.Has("none") {
		t.Errorf("a stream that is not there: %v", err)
	}
}

// TestDamage opens files whose chains are circles, lead nowhere, or are cut off.
func TestDamage(t *testing.T) {
	whole := oletest.Build(streams()...)
	circle := bytes.Clone(whole)
	for at := len(circle) - 512; at < len(circle); at += 4 {
		binary.LittleEndian.PutUint32(circle[at:], 0)
	}
	lost := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(lost[0x30:], 0x00ffffff)
	difat := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(difat[0x44:], 0)
	for name, content := range map[string][]byte{
		"nothing": nil, "a header": whole[:512], "half a header": whole[:100], "a directory that leads nowhere": lost, "a list of tables in the data": difat,
		"a sector size of 2^60": append(append(bytes.Clone(whole[:0x1e]), 60), whole[0x1f:]...),
	} {
		if _, err := ole.Open(content); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f, err := ole.Open(circle); err == nil {
		for path := range f.Paths() {
			if _, err := f.Read(path); err != nil && !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestStorages(t *testing.T) {
	f, err := ole.Open(oletest.Build(oletest.Stream{Name: "a", Content: []byte("1")}, oletest.Stream{Name: "In/Deep/b", Content: []byte("2")}, oletest.Stream{Name: "In/a", Content: []byte("3")}))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(f.Paths()); !slices.Equal(got, []string{"a", "In/a", "In/Deep/b"}) {
		t.Errorf("paths %q", got)
	}
	for path, want := range map[string]string{"a": "1", "in/DEEP/b": "2", "In/A": "3"} {
		if got, err := f.Read(path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	in := f.Root().Storage("in")
	if in == nil || in.Name != "In" || len(in.Streams) != 1 || in.Storage("deep") == nil || in.Storage("a") != nil || f.Has("In") || f.Has("In/Deep/b/c") {
		t.Errorf("storages: %+v", in)
	}
}

// TestSalvage has files that break off: what is there is read.
func TestSalvage(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1000)
	whole := oletest.Build(oletest.Stream{Name: "large", Content: content})
	binary.LittleEndian.PutUint32(whole[0x44:], 0x00ffffff) // more tables, which are not there
	if _, err := ole.Open(whole); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("open: %v", err)
	}
	f, err := ole.Salvage(whole)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Read("large"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("whole: %d bytes, %v", len(got), err)
	}
	broken := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(broken[len(broken)-512+4*2:], 0x00ffffff) // what follows the third sector
	if f, err = ole.Salvage(broken); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Read("large"); err != nil || !bytes.Equal(got, content[:3*512]) {
		t.Errorf("broken off: %d bytes, %v", len(got), err)
	}
}

func FuzzOpen(f *testing.F) {
	whole := oletest.Build(streams()...)
	f.Add(whole)
	f.Add(whole[:len(whole)-600])
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := ole.Open(content)
		if err != nil {
			if !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("%v (%s)", err, rag.KindOf(err))
			}
			return
		}
		read(t, file, content)
		if file, err = ole.Salvage(content); err != nil {
			t.Fatalf("what can be opened can be salvaged: %v", err)
		}
		read(t, file, content)
	})
}

// read reads the first few streams of a file.
func read(t *testing.T, file *ole.File, content []byte) {
	t.Helper()
	n := 0
	for path := range file.Paths() {
		if got, err := file.Read(path); len(got) > len(content) || err != nil && !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%q: %d bytes of %d, %v", path, len(got), len(content), err)
		}
		if n++; n > 50 {
			break
		}
	}
}
