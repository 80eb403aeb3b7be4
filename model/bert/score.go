package bert

import (
	"context"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// headScore names the head of a cross-encoder in a weight file.
const headScore = "score"

// head turns the first token's vector of a pair into one number, as the sequence
// classification heads of BERT and RoBERTa do: tanh(x W + b) · v + c.
type head struct {
	pooler     []float32 // Hidden x Hidden, a row an output
	poolerBias []float32
	weight     []float32 // Hidden
	bias       float32
}

func (r *reader) head(hidden int) head {
	h := head{
		pooler:     r.float32("head.pooler.weight", hidden*hidden),
		poolerBias: r.float32("head.pooler.bias", hidden),
		weight:     r.float32("head.score.weight", hidden),
	}
	if bias := r.float32("head.score.bias", 1); len(bias) == 1 {
		h.bias = bias[0]
	}
	return h
}

// score computes the head. It is a small part of a pair's work: plain Go serves.
// wide has room for a row.
func (h *head) score(x []float32, wide []float64) float32 {
	for i, v := range x {
		wide[i] = float64(v)
	}
	score := float64(h.bias)
	for n, bias := range h.poolerBias {
		row := h.pooler[n*len(x) : (n+1)*len(x)]
		sum := float64(bias)
		for i, w := range row {
			sum += float64(w) * wide[i]
		}
		score += math.Tanh(sum) * float64(h.weight[n])
	}
	return float32(score)
}

// Pair is a question and a passage that may answer it.
type Pair struct{ Question, Passage string }

// Score sets dst[i] to what the model, a cross-encoder, says of pairs[i]: its
// logit, higher is better, without bounds. It returns how many of the pairs, from
// the first on, are done: all, unless ctx ends before. Pairs of several questions
// may be mixed. A pair that does not fit in the model's MaxTokens loses tokens at
// the end of its longer text, one by one, until it does.
//
// Pairs are computed in groups (at most groupRows tokens, or one pair) in their
// order. A model that does not score pairs is KindInvalid. Once warm, a call
// allocates no memory.
func (e *Encoder) Score(ctx context.Context, dst []float32, pairs []Pair) (int, error) {
	if !e.model.Scores() {
		return 0, rag.Errorf(rag.KindInvalid, "model %q gives vectors; a cross-encoder is needed to score pairs", e.model.Name)
	}
	if len(dst) != len(pairs) {
		panic("bert: Score: dst has the wrong length")
	}
	if len(pairs) == 0 {
		return 0, nil
	}
	c := e.begin(ctx, wantScores)
	defer c.release()
	c.dst = dst
	for _, p := range pairs {
		c.tokenizePair(p)
	}
	c.run()
	return c.finished(), nil
}

// tokenizePair adds a pair: start, question, end (XLM-R: twice), passage, end.
func (c *call) tokenizePair(p Pair) {
	m := c.encoder.model
	start, end := m.tokenizer.Special()
	ends := max(m.PairEnds, 1)
	room := m.MaxTokens - 2 - ends
	from := len(c.ids)
	c.ids = append(c.ids, start)
	c.ids = m.tokenizer.Append(c.ids, p.Question, room)
	question := len(c.ids) - from - 1
	for range ends {
		c.ids = append(c.ids, end)
	}
	second := len(c.ids)
	c.ids = m.tokenizer.Append(c.ids, p.Passage, room)
	passage := len(c.ids) - second
	if over := question + passage - room; over > 0 {
		if question == room && passage == room { // of which both may have more
			question, passage = m.tokenizer.Count(p.Question), m.tokenizer.Count(p.Passage)
		}
		var cut int
		question, cut = longestCut(question, passage, room)
		c.ids = slices.Delete(c.ids[:second+cut], from+1+question, second-ends)
	}
	c.ids = append(c.ids, end)
	c.add(1 + question + ends)
}

// longestCut shortens the longer of two texts until both fit in room, and once
// they are equal both in turn, as the tokenizers of cross-encoders do. Together
// they are longer than room. The odd token goes to the one that was longer.
func longestCut(a, b, room int) (int, int) {
	half := room / 2
	switch {
	case min(a, b) <= half && a <= b:
		return a, room - a
	case min(a, b) <= half:
		return room - b, b
	case a <= b:
		return half, room - half
	}
	return room - half, half
}

// Tokens hands each text's tokens and the last layer's rows of them to each:
// len(ids) rows of Hidden numbers, neither pooled nor of unit length, the special
// tokens' included. each is called by several goroutines at once, a text at a
// time, and must not keep what it is given. It returns how many of the texts, from
// the first on, are done: all, unless ctx ends before.
func (e *Encoder) Tokens(ctx context.Context, prefix string, texts []string, each func(text int, ids []int32, rows []float32)) int {
	if len(texts) == 0 {
		return 0
	}
	c := e.begin(ctx, wantTokens)
	defer c.release()
	c.each = each
	for _, text := range texts {
		c.tokenize(prefix, text)
	}
	c.run()
	return c.finished()
}
