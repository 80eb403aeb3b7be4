package config

import (
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/text/enrich"
)

// WritesEnrichment reports whether a stage that is on asks the language model.
func (c *Config) WritesEnrichment() bool {
	e := c.Enrich
	return slices.Contains(e.Stages, "context") || slices.Contains(e.Stages, "questions") || slices.Contains(e.Stages, "summary") && e.Summary == "llm"
}

func (l *loader) checkEnrich(wrong func(name, format string, args ...any)) {
	for _, s := range l.Enrich.Stages {
		if !slices.Contains(enrich.Names(), s) {
			wrong("enrich.stages", "%q is not known; known are %s", s, strings.Join(enrich.Names(), ", "))
		}
	}
	if l.WritesEnrichment() && l.LLM.Name == "none" {
		wrong("enrich.stages", "context, questions and summaries that are written need a language model, and llm.name is none")
	}
	if slices.Contains(l.Enrich.Stages, "topics") && len(l.Enrich.Topics) == 0 {
		wrong("enrich.topics", "is needed by the stage topics")
	}
	if slices.Contains(l.Enrich.Stages, "labels") && len(l.Enrich.Labels) == 0 {
		wrong("enrich.labels", "is needed by the stage labels")
	}
}
