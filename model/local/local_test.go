package local_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/local"
	"github.com/smartretriever/smartretriever/rag"
)

func file(t *testing.T, name, word string) []byte {
	t.Helper()
	var b bytes.Buffer
	h := weightfile.Header{Model: weightfile.Model{Name: name, Hidden: 64}}
	if err := weightfile.Write(&b, h, []weightfile.Tensor{weightfile.Bytes("vocabulary", []byte(word))}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLibrary(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "models")
	l := local.In(dir)
	if list, err := l.List(t.Context()); err != nil || len(list) != 0 {
		t.Fatalf("an empty library lists %v, %v", list, err)
	}
	first := file(t, "first", "a")
	for _, data := range [][]byte{first, file(t, "second", "b")} {
		if _, err := l.Put(data); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := l.Load("first"); err != nil || !bytes.Equal(got, first) {
		t.Errorf("loaded other bytes, %v", err)
	}
	if _, err := l.Put(file(t, "first", "c")); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("a second model of a name: %v", err)
	}
	if got, _ := l.Load("first"); !bytes.Equal(got, first) {
		t.Error("the refused model took the place of the first")
	}
	if _, err := l.Put(first); err != nil {
		t.Errorf("the same model again: %v", err)
	}
	mend := filepath.Join(dir, "first.model")
	if err := os.WriteFile(mend, first[:len(first)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Put(first); err != nil {
		t.Fatal(err)
	}
	if got, _ := l.Load("first"); !bytes.Equal(got, first) {
		t.Error("the damaged model was not replaced")
	}

	// A damaged file is listed with what is wrong; what is no model is not listed.
	damaged := bytes.Clone(first)
	damaged[len(damaged)/2] ^= 1
	for name, data := range map[string][]byte{"bad.model": damaged, "notes.txt": []byte("x"), ".hidden.model": first} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list, err := l.List(t.Context())
	if err != nil || len(list) != 3 || list[0].Name != "bad" || list[0].Err == nil || list[1].Err != nil || list[1].Header.Model.Hidden != 64 || list[2].Name != "second" {
		t.Errorf("listed %+v, %v", list, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}

	if err := l.Remove("first"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load("first"); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("a removed model: %v", err)
	}
	if err := l.Remove("first"); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestNames(t *testing.T) {
	l := local.In(t.TempDir())
	for _, name := range []string{"", "../up", "a/b", ".hidden", "a b", "-x", "ä"} {
		if _, err := l.Load(name); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("load %q: %v", name, err)
		}
		if err := l.Remove(name); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("remove %q: %v", name, err)
		}
		if _, err := l.Put(file(t, name, "x")); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("put %q: %v", name, err)
		}
	}
	if _, err := l.Put([]byte("no weight file")); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("put what is no weight file: %v", err)
	}
}
