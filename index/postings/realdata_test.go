package postings

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/text/analyze"
)

// corpus is what the benchmarks run on: passages and questions as lists of terms.
type corpus struct {
	name      string
	n         int
	row       func(i int, dst []string) []string // makes row i; rows must be asked for in order
	questions [][]string                         // without stop words
	full      [][]string                         // with them
}

// dataDir holds real collections, where they are.
const dataDir = "../../../shared/data/retrieval"

var (
	loadOnce sync.Once
	texts    []string
	asked    []string
)

// realTexts returns the passages and questions of all real collections, none where there are none.
func realTexts() (passages, questions []string) {
	loadOnce.Do(func() {
		read := func(pattern string, dst *[]string) {
			paths, _ := filepath.Glob(filepath.Join(dataDir, pattern))
			for _, path := range paths {
				f, err := os.Open(path)
				if err != nil {
					continue
				}
				lines := bufio.NewScanner(f)
				lines.Buffer(nil, 1<<24)
				for lines.Scan() {
					var v struct{ Title, Text string }
					if json.Unmarshal(lines.Bytes(), &v) == nil && v.Text != "" {
						*dst = append(*dst, strings.TrimSpace(v.Title+" "+v.Text))
					}
				}
				f.Close()
			}
		}
		read("*/corpus.jsonl", &texts)
		read("*/queries.jsonl", &asked)
	})
	return texts, asked
}

// analyzer keeps stop words too, so that full questions can be measured: words of which the product's analyzer makes nothing
// are terms as they are.
type analyzer struct {
	terms map[string][]string
	inner *analyze.Analyzer
	stop  bool
}

func (a *analyzer) append(dst []string, text string) []string {
	for _, w := range strings.Fields(text) {
		t, ok := a.terms[w]
		if !ok {
			t = a.inner.Append(nil, w)
			if len(t) == 0 && a.stop {
				if w := strings.ToLower(strings.Trim(w, ".,;:!?()[]\"'")); w != "" {
					t = []string{w}
				}
			}
			a.terms[w] = t
		}
		dst = append(dst, t...)
	}
	return dst
}

// loadCorpus makes n rows of 65 terms by joining pieces of three random passages each, or rows of made-up terms with the
// frequencies of a language where there is no real text.
func loadCorpus(tb testing.TB, n int) *corpus {
	tb.Helper()
	passages, questions := realTexts()
	rng := rand.New(rand.NewPCG(65, uint64(n)))
	const length = 65
	if len(passages) == 0 {
		return syntheticCorpus(rng, n, length)
	}
	all := &analyzer{terms: map[string][]string{}, inner: analyze.For("en"), stop: true}
	some := &analyzer{terms: map[string][]string{}, inner: analyze.For("en")}
	c := &corpus{name: "real"}
	var pieces [][]string
	for _, p := range passages {
		terms := all.append(nil, p)
		for len(terms) >= 22 {
			pieces = append(pieces, terms[:22])
			terms = terms[22:]
		}
		if len(terms) > 3 {
			pieces = append(pieces, terms)
		}
	}
	c.n = n
	// With POSTINGS_CLUSTERED a row's pieces stand near each other, and rows are in the order of their pieces.
	near := os.Getenv("POSTINGS_CLUSTERED") != ""
	c.row = func(i int, dst []string) []string {
		for range 3 {
			j := rng.IntN(len(pieces))
			if near {
				j = min(i*len(pieces)/n+rng.IntN(100), len(pieces)-1)
			}
			dst = append(dst, pieces[j]...)
		}
		return dst[:min(len(dst), length)]
	}
	for _, q := range questions {
		if t := some.append(nil, q); len(t) > 0 {
			c.questions = append(c.questions, t)
			c.full = append(c.full, all.append(nil, q))
		}
	}
	return c
}

func syntheticCorpus(rng *rand.Rand, n, length int) *corpus {
	c := &corpus{name: "synthetic"}
	zipf := rand.NewZipf(rng, 1.1, 4, 70_000)
	term := func() string { return fmt.Sprintf("t%d", zipf.Uint64()) }
	c.n = n
	c.row = func(_ int, dst []string) []string {
		for range length/2 + rng.IntN(length) {
			dst = append(dst, term())
		}
		return dst
	}
	for range 500 {
		q := make([]string, 2+rng.IntN(14))
		for i := range q {
			q[i] = term()
		}
		c.questions = append(c.questions, q)
		c.full = append(c.full, append(append([]string{}, q...), "t0", "t1", "t2"))
	}
	return c
}
