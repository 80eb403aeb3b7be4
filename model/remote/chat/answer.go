package chat

import (
	"errors"
	"io"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Answer gathers the result while the events of a stream come in.
type Answer struct {
	Model  string           // as the server names it
	Usage  llm.Usage        // the last count that came
	Finish llm.FinishReason // "" until the server says why the text ended

	text     strings.Builder
	declined strings.Builder // what the model said instead of answering
	refused  string          // why the provider withheld the answer
	done     bool
	onDelta  func(string) error
}

// Write adds a piece of text and hands it on. An error of it ends the call.
func (a *Answer) Write(piece string) error {
	if piece == "" {
		return nil
	}
	a.text.WriteString(piece)
	if err := a.onDelta(piece); err != nil {
		return &emitError{err}
	}
	return nil
}

// Decline adds a piece of a text by which the model itself declines to answer.
func (a *Answer) Decline(piece string) { a.declined.WriteString(piece) }

// Refuse notes that the provider withholds the answer or its rest, and why, in
// words that follow "the provider's filter stopped the answer".
func (a *Answer) Refuse(why string) {
	a.refused = strings.TrimSpace("the provider's filter stopped the answer" + " " + why)
}

// Done notes that no more events are to be read.
func (a *Answer) Done() { a.done = true }

// ended reports whether the stream may end here. A server that is interrupted may
// end its stream in good order, but it does not say why the text ended.
func (a *Answer) ended() bool { return a.Finish != "" || a.refused != "" }

// result returns what was read, and KindRefused when there is no answer in it.
func (a *Answer) result(provider, key string) (llm.Result, error) {
	res := llm.Result{Text: a.text.String(), Finish: a.Finish, Usage: a.Usage.Clamped(), Model: a.Model, Provider: provider}
	if res.Finish == "" {
		res.Finish = llm.FinishStop
	}
	switch {
	case a.refused != "":
		return res, rag.Errorf(rag.KindRefused, "llm: %s", remote.Clean(a.refused, key))
	case a.declined.Len() > 0 && res.Text == "":
		return res, rag.Errorf(rag.KindRefused, "llm: the model declined: %s", remote.Clean(a.declined.String(), key))
	}
	return res, nil
}

// emitError marks an error of the caller's onDelta.
type emitError struct{ error }

func (e *emitError) Unwrap() error { return e.error }

// failed is an error that the server sent inside its answer.
type failed struct{ remote.APIError }

func (f *failed) Error() string { return "the server failed while answering" }

// Failed returns the error of an answer in which the server sent e instead of the
// rest.
func Failed(e remote.APIError) error { return &failed{e} }

// Malformed is the error of an answer that is not of the protocol. Asking again
// does not help.
func Malformed(err error) error {
	return rag.Wrap(rag.KindUnavailable, err, "llm: the server's answer is malformed")
}

// cut is the error of a stream that ended early; err is nil when it ended in order.
func cut(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the connection ended early")
	}
	return &llm.Temporary{Err: rag.Wrap(rag.KindUnavailable, err, "llm: the answer was cut off")}
}
