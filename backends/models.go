package backends

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"sync"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/rag"
)

// cutName matches the id of a model whose vectors are cut: its name and the number
// of dimensions (see bert.Config.Dimensions).
var cutName = regexp.MustCompile(`^(.+)-([1-9][0-9]{0,4})d$`)

// builtinName is the id of the model inside the program.
var builtinName = sync.OnceValues(func() (string, error) {
	f, err := weightfile.Parse(weights.BGESmallEnV15())
	if err != nil {
		return "", err
	}
	return f.Model.Name, nil
})

// modelFinder finds embedders by the ids that collections remember: those of the
// library of the data folder, and the built-in one with cut vectors.
func modelFinder(cfg config.Config) func(ctx context.Context, id string) (root.Embedder, error) {
	library := Models(cfg.Data)
	load := func(name string) ([]byte, error) {
		if inside, err := builtinName(); err != nil || name == inside {
			return weights.BGESmallEnV15(), err
		}
		return library.Load(name)
	}
	return func(_ context.Context, id string) (root.Embedder, error) {
		dimensions := 0
		data, err := load(id)
		if m := cutName.FindStringSubmatch(id); m != nil && errors.Is(err, rag.ErrNotFound) {
			if whole, wholeErr := load(m[1]); wholeErr == nil {
				data, err = whole, nil
				dimensions, _ = strconv.Atoi(m[2]) // digits, by the pattern
			}
		}
		if errors.Is(err, rag.ErrInvalid) {
			err = rag.Errorf(rag.KindNotFound, "%w", err) // no name that a local model could have
		}
		if err != nil {
			return nil, err
		}
		e, err := OpenWeights(data, dimensions, cfg.Embedder.Threads)
		if err != nil {
			return nil, rag.Errorf(rag.KindOf(err), "model %s: %w", id, err)
		}
		return e, nil
	}
}
