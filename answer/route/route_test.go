package route

import (
	"context"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/rag"
)

func sourcesOf(vectors ...float64) []answer.Source {
	out := make([]answer.Source, len(vectors))
	for i, v := range vectors {
		out[i] = answer.Source{Number: i + 1, Vector: v}
	}
	return out
}

var rules = Rules{HardWords: []string{"why", "trade-off"}}.WithDefaults()

func TestDecide(t *testing.T) {
	long := strings.Repeat("word ", 24)
	for _, tt := range []struct {
		name, question string
		history        int
		vectors        []float64
		want           string
	}{
		{"simple", "When does the ferry sail?", 0, []float64{.8, .6}, "cheap: 5 words, one question, retrieval confidence 0.86"},
		{"by keywords", "When does the ferry sail?", 0, []float64{0, 0}, "cheap: 5 words, one question"},
		{"nothing found", "When?", 0, nil, "cheap: 1 words, one question"},
		{"hard word", "And WHY does it?", 0, []float64{.8}, `good: the question says "why"`},
		{"hyphen", "What is the trade-off?", 0, []float64{.8}, `good: the question says "trade-off"`},
		{"inside a word", "Whyever not", 0, []float64{.8}, "cheap: 2 words, one question, retrieval confidence 0.86"},
		{"two questions", "Who? And when?", 0, []float64{.8}, "good: 2 questions in one > 1"},
		{"loud", "Who???", 0, []float64{.8}, "cheap: 1 words, one question, retrieval confidence 0.86"},
		{"points", "Tell:\n1. who\n2) when\n", 0, []float64{.8}, "good: 2 questions in one > 1"},
		{"not points", "In\n2024 it rained", 0, []float64{.8}, "cheap: 4 words, one question, retrieval confidence 0.86"},
		{"just as long", long, 0, []float64{.8}, "cheap: 24 words, one question, retrieval confidence 0.86"},
		{"longer", long + "more", 0, []float64{.8}, "good: 25 words > 24"},
		{"history", "Who?", 7, []float64{.8}, "good: 7 earlier turns > 6"},
		{"unsure", "Who?", 0, []float64{.57, .56, .55}, "good: retrieval confidence 0.20 < 0.3"},
		{"low but clear", "Who?", 0, []float64{.6, .45, .4}, "good: retrieval confidence 0.29 < 0.3"},
		{"one of its kind", "Who?", 0, []float64{.604, .3, .2}, "good: retrieval confidence 0.30 < 0.3"},
	} {
		p := answer.Prompt{Question: tt.question, History: make([]rag.Message, tt.history), Sources: sourcesOf(tt.vectors...)}
		to, why := Decide(FeaturesOf(p), rules)
		if got := string(to) + ": " + why; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	clear := Rules{MinConfidence: .6}.WithDefaults()
	for want, vectors := range map[Route][]float64{Cheap: {.7, .5, .5}, Good: {.7, .69, .68}} {
		if got, why := Decide(FeaturesOf(answer.Prompt{Question: "Who?", Sources: sourcesOf(vectors...)}), clear); got != want {
			t.Errorf("%v: %s, %s", vectors, got, why)
		}
	}
	off := Rules{MinConfidence: -1, MaxHistory: -1}.WithDefaults()
	if got, _ := Decide(Features{Words: []string{"a"}, Subquestions: 1}, off); got != Cheap {
		t.Error("a rule that is switched off speaks")
	}
	if got, _ := Decide(Features{Words: []string{"a"}, Subquestions: 1, History: 1}, off); got != Good {
		t.Error("no history is allowed, and one turn passes")
	}
}

// named is a generator that says who it is.
type named struct {
	name   string
	budget int
	err    error
}

func (n named) Budget() int { return n.budget }

func (n named) Generate(context.Context, answer.Prompt, func(string) error) (answer.Draft, error) {
	return answer.Draft{Text: n.name}, n.err
}

func TestGenerator(t *testing.T) {
	down := rag.Errorf(rag.KindUnavailable, "down")
	cheap, good := named{"c", 100, nil}, named{"g", 90, down}
	for _, tt := range []struct {
		question    string
		always      Route
		text, route string
		err         error
	}{
		{"Who?", "", "c", "cheap: 1 words, one question", nil},
		{"Why?", "", "g", `good: the question says "why"`, down},
		{"Why?", Cheap, "c", "cheap: always, by configuration", nil},
		{"Who?", Good, "g", "good: always, by configuration", down},
	} {
		g := New(cheap, good, rules, tt.always)
		d, err := g.Generate(t.Context(), answer.Prompt{Question: tt.question}, nil)
		if d.Text != tt.text || d.Route != tt.route || err != tt.err {
			t.Errorf("%s %s: %+v, %v", tt.question, tt.always, d, err)
		}
		if g.Budget() != 90 {
			t.Errorf("budget %d", g.Budget())
		}
	}
}
