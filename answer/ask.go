package answer

import (
	"context"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/rag"
)

// Defaults of a question.
const (
	defaultSources = 8
	maxSources     = 50
	maxHistory     = 50
)

// Ask answers a question from the collection's documents. on, if not nil, is
// told what happens as it happens: the hits, each piece of text, and at last the
// answer; its error ends the work and is returned. Errors: those of Search, and
// KindUnavailable when the generator is down and there is no fallback.
func (p *Pipeline) Ask(ctx context.Context, scope rag.Scope, col rag.Collection, q rag.Question, on func(rag.Event) error) (rag.Answer, error) {
	if on == nil {
		on = func(rag.Event) error { return nil }
	}
	r := p.begin("answer")
	a, err := p.ask(ctx, r, scope, col, q, on)
	rec := rag.QueryRecord{
		ID: r.trace.ID, Scope: scope, Kind: "query", Text: q.Text, Answer: a.Text, Hits: ids(a.Hits), Citations: a.Citations,
		Confidence: a.Confidence, Refused: a.Refused, Cached: a.Cached, Usage: a.Usage, At: r.begun, Took: p.cfg.Clock().Sub(r.begun),
	}
	if err != nil {
		rec.Err = err.Error()
		p.cfg.Observe.Error(rag.KindOf(err), "answer")
		p.record(ctx, rec, false)
		return rag.Answer{}, err
	}
	p.cfg.Observe.CitationsDropped(a.DroppedCitations)
	p.record(ctx, rec, len(a.Degraded) > 0)
	return a, on(rag.Event{Kind: rag.EventAnswer, Answer: &a})
}

// ask is the pipeline: check, cache, search, assemble, generate, cite.
func (p *Pipeline) ask(ctx context.Context, r *run, scope rag.Scope, col rag.Collection, q rag.Question, on func(rag.Event) error) (rag.Answer, error) {
	q, err := p.checkQuestion(q)
	if err != nil {
		return rag.Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, q.Timeout)
	defer cancel()

	asked := q
	asked.MinSeq = 0
	key := p.key("answer", scope, col, q.MinSeq, asked)
	res, joined, err := p.answers.join(ctx, together(ctx, key, q.NoCache), on, func(ctx context.Context, emit func(rag.Event) error) (made[rag.Answer], error) {
		if a, ok := lookup[rag.Answer](ctx, p, "answer", key, q.NoCache); ok {
			return a, nil
		}
		a, ok, release := claim[rag.Answer](ctx, p, "answer", key, q.NoCache)
		defer release()
		if ok {
			return a, nil
		}
		return p.compose(ctx, r, scope, col, q, key, emit)
	})
	if err != nil {
		return rag.Answer{}, err
	}
	if joined {
		p.joined(ctx, "answer", res.Charges)
	}
	a := res.Value
	a.Hits, a.Citations, a.Degraded = slices.Clone(a.Hits), slices.Clone(a.Citations), slices.Clone(a.Degraded) // others have them, too
	if joined || res.found {
		a = again(r, a)
	}
	if res.found {
		return a, repeat(a, on)
	}
	return a, nil
}

// compose is what is done for a question that has no answer yet.
func (p *Pipeline) compose(ctx context.Context, r *run, scope rag.Scope, col rag.Collection, q rag.Question, key string, on func(rag.Event) error) (made[rag.Answer], error) {
	var none made[rag.Answer]
	ctx, bill := meter.Track(ctx)
	// Twice as many as are wanted, since near-duplicates are taken out.
	found, err := p.search(ctx, r, scope, col, rag.Query{
		Text: q.Text, K: 2 * q.K, Mode: q.Mode, Filter: q.Filter, MinSeq: q.MinSeq, NoCache: q.NoCache, NoRerank: q.NoRerank,
	})
	if err != nil {
		return none, err
	}
	begun := p.cfg.Clock()
	hits, texts, err := assemble(found.Hits, q.K, p.cfg.Generate.Budget(), func(h rag.Hit) (rag.Hit, error) {
		return p.widened(ctx, col, h)
	})
	if err != nil {
		return none, err
	}
	prompt, leftOut, err := p.fit(Prompt{Question: q.Text, History: q.History, Sources: sources(texts)})
	if err != nil {
		return none, err
	}
	hits, texts = hits[:len(prompt.Sources)], texts[:len(prompt.Sources)]
	r.stage("assemble", begun, len(found.Hits), len(hits), leftOut)
	if err := on(rag.Event{Kind: rag.EventHits, Hits: hits}); err != nil {
		return none, err
	}
	a, err := p.write(ctx, r, col, prompt, texts, on)
	if err != nil {
		return none, err
	}
	r.swapped(bill)
	a.ID, a.Hits, a.Seq, a.Degraded = r.trace.ID, hits, found.Seq, r.degraded
	a.Usage = p.usage(q, a.Usage, bill)
	a.Trace = r.end()
	if len(a.Degraded) == 0 && p.lasts(col, a.Seq) {
		keep(ctx, p, "answer", key, a, bill.Charges(), p.cfg.AnswerTTL)
	}
	a.Warnings = bill.Warnings()
	return made[rag.Answer]{kept: kept[rag.Answer]{a, bill.Charges()}}, nil
}

