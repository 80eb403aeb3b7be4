package reranktest

import (
	"bytes"
	"encoding/json"

	"github.com/smartretriever/smartretriever/model/remote/remotetest"
)

// Dialect is the published form of a provider's protocol, as a double speaks it.
// Requests are read strictly: a field that the form does not have is refused.
type Dialect struct {
	Name  string
	Lists bool // Health finds out that the server does not have the model

	path  string // of requests for scores
	read  func(body []byte) (asked, error)
	write func(s *Server, items []item, tokens int) []byte
	say   func(message string) []byte
	about func(s *Server, path string) (any, bool) // what is answered to a GET
}

// asked is a request for scores, read.
type asked struct {
	model    string // "" where the server has one only
	question string
	texts    []string
}

// strict reads a body that has the fields of v and no others.
func strict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// sayText returns a function that writes {"name": "message"}.
func sayText(name string) func(string) []byte {
	return func(message string) []byte { return remotetest.JSON(map[string]any{name: message}) }
}

// entries returns the items as they are written, with the score under a name.
func entries(items []item, name string) []any {
	out := make([]any, len(items))
	for i, it := range items {
		entry := map[string]any{name: it.Value}
		if it.Index != nil {
			entry["index"] = it.Index
		}
		out[i] = entry
	}
	return out
}

// Cohere is POST /v2/rerank.
var Cohere = &Dialect{
	Name: "cohere", Lists: true, path: "/v2/rerank",
	read: func(body []byte) (asked, error) {
		var b struct {
			Model     string   `json:"model"`
			Query     string   `json:"query"`
			Documents []string `json:"documents"`
			TopN      int      `json:"top_n"`
			MaxTokens int      `json:"max_tokens_per_doc"`
		}
		err := strict(body, &b)
		return asked{b.Model, b.Query, b.Documents}, err
	},
	write: func(_ *Server, items []item, _ int) []byte {
		return remotetest.JSON(map[string]any{"id": "1", "results": entries(items, "relevance_score"), "meta": map[string]any{"billed_units": map[string]any{"search_units": 1}}})
	},
	say: sayText("message"),
	about: func(s *Server, path string) (any, bool) {
		return map[string]any{"name": s.Model, "endpoints": []string{"rerank"}}, path == "/v1/models/"+s.Model
	},
}

// Jina is POST /v1/rerank.
var Jina = &Dialect{
	Name: "jina", path: "/v1/rerank",
	read: func(body []byte) (asked, error) {
		var b struct {
			Model     string   `json:"model"`
			Query     string   `json:"query"`
			Documents []string `json:"documents"`
			TopN      int      `json:"top_n"`
			Return    bool     `json:"return_documents"`
		}
		err := strict(body, &b)
		return asked{b.Model, b.Query, b.Documents}, err
	},
	write: func(s *Server, items []item, tokens int) []byte {
		return remotetest.JSON(map[string]any{"model": s.Model, "usage": map[string]int{"total_tokens": tokens}, "results": entries(items, "relevance_score")})
	},
	say: sayText("detail"), about: nothing,
}

func nothing(*Server, string) (any, bool) { return nil, false }

// Voyage is POST /v1/rerank with truncation.
var Voyage = &Dialect{
	Name: "voyage", path: "/v1/rerank",
	read: func(body []byte) (asked, error) {
		var b struct {
			Model      string   `json:"model"`
			Query      string   `json:"query"`
			Documents  []string `json:"documents"`
			TopK       int      `json:"top_k"`
			Return     bool     `json:"return_documents"`
			Truncation bool     `json:"truncation"`
		}
		err := strict(body, &b)
		return asked{b.Model, b.Query, b.Documents}, err
	},
	write: func(s *Server, items []item, tokens int) []byte {
		return remotetest.JSON(map[string]any{"object": "list", "model": s.Model, "usage": map[string]int{"total_tokens": tokens}, "data": entries(items, "relevance_score")})
	},
	say: sayText("detail"), about: nothing,
}

// TEI is POST /rerank of Text Embeddings Inference.
var TEI = &Dialect{
	Name: "tei", path: "/rerank",
	read: func(body []byte) (asked, error) {
		var b struct {
			Query      string   `json:"query"`
			Texts      []string `json:"texts"`
			RawScores  bool     `json:"raw_scores"`
			ReturnText bool     `json:"return_text"`
			Truncate   bool     `json:"truncate"`
		}
		err := strict(body, &b)
		return asked{"", b.Query, b.Texts}, err
	},
	write: func(_ *Server, items []item, _ int) []byte { return remotetest.JSON(entries(items, "score")) },
	say: func(message string) []byte {
		return remotetest.JSON(map[string]any{"error": message, "error_type": "Validation"})
	},
	about: func(s *Server, path string) (any, bool) {
		return map[string]any{"model_id": s.Model, "max_input_length": 512, "max_client_batch_size": 32}, path == "/info"
	},
}

// Compatible is POST /v1/rerank with the fields that vLLM, llama.cpp, Infinity and
// Xinference have in common.
var Compatible = &Dialect{
	Name: "compatible", Lists: true, path: "/v1/rerank",
	read: func(body []byte) (asked, error) {
		var b struct {
			Model     string   `json:"model"`
			Query     string   `json:"query"`
			Documents []string `json:"documents"`
		}
		err := strict(body, &b)
		return asked{b.Model, b.Query, b.Documents}, err
	},
	write: func(s *Server, items []item, tokens int) []byte {
		return remotetest.JSON(map[string]any{"id": "score-1", "model": s.Model, "object": "list", "usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}, "results": entries(items, "relevance_score")})
	},
	say: func(message string) []byte {
		return remotetest.JSON(map[string]any{"error": map[string]any{"message": message}})
	},
	about: func(s *Server, path string) (any, bool) {
		return map[string]any{"data": []any{map[string]any{"id": s.Model}}}, path == "/v1/models"
	},
}

// Dialects lists all of them.
func Dialects() []*Dialect { return []*Dialect{Cohere, Jina, Voyage, TEI, Compatible} }
