package bert

import (
	"github.com/smartretriever/smartretriever/model/bert/kernel"
)

const (
	// blockRows is the number of rows that go through the layers between two
	// attentions together: what is in flight then fits in the second-level cache
	// beside the weights that pass by.
	blockRows = 60
	// headRows is the number of rows whose scores are computed together: those of
	// the longest text fit in the first-level cache.
	headRows = 12
)

// scratch is the memory of one worker.
type scratch struct {
	rows   int   // in use
	starts []int // the first row of each text, and the end

	x       []float32 // rows x hidden: the state between layers
	in      []float32 // rows x 3 hidden: query, key, value
	context []float32 // rows x hidden: what attention gives

	quantized *kernel.Rows // of a block
	y         []float32    // block x hidden
	wide      []float32    // block x intermediate

	keys    []float32 // head x longest: one head's keys, transposed
	scores  []float32 // headRows x longest
	factors []float32 // headRows
	scale   []float32 // headRows: of scores

	sum []float64 // hidden: of a text's rows
}

func newScratch(m *Model) *scratch {
	rows := max(m.MaxTokens, groupRows)
	longest := (rows + kernel.Panel - 1) / kernel.Panel * kernel.Panel
	s := &scratch{
		x:         make([]float32, rows*m.Hidden),
		in:        make([]float32, rows*3*m.Hidden),
		context:   make([]float32, rows*m.Hidden),
		quantized: kernel.NewRows(blockRows, max(m.Hidden, m.Intermediate)),
		y:         make([]float32, blockRows*m.Hidden),
		wide:      make([]float32, blockRows*m.Intermediate),
		keys:      make([]float32, m.Hidden/m.Heads*longest),
		scores:    make([]float32, headRows*longest),
		factors:   make([]float32, headRows),
		scale:     make([]float32, headRows),
		sum:       make([]float64, m.Hidden),
	}
	for i := range s.scale {
		s.scale[i] = m.scoreScale
	}
	return s
}

// embed appends a text's rows to the state: word, place and segment together,
// normalised. The first of the tokens, so many, are in the first segment.
func (e *Encoder) embed(s *scratch, ids []int32, first int) {
	m := e.model
	d := m.Hidden
	for place, id := range ids {
		row := s.x[s.rows*d : (s.rows+1)*d]
		m.words.place(row, id, m.places[place*d:(place+1)*d])
		if place >= first {
			for i, v := range m.second {
				row[i] += v
			}
		}
		e.set.LayerNorm(row, nil, m.norm.gamma, m.norm.beta, float32(m.LayerNormEps))
		s.rows++
	}
}

// project computes query, key and value of every row, or those columns of them
// that l gives, from the column `at` on.
func (e *Encoder) project(s *scratch, l linear, at int) {
	d := e.model.Hidden
	for r := 0; r < s.rows; r += blockRows {
		n := min(blockRows, s.rows-r)
		e.apply(s, l, s.in[r*3*d+at:], 3*d, s.x[r*d:], n)
	}
}

// keepFirst moves the first row of each text to the front of the state.
func (e *Encoder) keepFirst(s *scratch) {
	d := e.model.Hidden
	for i, start := range s.starts[:len(s.starts)-1] {
		copy(s.x[i*d:(i+1)*d], s.x[start*d:(start+1)*d])
	}
}

// projectFirst computes the queries of the rows that keepFirst has moved.
func (e *Encoder) projectFirst(s *scratch) {
	d := e.model.Hidden
	texts := len(s.starts) - 1
	for r := 0; r < texts; r += blockRows {
		n := min(blockRows, texts-r)
		e.apply(s, e.lastQuery, s.in[r*3*d:], 3*d, s.x[r*d:], n)
	}
}

// attend computes softmax(Q Kᵀ) V of every text and head. With first set, there
// is one query a text, in the row of the text's number.
func (e *Encoder) attend(s *scratch, first bool) {
	d, width := e.model.Hidden, e.model.Hidden/e.model.Heads
	for i, start := range s.starts[:len(s.starts)-1] {
		n := s.starts[i+1] - start
		query, queries := start, n
		if first {
			query, queries = i, 1
		}
		for h := 0; h < d; h += width {
			e.head(s, e.model.distances(h/width),
				s.context[query*d+h:],
				s.in[query*3*d+h:],
				s.in[start*3*d+d+h:],
				s.in[start*3*d+2*d+h:],
				queries, n)
		}
	}
}

// head computes one head of one text: dst gets a row for each query. The queries
// are those of the text's first tokens; distances is what is added to scores, if
// anything.
func (e *Encoder) head(s *scratch, distances, dst, query, key, value []float32, queries, n int) {
	d, width := e.model.Hidden, e.model.Hidden/e.model.Heads
	padded := (n + kernel.Panel - 1) / kernel.Panel * kernel.Panel
	e.set.Transpose(s.keys, padded, key, 3*d, n, width)
	if rest := (n + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes; rest < padded {
		for k := range width { // columns of scores that nobody reads, but finite
			clear(s.keys[k*padded+rest : (k+1)*padded])
		}
	}
	for r := 0; r < queries; r += headRows {
		rows := min(headRows, queries-r)
		e.set.MatMul(s.scores, padded, query[r*3*d:], 3*d, s.keys, padded, rows, width, padded, s.scale)
		for i := range rows {
			if distances != nil {
				addDistances(s.scores[i*padded:i*padded+n], distances, r+i)
			}
			s.factors[i] = e.set.Softmax(s.scores[i*padded:(i+1)*padded], n)
		}
		e.set.MatMul(dst[r*d:], d, s.scores, padded, value, 3*d, rows, n, width, s.factors)
	}
}

// feed takes every row from attention to the end of the layer.
func (e *Encoder) feed(s *scratch, l *layer) {
	d, w := e.model.Hidden, e.model.Intermediate
	eps := float32(e.model.LayerNormEps)
	for r := 0; r < s.rows; r += blockRows {
		n := min(blockRows, s.rows-r)
		x := s.x[r*d : (r+n)*d]

		e.apply(s, l.out, s.y, d, s.context[r*d:], n)
		e.addNorm(x, s.y, l.norm, eps)

		e.apply(s, l.feedIn, s.wide, w, x, n)
		e.set.GELU(s.wide[:n*w])
		e.apply(s, l.feedOut, s.y, d, s.wide, n)
		e.addNorm(x, s.y, l.feedNorm, eps)
	}
}

// addNorm adds y to x and normalises each row.
func (e *Encoder) addNorm(x, y []float32, n norm, eps float32) {
	d := e.model.Hidden
	for i := 0; i < len(x); i += d {
		e.set.LayerNorm(x[i:i+d], y[i:i+d], n.gamma, n.beta, eps)
	}
}
