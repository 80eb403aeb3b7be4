package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// maxRefusal bounds what is read of a refusal, in bytes.
const maxRefusal = 64 << 10

// Refusal is what a server answered instead of what was asked for. It is in the chain of Do's errors.
type Refusal struct {
	Status  int
	Code    string        // a word that stands for the kind of the fault; "" if there is none
	Message string        // without the secrets, at most 300 bytes; "" for a private request
	After   time.Duration // how long the server asks to wait, 0 if it does not say
	Body    []byte        // as it came, for adapters to look into; the first 64 KiB
}

// Error tells status, code and message.
func (r *Refusal) Error() string {
	text := "HTTP status " + strconv.Itoa(r.Status)
	if r.Code != "" {
		text += ", " + r.Code
	}
	if r.Message != "" {
		text += ": " + r.Message
	}
	return text
}

// Format writes what Error returns, whatever the verb: the body stays untold.
func (r *Refusal) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.Error()) }

// RetryAfter returns how long the server asks to wait before the next call, 0 if it does not say.
func (r *Refusal) RetryAfter() time.Duration { return r.After }

// RefusalOf returns the refusal in err's chain, nil if there is none.
func RefusalOf(err error) *Refusal {
	r, _ := errors.AsType[*Refusal](err)
	return r
}

// Status returns the HTTP status of the refusal in err's chain, 0 if there is none.
func Status(err error) int {
	if r := RefusalOf(err); r != nil {
		return r.Status
	}
	return 0
}

// kindOf returns the kind of a status that is no success.
func kindOf(status int) (kind rag.Kind, says string) {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return rag.KindUnauthorized, "the server does not accept the key"
	case http.StatusNotFound:
		return rag.KindNotFound, "not found"
	case http.StatusConflict:
		return rag.KindConflict, "it exists already or has changed"
	case http.StatusRequestEntityTooLarge:
		return rag.KindExhausted, "the request is larger than the server takes"
	case http.StatusTooManyRequests, http.StatusInsufficientStorage:
		return rag.KindExhausted, "the server is out of room or asks for fewer calls"
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return rag.KindUnavailable, "the server cannot answer now"
	case http.StatusNotImplemented:
		return rag.KindInvalid, "the server does not know this call"
	}
	if status >= 500 {
		return rag.KindUnavailable, "the server cannot answer now"
	}
	return rag.KindInvalid, "the server does not accept the request"
}

func (c *Client) refusal(resp *http.Response, private bool) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what is cut off is missing from the message only
	r := &Refusal{Status: resp.StatusCode, After: retryAfter(resp.Header, time.Now()), Body: body}
	r.Code, r.Message = c.cfg.Explain(body)
	if r.Code = c.cfg.Secrets.Clean(r.Code); !codeWord.MatchString(r.Code) {
		r.Code = ""
	}
	if r.Message = c.cfg.Secrets.Clean(r.Message); private {
		r.Message = ""
	}
	kind, says := kindOf(r.Status)
	return rag.Wrap(kind, r, c.cfg.Product+": "+says)
}

// codeWord is what a code may be: nothing that texts could hide in.
var codeWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// explain reads the usual forms of refusals: {"error": "..."}, {"error": {"message", "code", "type"}}, {"message", "code", "type"}, {"detail": "..."}.
func explain(body []byte) (code, message string) {
	type plain struct {
		Code    any    `json:"code"`
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	read := func(data []byte) (code, message string) {
		var p plain
		_ = json.Unmarshal(data, &p) // members of another type are left out
		code, _ = p.Code.(string)
		if code == "" {
			code = p.Type
		}
		return code, p.Message
	}
	var outer struct {
		Error  json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &outer) != nil {
		return "", ""
	}
	code, message = read(body)
	for _, inner := range []json.RawMessage{outer.Error, outer.Detail} {
		var text string
		if json.Unmarshal(inner, &text) == nil {
			if codeWord.MatchString(text) && code == "" && message != "" { // as {"error": "NotFoundError", "message": "..."}
				code = text
			} else if message == "" {
				message = text
			}
			continue
		}
		innerCode, innerMessage := read(inner)
		if code == "" {
			code = innerCode
		}
		if message == "" {
			message = innerMessage
		}
	}
	return code, message
}

// retryAfter reads Retry-After: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(v, 64); err == nil && seconds >= 0 && seconds < 1e9 {
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
