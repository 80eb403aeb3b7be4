package extractive

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/rag"
)

// question is what is asked: its text, and the weight of each of its terms.
type question struct {
	text  string
	terms map[string]float64 // of together 1; words that only ask are left out
	known float64            // weight of the terms that any source holds
}

// asking are terms that say that something is asked, not what: they stand in no
// answer. The analyzer drops the commonest of them as stop words already.
var asking = func() map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields("what which who whom whose when where why how much many name tell list did does do is are was were") {
		set[w] = true
	}
	return set
}()

func (g *Generator) question(p answer.Prompt) *question {
	q := &question{text: p.Question, terms: map[string]float64{}}
	all := g.terms(p.Question)
	for t := range all {
		if !asking[t] {
			q.terms[t] = 0
		}
	}
	if len(q.terms) == 0 {
		for t := range all {
			q.terms[t] = 0
		}
	}
	return q
}

// contextShare is what a term in the title or heading above a sentence counts, compared
// with one in the sentence: the subject is often named only there.
const contextShare = .5

// weigh gives the question's terms weights by how few of the candidates hold them
// (the idf of BM25), and each candidate the sum of the weights that it holds.
func (q *question) weigh(found []*candidate) {
	total := 0.0
	for _, t := range sorted(q.terms) {
		df := 0
		for _, c := range found {
			if c.terms[t] {
				df++
			}
		}
		w := math.Log(1 + (float64(len(found)-df)+.5)/(float64(df)+.5))
		q.terms[t] = w
		total += w
	}
	for _, t := range sorted(q.terms) {
		q.terms[t] /= total
		held := 0.0
		for _, c := range found {
			switch {
			case c.terms[t]:
				c.words += q.terms[t]
				held = q.terms[t]
			case c.around[t]:
				c.words += contextShare * q.terms[t]
				held = max(held, q.terms[t])
			}
		}
		q.known += held
	}
}

// sorted returns the keys of a map in order, so that sums come out the same each time.
func sorted(m map[string]float64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Weights of rank, chosen on the questions of docs/answers.md.
const (
	meaningWeight = 1.0
	wordsWeight   = .35
	sourceWeight  = .1
)

// prior is what the rank of its source, from 0, says for a candidate.
func prior(source int) float64 { return 1 / math.Sqrt(float64(source+1)) }

// shortlist returns the n candidates with the most weight of question terms, a
// higher source first where they are equal, in the order in which they stand.
func (q *question) shortlist(found []*candidate, n int) []*candidate {
	if len(found) <= n {
		return found
	}
	best := slices.Clone(found)
	slices.SortStableFunc(best, func(a, b *candidate) int {
		return cmp.Compare(b.words+sourceWeight*prior(b.source), a.words+sourceWeight*prior(a.source))
	})
	best = best[:n]
	slices.SortFunc(best, inOrder)
	return best
}

func inOrder(a, b *candidate) int {
	return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.span.Start, b.span.Start))
}

// rank scores the candidates. Cosines of the built-in model lie between about .4
// for unrelated and .9 for equal texts.
func rank(found []*candidate, wordsOnly bool) {
	for _, c := range found {
		c.score = wordsWeight*c.words + sourceWeight*prior(c.source)
		if !wordsOnly {
			c.score += meaningWeight * (c.cosine - .4) / .5
		}
	}
}

const (
	// repeats is the share of a sentence's terms, all in one chosen before, from
	// which it says nothing new.
	repeats = .9
	// keep is the part of the best score that a further sentence must have.
	keep = .75
	// penalty weighs the likeness to what is chosen already (maximal marginal
	// relevance; Carbonell and Goldstein, SIGIR 1998).
	penalty = .2
)

// choose returns up to n candidates, the best first, each adding something to
// those before it.
func choose(found []*candidate, n int) []*candidate {
	var chosen []*candidate
	var best float64
	left := slices.Clone(found)
	for len(chosen) < n {
		at, top := -1, math.Inf(-1)
		for i, c := range left {
			if c == nil {
				continue
			}
			like, old := 0.0, 0.0
			for _, d := range chosen {
				like = max(like, likeness(c, d))
				old = max(old, contained(c, d))
			}
			if old >= repeats {
				left[i] = nil
				continue
			}
			if s := c.score - penalty*like; s > top {
				at, top = i, s
			}
		}
		if at < 0 || len(chosen) > 0 && left[at].score < keep*best {
			break
		}
		if len(chosen) == 0 {
			best = left[at].score
		}
		chosen = append(chosen, left[at])
		left[at] = nil
	}
	return chosen
}

// likeness is the share of terms that two candidates have in common (Jaccard).
func likeness(a, b *candidate) float64 {
	if len(a.terms)+len(b.terms) == 0 {
		return 0
	}
	both := common(a, b)
	return float64(both) / float64(len(a.terms)+len(b.terms)-both)
}

// contained is the share of the terms of c that d has too, 1 if c has none.
func contained(c, d *candidate) float64 {
	if len(c.terms) == 0 {
		return 1
	}
	return float64(common(c, d)) / float64(len(c.terms))
}

func common(a, b *candidate) int {
	both := 0
	for t := range a.terms {
		if b.terms[t] {
			both++
		}
	}
	return both
}

// quotes puts the chosen candidates into the order in which they are read: sources
// by their best sentence, sentences of one source as they stand there. Neighbours
// become one quote, and so do rows of a table, which share its header.
func quotes(chosen []*candidate) []answer.Quote {
	first := map[int]int{}
	for i, c := range chosen {
		if _, seen := first[c.source]; !seen {
			first[c.source] = i
		}
	}
	ordered := slices.Clone(chosen)
	slices.SortFunc(ordered, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(first[a.source], first[b.source]), cmp.Compare(a.span.Start, b.span.Start))
	})
	var out []answer.Quote
	for _, c := range ordered {
		n := len(out)
		if n > 0 && out[n-1].Source == c.number && c.span.Start-out[n-1].Span.End <= 1 {
			out[n-1].Span.End = max(out[n-1].Span.End, c.span.End)
			continue
		}
		out = append(out, answer.Quote{Source: c.number, Span: rag.Span{Start: c.span.Start, End: c.span.End}})
	}
	return out
}
