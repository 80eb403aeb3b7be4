package openai

import (
	"net/http"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
	"github.com/smartretriever/smartretriever/server/sse"
)

type chatChunk struct {
	ID      string        `json:"id"`
	Object  string        `json:"object"`
	Created int64         `json:"created"`
	Model   string        `json:"model"`
	Choices []chunkChoice `json:"choices"`
	Usage   *usage        `json:"usage,omitempty"`
}

type chunkChoice struct {
	Index        int     `json:"index"`
	Delta        delta   `json:"delta"`
	FinishReason *string `json:"finish_reason"`
}

type delta struct {
	Role        string       `json:"role,omitempty"`
	Content     *string      `json:"content,omitempty"`
	Annotations []annotation `json:"annotations,omitempty"`
}

// streamChat answers with chunks: the role, the text as it comes, the citations
// with the reason for the end, the usage if it was asked for, and [DONE].
func (h *handlers) streamChat(w http.ResponseWriter, r *http.Request, head completion, q rag.Question, withUsage bool) error {
	ctx := r.Context()
	events := sse.New(w, h.cfg.Beat)
	defer events.Close()
	send := func(d delta, finish *string) error {
		return events.Send("", chatChunk{
			ID: head.id, Object: "chat.completion.chunk", Created: head.created, Model: head.model,
			Choices: []chunkChoice{{Delta: d, FinishReason: finish}},
		})
	}
	begun, said := false, false
	say := func(text string) error {
		said = true
		return send(delta{Content: &text}, nil)
	}
	begin := func() error {
		if begun {
			return nil
		}
		begun = true
		empty := ""
		return send(delta{Role: "assistant", Content: &empty}, nil)
	}
	a, err := h.svc.QueryStream(ctx, ask(ctx, head.collection), q, func(e rag.Event) error {
		if err := begin(); err != nil || e.Kind != rag.EventDelta {
			return err
		}
		return say(e.Delta)
	})
	if err == nil {
		err = begin()
	}
	if err == nil && !said { // it was there at once, from the cache
		err = say(a.Text)
	}
	if err == nil {
		stop := "stop"
		err = send(delta{Annotations: annotations(a, head.collection, head.base)}, &stop)
	}
	if err == nil && withUsage {
		u := usageOf(a.Usage)
		err = events.Send("", chatChunk{
			ID: head.id, Object: "chat.completion.chunk", Created: head.created, Model: head.model, Choices: []chunkChoice{}, Usage: &u,
		})
	}
	switch {
	case err == nil:
		_ = events.Text("[DONE]") // the client is gone if this fails
		return nil
	case ctx.Err() != nil:
		return nil // nobody is there to read more
	}
	events.Close()
	if !events.Started() {
		return err
	}
	if problem.Status(err) >= http.StatusInternalServerError {
		request.Note(ctx, err)
	}
	body, _ := errorOf(err)
	_ = events.Send("", body) // the client is gone if this fails
	return nil
}
