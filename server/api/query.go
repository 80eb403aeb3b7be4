package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
	"github.com/smartretriever/smartretriever/server/sse"
)

// QueryRequest asks for an answer.
type QueryRequest struct {
	Question string     `json:"question" minLength:"1" maxLength:"32768" doc:"In plain language"`
	K        int        `json:"k,omitempty" minimum:"0" maximum:"1000" doc:"Chunks to answer from; 0 or absent is 8"`
	Mode     rag.Mode   `json:"mode,omitempty" enum:"hybrid,vector,keyword" doc:"Which searches are run; absent is hybrid"`
	Filter   rag.Filter `json:"filter,omitempty" required:"false" doc:"Which documents are asked"`
	History  []Turn     `json:"history,omitempty" maxItems:"100" doc:"Earlier turns, oldest first"`
	Stream   bool       `json:"stream,omitempty" doc:"Answer with server-sent events"`
	MinSeq   int64      `json:"min_seq,omitempty" minimum:"0" doc:"Wait until this change is visible"`
	NoRerank bool       `json:"no_rerank,omitempty" doc:"Leave the order of the search where a reranker is configured"`
}

// Turn is an earlier message of a conversation.
type Turn struct {
	Role    string `json:"role" enum:"system,user,assistant"`
	Content string `json:"content" maxLength:"32768"`
}

// HitsEvent is the data of a hits event, DeltaEvent that of a delta event.
type HitsEvent struct {
	Hits []Hit `json:"hits" nullable:"false"`
}

// DeltaEvent holds the next piece of the answer's text.
type DeltaEvent struct {
	Text string `json:"text"`
}

const streamDoc = "With \"stream\": true: events `hits` (HitsEvent), `delta` (DeltaEvent, one or more) and last `answer` (Answer), " +
	"or `error` (Problem). The answer event is binding: text that was streamed may carry a marker whose citation did not match its source and was dropped. " +
	"Lines that begin with a colon keep the connection alive. Closing the connection ends the work."

func (h *handlers) registerQuery() {
	op := h.operation(http.MethodPost, collectionRoute+"/query", "query", "search", "Ask a question")
	schemaOf[HitsEvent](h)
	schemaOf[DeltaEvent](h)
	op.Responses["200"] = &huma.Response{
		Description: "The answer. " + streamDoc,
		Content: map[string]*huma.MediaType{
			"application/json":  {Schema: schemaOf[Answer](h)},
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString, Description: streamDoc}},
		},
	}
	huma.Register(h.api, op, h.query)
}

func (h *handlers) query(ctx context.Context, in *struct {
	CollectionPath
	Body QueryRequest
}) (*huma.StreamResponse, error) {
	b := in.Body
	if err := b.Filter.Validate(); err != nil {
		return nil, failed(ctx, err)
	}
	q := rag.Question{Text: b.Question, K: b.K, Mode: b.Mode, Filter: b.Filter, MinSeq: b.MinSeq, NoRerank: b.NoRerank}
	for _, t := range b.History {
		q.History = append(q.History, rag.Message(t))
	}
	scope := auth.From(ctx).Ask(in.Name)
	if b.Stream {
		return &huma.StreamResponse{Body: func(hc huma.Context) { h.stream(hc, scope, q) }}, nil
	}
	a, err := h.svc.Query(ctx, scope, q)
	if err != nil {
		return nil, failed(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		if err := writeJSON(w, http.StatusOK, answerOf(a)); err != nil {
			writeProblem(ctx, w, err)
		}
	}}, nil
}

// stream answers with events. An error before the first event is an ordinary
// problem response, one after it an error event.
func (h *handlers) stream(hc huma.Context, scope rag.Scope, q rag.Question) {
	r, w := humago.Unwrap(hc)
	ctx := r.Context()
	events := sse.New(w, h.cfg.Beat)
	defer events.Close()
	_, err := h.svc.QueryStream(ctx, scope, q, func(e rag.Event) error {
		switch e.Kind {
		case rag.EventHits:
			return events.Send("hits", HitsEvent{hitsOf(e.Hits)})
		case rag.EventDelta:
			return events.Send("delta", DeltaEvent{e.Delta})
		case rag.EventAnswer:
			return events.Send("answer", answerOf(*e.Answer))
		}
		return nil
	})
	if err == nil || ctx.Err() != nil {
		return // done, or nobody is there to read more
	}
	events.Close()
	if !events.Started() {
		writeProblem(ctx, w, err)
		return
	}
	p := problem.Of(err)
	if p.Status >= http.StatusInternalServerError {
		request.Note(ctx, err)
	}
	_ = events.Send("error", stamp(ctx, p)) // the client is gone if this fails
}
