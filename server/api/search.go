package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
)

// SearchRequest asks for chunks.
type SearchRequest struct {
	Query   string     `json:"query" minLength:"1" maxLength:"32768" doc:"What is looked for"`
	K       int        `json:"k,omitempty" minimum:"0" maximum:"1000" doc:"Hits wanted; 0 or absent is 10"`
	Mode    rag.Mode   `json:"mode,omitempty" enum:"hybrid,vector,keyword" doc:"Which searches are run; absent is hybrid"`
	Filter  rag.Filter `json:"filter,omitempty" required:"false" doc:"Which documents are searched"`
	GroupBy string     `json:"group_by,omitempty" enum:"document" doc:"document: each document once, by its best chunk"`
	Fusion  *Fusion    `json:"fusion,omitempty" doc:"How the two searches become one list"`
	MinSeq  int64      `json:"min_seq,omitempty" minimum:"0" doc:"Wait until this change is visible"`

	NoRerank bool `json:"no_rerank,omitempty" doc:"Leave the order of the search where a reranker is configured"`

	KeepDuplicates bool `json:"keep_duplicates,omitempty" doc:"List chunks that say the same in the same words one by one; otherwise the best of them names the others"`
	Context        bool `json:"context,omitempty" doc:"Give the wider text of each hit that has a parent"`

	Highlight bool `json:"highlight,omitempty" doc:"Say which words of each hit the query matches by"`
	Operators bool `json:"operators,omitempty" doc:"Read operators: +word and \"two words\" must be there, -word must not, word* begins so, word~ is like it"`
}

// Fusion chooses how the two lists become one.
type Fusion struct {
	Method string  `json:"method,omitempty" enum:"zscore,rrf" doc:"Absent is zscore"`
	Alpha  float64 `json:"alpha,omitempty" minimum:"0" maximum:"1" doc:"Weight of the vector side; 0 or absent is 0.5"`
	RRFK   int     `json:"rrf_k,omitempty" minimum:"0" maximum:"100000" doc:"Constant of reciprocal rank fusion; 0 or absent is 60"`
}

// SearchResponse holds hits in descending order of score.
type SearchResponse struct {
	Hits     []Hit    `json:"hits" nullable:"false"`
	Trace    Trace    `json:"trace"`
	Cached   bool     `json:"cached"`
	Degraded []string `json:"degraded" nullable:"false" doc:"Parts that were down and done without"`
	Warnings []string `json:"warnings,omitempty" doc:"About budgets that are nearly used up"`
	Seq      int64    `json:"seq" doc:"The change up to which the index was read"`
}

func (h *handlers) registerSearch() {
	huma.Register(h.api, h.operation(http.MethodPost, collectionRoute+"/search", "search", "search", "Find chunks"), h.search)
}

func (h *handlers) search(ctx context.Context, in *struct {
	CollectionPath
	Body SearchRequest
}) (*output[SearchResponse], error) {
	b := in.Body
	if err := b.Filter.Validate(); err != nil {
		return nil, failed(ctx, err)
	}
	q := rag.Query{Text: b.Query, K: b.K, Mode: b.Mode, Filter: b.Filter, GroupBy: b.GroupBy, MinSeq: b.MinSeq, NoRerank: b.NoRerank, Operators: b.Operators, Highlight: b.Highlight, KeepDuplicates: b.KeepDuplicates, Context: b.Context}
	if b.Fusion != nil {
		q.Fusion = rag.Fusion(*b.Fusion)
	}
	res, err := h.svc.Search(ctx, auth.From(ctx).Ask(in.Name), q)
	return reply(ctx, SearchResponse{
		Hits: hitsOf(res.Hits), Trace: traceOf(res.Trace), Cached: res.Cached, Degraded: list(res.Degraded), Warnings: res.Warnings, Seq: res.Seq,
	}, err)
}
