// Package route decides which of two language models answers a question: the
// cheaper one what is simple, the better one what is hard.
//
// Decide is a pure function of a question's Features and stated Rules. The first
// rule that speaks for the better model decides, and its reason is in words:
// "good: retrieval confidence 0.21 < 0.3". Generator applies it, and has the reason
// stand in the answer's trace.
package route

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/smartretriever/smartretriever/answer"
)

// Route is one of the two models.
type Route string

const (
	Cheap Route = "cheap"
	Good  Route = "good"
)

// Rules say what makes a question hard.
type Rules struct {
	MaxWords        int      // words; 0 is 24
	MaxSubquestions int      // questions within the question; 0 is 1
	MaxHistory      int      // earlier turns; negative is none at all, 0 is 6
	MinConfidence   float64  // of the search, 0 to 1; negative does not count, 0 is .3
	HardWords       []string // in lower case; nil is none
}

// WithDefaults fills in the zero fields.
func (r Rules) WithDefaults() Rules {
	if r.MaxWords == 0 {
		r.MaxWords = 24
	}
	if r.MaxSubquestions == 0 {
		r.MaxSubquestions = 1
	}
	if r.MaxHistory == 0 {
		r.MaxHistory = 6
	}
	if r.MinConfidence == 0 {
		r.MinConfidence = .3
	}
	return r
}

// Features is what the rules look at.
type Features struct {
	Words        []string // of the question, in lower case
	Subquestions int      // at least 1
	History      int      // earlier turns
	// Confidence is how well the best passage fits, 0 to 1; negative where it is not
	// known, as after a search by keywords alone.
	Confidence float64
	// Gap is how far the best passage's fit is ahead of the middle of the others',
	// 0 to 1: a search that found one place and not a little of everything.
	Gap float64
}

// clearGap is a Gap from which a search counts as certain of its first passage even
// below MinConfidence.
const clearGap = .3

// Decide returns the route and the reason. It needs rules with their defaults.
func Decide(f Features, r Rules) (Route, string) {
	if w := slices.IndexFunc(f.Words, func(w string) bool { return slices.Contains(r.HardWords, w) }); w >= 0 {
		return Good, fmt.Sprintf("the question says %q", f.Words[w])
	}
	switch {
	case f.Subquestions > r.MaxSubquestions:
		return Good, fmt.Sprintf("%d questions in one > %d", f.Subquestions, r.MaxSubquestions)
	case len(f.Words) > r.MaxWords:
		return Good, fmt.Sprintf("%d words > %d", len(f.Words), r.MaxWords)
	case f.History > max(0, r.MaxHistory):
		return Good, fmt.Sprintf("%d earlier turns > %d", f.History, max(0, r.MaxHistory))
	case f.Confidence >= 0 && f.Confidence < r.MinConfidence && f.Gap < clearGap:
		return Good, fmt.Sprintf("retrieval confidence %.2f < %g", f.Confidence, r.MinConfidence)
	case f.Confidence < 0:
		return Cheap, fmt.Sprintf("%d words, one question", len(f.Words))
	}
	return Cheap, fmt.Sprintf("%d words, one question, retrieval confidence %.2f", len(f.Words), f.Confidence)
}

// Cosines of the built-in model between unrelated and closely related passages;
// the same range as that of an answer's confidence.
const (
	unrelated = .5
	related   = .85
)

// FeaturesOf looks at what a model is to answer from.
func FeaturesOf(p answer.Prompt) Features {
	f := Features{Words: words(p.Question), Subquestions: subquestions(p.Question), History: len(p.History), Confidence: -1}
	fits := make([]float64, 0, len(p.Sources))
	for _, s := range p.Sources {
		if s.Vector > 0 {
			fits = append(fits, max(0, min(1, (s.Vector-unrelated)/(related-unrelated))))
		}
	}
	if len(fits) == 0 {
		return f
	}
	slices.Sort(fits)
	f.Confidence = fits[len(fits)-1]
	if len(fits) > 1 {
		f.Gap = f.Confidence - fits[(len(fits)-1)/2]
	}
	return f
}

// words returns the words of a text in lower case. Hyphens and apostrophes stay
// within a word.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '\'' && r != '’'
	})
}

// subquestions counts question marks that end something, and lists of points.
func subquestions(text string) int {
	marks, points := 0, 0
	asked := false // a word since the last mark
	for _, r := range text {
		switch {
		case r == '?' || r == '？' || r == '؟':
			if asked {
				marks++
			}
			asked = false
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			asked = true
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		digits := strings.TrimLeft(line, "0123456789")
		switch {
		case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "* "),
			len(digits) < len(line) && (strings.HasPrefix(digits, ". ") || strings.HasPrefix(digits, ") ")):
			points++
		}
	}
	return max(1, marks, points)
}
