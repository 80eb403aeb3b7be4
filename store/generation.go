package store

import (
	"encoding/json"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// MaxLast is the most chunks that are embedded inside the transaction that makes a
// generation live: a second's work for a model on two cores.
const MaxLast = 32

// MaxUnembedded bounds a page of chunks that have no embedding of a model.
const MaxUnembedded = 10_000

// maxDimensions bounds what a row can hold; models have at most a few thousand.
const maxDimensions = 1 << 16

// CheckGeneration reports, as KindInvalid, a model without its number of dimensions,
// dimensions without a model, or too many of them.
func CheckGeneration(g rag.Generation) error {
	if g.Dimensions < 0 || g.Dimensions > maxDimensions || (g.Model == "") != (g.Dimensions == 0) {
		return rag.Errorf(rag.KindInvalid, "model %q with %d dimensions: name both or neither, at most %d dimensions", g.Model, g.Dimensions, maxDimensions)
	}
	return nil
}

// CheckStart reports, as KindInvalid, a model for which no generation can be built.
func CheckStart(model string, dimensions int) error {
	if model == "" {
		return rag.Errorf(rag.KindInvalid, "a generation to be built needs a model")
	}
	return CheckGeneration(rag.Generation{Model: model, Dimensions: dimensions})
}

// NextGeneration is the generation of a model that is to be built beside those of the
// list, which are in the order of their numbers: it has the chunker of the live one,
// since the chunks are shared. KindConflict says that one has the model already, or is
// being built.
func NextGeneration(list []rag.GenerationInfo, model string, dimensions int) (rag.Generation, error) {
	next := rag.Generation{Model: model, Dimensions: dimensions}
	for _, g := range list {
		switch {
		case g.Model == model:
			return next, rag.Errorf(rag.KindConflict, "generation %d of the collection, which is %s, has the model %s already", g.Number, g.State, model)
		case g.State == rag.GenerationBuilding:
			return next, rag.Errorf(rag.KindConflict, "generation %d of the collection is being built with the model %s: finish or drop it first", g.Number, g.Model)
		case g.State == rag.GenerationLive:
			next.Chunker = g.Chunker
		}
		next.Number = g.Number + 1
	}
	return next, nil
}

// Replaced returns those of the list that go when a generation becomes live. live says
// that it is so already: then nothing is to be done.
func Replaced(list []rag.GenerationInfo, number int) (gone []rag.GenerationInfo, live bool) {
	for _, g := range list {
		switch {
		case g.Number == number && g.State == rag.GenerationLive:
			return nil, true
		case g.Number != number && g.State == rag.GenerationPrevious:
			gone = append(gone, g)
		}
	}
	return gone, false
}

// Dropped returns the generation of the list that is to be dropped. KindNotFound says
// that there is none, KindConflict that it is live.
func Dropped(list []rag.GenerationInfo, number int) (rag.GenerationInfo, error) {
	i := slices.IndexFunc(list, func(g rag.GenerationInfo) bool { return g.Number == number })
	if i < 0 {
		return rag.GenerationInfo{}, rag.Errorf(rag.KindNotFound, "the collection has no generation %d", number)
	}
	if list[i].State == rag.GenerationLive {
		return rag.GenerationInfo{}, rag.Errorf(rag.KindConflict, "generation %d is live: switch to another first", number)
	}
	return list[i], nil
}

// ParseGeneration reads into g what is kept as JSON in its row, and its state. wasLive
// says that it is live or was so before. A fault is KindInternal.
func ParseGeneration(g *rag.GenerationInfo, chunker, comparison string, live, wasLive bool) error {
	switch {
	case live:
		g.State = rag.GenerationLive
	case wasLive:
		g.State = rag.GenerationPrevious
	default:
		g.State = rag.GenerationBuilding
	}
	if err := json.Unmarshal([]byte(chunker), &g.Chunker); err != nil {
		return rag.Errorf(rag.KindInternal, "generation %d: its chunker options are damaged: %v", g.Number, err)
	}
	if comparison == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(comparison), &g.Comparison); err != nil {
		return rag.Errorf(rag.KindInternal, "generation %d: its comparison is damaged: %v", g.Number, err)
	}
	return nil
}

// FormatComparison writes how a generation compared, nil as nothing. KindInvalid says
// that it holds a number that is not finite.
func FormatComparison(comparison *rag.GenerationComparison) (string, error) {
	if comparison == nil {
		return "", nil
	}
	data, err := json.Marshal(comparison)
	return string(data), rag.Wrap(rag.KindInvalid, err, "store comparison")
}

// NoGeneration says, as KindNotFound, that a collection has no such generation.
func NoGeneration(collectionID int64, number int) error {
	return rag.Errorf(rag.KindNotFound, "collection %d has no generation %d", collectionID, number)
}

// OtherDimensions says, as KindInvalid, that a model's vectors are of another length
// than those that the store has under its name: two models that differ must have
// different names.
func OtherDimensions(model string, dimensions, known int) error {
	return rag.Errorf(rag.KindInvalid, "model %s has %d dimensions in this collection and %d elsewhere in the store", model, dimensions, known)
}

// CheckEmbedded reports, as KindConflict, that chunks have no embedding of a generation
// yet. One without a model needs none.
func CheckEmbedded(missing, number int, model string) error {
	if missing > 0 && model != "" {
		return rag.Errorf(rag.KindConflict, "%d chunks have no embedding of generation %d (model %s) yet", missing, number, model)
	}
	return nil
}

// CheckLast reports, as KindConflict, that chunks are too many to be embedded inside a
// transaction.
func CheckLast(chunks []rag.Unembedded, number int, model string) error {
	if len(chunks) > MaxLast {
		return rag.Errorf(rag.KindConflict, "more than %d chunks have no embedding of generation %d (model %s) yet", MaxLast, number, model)
	}
	return nil
}

// NewRecord makes an index record of a chunk, whose text is filled in, with its stored
// vector. The live generation has all vectors; should one be missing (nil), the chunk
// is still found by its words. Of another generation, building, it will come, and an
// index must not go on without: that is KindConflict. building is 0 where a vector may
// be missing.
func NewRecord(c *rag.Chunk, d *rag.Document, vector []byte, building int) (rag.Record, error) {
	rec := rag.Record{ChunkID: c.ID, Document: d, Text: c.EmbedText(d.Title), Heading: c.Heading}
	if vector == nil {
		if building != 0 {
			return rec, rag.Errorf(rag.KindConflict, "chunk %d has no embedding of generation %d yet", c.ID, building)
		}
		return rec, nil
	}
	var err error
	if rec.Vector, err = Vector(vector); err != nil {
		return rec, rag.Errorf(rag.KindInternal, "chunk %d: %v", c.ID, err)
	}
	return rec, nil
}
