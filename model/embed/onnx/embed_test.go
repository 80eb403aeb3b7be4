//go:build onnx

package onnx

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert/convert"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/rag"
)

// library and file are ONNX Runtime and a BERT's .onnx file in 32-bit floats;
// scripts/test-onnx.sh fetches both.
func library(t *testing.T) string { return fromEnvironment(t, "ONNX_LIBRARY") }
func file(t *testing.T) string    { return fromEnvironment(t, "ONNX_MODEL") }

func fromEnvironment(t *testing.T, name string) string {
	t.Helper()
	path := os.Getenv(name)
	if path == "" {
		t.Fatalf("%s is not set; run scripts/test-onnx.sh", name)
	}
	return path
}

func open(t *testing.T, cfg Config) *Embedder {
	t.Helper()
	cfg.Library, cfg.Path = library(t), file(t)
	e, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestSuite(t *testing.T) {
	embedtest.Run(t, func(t *testing.T) embedtest.Embedder { return open(t, Config{}) })
}

// Our own encoder and the runtime must agree on a model that both can run.
func TestVectorsAreThoseOfOurEncoder(t *testing.T) {
	made, err := convert.Read(t.Context(), file(t), convert.Options{Type: "float32"})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := bert.New(bert.Config{Weights: made.Data})
	if err != nil {
		t.Fatal(err)
	}
	theirs := open(t, Config{BatchTokens: 600})
	if a, b := ours.Model(), theirs.Model(); a.Dimensions != b.Dimensions || a.MaxTokens != b.MaxTokens {
		t.Errorf("%+v and %+v", a, b)
	}
	texts := []string{"", "What is bread?", "Bread is made of flour and water.", strings.Repeat("a long text about bread ", 200), "北京 \u202eabc\u202c é ☕"}
	for i := range 40 {
		texts = append(texts, strings.Repeat("word ", i))
	}
	for _, kind := range []rag.EmbedKind{rag.PassageText, rag.QuestionText} {
		want, err := ours.Embed(t.Context(), kind, texts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := theirs.Embed(t.Context(), kind, texts)
		if err != nil {
			t.Fatal(err)
		}
		for i := range texts {
			var dot float64
			for k := range want[i] {
				dot += float64(want[i][k]) * float64(got[i][k])
			}
			if !(dot > .9999) {
				t.Errorf("%.30q: cosine %.6f", texts[i], dot)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	lib, model := library(t), file(t)
	empty := t.TempDir()
	broken := filepath.Join(t.TempDir(), "model.onnx")
	for name, data := range map[string]string{broken: "no graph", filepath.Join(filepath.Dir(broken), "vocab.txt"): "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"} {
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		cfg  Config
		kind rag.Kind
		says string
	}{
		"no library":      {Config{Path: model}, rag.KindInvalid, "libonnxruntime.so"},
		"missing library": {Config{Path: model, Library: filepath.Join(empty, "x.so")}, rag.KindConflict, "loaded from"},
		"missing model":   {Config{Path: filepath.Join(empty, "x"), Library: lib}, rag.KindNotFound, "no model"},
		"empty folder":    {Config{Path: empty, Library: lib}, rag.KindInvalid, "model.onnx"},
		"no graph":        {Config{Path: broken, Library: lib, Pooling: "cls"}, rag.KindInvalid, "model.onnx"},
		"device":          {Config{Path: model, Library: lib, Device: "tpu"}, rag.KindInvalid, "cuda"},
		"no GPU":          {Config{Path: model, Library: lib, Device: "cuda"}, rag.KindInvalid, "CUDA"},
	} {
		t.Run(name, func(t *testing.T) {
			open(t, Config{}) // so that the library is loaded
			if _, err := New(t.Context(), tt.cfg); rag.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v", rag.KindOf(err), err)
			}
		})
	}
}

func TestCancelledAndClosed(t *testing.T) {
	e := open(t, Config{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Embed(gone, rag.PassageText, []string{"text"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// Ended in the middle of a run: whichever comes first, there is a clear outcome.
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := e.Embed(ctx, rag.PassageText, slices.Repeat([]string{strings.Repeat("word ", 250)}, 200)); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while it ran: %v", err)
		}
	})
	if _, err := e.Embed(t.Context(), rag.QuestionText, []string{"word"}); err != nil {
		t.Error(err)
	}
	cancel()
	wg.Wait()
}
