//go:build faiss

package smartretriever

import (
	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/faiss"
	"github.com/smartretriever/smartretriever/index/follow"
)

// faissBackend returns the indexes whose vectors FAISS searches, or what FAISS cannot do of cfg.
func faissBackend(cfg engine.Config) (follow.Backend, error) {
	return follow.NewBackend(
		func(c engine.Config) (*faiss.Index, error) { return faiss.Create(faiss.For(c)) },
		func(c engine.Config) (*faiss.Index, error) { return faiss.Open(faiss.For(c)) },
	), faiss.For(cfg).WithDefaults().Validate()
}
