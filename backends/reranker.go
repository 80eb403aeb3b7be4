package backends

import (
	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/model/rerank/crossencoder"
	"github.com/smartretriever/smartretriever/model/rerank/late"
	"github.com/smartretriever/smartretriever/rag"
)

// openReranker makes the reranker that cfg names, none by default.
func openReranker(cfg config.Config, table price.Table, deps Deps, c *root.Config) error {
	c.RerankTarget = rerankTarget(cfg, table)
	r := cfg.Rerank
	c.RerankTop, c.RerankWeight, c.RerankTimeout = r.Top, r.Weight, r.Timeout
	switch r.Name {
	case "none":
	case "late":
		reranker, err := openLate(cfg)
		if err != nil {
			return err
		}
		c.Reranker = reranker
		if r.Weight == 0 {
			c.RerankWeight = late.Weight
		}
	case "local":
		weights, err := Models(cfg.Data).Load(r.Model)
		if err != nil {
			return rag.Errorf(rag.KindOf(err), "rerank.model: %w", err)
		}
		reranker, err := crossencoder.New(crossencoder.Config{Weights: weights, Workers: cfg.Embedder.Threads})
		if err != nil {
			return rag.Errorf(rag.KindOf(err), "rerank.model: %w", err)
		}
		c.Reranker = reranker
	default:
		reranker, err := openRerankAPI(r, deps)
		if err != nil {
			return err
		}
		c.Reranker = reranker
	}
	return nil
}

// openLate takes the embedding model where it runs in this process, and the
// built-in one otherwise.
func openLate(cfg config.Config) (*late.Reranker, error) {
	l := late.Config{Workers: cfg.Embedder.Threads, Memory: int64(cfg.Rerank.Memory)}
	if cfg.Embedder.Name == "local" {
		weights, err := Models(cfg.Data).Load(cfg.Embedder.Model)
		if err != nil {
			return nil, rag.Errorf(rag.KindOf(err), "embedder.model: %w", err)
		}
		l.Weights = weights
	}
	reranker, err := late.New(l)
	if err != nil {
		return nil, rag.Errorf(rag.KindOf(err), "reranker: %w", err)
	}
	return reranker, nil
}
