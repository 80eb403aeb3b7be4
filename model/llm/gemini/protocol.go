package gemini

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
)

// protocol is a chat.Protocol.
type protocol struct{ path string }

// request is the body of a call.
type request struct {
	System     *content   `json:"systemInstruction,omitempty"`
	Contents   []content  `json:"contents"`
	Generation generation `json:"generationConfig"`
}

type content struct {
	Role  string `json:"role,omitempty"`
	Parts []part `json:"parts"`
}

type part struct {
	Text    string `json:"text"`
	Thought bool   `json:"thought,omitempty"`
}

type generation struct {
	MaxTokens   int      `json:"maxOutputTokens,omitempty"`
	Temperature float64  `json:"temperature"`
	Stop        []string `json:"stopSequences,omitempty"`
}

// Request implements chat.Protocol.
func (p protocol) Request(r llm.Request, _ func(string) bool) (string, any) {
	system, turns := chat.Turns(r.Messages)
	b := request{Generation: generation{r.MaxTokens, r.Temperature, r.Stop}}
	if system != "" {
		b.System = &content{Parts: []part{{Text: system}}}
	}
	for _, m := range turns {
		if m.Role == "assistant" {
			m.Role = "model"
		}
		b.Contents = append(b.Contents, content{m.Role, []part{{Text: m.Content}}})
	}
	return p.path, b
}

// chunk is one event of a stream.
type chunk struct {
	Candidates []struct {
		Content       content `json:"content"`
		FinishReason  string  `json:"finishReason"`
		FinishMessage string  `json:"finishMessage"`
	} `json:"candidates"`
	Feedback struct {
		BlockReason string `json:"blockReason"`
	} `json:"promptFeedback"`
	Usage *struct {
		Prompt     int `json:"promptTokenCount"` // with what was cached
		Cached     int `json:"cachedContentTokenCount"`
		Candidates int `json:"candidatesTokenCount"`
		Thoughts   int `json:"thoughtsTokenCount"`
	} `json:"usageMetadata"`
	Model string           `json:"modelVersion"`
	Error *remote.APIError `json:"error"`
}

// Event implements chat.Protocol. There is no last event: the stream ends with the
// connection, after a finish reason.
func (p protocol) Event(a *chat.Answer, data []byte) error {
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return chat.Malformed(err)
	}
	if c.Error != nil {
		return chat.Failed(*c.Error)
	}
	if c.Model != "" {
		a.Model = c.Model
	}
	if u := c.Usage; u != nil {
		a.Usage = llm.Usage{PromptTokens: u.Prompt, CachedTokens: u.Cached, CompletionTokens: u.Candidates + u.Thoughts}
	}
	if reason := c.Feedback.BlockReason; reason != "" && reason != "BLOCK_REASON_UNSPECIFIED" {
		a.Refuse("(" + reason + ", of the question or its sources)")
	}
	if len(c.Candidates) == 0 {
		return nil
	}
	answer := &c.Candidates[0]
	finish(a, answer.FinishReason)
	for _, part := range answer.Content.Parts {
		if part.Thought {
			continue
		}
		if err := a.Write(part.Text); err != nil {
			return err
		}
	}
	return nil
}

func finish(a *chat.Answer, reason string) {
	switch reason {
	case "", "FINISH_REASON_UNSPECIFIED":
	case "STOP":
		a.Finish = llm.FinishStop
	case "MAX_TOKENS":
		a.Finish = llm.FinishLength
	case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII":
		a.Refuse("(" + reason + ")")
	default:
		a.Finish = llm.FinishOther
	}
}

// detail is one entry of an error's details (google.rpc.Status).
type detail struct {
	RetryDelay string `json:"retryDelay"` // of RetryInfo, "34s"
	Violations []struct {
		QuotaID string `json:"quotaId"`
	} `json:"violations"` // of QuotaFailure
}

// Refused implements chat.Protocol. How long to wait, and whether it is the quota of
// a day that is used up, stands in the body only.
func (p protocol) Refused(r remote.Refusal) error {
	var body struct {
		Error struct {
			Details []detail `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal(r.Body, &body) // of another form: what was read counts
	for _, d := range body.Error.Details {
		if wait, err := time.ParseDuration(d.RetryDelay); err == nil && wait > 0 {
			r.After = max(r.After, wait)
		}
		for _, v := range d.Violations {
			if r.Status == http.StatusTooManyRequests && strings.Contains(v.QuotaID, "PerDay") {
				r.Status = http.StatusPaymentRequired
			}
		}
	}
	if r.Status == http.StatusBadRequest && strings.Contains(r.Message, "exceeds the maximum number of tokens") {
		return chat.TooLong(r)
	}
	return r.Err()
}
