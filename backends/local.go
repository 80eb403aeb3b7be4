package backends

import (
	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/model/embed/static"
)

// LocalEmbedder embeds inside the program's own process.
type LocalEmbedder interface {
	root.Embedder
	// Kernel names the arithmetic in use.
	Kernel() string
}

// OpenWeights opens a weight file with the embedder that it is for, an encoder or a
// table of word vectors; nil is the built-in model. The other arguments are those of
// bert.Config. What is wrong with it is KindInvalid.
func OpenWeights(weights []byte, dimensions, workers int) (LocalEmbedder, error) {
	if weights != nil {
		f, err := weightfile.Parse(weights)
		if err != nil {
			return nil, err
		}
		if f.Model.Architecture == static.Architecture {
			return orNothing(static.New(static.Config{Weights: weights, Dimensions: dimensions, Workers: workers}))
		}
	}
	return orNothing(bert.New(bert.Config{Weights: weights, Dimensions: dimensions, Workers: workers}))
}

// orNothing keeps a pointer to nothing from being an embedder.
func orNothing[E LocalEmbedder](e E, err error) (LocalEmbedder, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}
