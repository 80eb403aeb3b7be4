package enrich

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// KeySummary is the key that Summary and WrittenSummary write: a string.
const KeySummary = "summary"

// SummaryOptions are settings of Summary.
type SummaryOptions struct {
	Sentences int // 0 is 3, at most 10
}

// Bounds on the graph of sentences, whose size is the square of their number, and on
// what is a sentence that can stand for the text.
const (
	summarySentences = 300
	summaryTerms     = 60 // of a sentence that are compared
	leastTerms       = 4
	maxSummary       = 4000 // bytes
)

type summary struct{ opt SummaryOptions }

// Summary quotes the sentences that say most of the text, in the order in which they
// stand: a walk over the graph of sentences that share words (TextRank, Mihalcea and
// Tarau 2004), from which each next one is taken that is central and unlike those taken
// already (maximal marginal relevance, Carbonell and Goldstein 1998). Of a long text the
// first 300 sentences are looked at.
func Summary(opt SummaryOptions) (Stage, error) {
	if opt.Sentences == 0 {
		opt.Sentences = 3
	}
	if opt.Sentences < 1 || opt.Sentences > 10 {
		return nil, rag.Errorf(rag.KindInvalid, "a summary of %d sentences is out of range 1 to 10", opt.Sentences)
	}
	return summary{opt}, nil
}

func (s summary) Name() string     { return "summary" }
func (s summary) Cost() Cost       { return Rules }
func (s summary) Settings() string { return "1 " + itoa(s.opt.Sentences) }

func (s summary) Enrich(_ context.Context, d *Document) (Result, error) {
	text := quoteBest(d, s.opt.Sentences)
	if text == "" {
		return Result{}, nil
	}
	return Result{Metadata: rag.Metadata{KeySummary: rag.Str(text)}}, nil
}

type scored struct {
	text  string
	terms map[string]bool
}

func quoteBest(d *Document, most int) string {
	prose := d.Prose()
	analyzer := analyze.For(d.Text.Language)
	var list []scored
	for _, span := range d.sentenceList() {
		if len(list) == summarySentences {
			break
		}
		text := strings.Join(strings.Fields(span.Of(prose)), " ")
		if !strings.ContainsAny(text[max(0, len(text)-4):], ".!?。！？…") || len(text) > maxSummary/2 { // a heading, or no sentence
			continue
		}
		terms := map[string]bool{}
		for _, t := range analyzer.Append(nil, text) {
			if len(terms) < summaryTerms && !stop(d.Text.Language, t) {
				terms[t] = true
			}
		}
		if len(terms) >= leastTerms {
			list = append(list, scored{text, terms})
		}
	}
	if len(list) == 0 {
		return ""
	}
	edges := make([]map[int]float64, len(list))
	like := make([][]float64, len(list))
	for i := range list {
		edges[i] = map[int]float64{}
		like[i] = make([]float64, len(list))
	}
	for i := range list {
		for j := i + 1; j < len(list); j++ {
			if v := overlap(list[i].terms, list[j].terms); v > 0 {
				edges[i][j], edges[j][i] = v, v
				like[i][j], like[j][i] = v, v
			}
		}
	}
	rank := pagerank(edges)
	for i := range rank { // what comes first tells more, in reports and in news
		rank[i] *= 1 + .5/math.Sqrt(float64(i+1))
	}
	highest := slices.Max(rank)
	var taken []int
	length := 0
	for len(taken) < most {
		best, bestScore := -1, 0.
		for i := range list {
			if slices.Contains(taken, i) || length+len(list[i].text) > maxSummary {
				continue
			}
			same := 0.
			for _, t := range taken {
				same = max(same, like[i][t])
			}
			const relevance = .7
			if score := relevance*rank[i]/highest - (1-relevance)*same; best < 0 || score > bestScore {
				best, bestScore = i, score
			}
		}
		if best < 0 {
			break
		}
		taken = append(taken, best)
		length += len(list[best].text) + 1
	}
	slices.Sort(taken)
	out := make([]string, len(taken))
	for i, t := range taken {
		out[i] = list[t].text
	}
	return strings.Join(out, " ")
}

// overlap is the cosine of two sets of words.
func overlap(a, b map[string]bool) float64 {
	if len(a) > len(b) {
		a, b = b, a
	}
	n := 0
	for t := range a {
		if b[t] {
			n++
		}
	}
	return float64(n) / math.Sqrt(float64(len(a)*len(b)))
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range min(len(a), len(b)) {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

func itoa(n int) string { return strconv.Itoa(n) }
