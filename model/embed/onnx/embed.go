//go:build onnx

package onnx

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/smartretriever/smartretriever/model/bert/convert"
	"github.com/smartretriever/smartretriever/rag"
)

// Embedder embeds texts with one model. It is goroutine-safe; calls take turns,
// a batch at a time.
type Embedder struct {
	cfg   Config
	text  *convert.Text
	graph *graph
	model rag.Model

	turn   chan struct{} // holding it is the right to run
	closed sync.Once
}

// New opens the model and has a text embedded. What is wrong with library, graph
// or tokenizer is KindInvalid and named; a model that is not there KindNotFound.
func New(ctx context.Context, cfg Config) (*Embedder, error) {
	cfg = cfg.withDefaults()
	file, err := cfg.graph()
	if err != nil {
		return nil, err
	}
	text, err := convert.ReadText(ctx, file, convert.Options{Pooling: cfg.Pooling, QueryPrefix: cfg.QueryPrefix, PassagePrefix: cfg.PassagePrefix, MaxTokens: cfg.MaxTokens})
	if err != nil {
		return nil, rag.Errorf(rag.KindOf(err), "embedder: %w", err)
	}
	if err := load(cfg.Library); err != nil {
		return nil, err
	}
	g, err := openGraph(file, cfg)
	if err != nil {
		return nil, err
	}
	e := &Embedder{cfg: cfg, text: text, graph: g, turn: make(chan struct{}, 1)}
	if !g.pooled && text.Pooling == "" {
		_ = e.Close()
		return nil, rag.Errorf(rag.KindInvalid, "embedder: no file of %s says how the tokens' vectors become one: choose pooling cls or mean", file)
	}
	e.model = rag.Model{ID: text.Name, Dimensions: g.width, MaxTokens: text.MaxTokens}
	trial, err := e.Embed(ctx, rag.PassageText, []string{"A text to try the model with."})
	if err != nil {
		_ = e.Close()
		return nil, err
	}
	e.model.Dimensions = len(trial[0])
	return e, nil
}

// Model describes the model. Its ID is made of the file's name and a digest of
// everything that has a part in the vectors.
func (e *Embedder) Model() rag.Model { return e.model }

// CountTokens returns the number of tokens of text, without the special ones.
func (e *Embedder) CountTokens(text string) int { return e.text.Count(text) }

// Close frees the model, once running calls have ended.
func (e *Embedder) Close() error {
	var err error
	e.closed.Do(func() {
		e.turn <- struct{}{} // and never given back
		err = e.graph.session.Destroy()
	})
	return err
}

// Embed returns the texts' vectors, of unit length, in order. Texts longer than
// the model takes are cut; an empty text has a vector, too; no texts are no error.
// The end of ctx is looked at between batches and while one runs.
func (e *Embedder) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	prefix := e.text.PassagePrefix
	if kind == rag.QuestionText {
		prefix = e.text.QueryPrefix
	}
	tokens := make([][]int32, len(texts))
	order := make([]int, len(texts))
	for i, t := range texts {
		tokens[i], order[i] = e.tokenize(prefix+t), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(tokens[b]) - len(tokens[a]) })
	out := make([][]float32, len(texts))
	for len(order) > 0 {
		n := min(len(order), max(1, e.cfg.BatchTokens/len(tokens[order[0]])))
		batch := make([][]int32, n)
		for i, text := range order[:n] {
			batch[i] = tokens[text]
		}
		vectors, err := e.run(ctx, batch)
		if err != nil {
			return nil, err
		}
		for i, text := range order[:n] {
			out[text] = vectors[i]
		}
		order = order[n:]
	}
	return out, nil
}

// tokenize returns a text's tokens between the two special ones.
func (e *Embedder) tokenize(text string) []int32 {
	start, end := e.text.Special()
	ids := e.text.Append([]int32{start}, text, e.text.MaxTokens-2)
	return append(ids, end)
}

