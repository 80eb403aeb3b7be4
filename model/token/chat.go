package token

import "github.com/smartretriever/smartretriever/rag"

// What a chat model reads besides the texts, as OpenAI documents it for its models
// (cookbook, "How to count tokens with tiktoken"): three tokens that set a turn
// apart from the next, the name of its role, and three that begin the answer. The
// templates of other models take about as many.
const (
	turnTokens   = 3
	answerTokens = 3
)

// Messages returns the tokens that a conversation takes in a model's window.
func Messages(c Counter, turns []rag.Message) int {
	n := answerTokens
	for _, m := range turns {
		n += Message(c, m)
	}
	return n
}

// Message returns the tokens that one turn adds to a conversation.
func Message(c Counter, m rag.Message) int {
	return turnTokens + c.Count(m.Role) + c.Count(m.Content)
}
