package backends_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/bert/convert"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
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

// A collection moves to a model behind an API, and back. A server that fails in
// between is not asked twice for what it has answered.
func TestReembedToAPI(t *testing.T) {
	failing := true
	double := &embedtest.Server{Model: "m", Schedule: func(n int) embedtest.Fault {
		if failing && n > 2 {
			return embedtest.Failing
		}
		return embedtest.None
	}}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	c := settings(t, srv.URL+"/v1")
	c.Embedder.Dimensions = 64
	local := c
	local.Embedder = config.Default().Embedder
	run := func(c config.Config, work func(r *root.Retriever)) {
		t.Helper()
		cfg, err := backends.Open(c, backends.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := root.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		work(r)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	run(local, func(r *root.Retriever) {
		for i := range 10 {
			if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: fmt.Sprint("d", i), Text: fmt.Sprintf("Parcel number%d is here.", i)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	opt := root.ReembedOptions{Model: root.ConfiguredModel, Batch: 3, Switch: root.SwitchAlways, Questions: -1}
	run(c, func(r *root.Retriever) {
		if _, err := r.Reembed(t.Context(), rag.Scope{}, opt); rag.KindOf(err) != rag.KindUnavailable {
			t.Errorf("with a server that fails: %v", err)
		}
		res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "number3", Mode: rag.ModeVector})
		if err != nil || len(res.Hits) != 10 || len(res.Degraded) != 0 {
			t.Errorf("the old model does not serve: %+v, %v", res, err)
		}
	})
	failing = false
	before := len(double.Inputs())
	run(c, func(r *root.Retriever) {
		res, err := r.Reembed(t.Context(), rag.Scope{}, opt)
		if err != nil || !res.Switched || res.Embedded != 4 || res.New.Model != "openai:m" {
			t.Errorf("%+v, %v", res, err)
		}
		if n := len(double.Inputs()) - before; n != 4 {
			t.Errorf("%d texts were sent, and 4 were missing", n)
		}
		found, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "Parcel number3 is here.", Mode: rag.ModeVector, K: 1})
		if err != nil || len(found.Hits) != 1 || found.Hits[0].Document.ExternalID != "d3" {
			t.Errorf("after the switch: %+v, %v", found, err)
		}
	})
	run(local, func(r *root.Retriever) { // the API is not configured any more
		if _, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "number3"}); !errors.Is(err, rag.ErrConflict) || !strings.Contains(err.Error(), "openai:m") {
			t.Errorf("without the API: %v", err)
		}
		if col, err := r.SwitchGeneration(t.Context(), rag.Scope{}, 0, nil); err != nil || col.Generation.Model != r.Model().ID {
			t.Errorf("back: %+v, %v", col, err)
		}
	})
}
