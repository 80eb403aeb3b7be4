package ivf_test

import (
	"bufio"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/model/bert/convert"
	"github.com/smartretriever/smartretriever/model/embed/static"
	"github.com/smartretriever/smartretriever/rag"
)

// realSet is the embeddings of sentences, and of windows of three sentences, of the retrieval
// sets in the shared data: all but those of some documents, whose windows are queries
// for tuning and, other ones, for reporting. Questions are the sets' questions.
type realSet struct {
	vectors                     vector.Slice
	tuning, reported, questions [][]float32
}

var shared = filepath.Join("..", "..", "..", "..", "shared", "data")

var readReal = sync.OnceValues(func() (*realSet, error) {
	model, err := convert.Read(context.Background(), filepath.Join(shared, "models", "potion-base-4M-int8"), convert.Options{})
	if err != nil {
		return nil, err
	}
	e, err := static.New(static.Config{Weights: model.Data})
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	s := &realSet{}
	add := func(text string, to *[][]float32) error {
		v, err := e.Embed(context.Background(), rag.PassageText, []string{text})
		if err != nil {
			return err
		}
		if vector.Check(v[0], len(v[0]), vector.Cosine) == nil {
			*to = append(*to, v[0])
		}
		return nil
	}
	var stored [][]float32
	for _, set := range []string{"scifact", "cranfield", "cacm", "hotpotqa-100", "quotesum-dev", "adi"} {
		err := readTexts(filepath.Join(shared, "retrieval", set, "corpus.jsonl"), func(text string) error {
			to := &stored
			switch rng.IntN(40) {
			case 0:
				to = &s.tuning
			case 1:
				to = &s.reported
			}
			for _, w := range windows(text) {
				if err := add(w, to); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		err = readTexts(filepath.Join(shared, "retrieval", set, "queries.jsonl"), func(text string) error { return add(text, &s.questions) })
		if err != nil {
			return nil, err
		}
	}
	for _, q := range []*[][]float32{&s.tuning, &s.reported, &s.questions} {
		rng.Shuffle(len(*q), func(i, j int) { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] })
		*q = (*q)[:min(1000, len(*q))]
	}
	s.vectors.Dimensions = len(stored[0])
	for _, v := range stored {
		vector.Normalize(v)
		s.vectors.Values = append(s.vectors.Values, v...)
	}
	return s, nil
})

func readTexts(path string, use func(text string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var x struct{ Title, Text string }
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			return err
		}
		if err := use(x.Title + " " + x.Text); err != nil {
			return err
		}
	}
	return lines.Err()
}

// windows returns the sentences of a text, and every three of them that follow each other.
func windows(text string) []string {
	sentences := strings.SplitAfter(text, ". ")
	all := sentences
	for i := range len(sentences) - 2 {
		all = append(all, strings.Join(sentences[i:i+3], " "))
	}
	return all
}

func realData(tb testing.TB) *realSet {
	tb.Helper()
	if _, err := os.Stat(shared); err != nil {
		tb.Skipf("real data is absent: %v", err)
	}
	s, err := readReal()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
