package backends

import (
	"context"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/enrich"
)

// enrichment returns the settings of enrichment, but for the language model.
func enrichment(e config.Enrich) enrich.Config {
	c := enrich.Config{
		Stages:     e.Stages,
		Keyphrases: enrich.KeyphraseOptions{Method: e.KeyphraseMethod, Most: e.Keyphrases},
		Labels:     enrich.LabelOptions{Threshold: e.LabelThreshold, Most: e.LabelMost},
		Summary:    enrich.SummaryOptions{Sentences: e.SummarySentences},
		Written:    e.Summary == "llm",
		Writer:     enrich.WriterOptions{Calls: e.MaxCalls, Tokens: e.MaxTokens, Shown: int(e.Shown)},
	}
	for _, t := range e.Topics {
		c.Topics = append(c.Topics, enrich.Topic{Name: t.Name, Words: t.Words, Least: t.Least})
	}
	for _, l := range e.Labels {
		c.Labels.Labels = append(c.Labels.Labels, enrich.Label{Name: l.Name, Description: l.Description, Examples: l.Examples})
	}
	return c
}

// writer has the language model of answers, with its fallbacks and its meter, write
// about documents. What it takes is charged as enrichment.
type writer struct {
	model llm.Model
	name  string
}

var _ enrich.Writer = writer{}

// Model implements enrich.Writer.
func (w writer) Model() string { return w.name }

// Write implements enrich.Writer.
func (w writer) Write(ctx context.Context, system, prompt string, maxTokens int) (string, int, error) {
	res, err := w.model.Chat(rag.ChatFor(ctx, rag.OpEnrich), llm.Request{
		Messages:  []rag.Message{{Role: "system", Content: system}, {Role: "user", Content: prompt}},
		MaxTokens: maxTokens,
	}, func(string) error { return nil })
	tokens := res.Usage.PromptTokens + res.Usage.CompletionTokens
	if tokens == 0 { // the server does not say: about four bytes make a token
		tokens = (len(system) + len(prompt) + len(res.Text)) / 4
	}
	return res.Text, tokens, err
}
