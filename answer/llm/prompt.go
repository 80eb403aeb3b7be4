package llm

import (
	_ "embed"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/rag"
)

//go:embed system.txt
var systemText string

// Of an earlier conversation only the end is repeated to the model: enough to
// know what "it" means in a follow-up question.
const (
	maxTurns     = 6
	maxTurnBytes = 2000
)

// messages builds the conversation: the rules, the last turns, and the question
// below its sources.
func messages(p answer.Prompt) []rag.Message {
	out := []rag.Message{{Role: "system", Content: strings.ReplaceAll(systemText, "{{refusal}}", rag.Refusal)}}
	out = append(out, history(p.History)...)
	return append(out, rag.Message{Role: "user", Content: question(p)})
}

// history keeps the last turns of user and assistant.
func history(turns []rag.Message) []rag.Message {
	out := spoken(turns)
	out = out[max(0, len(out)-maxTurns):]
	for i, m := range out {
		out[i].Content = neutral(cut(m.Content, maxTurnBytes))
	}
	return out
}

// spoken returns the turns of user and assistant that say something. Other roles
// are left out: a client must not be able to replace the rules.
func spoken(turns []rag.Message) []rag.Message {
	var out []rag.Message
	for _, m := range turns {
		if (m.Role == "user" || m.Role == "assistant") && strings.TrimSpace(m.Content) != "" {
			out = append(out, rag.Message{Role: m.Role, Content: m.Content})
		}
	}
	return out
}

// question lays out the sources and the question. The question comes last, where
// models heed it most.
func question(p answer.Prompt) string {
	var b strings.Builder
	b.WriteString("Sources:\n")
	for _, s := range p.Sources {
		b.WriteString(source(s))
	}
	b.WriteString("\nQuestion: ")
	b.WriteString(neutral(strings.TrimSpace(p.Question)))
	return b.String()
}

// source lays out one source.
func source(s answer.Source) string {
	var b strings.Builder
	b.WriteString("\n<source number=\"" + strconv.Itoa(s.Number) + "\"")
	if about := about(s); about != "" {
		b.WriteString(" about=\"" + about + "\"")
	}
	b.WriteString(">\n")
	if prefix := strings.TrimSpace(s.Prefix); prefix != "" {
		b.WriteString(neutral(prefix) + "\n")
	}
	b.WriteString(neutral(strings.TrimSpace(s.Text)))
	b.WriteString("\n</source>\n")
	return b.String()
}

// about is the document's title and the path of headings, on one line.
func about(s answer.Source) string {
	var parts []string
	for _, part := range append([]string{s.Title}, s.Heading...) {
		part = strings.Join(strings.Fields(strings.ReplaceAll(neutral(part), `"`, "'")), " ")
		if part != "" && (len(parts) == 0 || parts[len(parts)-1] != part) {
			parts = append(parts, cut(part, 200))
		}
	}
	return strings.Join(parts, " > ")
}

// cut returns at most n bytes of s, ending at a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + " …"
}
