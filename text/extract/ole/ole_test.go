package ole_test

import (
	"bytes"
	"encoding/binary"
	"errors"
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
	if len(f.Streams()) != 4 {
		t.Errorf("streams %v", f.Streams())
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
		for _, s := range f.Streams() {
			if _, err := f.Read(s.Path); err != nil && !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("%s: %v", s.Path, err)
			}
		}
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
		for i, s := range file.Streams() {
			if got, err := file.Read(s.Path); len(got) > len(content) || err != nil && !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("%q: %d bytes of %d, %v", s.Path, len(got), len(content), err)
			}
			if i == 50 {
				break
			}
		}
	})
}
