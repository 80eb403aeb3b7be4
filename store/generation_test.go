package store_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// generationsOf makes a list of generations of the models a, b, c ... with these states.
func generationsOf(states ...rag.GenerationState) (list []rag.GenerationInfo) {
	for i, state := range states {
		g := rag.GenerationInfo{State: state}
		g.Number, g.Model, g.Dimensions = 3+2*i, string(rune('a'+i)), 4
		g.Chunker.Size = 100 + i
		list = append(list, g)
	}
	return list
}

func TestNextGeneration(t *testing.T) {
	list := generationsOf(rag.GenerationPrevious, rag.GenerationLive)
	next, err := store.NextGeneration(list, "new", 8)
	if err != nil || next.Number != 6 || next.Model != "new" || next.Dimensions != 8 || next.Chunker.Size != 101 {
		t.Errorf("%+v, %v", next, err)
	}
	for what, err := range map[string]error{
		"the model of the previous one": second(store.NextGeneration(list, "a", 4)),
		"the live model":                second(store.NextGeneration(list, "b", 4)),
		"beside one that is built":      second(store.NextGeneration(generationsOf(rag.GenerationLive, rag.GenerationBuilding), "new", 8)),
	} {
		if !errors.Is(err, rag.ErrConflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestCheckStart(t *testing.T) {
	if err := errors.Join(store.CheckStart("m", 1), store.CheckStart("m", 1<<16), store.CheckGeneration(rag.Generation{})); err != nil {
		t.Error(err)
	}
	for _, err := range []error{store.CheckStart("", 0), store.CheckStart("", 4), store.CheckStart("m", 0), store.CheckStart("m", -1), store.CheckStart("m", 1<<16+1)} {
		if !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%v", err)
		}
	}
}

func TestReplacedAndDropped(t *testing.T) {
	list := generationsOf(rag.GenerationPrevious, rag.GenerationLive, rag.GenerationBuilding)
	numbers := func(list []rag.GenerationInfo) (all []int) {
		for _, g := range list {
			all = append(all, g.Number)
		}
		return all
	}
	for number, want := range map[int][]int{7: {3}, 3: nil} {
		if gone, live := store.Replaced(list, number); live || !slices.Equal(numbers(gone), want) {
			t.Errorf("generation %d replaces %v, live %v", number, numbers(gone), live)
		}
	}
	if gone, live := store.Replaced(list, 5); !live || gone != nil {
		t.Errorf("the live one replaces %v, live %v", numbers(gone), live)
	}
	if g, err := store.Dropped(list, 7); err != nil || g.Model != "c" {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := store.Dropped(list, 5); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("the live one: %v", err)
	}
	if _, err := store.Dropped(list, 4); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
}

func TestGenerationColumns(t *testing.T) {
	comparison := &rag.GenerationComparison{}
	text, err := store.FormatComparison(comparison)
	if err != nil {
		t.Fatal(err)
	}
	for want, was := range map[rag.GenerationState][2]bool{rag.GenerationLive: {true, true}, rag.GenerationPrevious: {false, true}, rag.GenerationBuilding: {}} {
		var g rag.GenerationInfo
		if err := store.ParseGeneration(&g, `{"size":7}`, text, was[0], was[1]); err != nil || g.State != want || g.Comparison == nil {
			t.Errorf("%s: %+v, %v", want, g, err)
		}
	}
	none, err := store.FormatComparison(nil)
	var g rag.GenerationInfo
	if fault := store.ParseGeneration(&g, "{}", none, true, true); fault != nil || err != nil || g.Comparison != nil {
		t.Errorf("without a comparison: %+v, %v, %v", g, fault, err)
	}
	for _, err := range []error{store.ParseGeneration(&g, "", "", true, true), store.ParseGeneration(&g, "{}", "{", true, true)} {
		if !errors.Is(err, rag.ErrInternal) {
			t.Errorf("damaged: %v", err)
		}
	}
}

func TestCheckEmbedded(t *testing.T) {
	if err := errors.Join(store.CheckEmbedded(0, 2, "m"), store.CheckEmbedded(9, 2, ""), store.CheckLast(make([]rag.Unembedded, store.MaxLast), 2, "m")); err != nil {
		t.Error(err)
	}
	for _, err := range []error{store.CheckEmbedded(1, 2, "m"), store.CheckLast(make([]rag.Unembedded, store.MaxLast+1), 2, "m")} {
		if !errors.Is(err, rag.ErrConflict) {
			t.Errorf("%v", err)
		}
	}
}

func TestNewRecord(t *testing.T) {
	chunk, d := &rag.Chunk{ID: 5, Text: "text", Heading: []string{"h"}}, &rag.Document{Title: "Title"}
	vector := []float32{1, math.MaxFloat32}
	r, err := store.NewRecord(chunk, d, store.AppendVector(nil, vector), 2)
	if err != nil || r.ChunkID != 5 || r.Document != d || r.Text != chunk.EmbedText("Title") || !slices.Equal(r.Vector, vector) || !slices.Equal(r.Heading, chunk.Heading) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := store.NewRecord(chunk, d, nil, 0); err != nil || r.Vector != nil || r.Text == "" {
		t.Errorf("without a vector: %+v, %v", r, err)
	}
	if _, err := store.NewRecord(chunk, d, nil, 2); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("of a generation that is built: %v", err)
	}
	if _, err := store.NewRecord(chunk, d, []byte{1}, 0); !errors.Is(err, rag.ErrInternal) {
		t.Errorf("of a damaged vector: %v", err)
	}
}
