package llmtest

import (
	"context"
	"sync"

	"github.com/smartretriever/smartretriever/model/llm"
)

// Reply is one scripted call: the pieces are handed out in order, then Err is
// returned, or the result when Err is nil.
type Reply struct {
	Pieces []string
	Finish llm.FinishReason // "" is FinishStop
	Usage  llm.Usage
	Err    error
}

// Scripted answers the n-th call with the n-th reply, and every later call with
// the last. It is goroutine-safe.
type Scripted struct {
	Replies []Reply

	mu       sync.Mutex
	requests []llm.Request
}

var _ llm.Model = (*Scripted)(nil)

// Chat implements llm.Model.
func (s *Scripted) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	s.mu.Lock()
	reply := s.Replies[min(len(s.requests), len(s.Replies)-1)]
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	res := llm.Result{Finish: reply.Finish, Usage: reply.Usage, Model: "scripted"}
	if res.Finish == "" {
		res.Finish = llm.FinishStop
	}
	for _, p := range reply.Pieces {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		res.Text += p
		if err := onDelta(p); err != nil {
			return res, err
		}
	}
	return res, reply.Err
}

// Requests returns the calls made so far.
func (s *Scripted) Requests() []llm.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]llm.Request(nil), s.requests...)
}
