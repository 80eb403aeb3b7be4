package route

import (
	"context"
	"strings"

	"github.com/smartretriever/smartretriever/answer"
)

// Generator is an answer.Generator that has one of two others write.
type Generator struct {
	cheap, good answer.Generator
	rules       Rules
	always      Route
}

var (
	_ answer.Generator = (*Generator)(nil)
	_ answer.Fitter    = (*Generator)(nil)
)

// New returns a Generator. always, if not "", is the route of every question.
func New(cheap, good answer.Generator, rules Rules, always Route) *Generator {
	return &Generator{cheap, good, rules.WithDefaults(), always}
}

// Budget implements answer.Generator. Which of the two writes is not known yet: it
// is the smaller one.
func (g *Generator) Budget() int { return min(g.cheap.Budget(), g.good.Budget()) }

// Fit implements answer.Fitter: what is left is what both models can read, since
// what is left out may change which of them writes.
func (g *Generator) Fit(p answer.Prompt) (answer.Prompt, string, error) {
	var notes []string
	for _, next := range []answer.Generator{g.good, g.cheap} {
		f, ok := next.(answer.Fitter)
		if !ok {
			continue
		}
		fitted, note, err := f.Fit(p)
		if err != nil {
			return p, "", err
		}
		if p = fitted; note != "" {
			notes = append(notes, note)
		}
	}
	return p, strings.Join(notes, "; "), nil
}

// Generate implements answer.Generator.
func (g *Generator) Generate(ctx context.Context, p answer.Prompt, emit func(string) error) (answer.Draft, error) {
	to, why := g.always, "always, by configuration"
	if to == "" {
		to, why = Decide(FeaturesOf(p), g.rules)
	}
	next := g.good
	if to == Cheap {
		next = g.cheap
	}
	draft, err := next.Generate(ctx, p, emit)
	draft.Route = string(to) + ": " + why
	return draft, err
}
