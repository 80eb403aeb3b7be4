package ollama

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

// protocol is a chat.Protocol.
type protocol struct {
	model     string
	keepAlive any
	numCtx    int
}

// request is the body of a call.
type request struct {
	Model     string        `json:"model"`
	Messages  []rag.Message `json:"messages"`
	Stream    bool          `json:"stream"`
	KeepAlive any           `json:"keep_alive,omitempty"`
	Options   options       `json:"options"`
	// Sources that are cut off in silence would be sources that the answer cannot
	// rest on: the server is to refuse instead.
	Truncate bool `json:"truncate"`
	Shift    bool `json:"shift"`
}

type options struct {
	NumCtx      int      `json:"num_ctx,omitempty"`
	NumPredict  int      `json:"num_predict,omitempty"`
	Temperature float64  `json:"temperature"`
	Stop        []string `json:"stop,omitempty"`
}

// keepAlive reads the setting into what the protocol takes: a duration as text, or
// a number of seconds, of which a negative one means for ever.
func keepAlive(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n, nil
	}
	if _, err := time.ParseDuration(text); err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "llm: %.40q is not how long a model stays loaded; write 5m, 0 or -1", text)
	}
	return text, nil
}

// Request implements chat.Protocol.
func (p protocol) Request(r llm.Request, _ func(string) bool) (string, any) {
	return "/api/chat", request{
		Model: p.model, Messages: r.Messages, Stream: true, KeepAlive: p.keepAlive,
		Options: options{NumCtx: p.numCtx, NumPredict: r.MaxTokens, Temperature: r.Temperature, Stop: r.Stop},
	}
}

// line is one line of a stream. The last has Done and the counts.
type line struct {
	Model   string `json:"model"`
	Message struct {
		Content string `json:"content"` // thoughts come in a field beside it
	} `json:"message"`
	Done       bool             `json:"done"`
	DoneReason string           `json:"done_reason"`
	Prompt     int              `json:"prompt_eval_count"`
	Written    int              `json:"eval_count"`
	Error      *remote.APIError `json:"error"`
}

// Event implements chat.Protocol.
func (p protocol) Event(a *chat.Answer, data []byte) error {
	var l line
	if err := json.Unmarshal(data, &l); err != nil {
		return chat.Malformed(err)
	}
	if l.Error != nil {
		return chat.Failed(*l.Error)
	}
	a.Model = l.Model
	if err := a.Write(l.Message.Content); err != nil || !l.Done {
		return err
	}
	a.Usage = llm.Usage{PromptTokens: l.Prompt, CompletionTokens: l.Written}
	switch l.DoneReason {
	case "stop", "":
		a.Finish = llm.FinishStop
	case "length":
		a.Finish = llm.FinishLength
	default:
		a.Finish = llm.FinishOther
	}
	a.Done()
	return nil
}

// Refused implements chat.Protocol. Errors are words without codes.
func (p protocol) Refused(r remote.Refusal) error {
	said := strings.ToLower(r.Message)
	if strings.Contains(said, "context length") || strings.Contains(said, "context size") || strings.Contains(said, "context window") {
		return chat.TooLong(r)
	}
	return nil
}
