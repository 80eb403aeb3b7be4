package bert

import (
	"context"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/rag"
)

// Config holds the choices of an Encoder. The zero value is useful.
type Config struct {
	// Workers is the most groups of passages that are computed at once, over all
	// calls together. Default: GOMAXPROCS.
	Workers int
	// Kernel names the arithmetic, one of package kernel's sets. Default: the
	// fastest that the processor can run.
	Kernel string
}

// Encoder computes the vectors of texts. It is goroutine-safe; calls share the
// workers fairly, first come, first served, one group of passages at a time, so
// a question does not wait for the end of a long batch.
//
// A text's vector is the same to the bit alone, in any batch and with any number
// of workers, as long as the kernel is the same.
type Encoder struct {
	model *Model
	set   *kernel.Set

	// Where the first token's vector is the text's, the last layer's query is
	// computed for that token alone.
	lastQuery, lastKeyValue linear

	slots chan *scratch // one a worker; holding it is the right to compute
	calls sync.Pool     // *call
}

// NewEncoder returns an encoder of m. Memory for a worker, about 5 MB for the
// built-in model, is taken when it is first needed.
func NewEncoder(m *Model, cfg Config) (*Encoder, error) {
	if cfg.Workers == 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.Workers < 0 || cfg.Workers > 4096 {
		return nil, rag.Errorf(rag.KindInvalid, "encoder: %d workers; 1 to 4096 are possible", cfg.Workers)
	}
	set := kernel.Best()
	if cfg.Kernel != "" {
		if set = kernel.Named(cfg.Kernel); set == nil {
			return nil, rag.Errorf(rag.KindInvalid, "encoder: kernel %q is not known or not for this processor", cfg.Kernel)
		}
	}
	last := m.layers[len(m.layers)-1].in
	e := &Encoder{
		model:        m,
		set:          set,
		lastQuery:    last.columns(0, m.Hidden),
		lastKeyValue: last.columns(m.Hidden, 3*m.Hidden),
		slots:        make(chan *scratch, cfg.Workers),
	}
	for range cfg.Workers {
		e.slots <- nil
	}
	e.calls.New = func() any {
		c := &call{encoder: e}
		c.help = c.work
		return c
	}
	return e, nil
}

// Model returns the encoder's model.
func (e *Encoder) Model() *Model { return e.model }

// Kernel returns the name of the arithmetic in use.
func (e *Encoder) Kernel() string { return e.set.Name }

// Encode sets dst to the unit vectors of texts, one after the other: Hidden
// floats each. prefix goes before every text. What does not fit in the model's
// MaxTokens is cut off; an empty text has a vector, too.
//
// The context is looked at between groups of passages (at most groupRows tokens);
// its end is the only error, and then dst is worth nothing. Once the encoder has
// seen calls of this size, a call allocates no memory.
func (e *Encoder) Encode(ctx context.Context, dst []float32, prefix string, texts []string) error {
	if len(dst) != len(texts)*e.model.Hidden {
		panic("bert: Encode: dst has the wrong length")
	}
	if len(texts) == 0 {
		return nil
	}
	c := e.begin(ctx, wantVectors)
	defer c.release()
	c.dst = dst
	for _, text := range texts {
		c.tokenize(prefix, text)
	}
	c.longestFirst()
	c.run()
	return context.Cause(ctx)
}

// groupRows is the size that groups of passages are filled up to. Enough rows
// make the products efficient; few keep the wait for others short.
const groupRows = 256

// smallestGroup is the number of tokens below which it does not pay to share a
// call among more workers.
const smallestGroup = 48

// want says what a call is to give.
type want uint8

const (
	wantVectors want = iota // one a text, in dst
	wantScores              // one number a pair, in dst
	wantTokens              // the last layer's rows of each text, handed to each
)

// call is the state of one Encode, Score or Tokens, reused by later ones.
type call struct {
	encoder *Encoder
	ctx     context.Context
	want    want
	dst     []float32
	each    func(text int, ids []int32, rows []float32)

	ids    []int32 // the tokens of all texts
	starts []int32 // where each text's begin, and the end
	second []int32 // how many of each text's tokens are in the first segment
	order  []int32 // texts, in the order of the work
	groups []int32 // where each group begins in order, and the end
	done   []bool  // groups

	next    atomic.Int32 // the next group
	helpers sync.WaitGroup
	help    func() // work, bound once: a go statement with it allocates nothing
}

// begin returns a call without texts.
func (e *Encoder) begin(ctx context.Context, w want) *call {
	c := e.calls.Get().(*call)
	c.ctx, c.want = ctx, w
	c.ids, c.starts, c.second, c.order = c.ids[:0], append(c.starts[:0], 0), c.second[:0], c.order[:0]
	return c
}

func (c *call) release() {
	c.ctx, c.dst, c.each = nil, nil, nil
	c.encoder.calls.Put(c)
}

// run computes what the texts' groups have to give.
func (c *call) run() {
	workers := cap(c.encoder.slots)
	c.group(workers)
	for range min(workers, len(c.groups)) - 1 {
		c.helpers.Add(1)
		go c.help()
	}
	c.helpers.Add(1)
	c.work()
	c.helpers.Wait()
}

