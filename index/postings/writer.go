package postings

import (
	"encoding/binary"
	"io"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/index/postings/kernel"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	// extent is about how many bytes of postings, or of positions, are collected before they are written: postings lie beside postings and
	// positions beside positions, and a writer of any number of terms needs little memory.
	extent = 4 << 20
	// tableRows is from how many rows on a table of all factors pays.
	tableRows = 1 << 13
)

// writer writes a section from front to back, term by term in ascending order.
type writer struct {
	out      io.Writer
	err      error
	at       uint64 // bytes that are written
	cfg      Config
	rows     uint32
	filled   uint32
	total    uint64
	postings uint64
	most     uint8 // greatest term frequency, less one
	enc      encoder
	dict     dictWriter
	lists    []byte // not yet written
	places   []byte
	settled  int // blocks of the dictionary whose places are those in the section
	sizes    []int
	lengths  span
	buf      []byte
}

// reset makes a writer ready for a new section. It keeps its memory.
func (w *writer) reset(out io.Writer, cfg Config) {
	w.out, w.err, w.at, w.cfg = out, nil, 0, cfg
	w.rows, w.filled, w.total, w.postings, w.most = 0, 0, 0, 0, 0
	d := &w.dict
	d.data, d.keys, d.lists, d.places, d.starts, d.n = d.data[:0], d.keys[:0], d.lists[:0], d.places[:0], d.starts[:0], 0
	w.lists, w.places, w.settled = w.lists[:0], w.places[:0], 0
}

func (w *writer) write(p []byte) {
	if w.err == nil && len(p) > 0 {
		_, w.err = w.out.Write(p)
	}
	w.at += uint64(len(p))
}

func (w *writer) pad() {
	var zeros [section.Align]byte
	w.write(zeros[:section.Pad(w.at)])
}

// begin writes what does not depend on terms. norms must stay as they are until finish.
func (w *writer) begin(lengths []uint32, norms []uint8) {
	w.rows = uint32(len(lengths))
	for _, n := range lengths {
		w.total += uint64(n)
		if n > 0 {
			w.filled++
		}
	}
	w.enc.rows, w.enc.norms = w.rows, norms
	w.enc.table = nil
	if avg := meanLength(w.total, uint64(w.filled)); w.rows >= tableRows {
		w.enc.factors = factorsFor(w.cfg.K1, w.cfg.B, avg)
		w.enc.table = w.enc.factors.table(MaxTF)
	} else if f := w.enc.factors; f == nil || f.k1 != w.cfg.K1 || f.b != w.cfg.B || f.avg != avg {
		w.enc.factors = newFactors(w.cfg.K1, w.cfg.B, avg)
	}
	w.write(norms)
	w.pad()
	w.buf = packLengths(w.buf[:0], lengths, norms)
	w.lengths = span{w.at, uint64(len(w.buf))}
	w.write(w.buf)
	w.pad()
}

// term writes a term that comes after all others. tfs are one less than term frequencies; counts says how many positions each
// posting has in places.
func (w *writer) term(name []byte, rows []uint32, tfs, counts []uint8, places []uint32) {
	w.postings += uint64(len(rows))
	if w.dict.begins() && len(w.lists)+len(w.places) >= extent {
		w.flush()
	}
	w.most = max(w.most, slices.Max(tfs))
	t := Term{df: uint32(len(rows))}
	f := formOf(t.df, w.rows)
	t.list.at, t.places.at = uint64(len(w.lists)), uint64(len(w.places))
	if f == formOne {
		t.row, t.less = rows[0], tfs[0]
	} else {
		w.lists, t.impact = w.enc.pack(w.lists, rows, tfs)
		t.list.n = uint64(len(w.lists)) - t.list.at
	}
	w.places = w.enc.packPlaces(w.places, w.partSizes(f, rows), tfs, counts, places)
	t.places.n = uint64(len(w.places)) - t.places.at
	w.dict.add(name, &t, f)
	if w.err == nil && max(t.list.n, t.places.n, uint64(len(w.dict.data))) > math.MaxUint32 {
		w.err = rag.Errorf(rag.KindExhausted, "keyword section: a list or the dictionary is larger than 4 GiB")
	}
}

// partSizes returns the number of postings of each block of a list.
func (w *writer) partSizes(f form, rows []uint32) []int {
	w.sizes = w.sizes[:0]
	switch f {
	case formDense:
		from := 0
		for end := uint32(kernel.ChunkRows); end-kernel.ChunkRows < w.rows; end += kernel.ChunkRows {
			to := from
			for to < len(rows) && rows[to] < end {
				to++
			}
			w.sizes = append(w.sizes, to-from)
			from = to
		}
	default:
		for left := len(rows); left > 0; left -= kernel.BlockRows {
			w.sizes = append(w.sizes, min(left, kernel.BlockRows))
		}
	}
	return w.sizes
}

// flush writes an extent: postings, then positions. It must stand between two blocks of the dictionary, whose places follow from
// that of their first term.
func (w *writer) flush() {
	at := w.at
	w.write(w.lists)
	placesAt := w.at
	w.write(w.places)
	for ; w.settled < len(w.dict.lists); w.settled++ {
		w.dict.lists[w.settled] += at
		w.dict.places[w.settled] += placesAt
	}
	w.lists, w.places = w.lists[:0], w.places[:0]
}

// finish writes the rest, and returns the first error of all writing.
func (w *writer) finish() error {
	w.flush()
	w.pad()
	dict := span{w.at, uint64(len(w.dict.data))}
	w.write(w.dict.data)
	w.pad()
	le := binary.LittleEndian
	b := w.buf[:0]
	for _, numbers := range [][]uint64{w.dict.keys, w.dict.lists, w.dict.places} {
		for _, v := range numbers {
			b = le.AppendUint64(b, v)
		}
	}
	for _, v := range w.dict.starts {
		b = le.AppendUint32(b, v)
	}
	index := w.at
	w.write(b)
	w.pad()
	b = append(b[:0], magic...)
	b = le.AppendUint32(b, w.rows)
	b = le.AppendUint32(b, w.filled)
	b = le.AppendUint64(b, w.total)
	b = le.AppendUint64(b, w.postings)
	b = le.AppendUint64(b, math.Float64bits(w.cfg.K1))
	b = le.AppendUint64(b, math.Float64bits(w.cfg.B))
	b = le.AppendUint64(b, uint64(w.dict.n))
	for _, v := range []uint64{w.lengths.at, w.lengths.n, dict.at, dict.n, index} {
		b = le.AppendUint64(b, v)
	}
	b = append(b, w.most)
	b = append(b, make([]byte, footerSize-len(b))...)
	w.write(b)
	w.buf = b
	w.out, w.enc.norms = nil, nil
	return w.err
}