// run computes a batch, whose first text is the longest.
func (e *Embedder) run(ctx context.Context, batch [][]int32) ([][]float32, error) {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return nil, rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "embed texts")
	}
	if err := ctx.Err(); err != nil {
		return nil, rag.Wrap(rag.KindOf(err), context.Cause(ctx), "embed texts")
	}
	inputs, err := e.inputs(batch)
	defer destroy(inputs)
	if err != nil {
		return nil, rag.Wrap(rag.KindInternal, err, "embedder: ONNX Runtime")
	}
	outputs := []ort.Value{nil}
	if err := e.runUntil(ctx, inputs, outputs); err != nil {
		if ctx.Err() != nil {
			return nil, rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "embed texts")
		}
		return nil, rag.Wrap(rag.KindInternal, err, fmt.Sprintf("embedder: ONNX Runtime, %d texts of up to %d tokens", len(batch), len(batch[0])))
	}
	defer destroy(outputs)
	return e.vectors(outputs[0], batch)
}

// runUntil runs the graph and ends it when ctx does.
func (e *Embedder) runUntil(ctx context.Context, inputs, outputs []ort.Value) error {
	options, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ctx.Done():
			_ = options.Terminate()
		case <-done:
		}
	})
	err = e.graph.session.RunWithOptions(inputs, outputs, options)
	close(done)
	watch.Wait()
	return err
}

// inputs are the tensors of a batch, in the order of the graph's inputs. Those made
// before an error are returned with it.
func (e *Embedder) inputs(batch [][]int32) ([]ort.Value, error) {
	rows, cols := len(batch), len(batch[0])
	shape := ort.NewShape(int64(rows), int64(cols))
	var out []ort.Value
	for _, name := range e.graph.inputs {
		data := make([]int64, rows*cols)
		for r, ids := range batch {
			row := data[r*cols : (r+1)*cols]
			for i := range row {
				switch {
				case name == "input_ids" && i < len(ids):
					row[i] = int64(ids[i])
				case name == "input_ids":
					row[i] = int64(e.text.Padding)
				case name == "attention_mask" && i < len(ids):
					row[i] = 1
				case name == "position_ids":
					row[i] = int64(i)
				}
			}
		}
		t, err := ort.NewTensor(shape, data)
		if err != nil {
			return out, err
		}
		out = append(out, t)
	}
	return out, nil
}

func destroy(values []ort.Value) {
	for _, v := range values {
		if v != nil {
			_ = v.Destroy()
		}
	}
}

// vectors reads what the graph gave, held to the batch's shape.
func (e *Embedder) vectors(value ort.Value, batch [][]int32) ([][]float32, error) {
	t, ok := value.(*ort.Tensor[float32])
	if !ok {
		return nil, rag.Errorf(rag.KindInvalid, "embedder: the model's output is not in 32-bit floats")
	}
	rows, cols, shape := len(batch), len(batch[0]), t.GetShape()
	want := []int64{int64(rows), int64(cols)}
	if e.graph.pooled {
		want = want[:1]
	}
	width := 0
	if len(shape) == len(want)+1 {
		width = int(shape[len(shape)-1])
	}
	if width < 1 || !slices.Equal(shape[:len(want)], want) || e.model.Dimensions > 0 && width != e.model.Dimensions {
		return nil, rag.Errorf(rag.KindInvalid, "embedder: the model gives a tensor of shape %v for %d texts of %d tokens", shape, rows, cols)
	}
	data := t.GetData()
	out := make([][]float32, rows)
	for r, ids := range batch {
		switch {
		case e.graph.pooled:
			out[r] = unit(data[r*width:(r+1)*width], width)
		case e.text.Pooling == "cls":
			out[r] = unit(data[r*cols*width:r*cols*width+width], width)
		default:
			out[r] = unit(data[r*cols*width:(r*cols+len(ids))*width], width)
		}
		if out[r] == nil {
			return nil, rag.Errorf(rag.KindInternal, "embedder: the model gives a vector that is not finite")
		}
	}
	return out, nil
}

// unit returns the sum of the rows of so many numbers, brought to unit length; nil
// if it is not finite.
func unit(rows []float32, width int) []float32 {
	sum := make([]float64, width)
	for row := range slices.Chunk(rows, width) {
		for i, v := range row {
			sum[i] += float64(v)
		}
	}
	var square float64
	for _, v := range sum {
		square += v * v
	}
	if math.IsNaN(square) || math.IsInf(square, 0) {
		return nil
	}
	scale := 0.0
	if square > 0 {
		scale = 1 / math.Sqrt(square)
	}
	out := make([]float32, width)
	for i, v := range sum {
		out[i] = float32(v * scale)
	}
	return out
}
