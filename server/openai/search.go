package openai

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/api"
)

type searchRequest struct {
	Query          json.RawMessage `json:"query"` // a string or a list of strings
	Filters        *rag.Filter     `json:"filters"`
	MaxNumResults  *int            `json:"max_num_results"`
	RankingOptions *struct {
		ScoreThreshold *float64 `json:"score_threshold"`
		HybridSearch   *struct {
			EmbeddingWeight float64 `json:"embedding_weight"`
			TextWeight      float64 `json:"text_weight"`
		} `json:"hybrid_search"`
	} `json:"ranking_options"`
	// rewrite_query and the ranker's name are accepted and change nothing.
}

type searchResult struct {
	FileID     string         `json:"file_id"`
	Filename   string         `json:"filename"`
	Score      float64        `json:"score"`
	Attributes map[string]any `json:"attributes"`
	Content    []textPart     `json:"content"`
}

func (h *handlers) search(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	_, c, err := h.store(ctx, r.PathValue("store"))
	if err != nil {
		return err
	}
	var req searchRequest
	if err := h.decode(r, &req); err != nil {
		return err
	}
	queries, q, threshold, err := req.parse()
	if err != nil {
		return err
	}
	var hits []rag.Hit
	for _, text := range queries {
		q.Text = text
		res, err := h.svc.Search(ctx, ask(ctx, c.Name), q)
		if err != nil {
			return err
		}
		hits = append(hits, res.Hits...)
	}
	data := []searchResult{}
	for _, s := range scored(hits, len(queries) > 1) {
		if s.score < threshold || len(data) == q.K {
			break
		}
		data = append(data, searchResult{
			FileID: fileID(s.hit.Document), Filename: api.FileName(s.hit.Document), Score: s.score,
			Attributes: shown(s.hit.Document.Metadata), Content: []textPart{{"text", s.hit.Text}},
		})
	}
	return reply(w, map[string]any{
		"object": "vector_store.search_results.page", "search_query": queries, "data": data, "has_more": false, "next_page": nil,
	})
}

func (req searchRequest) parse() (queries []string, q rag.Query, threshold float64, err error) {
	var one string
	if json.Unmarshal(req.Query, &one) == nil {
		queries = []string{one}
	} else if json.Unmarshal(req.Query, &queries) != nil {
		return nil, q, 0, invalid("query", "query must be a string or a list of strings")
	}
	if len(queries) == 0 || len(queries) > 16 || slices.Contains(queries, "") {
		return nil, q, 0, invalid("query", "query must hold 1 to 16 texts that are not empty")
	}
	q.K = 10
	if n := req.MaxNumResults; n != nil {
		if *n < 1 || *n > 50 {
			return nil, q, 0, invalid("max_num_results", "max_num_results must be from 1 to 50")
		}
		q.K = *n
	}
	if req.Filters != nil {
		if err := req.Filters.Validate(); err != nil {
			return nil, q, 0, coded(err, "filters", "")
		}
		q.Filter = *req.Filters
	}
	if o := req.RankingOptions; o != nil {
		if o.ScoreThreshold != nil {
			threshold = *o.ScoreThreshold
		}
		if hs := o.HybridSearch; hs != nil {
			if hs.EmbeddingWeight < 0 || hs.TextWeight < 0 || hs.EmbeddingWeight+hs.TextWeight == 0 {
				return nil, q, 0, invalid("ranking_options", "hybrid_search needs weights that are not negative, and one above zero")
			}
			if hs.EmbeddingWeight == 0 {
				q.Mode = rag.ModeKeyword
			}
			q.Fusion.Alpha = hs.EmbeddingWeight / (hs.EmbeddingWeight + hs.TextWeight)
		}
	}
	return queries, q, threshold, nil
}

type scoredHit struct {
	hit   rag.Hit
	score float64
}

// scored gives hits a score from 0 to 1 that falls along the list. Fused scores
// are comparable within one result only, so the cosine is taken, which means the
// same in every result; a hit that stands above others for its words scores at
// least as much as they do. Without any cosine (keyword search alone) scores are
// relative to the best.
func scored(hits []rag.Hit, merge bool) []scoredHit {
	out := make([]scoredHit, len(hits))
	best := 0.0
	for i := len(hits) - 1; i >= 0; i-- {
		best = max(best, min(1, hits[i].Vector))
		out[i] = scoredHit{hits[i], best}
	}
	if best == 0 && len(hits) > 0 {
		for i, h := range hits {
			if top := hits[0].Score; top > 0 {
				out[i].score = max(0, min(1, h.Score/top))
			}
		}
	}
	if !merge {
		return out
	}
	slices.SortStableFunc(out, func(a, b scoredHit) int { return cmp.Compare(b.score, a.score) })
	seen := map[rag.ChunkID]bool{}
	return slices.DeleteFunc(out, func(s scoredHit) bool {
		was := seen[s.hit.ChunkID]
		seen[s.hit.ChunkID] = true
		return was
	})
}
