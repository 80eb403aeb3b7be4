package openai

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
)

type chatRequest struct {
	Model          string            `json:"model"`
	Messages       []chatMessage     `json:"messages"`
	Stream         bool              `json:"stream"`
	StreamOptions  *streamOptions    `json:"stream_options"`
	N              *int              `json:"n"`
	Tools          []json.RawMessage `json:"tools"`
	Functions      []json.RawMessage `json:"functions"`
	Modalities     []string          `json:"modalities"`
	ResponseFormat *struct {
		Type string `json:"type"`
	} `json:"response_format"`
	// Extensions.
	VectorStoreIDs []string    `json:"vector_store_ids"` // the collection to ask, instead of model
	Filters        *rag.Filter `json:"filters"`          // as in a vector store's search
	MaxNumResults  *int        `json:"max_num_results"`  // chunks to answer from
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type chatMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"` // a string or a list of parts
}

// text joins a message's text parts; parts of other kinds are refused.
func (m chatMessage) text() (string, error) {
	var s string
	if len(m.Content) == 0 || json.Unmarshal(m.Content, &s) == nil {
		return s, nil
	}
	var parts []textPart
	if json.Unmarshal(m.Content, &parts) != nil {
		return "", invalid("messages", "a message's content must be a string or a list of text parts")
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		if p.Type != "text" {
			return "", invalid("messages", "content of type %.40q is not supported; only text is", p.Type)
		}
		texts[i] = p.Text
	}
	return strings.Join(texts, "\n"), nil
}

// question takes the last user message as the question and what came before it
// as history. Parameters that only tune a model are accepted without effect; what
// would change the answer's shape is refused.
func (req chatRequest) question() (rag.Question, error) {
	var q rag.Question
	switch {
	case req.N != nil && *req.N != 1:
		return q, invalid("n", "n must be 1: one answer is made of the documents")
	case len(req.Tools) > 0:
		return q, invalid("tools", "tools are not supported: the documents are searched for every question")
	case len(req.Functions) > 0:
		return q, invalid("functions", "functions are not supported")
	case req.ResponseFormat != nil && req.ResponseFormat.Type != "" && req.ResponseFormat.Type != "text":
		return q, invalid("response_format", "response_format %.40q is not supported; answers are text", req.ResponseFormat.Type)
	}
	for _, m := range req.Modalities {
		if m != "text" {
			return q, invalid("modalities", "modality %.40q is not supported", m)
		}
	}
	last := -1
	for i, m := range req.Messages {
		switch m.Role {
		case "user":
			last = i
		case "system", "developer", "assistant":
		default:
			return q, invalid("messages", "messages[%d]: role %.40q is not supported", i, m.Role)
		}
	}
	if last < 0 {
		return q, invalid("messages", "a user message with the question is needed")
	}
	for i, m := range req.Messages[:last+1] {
		text, err := m.text()
		if err != nil {
			return q, err
		}
		if i == last {
			q.Text = text
			break
		}
		role := m.Role
		if role == "developer" {
			role = "system"
		}
		q.History = append(q.History, rag.Message{Role: role, Content: text})
	}
	if strings.TrimSpace(q.Text) == "" {
		return q, invalid("messages", "the question is empty")
	}
	if req.Filters != nil {
		if err := req.Filters.Validate(); err != nil {
			return q, coded(err, "filters", "")
		}
		q.Filter = *req.Filters
	}
	if n := req.MaxNumResults; n != nil {
		if *n < 1 || *n > 50 {
			return q, invalid("max_num_results", "max_num_results must be from 1 to 50")
		}
		q.K = *n
	}
	return q, nil
}

type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

func usageOf(u rag.Usage) usage {
	return usage{u.PromptTokens, u.CompletionTokens, u.PromptTokens + u.CompletionTokens}
}

type chatCompletion struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   *usage       `json:"usage"`
}

type chatChoice struct {
	Index        int           `json:"index"`
	Message      answerMessage `json:"message"`
	LogProbs     *struct{}     `json:"logprobs"`
	FinishReason string        `json:"finish_reason"`
}

type answerMessage struct {
	Role        string       `json:"role"`
	Content     string       `json:"content"`
	Refusal     *string      `json:"refusal"`
	Annotations []annotation `json:"annotations"`
}

func (h *handlers) chat(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req chatRequest
	if err := h.decode(r, &req); err != nil {
		return err
	}
	q, err := req.question()
	if err != nil {
		return err
	}
	var c rag.Collection
	switch len(req.VectorStoreIDs) {
	case 0:
		c, err = h.modelCollection(ctx, auth.From(ctx).Manage(""), req.Model)
	case 1:
		_, c, err = h.store(ctx, req.VectorStoreIDs[0])
	default:
		err = invalid("vector_store_ids", "one vector store can be asked at once, not %d", len(req.VectorStoreIDs))
	}
	if err != nil {
		return err
	}
	head := completion{
		id: newCompletionID(), created: time.Now().Unix(), model: cmp.Or(req.Model, storeID(c.Name)), collection: c.Name, base: baseURL(r),
	}
	if req.Stream {
		return h.streamChat(w, r, head, q, req.StreamOptions != nil && req.StreamOptions.IncludeUsage)
	}
	a, err := h.svc.Query(ctx, ask(ctx, c.Name), q)
	if err != nil {
		return err
	}
	u := usageOf(a.Usage)
	return reply(w, chatCompletion{
		ID: head.id, Object: "chat.completion", Created: head.created, Model: head.model, Usage: &u,
		Choices: []chatChoice{{FinishReason: "stop", Message: answerMessage{
			Role: "assistant", Content: a.Text, Annotations: annotations(a, head.collection, head.base),
		}}},
	})
}

// completion is what all pieces of one answer have in common.
type completion struct {
	id, model, collection, base string
	created                     int64
}

func newCompletionID() string {
	u := uuid.New()
	return "chatcmpl-" + hex.EncodeToString(u[:])
}

// baseURL is the address under which the client reached us.
func baseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
