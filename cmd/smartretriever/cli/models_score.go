package cli

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/rerank/crossencoder"
	"github.com/smartretriever/smartretriever/rag"
)

// Kinds of models.
const (
	kindEmbedder = "embedder"
	kindReranker = "reranker"
)

// kindOf says what a model is for.
func kindOf(m weightfile.Model) string {
	if m.Head != "" {
		return kindReranker
	}
	return kindEmbedder
}

// scores reports whether a weight file is that of a model that scores pairs. A
// damaged one is not; what is wrong with it is found when it is opened.
func scores(data []byte) bool {
	f, err := weightfile.Parse(data)
	return err == nil && kindOf(f.Model) == kindReranker
}

// checkReranker has the reference sentences put in order.
func checkReranker(ctx context.Context, data []byte) error {
	r, err := crossencoder.New(crossencoder.Config{Weights: data})
	if err != nil {
		return err
	}
	res, err := r.Rerank(ctx, rag.RerankQuery{Text: reference[0], Passages: []rag.Passage{{Text: reference[1]}, {Text: reference[2]}}})
	switch {
	case err != nil:
		return err
	case len(res.Scores) < 2:
		return rag.Wrap(rag.KindOf(ctx.Err()), ctx.Err(), "try the model out")
	case !(res.Scores[0] > res.Scores[1]):
		return fmt.Errorf("it scores an unrelated sentence (%.3f) as high as a related one (%.3f)", res.Scores[1], res.Scores[0])
	}
	return nil
}

// benchReranker measures pairs of 128 and 256 tokens a second, and how long one
// pair of about 20 tokens takes.
func (a *app) benchReranker(ctx context.Context, data []byte, each time.Duration) (modelSpeed, error) {
	m, err := bert.Open(data)
	if err != nil {
		return modelSpeed{}, err
	}
	e, err := bert.NewEncoder(m, bert.Config{Workers: a.cfg.Embedder.Threads})
	if err != nil {
		return modelSpeed{}, err
	}
	s := modelSpeed{Kernel: e.Kernel(), Threads: a.cfg.Embedder.Threads}
	if s.Threads == 0 {
		s.Threads = runtime.GOMAXPROCS(0)
	}
	question := pairText(m, 8)
	measure := func(pairs, tokens int) (fastest, median time.Duration, err error) {
		batch, scores := make([]bert.Pair, pairs), make([]float32, pairs)
		for i := range batch {
			batch[i] = bert.Pair{Question: question, Passage: pairText(m, tokens-11)}
		}
		took, err := timed(ctx, each, func() error {
			_, err := e.Score(ctx, scores, batch)
			return err
		})
		if err != nil {
			return 0, 0, err
		}
		slices.Sort(took)
		return took[0], took[len(took)/2], nil
	}
	for tokens, to := range map[int]*float64{128: &s.Short, 256: &s.Long} {
		if tokens > m.MaxTokens {
			continue
		}
		fastest, _, err := measure(8*s.Threads, tokens)
		if err != nil {
			return s, err
		}
		*to = float64(8*s.Threads) / fastest.Seconds()
	}
	_, median, err := measure(1, 20)
	s.Question = float64(median.Microseconds()) / 1000
	return s, err
}

// pairText returns a text of so many tokens; common words are one each.
func pairText(m *bert.Model, tokens int) string {
	return commonWords(m.Tokenizer().Count, tokens)
}

// commonWords returns a text of so many tokens as count counts them.
func commonWords(count func(string) int, tokens int) string {
	text := strings.TrimSpace(strings.Repeat("water ", tokens))
	if n := count(text); n > tokens {
		text = strings.TrimSpace(strings.Repeat("water ", max(1, tokens*tokens/n)))
	}
	return text
}
