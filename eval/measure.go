package eval

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Measure is a way to score the ranking of one query, from 0 to 1. K is the depth
// down to which the ranking is read, 0 for all of it.
//
// The definitions are trec_eval's; rel(i) is the relevance of the document at rank
// i (0 where unjudged or negative), R the number of documents judged above 0:
//
//	ndcg       sum of rel(i) / log2(i+1), divided by that of the ideal ranking cut at K
//	recall     relevant documents down to K, divided by R
//	precision  relevant documents down to K, divided by K
//	mrr        1 / rank of the first relevant document
//	map        mean over the R relevant documents of the precision at their rank
type Measure struct {
	Name string
	K    int
}

// Defaults are the measures of a Report unless others are asked for.
var Defaults = []Measure{{"ndcg", 10}, {"recall", 10}, {"recall", 100}, {"precision", 10}, {"mrr", 0}, {"mrr", 10}, {"map", 0}}

var formulas = map[string]func(rels, ideal []int, k int) float64{
	"ndcg": ndcg, "recall": recall, "precision": precision, "mrr": mrr, "map": averagePrecision,
}

// String returns the name with the depth: "ndcg@10", "map".
func (m Measure) String() string {
	if m.K == 0 {
		return m.Name
	}
	return m.Name + "@" + strconv.Itoa(m.K)
}

// ParseMeasure reads the form that String writes. An unknown name, a depth that is
// not a positive number, and precision without a depth are KindInvalid.
func ParseMeasure(s string) (Measure, error) {
	name, depth, deep := strings.Cut(s, "@")
	m := Measure{Name: name}
	if deep {
		k, err := strconv.Atoi(depth)
		if err != nil || k < 1 {
			return m, rag.Errorf(rag.KindInvalid, "measure %q: the depth is a positive number, as in ndcg@10", s)
		}
		m.K = k
	}
	return m, m.validate()
}

func (m Measure) validate() error {
	switch {
	case formulas[m.Name] == nil:
		return rag.Errorf(rag.KindInvalid, "measure %q is not known; known are ndcg, recall, precision, mrr and map", m.Name)
	case m.K < 0 || m.K == 0 && m.Name == "precision":
		return rag.Errorf(rag.KindInvalid, "measure %q needs a depth, as in %s@10", m, m.Name)
	}
	return nil
}

// Ranked is a document of a ranking.
type Ranked struct {
	DocumentID string
	Score      float64
}

// BestChunk turns a ranking of chunks (documents that occur several times) into one
// of documents: each counts by its best chunk. The result is in the order in which
// rankings are read: by descending score, ties by descending document id.
func BestChunk(chunks []Ranked) []Ranked {
	best := make(map[string]float64, len(chunks))
	for _, c := range chunks {
		if s, seen := best[c.DocumentID]; !seen || c.Score > s {
			best[c.DocumentID] = c.Score
		}
	}
	docs := make([]Ranked, 0, len(best))
	for id, s := range best {
		docs = append(docs, Ranked{id, s})
	}
	slices.SortFunc(docs, func(a, b Ranked) int {
		if c := cmp.Compare(float32(b.Score), float32(a.Score)); c != 0 {
			return c
		}
		return cmp.Compare(b.DocumentID, a.DocumentID)
	})
	return docs
}

// scores returns the value of each measure for one query.
func scores(measures []Measure, judged map[string]int, ranking []Ranked) []float64 {
	docs := BestChunk(ranking)
	rels := make([]int, len(docs))
	for i, d := range docs {
		rels[i] = max(0, judged[d.DocumentID])
	}
	ideal := make([]int, 0, len(judged))
	for _, rel := range judged {
		if rel > 0 {
			ideal = append(ideal, rel)
		}
	}
	slices.SortFunc(ideal, func(a, b int) int { return b - a })
	values := make([]float64, len(measures))
	if len(ideal) == 0 {
		return values
	}
	for i, m := range measures {
		values[i] = formulas[m.Name](rels, ideal, m.K)
	}
	return values
}

// top returns the first k of rels, all of them for 0.
func top(rels []int, k int) []int {
	if k == 0 {
		return rels
	}
	return rels[:min(k, len(rels))]
}

func relevant(rels []int) int {
	n := 0
	for _, rel := range rels {
		if rel > 0 {
			n++
		}
	}
	return n
}

func ndcg(rels, ideal []int, k int) float64 { return dcg(top(rels, k)) / dcg(top(ideal, k)) }

func dcg(rels []int) float64 {
	sum := 0.0
	for i, rel := range rels {
		sum += float64(rel) / math.Log2(float64(i+2))
	}
	return sum
}

func recall(rels, ideal []int, k int) float64 {
	return float64(relevant(top(rels, k))) / float64(len(ideal))
}

func precision(rels, _ []int, k int) float64 { return float64(relevant(top(rels, k))) / float64(k) }

func mrr(rels, _ []int, k int) float64 {
	for i, rel := range top(rels, k) {
		if rel > 0 {
			return 1 / float64(i+1)
		}
	}
	return 0
}

func averagePrecision(rels, ideal []int, k int) float64 {
	sum, found := 0.0, 0
	for i, rel := range top(rels, k) {
		if rel > 0 {
			found++
			sum += float64(found) / float64(i+1)
		}
	}
	return sum / float64(len(ideal))
}
