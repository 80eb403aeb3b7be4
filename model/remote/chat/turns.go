package chat

import (
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// Turns prepares a conversation for protocols that keep the rules apart and want
// user and assistant to take turns, a user first: messages of the system are
// joined, empty ones are left out, neighbours of one role are joined, and an answer
// that stands before the first question is left out, for it says little without it.
func Turns(messages []rag.Message) (system string, turns []rag.Message) {
	var rules []string
	for _, m := range messages {
		last := len(turns) - 1
		switch {
		case blank(m):
		case m.Role == "system":
			rules = append(rules, m.Content)
		case last >= 0 && turns[last].Role == m.Role:
			turns[last].Content += "\n\n" + m.Content
		case last >= 0 || m.Role == "user":
			turns = append(turns, m)
		}
	}
	return strings.Join(rules, "\n\n"), turns
}

func blank(m rag.Message) bool { return strings.TrimSpace(m.Content) == "" }

// checkRequest reports what no server could answer.
func checkRequest(r llm.Request) error {
	asked := false
	for _, m := range r.Messages {
		switch m.Role {
		case "user":
			asked = asked || !blank(m)
		case "system", "assistant":
		default:
			return rag.Errorf(rag.KindInvalid, "llm: a message has the role %.40q; it must be system, user or assistant", m.Role)
		}
	}
	if !asked {
		return rag.Errorf(rag.KindInvalid, "llm: the conversation holds no message of the user")
	}
	return nil
}
