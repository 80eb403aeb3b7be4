package cached_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/cached"
	"github.com/smartretriever/smartretriever/rag"
)

type counting struct{ texts int }

func (*counting) Model() rag.Model       { return rag.Model{ID: "count", Dimensions: 2} }
func (*counting) CountTokens(string) int { return 1 }
func (c *counting) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = []float32{float32(len(t)), -1.5}
	}
	c.texts += len(texts)
	return out, nil
}

type store struct {
	m   map[string][]byte
	err error
}

func (s *store) Get(_ context.Context, k string) ([]byte, bool, error) {
	v, ok := s.m[k]
	return v, ok && s.err == nil, s.err
}
func (s *store) Set(_ context.Context, k string, v []byte, _ time.Duration) error {
	s.m[k] = v
	return s.err
}

func TestQuestionsAreEmbeddedOnce(t *testing.T) {
	inner, cache := &counting{}, &store{m: map[string][]byte{}}
	e := cached.New(inner, cache, time.Hour, nil)
	embed := func(kind rag.EmbedKind, texts ...string) [][]float32 {
		t.Helper()
		v, err := e.Embed(t.Context(), kind, texts)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	embed(rag.QuestionText, "a", "bb")
	got := embed(rag.QuestionText, "bb", "ccc", "a")
	if want := [][]float32{{2, -1.5}, {3, -1.5}, {1, -1.5}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if inner.texts != 3 {
		t.Errorf("%d texts were embedded, want 3", inner.texts)
	}
	embed(rag.PassageText, "a", "a")
	if inner.texts != 5 {
		t.Errorf("passages were cached")
	}
	for k := range cache.m {
		cache.m[k] = []byte("damaged")
	}
	embed(rag.QuestionText, "a")
	cache.err = errors.New("down")
	if got := embed(rag.QuestionText, "a"); got[0][0] != 1 {
		t.Errorf("with the cache down: %v", got)
	}
	if inner.texts != 7 {
		t.Errorf("%d texts were embedded, want 7", inner.texts)
	}
}
