package extractive

import "math"

// Evidence is what the decision to answer rests on.
type Evidence struct {
	WordsOnly bool    // there were no vectors; Cosine and Mean are 0
	Cosine    float64 // of the best sentence to the question
	Mean      float64 // of the cosines of the shortlist: what a sentence reaches by being of the same subject or language
	Words     float64 // share, by weight, of the question's terms in the best sentence and its headings
	Known     float64 // share of the question's terms in any source
}

// DefaultMinEvidence is the probability below which a question is refused. It
// costs about one good answer in twenty and keeps back nineteen of twenty that
// would have been made of documents about something else (docs/answers.md).
const DefaultMinEvidence = .3

// weights of a logistic regression on the fields of Evidence. They were fitted on
// every other question of XQuAD (English), HotpotQA, QuoteSum and RGB with the
// built-in model, by `go run ./bench/answers -fit`, and checked on the rest.
type weights struct{ bias, cosine, mean, words, known float64 }

var (
	answerable          = weights{-13.28, 26.67, -13.17, 1.96, 1.96}
	answered            = weights{-2.07, 7.23, -6.34, 1.57, .03}
	answerableWordsOnly = weights{bias: -3.83, words: 5.10, known: 2.05}
	answeredWordsOnly   = weights{bias: -.37, words: 2.10, known: -.85}
)

func (w weights) probability(e Evidence) float64 {
	x := w.bias + w.cosine*e.Cosine + w.mean*e.Mean + w.words*e.Words + w.known*e.Known
	return 1 / (1 + math.Exp(-x))
}

// Probability returns that of the sources holding the answer.
func (e Evidence) Probability() float64 {
	if e.WordsOnly {
		return answerableWordsOnly.probability(e)
	}
	return answerable.probability(e)
}

// Confidence returns the probability that the quotes hold the answer, given that
// the evidence was good enough to quote at all.
func (e Evidence) Confidence() float64 {
	if e.WordsOnly {
		return answeredWordsOnly.probability(e)
	}
	return answered.probability(e)
}

// evidence gathers what speaks for an answer made of the ranked candidates, of
// which there is at least one.
func (q *question) evidence(found []*candidate, wordsOnly bool) Evidence {
	e := Evidence{WordsOnly: wordsOnly, Known: q.known}
	best := found[0]
	for _, c := range found {
		e.Mean += c.cosine / float64(len(found))
		if c.score > best.score {
			best = c
		}
	}
	e.Words, e.Cosine = best.words, best.cosine
	return e
}
