package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/server/auth"
)

// Stats counts what the caller's tenant has.
type Stats struct {
	Collections int    `json:"collections"`
	Documents   int    `json:"documents"`
	Chunks      int    `json:"chunks"`
	Embeddings  int    `json:"embeddings"`
	Bytes       int64  `json:"bytes" doc:"Of original files"`
	StoreBytes  int64  `json:"store_bytes" doc:"Of the database"`
	Queries     int64  `json:"queries" doc:"In the query log"`
	Seq         int64  `json:"seq" doc:"Number of the last change"`
	Model       Model  `json:"model" doc:"Embedding model"`
	Version     string `json:"version" doc:"Of the program"`
}

// Model describes the embedding model.
type Model struct {
	ID         string `json:"id"`
	Dimensions int    `json:"dimensions"`
	MaxTokens  int    `json:"max_tokens" doc:"Longer inputs are cut"`
}

func (h *handlers) registerStats() {
	huma.Register(h.api, h.operation(http.MethodGet, "/api/v1/stats", "getStats", "search", "Count what there is"), h.stats)
}

func (h *handlers) stats(ctx context.Context, _ *struct{}) (*output[Stats], error) {
	s, err := h.svc.Stats(ctx, auth.From(ctx).Manage(""))
	return reply(ctx, Stats{
		Collections: s.Collections, Documents: s.Documents, Chunks: s.Chunks, Embeddings: s.Embeddings, Bytes: s.Bytes,
		StoreBytes: s.StoreBytes, Queries: s.Queries, Seq: s.Seq, Model: Model(h.svc.Model()), Version: h.cfg.Version,
	}, err)
}
