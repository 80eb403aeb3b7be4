package backends_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/bert/convert"
	"github.com/smartretriever/smartretriever/rag"
)

// Models of a data folder are found by the ids that collections remember.
func TestModelsById(t *testing.T) {
	c := config.Default()
	c.Data = t.TempDir()
	tiny, err := convert.Read(t.Context(), filepath.Join("..", "cmd", "smartretriever", "testdata", "tiny-model.zip"), convert.Options{Name: "tiny"})
	if err != nil {
		t.Fatal(err)
	}
	info, err := backends.Models(c.Data).Put(tiny.Data)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := backends.Open(c, backends.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	inside := cfg.Embedder.Model().ID
	for id, dimensions := range map[string]int{"tiny": 64, "tiny-16d": 16, inside: 384, inside + "-128d": 128} {
		e, err := cfg.Models(t.Context(), id)
		if err != nil || e.Model().ID != id || e.Model().Dimensions != dimensions {
			t.Errorf("%s: %+v, %v", id, e, err)
		}
	}
	for _, id := range []string{"", "none", "none-16d", "openai:text-embedding-3-small", "../tiny", "tiny-d"} {
		if e, err := cfg.Models(t.Context(), id); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("%q: %+v, %v", id, e, err)
		}
	}
	if e, err := cfg.Models(t.Context(), "tiny-65d"); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("more dimensions than there are: %+v, %v", e, err)
	}
	data, err := os.ReadFile(info.Path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(info.Path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if e, err := cfg.Models(t.Context(), "tiny"); err == nil || errors.Is(err, rag.ErrNotFound) {
		t.Errorf("damaged: %+v, %v", e, err)
	}
}
