package embed

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Protocol is how the servers of one provider are spoken to. It is goroutine-safe.
type Protocol interface {
	// Request returns what is sent for the vectors of texts. There is at least one,
	// none is empty, all are UTF-8 and carry their prefix.
	Request(kind rag.EmbedKind, texts []string) Request
	// Answer reads the body of a response of status 200 to a request with n texts.
	// Errors are those of Decode, Unusable and Failed. What it returns is checked by
	// the caller.
	Answer(header http.Header, body []byte, n int) (Answer, error)
	// Check asks, at no cost, whether the server is there and has the model.
	Check(ctx context.Context, s *remote.Server) error
}

// Refuser is a Protocol whose servers say in a way of their own why they refuse.
type Refuser interface {
	// Refused returns the error of a response that is not 200, nil to leave it to
	// what servers have in common.
	Refused(r remote.Refusal) error
}

// Request is one request: POST, with a body that becomes JSON.
type Request struct {
	Path string // below the configured address; may have a query
	Body any
}

// Answer is what a server answered, not yet checked.
type Answer struct {
	Vectors []Vector // in any order
	Tokens  int64    // counted by the server, 0 if it does not say
}

// Vector is one vector of an answer in the form in which it came.
type Vector struct {
	Index   int             // of its text in the request
	Numbers []float32       // or
	JSON    json.RawMessage // a list of numbers, or in base64 their bytes (32-bit, little-endian)
}

// Provider is a protocol with one of its models.
type Provider struct {
	Name     string // begins the model's ID: "openai"
	Protocol Protocol
	Limits   Limits // of the model, as far as they are known
	// KeyHeader carries the key. "" is Authorization, with "Bearer " before it.
	KeyHeader string
	// Shortens says that the server can be asked for fewer dimensions.
	Shortens bool
}

// Limits are what is known of a model. A field of 0 is not known.
type Limits struct {
	Dimensions int // of its vectors, unless it is asked for fewer
	MaxTokens  int // of one text
	Texts      int // of one request
	Tokens     int // of one request, all texts together
}
