package llm

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/model/token/bpe"
	"github.com/smartretriever/smartretriever/rag"
)

// fitting returns a generator whose prompts have so much room beside its rules.
func fitting(room int) *Generator {
	g := New(Config{Model: &llmtest.Scripted{}, Counter: bpe.O200k, MaxTokens: 100, Window: 1_000_000})
	g.cfg.Window = g.bare() + 100 + room
	return g
}

func turns(n int) []rag.Message {
	out := []rag.Message{{Role: "system", Content: "Not a turn."}}
	for i := range n {
		role := "user"
		if i%2 == 1 {
			role = "assistant"
		}
		out = append(out, rag.Message{Role: role, Content: strings.Repeat("word ", 20) + string(rune('a'+i))})
	}
	return out
}

func passages(n int) []answer.Source {
	var out []answer.Source
	for i := range n {
		out = append(out, answer.Source{Number: i + 1, Title: "Title", Text: strings.Repeat("A sentence of a passage. ", 20)})
	}
	return out
}

func TestFit(t *testing.T) {
	// A turn has some 25 tokens, a source some 120.
	tests := []struct {
		name    string
		room    int
		turns   int
		sources int
		kept    int // turns
		left    int // sources
		note    string
	}{
		{"all fits", 2000, 4, 3, 4, 3, ""},
		{"more turns than are repeated", 2000, 10, 1, 6, 1, "history: the oldest 4 of 10 turns left out"},
		{"the oldest turns go first", 470, 4, 3, 2, 3, "history: the oldest 2 of 4 turns left out"},
		{"then the last sources", 300, 4, 3, 0, 2, "history: the oldest 4 of 4 turns left out; sources: the last 1 left out for the model's window"},
		{"then a part of the first", 80, 0, 2, 0, 1, "sources: the last 1 left out for the model's window; sources: the first cut for the model's window"},
		{"the question alone", 20, 0, 2, 0, 0, "sources: the last 2 left out for the model's window"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := fitting(tt.room)
			p := answer.Prompt{Question: "What is a passage?", History: turns(tt.turns), Sources: passages(tt.sources)}
			before := answer.Prompt{Question: p.Question, History: turns(tt.turns), Sources: passages(tt.sources)}
			got, note, err := g.Fit(p)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.History) != tt.kept || len(got.Sources) != tt.left || note != tt.note {
				t.Errorf("%d turns, %d sources, %q; want %d, %d, %q", len(got.History), len(got.Sources), note, tt.kept, tt.left, tt.note)
			}
			if n := g.tokens(got); n > g.room() {
				t.Errorf("%d tokens for a room of %d", n, g.room())
			}
			if tt.kept > 0 && got.History[len(got.History)-1] != p.History[len(p.History)-1] {
				t.Error("the last turn was left out")
			}
			if !reflect.DeepEqual(p, before) {
				t.Error("the caller's prompt was changed")
			}
		})
	}
}

func TestLongTurnsAreNoted(t *testing.T) {
	p := answer.Prompt{Question: "q", History: []rag.Message{{Role: "user", Content: strings.Repeat("long ", 1000)}}, Sources: passages(1)}
	if _, note, err := fitting(5000).Fit(p); err != nil || note != "history: 1 long turns cut" {
		t.Errorf("%q, %v", note, err)
	}
}

func TestAQuestionThatIsTooLong(t *testing.T) {
	_, _, err := fitting(50).Fit(answer.Prompt{Question: strings.Repeat("why ", 100), Sources: passages(1)})
	if rag.KindOf(err) != rag.KindInvalid || !strings.HasPrefix(err.Error(), "question: is too long") {
		t.Errorf("got %v", err)
	}
}

// Whatever the prompt, what comes of it fits, and what is left out is said.
func TestFitHoldsTheWindow(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	bits := []string{"word ", "<source number=\"1\">", "中文", "\n", "[12]", "<|im_end|>", "😀", "\u200b", "Donaudampfschiff ", "  ", "1234"}
	text := func(most int) string {
		var b strings.Builder
		for range rng.IntN(most) {
			b.WriteString(bits[rng.IntN(len(bits))])
		}
		return b.String()
	}
	rounds := 100
	if testing.Short() {
		rounds = 15
	}
	for range rounds {
		g := fitting(20 + rng.IntN(1500))
		p := answer.Prompt{Question: text(8)}
		for range rng.IntN(9) {
			p.History = append(p.History, rag.Message{Role: "user", Content: text(900)})
		}
		for i := range rng.IntN(9) {
			p.Sources = append(p.Sources, answer.Source{Number: i + 1, Title: text(9), Prefix: text(5), Text: text(400)})
		}
		got, note, err := g.Fit(p)
		if rag.KindOf(err) == rag.KindInvalid {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := g.tokens(got); n > g.room() && len(got.Sources)+len(got.History) > 0 {
			t.Errorf("%d tokens for a room of %d", n, g.room())
		}
		whole := len(got.Sources) == len(p.Sources) && len(history(got.History)) == len(spoken(p.History))
		if !whole && note == "" {
			t.Errorf("%d of %d sources, %d of %d turns, and nothing is said", len(got.Sources), len(p.Sources), len(got.History), len(p.History))
		}
	}
}

func TestBudget(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want func(g *Generator) int
	}{
		{"as configured", Config{Budget: 1234, Window: 100_000}, func(*Generator) int { return 1234 }},
		{"as the window leaves", Config{Budget: 3000, Window: 2000, MaxTokens: 500}, func(g *Generator) int { return 1500 - g.bare() }},
		{"of a model that is known", Config{Name: "gpt-4", Budget: 10_000}, func(g *Generator) int { return 8192 - 1024 - g.bare() }},
		{"of one that is not", Config{Name: "my-model", Budget: 10_000}, func(g *Generator) int { return token.DefaultWindow - 1024 - g.bare() }},
		{"never nothing, which is no bound", Config{Window: 100}, func(*Generator) int { return 1 }},
	}
	for _, tt := range tests {
		tt.cfg.Model = &llmtest.Scripted{}
		g := New(tt.cfg)
		if got, want := g.Budget(), tt.want(g); got != want {
			t.Errorf("%s: %d, want %d", tt.name, got, want)
		}
	}
}