// again is an answer that was made for another question. It costs nothing, and says so.
func again(r *run, a rag.Answer) rag.Answer {
	a.ID, a.Cached, a.Usage, a.Warnings = r.trace.ID, true, rag.Usage{Model: a.Usage.Model, Currency: a.Usage.Currency}, nil
	a.Trace = r.end()
	return a
}

// repeat tells on what a cached answer is made of.
func repeat(a rag.Answer, on func(rag.Event) error) error {
	if err := on(rag.Event{Kind: rag.EventHits, Hits: a.Hits}); err != nil {
		return err
	}
	return on(rag.Event{Kind: rag.EventDelta, Delta: a.Text})
}

func (p *Pipeline) checkQuestion(q rag.Question) (rag.Question, error) {
	q.Text = strings.TrimSpace(q.Text)
	switch {
	case q.Text == "":
		return q, rag.Errorf(rag.KindInvalid, "question: is empty")
	case q.K < 0 || q.K > maxSources:
		return q, rag.Errorf(rag.KindInvalid, "k: %d is out of range 1 to %d", q.K, maxSources)
	case len(q.History) > maxHistory:
		return q, rag.Errorf(rag.KindInvalid, "history: has %d turns; at most %d are taken", len(q.History), maxHistory)
	}
	if q.K == 0 {
		q.K = defaultSources
	}
	if q.Timeout <= 0 {
		q.Timeout = p.cfg.AnswerTimeout
	}
	return q, nil
}

// fit leaves out of a prompt what the generator cannot read.
func (p *Pipeline) fit(prompt Prompt) (fitted Prompt, leftOut string, err error) {
	if f, ok := p.cfg.Generate.(Fitter); ok {
		return f.Fit(prompt)
	}
	return prompt, "", nil
}

// write has the answer generated from the hits as they are read, and every citation
// in it verified as it comes.
func (p *Pipeline) write(ctx context.Context, r *run, col rag.Collection, prompt Prompt, hits []rag.Hit, on func(rag.Event) error) (rag.Answer, error) {
	if len(hits) == 0 {
		err := on(rag.Event{Kind: rag.EventDelta, Delta: rag.Refusal})
		return rag.Answer{Text: rag.Refusal, Refused: true, Citations: []rag.Citation{}}, err
	}
	begun := p.cfg.Clock()
	c := newCiter(ctx, p.cfg.Chunks, col.ID, hits, func(s string) error {
		return on(rag.Event{Kind: rag.EventDelta, Delta: s})
	})
	draft, err := p.cfg.Generate.Generate(ctx, prompt, c.write)
	if err != nil && isDown(err) && !overBudget(err) && p.cfg.Fallback != nil && !c.begun() && ctx.Err() == nil {
		r.degrade("llm", err)
		draft, err = p.cfg.Fallback.Generate(ctx, prompt, c.write)
	}
	if err != nil {
		return rag.Answer{}, rag.Wrap(rag.KindOf(err), err, "write the answer")
	}
	r.degraded = append(r.degraded, draft.Degraded...)
	switch {
	case draft.Refused && !c.begun():
		err = on(rag.Event{Kind: rag.EventDelta, Delta: rag.Refusal})
	case len(draft.Quotes) > 0 && !c.begun():
		err = c.quoted(draft.Quotes)
	default:
		err = c.close()
	}
	if err != nil {
		return rag.Answer{}, err
	}
	if draft.Route != "" {
		r.stage("route", p.cfg.Clock(), len(hits), len(hits), draft.Route)
	}
	r.stage("generate", begun, len(hits), 1, draft.Usage.Model)

	begun = p.cfg.Clock()
	a := rag.Answer{Text: c.text(), Citations: c.citations, DroppedCitations: c.dropped, Refused: draft.Refused, Usage: draft.Usage}
	if !a.Refused && len(a.Citations) == 0 && c.dropped == 0 {
		// The generator named no source at all: look for them.
		a.Text, a.Citations = c.attribute(a.Text)
	}
	if a.Refused {
		a.Text, a.Citations = rag.Refusal, []rag.Citation{}
	}
	a.Confidence = confidence(draft, a, hits)
	r.stage("cite", begun, len(a.Citations)+a.DroppedCitations, len(a.Citations), "")
	return a, nil
}

func sources(hits []rag.Hit) []Source {
	out := make([]Source, len(hits))
	for i, h := range hits {
		out[i] = Source{
			Number: i + 1, Title: h.Document.Title, Heading: h.Heading, Prefix: h.Prefix, Text: h.Text,
			Score: h.Score, Vector: h.Vector,
		}
	}
	return out
}

// confidence is the generator's own estimate where it has one. Otherwise it is
// the cosine of the best source, scaled over the range in which the built-in
// model's cosines of unrelated (.5) and closely related (.85) passages lie, and
// lowered for statements whose citations were dropped.
func confidence(d Draft, a rag.Answer, hits []rag.Hit) float64 {
	if d.Confidence >= 0 {
		return min(1, d.Confidence)
	}
	if a.Refused || len(a.Citations) == 0 {
		return 0
	}
	best := 0.0
	for _, h := range hits {
		best = max(best, h.Vector)
	}
	c := max(0, min(1, (best-.5)/.35))
	return c * float64(len(a.Citations)) / float64(len(a.Citations)+a.DroppedCitations)
}
