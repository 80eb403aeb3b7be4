package embed

import (
	"encoding/json"

	"github.com/smartretriever/smartretriever/model/remote"
)

// ReadData reads an answer in the form of OpenAI's API, which others took over.
func ReadData(body []byte) (Answer, error) {
	var from struct {
		Data []struct {
			Index     *int            `json:"index"`
			Embedding json.RawMessage `json:"embedding"`
		} `json:"data"`
		Usage struct {
			PromptTokens int64 `json:"prompt_tokens"`
			TotalTokens  int64 `json:"total_tokens"`
		} `json:"usage"`
		Error *remote.APIError `json:"error"`
	}
	if err := Decode(body, &from); err != nil {
		return Answer{}, err
	}
	if from.Error != nil {
		return Answer{}, Failed(from.Error.Message)
	}
	a := Answer{Vectors: make([]Vector, len(from.Data)), Tokens: max(0, from.Usage.PromptTokens, from.Usage.TotalTokens)}
	for i, item := range from.Data {
		if item.Index == nil {
			return Answer{}, Unusable("a vector has no index")
		}
		a.Vectors[i] = Vector{Index: *item.Index, JSON: item.Embedding}
	}
	return a, nil
}

// InOrder returns an answer of vectors that come in the order of their texts.
func InOrder(list []json.RawMessage, tokens int64) Answer {
	a := Answer{Vectors: make([]Vector, len(list)), Tokens: max(0, tokens)}
	for i, raw := range list {
		a.Vectors[i] = Vector{Index: i, JSON: raw}
	}
	return a
}