// finished returns how many texts, in the order of the work, are done without a
// gap.
func (c *call) finished() int {
	for g, done := range c.done {
		if !done {
			return int(c.groups[g])
		}
	}
	return len(c.order)
}

// tokenize adds a text.
func (c *call) tokenize(prefix, text string) {
	m := c.encoder.model
	start, end := m.tokenizer.Special()
	from := len(c.ids)
	c.ids = append(c.ids, start)
	// A prefix that ends with a space has the tokens before a text that it has alone,
	// without the space. One that does not may grow together with the text.
	if words, apart := strings.CutSuffix(prefix, " "); apart {
		c.ids = m.tokenizer.Append(c.ids, words, m.MaxTokens-2)
	} else {
		text = prefix + text
	}
	c.ids = m.tokenizer.Append(c.ids, text, m.MaxTokens-1-(len(c.ids)-from))
	c.ids = append(c.ids, end)
	c.add(len(c.ids) - from)
}

// add notes that a text's tokens end here, of which so many are in the first
// segment.
func (c *call) add(first int) {
	c.order = append(c.order, int32(len(c.second)))
	c.second = append(c.second, int32(first))
	c.starts = append(c.starts, int32(len(c.ids)))
}

func (c *call) tokens(text int32) []int32 { return c.ids[c.starts[text]:c.starts[text+1]] }

// longestFirst orders the texts by length: a worker that is done early then waits
// little.
func (c *call) longestFirst() {
	slices.SortFunc(c.order, func(a, b int32) int {
		if d := len(c.tokens(b)) - len(c.tokens(a)); d != 0 {
			return d
		}
		return int(a - b)
	})
}

// group cuts the texts into groups of about the same work.
func (c *call) group(workers int) {
	room := min(max(len(c.ids)/workers, smallestGroup), groupRows)
	c.groups = append(c.groups[:0], 0)
	rows := 0
	for i, text := range c.order {
		n := len(c.tokens(text))
		if rows > 0 && rows+n > room {
			c.groups = append(c.groups, int32(i))
			rows = 0
		}
		rows += n
	}
	c.done = slices.Grow(c.done[:0], len(c.groups))[:len(c.groups)]
	clear(c.done)
	c.next.Store(0)
}

// work computes groups until none is left or the context ends.
func (c *call) work() {
	defer c.helpers.Done()
	e := c.encoder
	for {
		g := int(c.next.Add(1)) - 1
		if g >= len(c.groups) {
			return
		}
		var s *scratch
		select {
		case s = <-e.slots:
		case <-c.ctx.Done():
			return
		}
		if s == nil {
			s = newScratch(e.model)
		}
		last := len(c.order)
		if g+1 < len(c.groups) {
			last = int(c.groups[g+1])
		}
		if c.ctx.Err() == nil {
			e.encode(s, c, c.order[c.groups[g]:last])
			c.done[g] = true
		}
		e.slots <- s
	}
}

// encode computes one group of texts.
func (e *Encoder) encode(s *scratch, c *call, texts []int32) {
	m := e.model
	s.starts = append(s.starts[:0], 0)
	for _, text := range texts {
		e.embed(s, c.tokens(text), int(c.second[text]))
		s.starts = append(s.starts, s.rows)
	}
	all := c.want == wantTokens || m.Pooling == poolMean // rows are wanted of the last layer
	for i := range m.layers {
		l := &m.layers[i]
		if i < len(m.layers)-1 || all {
			e.project(s, l.in, 0)
			e.attend(s, false)
		} else {
			e.project(s, e.lastKeyValue, m.Hidden)
			e.keepFirst(s)
			e.projectFirst(s)
			e.attend(s, true)
			s.rows = len(texts)
		}
		e.feed(s, l)
	}
	for i, text := range texts {
		rows := s.x[i*m.Hidden : (i+1)*m.Hidden]
		if all {
			rows = s.x[s.starts[i]*m.Hidden : s.starts[i+1]*m.Hidden]
		}
		switch c.want {
		case wantVectors:
			pool(c.dst[int(text)*m.Hidden:(int(text)+1)*m.Hidden], rows, s.sum)
		case wantScores:
			c.dst[text] = m.head.score(rows, s.sum)
		case wantTokens:
			c.each(int(text), c.tokens(text), rows)
		}
	}
	s.rows = 0
}

// pool sets dst to the mean of the rows of src, brought to unit length. The sum
// of the rows has the same direction, so it is not divided.
func pool(dst, src []float32, sum []float64) {
	if len(src) == len(dst) {
		normalize(dst, src)
		return
	}
	clear(sum)
	for ; len(src) > 0; src = src[len(sum):] {
		for i, v := range src[:len(sum)] {
			sum[i] += float64(v)
		}
	}
	normalize(dst, sum)
}

// normalize sets dst to src brought to unit length.
func normalize[T float32 | float64](dst []float32, src []T) {
	var sum float64
	for _, v := range src {
		sum += float64(v) * float64(v)
	}
	scale := 0.0
	if sum > 0 {
		scale = 1 / math.Sqrt(sum)
	}
	for i, v := range src {
		dst[i] = float32(float64(v) * scale)
	}
}
