package bert

import (
	"context"
	"math"
	"runtime"
	"slices"
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
	c := e.calls.Get().(*call)
	defer c.release()
	c.ctx, c.dst = ctx, dst
	c.tokenize(prefix, texts)
	c.group(cap(e.slots))
	for range min(cap(e.slots), len(c.groups)) - 1 {
		c.helpers.Add(1)
		go c.help()
	}
	c.helpers.Add(1)
	c.work()
	c.helpers.Wait()
	return context.Cause(ctx)
}

// groupRows is the size that groups of passages are filled up to. Enough rows
// make the products efficient; few keep the wait for others short.
const groupRows = 256

// smallestGroup is the number of tokens below which it does not pay to share a
// call among more workers.
const smallestGroup = 48

// call is the state of one Encode, reused by later ones.
type call struct {
	encoder *Encoder
	ctx     context.Context
	dst     []float32

	ids    []int32 // the tokens of all texts
	starts []int32 // where each text's begin, and the end
	order  []int32 // texts, longest first
	groups []int32 // where each group begins in order, and the end

	next    atomic.Int32 // the next group
	helpers sync.WaitGroup
	help    func() // work, bound once: a go statement with it allocates nothing
}

func (c *call) release() {
	c.ctx, c.dst = nil, nil
	c.encoder.calls.Put(c)
}

// tokenize fills ids and starts.
func (c *call) tokenize(prefix string, texts []string) {
	m := c.encoder.model
	start, end := m.tokenizer.Special()
	c.ids, c.starts = c.ids[:0], append(c.starts[:0], 0)
	for _, text := range texts {
		from := len(c.ids)
		c.ids = append(c.ids, start)
		if prefix != "" {
			c.ids = m.tokenizer.Append(c.ids, prefix, m.MaxTokens-2)
		}
		c.ids = m.tokenizer.Append(c.ids, text, m.MaxTokens-1-(len(c.ids)-from))
		c.ids = append(c.ids, end)
		c.starts = append(c.starts, int32(len(c.ids)))
	}
}

func (c *call) tokens(text int32) []int32 { return c.ids[c.starts[text]:c.starts[text+1]] }

// group orders the texts by length and cuts them into groups of about the same
// work: a worker that is done early then waits little.
func (c *call) group(workers int) {
	c.order = c.order[:0]
	for i := range len(c.starts) - 1 {
		c.order = append(c.order, int32(i))
	}
	slices.SortFunc(c.order, func(a, b int32) int {
		if d := len(c.tokens(b)) - len(c.tokens(a)); d != 0 {
			return d
		}
		return int(a - b)
	})
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
		}
		e.slots <- s
	}
}

// encode computes the vectors of one group of texts.
func (e *Encoder) encode(s *scratch, c *call, texts []int32) {
	m := e.model
	s.starts = append(s.starts[:0], 0)
	for _, text := range texts {
		e.embed(s, c.tokens(text))
		s.starts = append(s.starts, s.rows)
	}
	for i := range m.layers {
		l := &m.layers[i]
		if i < len(m.layers)-1 || m.Pooling == poolMean {
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
		vector := s.x[i*m.Hidden : (i+1)*m.Hidden]
		if m.Pooling == poolMean {
			vector = s.x[s.starts[i]*m.Hidden : s.starts[i+1]*m.Hidden]
		}
		pool(c.dst[int(text)*m.Hidden:(int(text)+1)*m.Hidden], vector, s.sum)
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
