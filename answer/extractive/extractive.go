// Package extractive answers without a language model: with the sentences of the
// sources that say most about the question, quoted as they stand.
//
// Generate is one line of stages:
//
//	candidates  sentences of the sources, without headings, rules and menus; crumbs joined
//	shortlist   the few dozen that share the weightiest words with the question
//	embed       these, and the question
//	rank        meaning (cosine), words (coverage), and how well the source itself ranked
//	weigh       is the best evidence good enough to be an answer at all?
//	choose      the best sentences that do not repeat each other
//
// The work is bounded whatever the sources hold: one embedding call with at most
// Config.Shortlist short texts. The thresholds and the confidence were fitted on
// public question sets; docs/answers.md has the figures and the command.
package extractive

import (
	"context"
	"errors"
	"fmt"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

var _ answer.Generator = (*Generator)(nil)

// Config of a Generator. Embed and EmbedQuestion belong together; without them,
// and while they fail, sentences are chosen by their words alone.
type Config struct {
	// Embed returns unit-length vectors of passages, one each, in order.
	Embed func(ctx context.Context, texts []string) ([][]float32, error)
	// EmbedQuestion returns the unit-length vector of a question, comparable to
	// those of Embed.
	EmbedQuestion func(ctx context.Context, question string) ([]float32, error)
	// Analyzer turns text into terms. Default: analyze.For("auto").
	Analyzer interface {
		Append(dst []string, text string) []string
	}
	MaxSentences int // of an answer, 1 to 10. Default 3
	Shortlist    int // sentences that are embedded, 1 to 200. Default 24
	// MinEvidence is the probability, 0 to 1, that the sources hold the answer,
	// below which the generator refuses. Default DefaultMinEvidence; negative
	// never refuses as long as there is a sentence.
	MinEvidence float64
	// Budget is what Generator.Budget returns. Default 6,000 tokens.
	Budget int
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	if c.Analyzer == nil {
		c.Analyzer = analyze.For("auto")
	}
	if c.MaxSentences == 0 {
		c.MaxSentences = 3
	}
	if c.Shortlist == 0 {
		c.Shortlist = 24
	}
	if c.MinEvidence == 0 {
		c.MinEvidence = DefaultMinEvidence
	}
	if c.Budget == 0 {
		c.Budget = 6000
	}
	return c
}

// Validate reports all faults together, as KindInvalid.
func (c Config) Validate() error {
	var faults []error
	if (c.Embed == nil) != (c.EmbedQuestion == nil) {
		faults = append(faults, fmt.Errorf("embed and embed question belong together; one is missing"))
	}
	inRange := func(name string, v, least, most int) {
		if v < least || v > most {
			faults = append(faults, fmt.Errorf("%s is %d; it is %d to %d", name, v, least, most))
		}
	}
	inRange("max sentences", c.MaxSentences, 1, 10)
	inRange("shortlist", c.Shortlist, 1, 200)
	inRange("budget", c.Budget, 1, 1<<20)
	if c.MinEvidence > 1 {
		faults = append(faults, fmt.Errorf("min evidence is %v; it is at most 1", c.MinEvidence))
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "extractive answers")
}

// Generator makes answers of quotes. It is goroutine-safe as long as the functions
// of its Config are.
type Generator struct{ cfg Config }

// New returns a Generator, or what is wrong with cfg.
func New(cfg Config) (*Generator, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Generator{cfg}, nil
}

// Budget returns the most tokens that sources may take together.
func (g *Generator) Budget() int { return g.cfg.Budget }

// Generate returns a draft of quotes, best source first and in reading order
// within a source, and never calls emit: the pipeline writes the text. Where the
// evidence is too weak the draft is refused. Confidence is the probability that
// the quotes hold the answer. The only error is that of ctx.
func (g *Generator) Generate(ctx context.Context, p answer.Prompt, emit func(string) error) (answer.Draft, error) {
	draft, _, err := g.Explain(ctx, p)
	return draft, err
}

// Explain is Generate that also tells what the decision rests on.
func (g *Generator) Explain(ctx context.Context, p answer.Prompt) (answer.Draft, Evidence, error) {
	q := g.question(p)
	found := g.candidates(p.Sources)
	if len(found) == 0 || len(q.terms) == 0 && g.cfg.Embed == nil {
		return answer.Draft{Refused: true}, Evidence{}, ctx.Err()
	}
	q.weigh(found)
	found = q.shortlist(found, g.cfg.Shortlist)
	wordsOnly, err := g.embed(ctx, q, found)
	if err != nil {
		return answer.Draft{}, Evidence{}, err
	}
	rank(found, wordsOnly)
	e := q.evidence(found, wordsOnly)
	if e.Probability() < g.cfg.MinEvidence {
		return answer.Draft{Refused: true, Confidence: e.Confidence()}, e, nil
	}
	chosen := choose(found, g.cfg.MaxSentences)
	return answer.Draft{Quotes: quotes(chosen), Confidence: e.Confidence()}, e, nil
}

// embed gives each candidate its vector and its cosine to the question. When the
// embedder is missing or fails it reports that words must do.
func (g *Generator) embed(ctx context.Context, q *question, found []*candidate) (wordsOnly bool, err error) {
	if g.cfg.Embed == nil {
		return true, ctx.Err()
	}
	asked, err := g.cfg.EmbedQuestion(ctx, q.text)
	if err != nil {
		return true, ctx.Err()
	}
	texts := make([]string, len(found))
	for i, c := range found {
		texts[i] = c.embedText()
	}
	vectors, err := g.cfg.Embed(ctx, texts)
	if err != nil || len(vectors) != len(found) {
		return true, ctx.Err()
	}
	for i, c := range found {
		c.vector = vectors[i]
		c.cosine = dot(asked, c.vector)
	}
	return false, nil
}

// dot returns the inner product of two vectors, over the shorter length.
func dot(a, b []float32) float64 {
	sum := float32(0)
	for i := range min(len(a), len(b)) {
		sum += a[i] * b[i]
	}
	return float64(sum)
}
