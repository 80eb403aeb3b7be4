package rerank

import (
	"context"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Protocol is how the servers of one provider are spoken to. It is goroutine-safe.
type Protocol interface {
	// Request returns what is sent to have texts scored. There is at least one, none
	// is blank, all are UTF-8; so is the question.
	Request(question string, texts []string) Request
	// Answer reads the body of a response of status 200. Errors are those of Decode
	// and Unusable. What it returns is checked by the caller.
	Answer(body []byte) (Answer, error)
	// Check asks, at no cost, whether the server is there and has the model.
	Check(ctx context.Context, s *remote.Server) error
}

// Request is one request: POST, with a body that becomes JSON.
type Request struct {
	Path string // below the configured address
	Body any
}

// Answer is what a server answered, not yet checked.
type Answer struct {
	Scores []Score // in any order
	Tokens int     // counted by the server, 0 if it does not say
}

// Score is the score of one text. What the server left out is nil.
type Score struct {
	Index *int     `json:"index"` // of the text in the request
	Value *float64 `json:"relevance_score"`
}

// Provider is a protocol with one of its models.
type Provider struct {
	Name     string // begins the reranker's name: "cohere"
	Protocol Protocol
	Limits   Limits // of the model, as far as they are known
}

// Limits are what is known of a model. A field of 0 is not known.
type Limits struct {
	MaxTokens int // of question and passage together
	Texts     int // of one request
	Tokens    int // of one request: question and passage together, over all passages
}

// Unusable is the error of an answer that is not what was asked for. It is not
// temporary: the same request gives the same answer.
func Unusable(format string, args ...any) error {
	return rag.Errorf(rag.KindUnavailable, "rerank: the server's answer cannot be used: "+format, args...)
}

// Decode reads a body of JSON into v. Its error is one of Unusable.
func Decode(body []byte, v any) error {
	if err := remote.Decode(body, v); err != nil {
		return Unusable("%w", err)
	}
	return nil
}

// ReadResults reads an answer in the form of Cohere's API, which others took over.
func ReadResults(body []byte) (Answer, error) {
	var from struct {
		Results []Score `json:"results"`
		Usage   struct {
			Total int `json:"total_tokens"`
		} `json:"usage"`
	}
	if err := Decode(body, &from); err != nil {
		return Answer{}, err
	}
	return Answer{Scores: from.Results, Tokens: from.Usage.Total}, nil
}

// values returns the n scores of an answer in the order of the texts.
func (a Answer) values(n int) ([]float64, error) {
	if len(a.Scores) > n {
		return nil, Unusable("it has %d scores for %d passages", len(a.Scores), n)
	}
	out, seen := make([]float64, n), make([]bool, n)
	for _, s := range a.Scores {
		switch {
		case s.Index == nil:
			return nil, Unusable("a score has no index")
		case *s.Index < 0 || *s.Index >= n:
			return nil, Unusable("a score has the index %d; there are %d passages", *s.Index, n)
		case seen[*s.Index]:
			return nil, Unusable("two scores have the index %d", *s.Index)
		case s.Value == nil: // JSON has no NaN; some servers print null for it
			return nil, Unusable("score %d is not a number", *s.Index)
		}
		out[*s.Index], seen[*s.Index] = *s.Value, true
	}
	for i, ok := range seen {
		if !ok {
			return nil, Unusable("it lacks score %d of %d", i, n)
		}
	}
	return out, nil
}
