package convert

import (
	"context"
	"math"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/embed/static"
	"github.com/smartretriever/smartretriever/rag"
)

// Verify checks a weight file as a whole, wherever it comes from: its checksum
// and form, that it can be run, and that a text gets a vector of unit length, or, of
// a model that scores pairs, that a pair gets a number. What is wrong is
// KindInvalid and named.
func Verify(ctx context.Context, data []byte) (weightfile.Header, error) {
	file, err := weightfile.Parse(data)
	if err != nil {
		return weightfile.Header{}, err
	}
	if file.Model.Architecture == static.Architecture {
		err = tryStatic(ctx, data)
	} else {
		err = tryEncoder(ctx, data)
	}
	if err != nil {
		return weightfile.Header{}, err
	}
	return file.Header, nil
}

const trial = "A text to try the model with."

func tryStatic(ctx context.Context, data []byte) error {
	e, err := static.New(static.Config{Weights: data, Workers: 1})
	if err != nil {
		return err
	}
	vectors, err := e.Embed(ctx, rag.PassageText, []string{trial})
	if err != nil {
		return err
	}
	return checkVector(vectors[0])
}

func tryEncoder(ctx context.Context, data []byte) error {
	model, err := bert.Open(data)
	if err != nil {
		return err
	}
	encoder, err := bert.NewEncoder(model, bert.Config{Workers: 1})
	if err != nil {
		return err
	}
	if model.Scores() {
		return tryScore(ctx, encoder)
	}
	vector := make([]float32, model.Hidden)
	if err := encoder.Encode(ctx, vector, "", []string{trial}); err != nil {
		return rag.Wrap(rag.KindOf(err), err, "try the model out")
	}
	return checkVector(vector)
}

func checkVector(vector []float32) error {
	var sum float64
	for _, v := range vector {
		sum += float64(v) * float64(v)
	}
	if !(math.Abs(sum-1) < 1e-3) {
		return rag.Errorf(rag.KindInvalid, "the model gives no usable vectors: a text's has the squared length %v instead of 1", sum)
	}
	return nil
}

func tryScore(ctx context.Context, e *bert.Encoder) error {
	score := make([]float32, 1)
	done, err := e.Score(ctx, score, []bert.Pair{{Question: "What is this?", Passage: trial}})
	switch v := float64(score[0]); {
	case err != nil:
		return err
	case done == 0:
		return rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "try the model out")
	case math.IsNaN(v) || math.IsInf(v, 0):
		return rag.Errorf(rag.KindInvalid, "the model gives no usable scores: a pair's is %v", v)
	}
	return nil
}
