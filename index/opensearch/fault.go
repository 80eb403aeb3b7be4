package opensearch

import (
	"encoding/json"
	"net/http"

	"github.com/smartretriever/smartretriever/rag"
)

// fault is what is wrong with a request or an item of one. Its reason is not told: it can repeat what was sent.
type fault struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

// UnmarshalJSON reads a fault, or one that is only words.
func (f *fault) UnmarshalJSON(data []byte) error {
	type plain fault
	if err := json.Unmarshal(data, (*plain)(f)); err == nil {
		return nil
	}
	return json.Unmarshal(data, &f.Reason)
}

// explain reads the body of a refusal.
func explain(body []byte) (code, message string) {
	var refusal struct {
		Error fault `json:"error"`
	}
	_ = json.Unmarshal(body, &refusal) // of something before the server it may be anything
	return refusal.Error.Type, refusal.Error.Reason
}

// blocked is the type of a fault of an index that takes no changes, as when a disk is nearly full: its status is one of who may do what.
const blocked = "cluster_block_exception"

// kindOf returns the kind of a fault with a status of HTTP.
func kindOf(status int, code string) rag.Kind {
	switch {
	case code == blocked:
		return rag.KindExhausted
	case status == http.StatusTooManyRequests, status == http.StatusRequestEntityTooLarge, status == http.StatusInsufficientStorage:
		return rag.KindExhausted
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return rag.KindUnauthorized
	case status == http.StatusNotFound:
		return rag.KindNotFound
	case status == http.StatusConflict, status == http.StatusRequestTimeout, status >= 500:
		return rag.KindUnavailable // a conflict is of two writers of one document at a time
	case status >= 400:
		return rag.KindInvalid
	}
	return rag.KindInternal
}
