package backends_test

import (
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

func TestTheWindowOfTheLanguageModel(t *testing.T) {
	tests := []struct {
		name      string
		model     string
		window    int
		maxTokens int
		budget    int // at most, of passages; 0 is what is configured
		fault     string
	}{
		{"of a model that is known", "gpt-4o", 0, 1024, 0, ""},
		{"that leaves less than is configured", "gpt-4", 0, 6000, 2192, ""},
		{"too small", "gpt-4", 0, 8000, 0, "llm.max_tokens: 8000 leaves too little of the model's window of 8192 tokens"},
		{"of a model that is not known", "mine", 0, 8000, 0, "window of 8192"},
		{"as configured", "mine", 32_000, 8000, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config.Default()
			c.Data = t.TempDir()
			c.LLM.Name, c.LLM.Model, c.LLM.BaseURL = "openai", tt.model, "http://model.test/v1"
			c.LLM.ContextWindow, c.LLM.MaxTokens = tt.window, tt.maxTokens
			cfg, err := backends.Open(c, backends.Deps{})
			if tt.fault != "" {
				if rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			budget := cfg.Generator.Budget()
			if tt.budget == 0 && budget != c.Answer.ContextTokens || tt.budget > 0 && (budget >= tt.budget || budget < tt.budget/2) {
				t.Errorf("budget %d", budget)
			}
			if _, fits := cfg.Generator.(answer.Fitter); !fits {
				t.Error("prompts are not fitted")
			}
		})
	}
}
