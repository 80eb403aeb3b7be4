package llm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/rag"
)

// Fit implements answer.Fitter. What does not fit beside an answer of the most
// tokens is left out in this order: turns of the history, the oldest first; then
// sources, the last first; then the end of the only source that is left.
func (g *Generator) Fit(p answer.Prompt) (answer.Prompt, string, error) {
	turns := spoken(p.History)
	sources := len(p.Sources)
	kept := history(p.History)
	p.History = slices.Clone(turns[len(turns)-len(kept):])

	room := g.room()
	need := g.bare() + g.cfg.Counter.Count(p.Question)
	if need > room {
		return p, "", rag.Errorf(rag.KindInvalid, "question: is too long for the language model, which takes %d tokens at once, with %d kept for the answer", g.cfg.Window, g.cfg.MaxTokens)
	}
	// The sum of the parts is near the whole, and tells what to leave out without
	// counting the whole again and again.
	costs := make([]int, len(p.Sources))
	for i, s := range p.Sources {
		costs[i] = g.cfg.Counter.Count(source(s))
		need += costs[i]
	}
	said := make([]int, len(kept))
	for i, m := range kept {
		said[i] = token.Message(g.cfg.Counter, m)
		need += said[i]
	}
	for need > room && len(p.History) > 0 {
		need -= said[len(said)-len(p.History)]
		p.History = p.History[1:]
	}
	for need > room && len(p.Sources) > 1 {
		need -= costs[len(p.Sources)-1]
		p.Sources = p.Sources[:len(p.Sources)-1]
	}
	cut := false
	if whole := g.tokens(p); whole > room {
		p, cut = g.shrink(p, whole, room)
	}
	return p, leftOut(turns[len(turns)-len(p.History):], len(turns), sources-len(p.Sources), cut), nil
}

// tokens counts the prompt as it is sent.
func (g *Generator) tokens(p answer.Prompt) int {
	return token.Messages(g.cfg.Counter, messages(p))
}

// shrink makes a prompt fit that has more tokens than there is room, and reports
// whether its first source was cut. A source of which nothing fits is left out.
func (g *Generator) shrink(p answer.Prompt, whole, room int) (answer.Prompt, bool) {
	for len(p.History) > 0 && whole > room {
		p.History = p.History[1:]
		whole = g.tokens(p)
	}
	for len(p.Sources) > 1 && whole > room {
		p.Sources = p.Sources[:len(p.Sources)-1]
		whole = g.tokens(p)
	}
	if len(p.Sources) == 0 || whole <= room {
		return p, false
	}
	p.Sources = slices.Clone(p.Sources) // the caller's stay as they are
	first := &p.Sources[0]
	for whole > room && first.Text != "" {
		// What is over, and a tenth, which counts for where a text is cut.
		most := g.cfg.Counter.Count(first.Text) - (whole-room)*11/10 - 1
		if most < 1 {
			p.Sources = p.Sources[:0]
			return p, false
		}
		first.Text = token.Split(g.cfg.Counter, first.Text, most)[0].Of(first.Text)
		whole = g.tokens(p)
	}
	return p, true
}

// leftOut says in words what a prompt is without: of so many turns all but those
// that are kept, so many sources, and the end of the first.
func leftOut(kept []rag.Message, turns, sources int, cutSource bool) string {
	var parts []string
	if n := turns - len(kept); n > 0 {
		parts = append(parts, fmt.Sprintf("history: the oldest %d of %d turns left out", n, turns))
	}
	shortened := 0
	for _, m := range kept {
		if len(m.Content) > maxTurnBytes {
			shortened++
		}
	}
	if shortened > 0 {
		parts = append(parts, fmt.Sprintf("history: %d long turns cut", shortened))
	}
	if sources > 0 {
		parts = append(parts, fmt.Sprintf("sources: the last %d left out for the model's window", sources))
	}
	if cutSource {
		parts = append(parts, "sources: the first cut for the model's window")
	}
	return strings.Join(parts, "; ")
}
