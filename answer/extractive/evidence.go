package extractive

import "math"

// Evidence is what the decision to answer rests on. All fields lie between 0 and 1,
// except cosines, which may be below.
type Evidence struct {
	WordsOnly bool    // there were no vectors
	Cosine    float64 // of the best sentence to the question
	Second    float64 // cosine of the runner-up
	Words     float64 // weight of the question's terms in the best sentence
	Known     float64 // weight of the question's terms in all sources
	Source    float64 // cosine of the best source to the question
}

// DefaultMinEvidence is the probability below which a question is refused.
const DefaultMinEvidence = .5

func (q *question) evidence(found []*candidate, wordsOnly bool) Evidence {
	e := Evidence{WordsOnly: wordsOnly, Known: q.known, Source: q.top}
	var best *candidate
	for _, c := range found {
		if best == nil || c.score > best.score {
			best = c
		}
	}
	e.Words, e.Cosine = best.words, best.cosine
	for _, c := range found {
		if c != best {
			e.Second = max(e.Second, c.cosine)
		}
	}
	return e
}

// Probability is that of the sources holding the answer.
func (e Evidence) Probability() float64 { return logistic(e.logit()) }

// Confidence is the probability that the quotes hold the answer.
func (e Evidence) Confidence() float64 { return logistic(e.logit()) }

func (e Evidence) logit() float64 { return 10*(e.Cosine-.6) + 3*(e.Words-.4) }

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
