package postings

import (
	"encoding/binary"
	"math/bits"

	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// The postings of a term have one of four forms, which its document frequency and the number of rows of the segment decide:
//
//	one posting      in the dictionary
//	up to 128        one block, after its last row as uvarint
//	sparse           the head; per block its last row (uint32), the end of its data (uint32), its impact (byte); the peaks; the blocks
//	dense            df at least rows/8: the head; per chunk of 256 rows the end of its data (uint32), its impact (byte); the
//	                 peaks; the chunks, each a bitmap of 32 bytes and small numbers
//
// The head holds the greatest factor and lower bounds of the 10th, 100th and 1,000th greatest (0 where there are fewer), uint32 each,
// under the segment's own mean length, and the size of the peaks (uint32; strips.go), 0 where there are none.

// form is one of those.
type form uint8

const (
	formOne form = iota
	formBlock
	formSparse
	formDense
)

const (
	listHead = 20
	denseDiv = 8
)

// ranks are those whose factors are kept.
var ranks = [3]int{10, 100, 1000}

func formOf(df, rows uint32) form {
	switch {
	case df == 1:
		return formOne
	case df <= kernel.BlockRows:
		return formBlock
	case df >= rows/denseDiv:
		return formDense
	}
	return formSparse
}

// blocksOf returns the number of blocks or chunks of a list.
func blocksOf(f form, df, rows uint32) int {
	switch f {
	case formSparse:
		return int((df + kernel.BlockRows - 1) / kernel.BlockRows)
	case formDense:
		return int((rows + kernel.ChunkRows - 1) / kernel.ChunkRows)
	}
	return 1
}

// encoder turns the postings of a term into bytes. Its memory is used again for each.
type encoder struct {
	rows    uint32 // of the segment
	norms   []uint8
	factors *factors
	table   *kernel.Table // nil in small segments
	lows    [kernel.BlockRows]uint32
	counts  [4096]uint32 // of postings by factor, for the ranks
	peaks   peakWriter
	data    []byte
}

func (e *encoder) factor(less, norm uint8) uint32 {
	if e.table != nil {
		return e.table[int(less)<<8|int(norm)]
	}
	return e.factors.at(less, norm)
}

// greatest returns the greatest factor of some postings.
func (e *encoder) greatest(rows []uint32, tfs []uint8) uint32 {
	most := uint32(0)
	for i, r := range rows {
		most = max(most, e.factor(tfs[i], e.norms[r]))
	}
	return most
}

// greatestCounted does the same, counts the factors and notes the peaks.
func (e *encoder) greatestCounted(rows []uint32, tfs []uint8) uint32 {
	most := uint32(0)
	for i, r := range rows {
		f := e.factor(tfs[i], e.norms[r])
		e.counts[f>>20]++
		e.peaks.add(r, f)
		most = max(most, f)
	}
	return most
}

// pack appends a list of at least two postings and returns its impact, the one of its greatest factor. tfs are one less than term frequencies.
func (e *encoder) pack(dst []byte, rows []uint32, tfs []uint8) ([]byte, uint8) {
	f := formOf(uint32(len(rows)), e.rows)
	if f == formBlock {
		last := rows[len(rows)-1]
		dst = binary.AppendUvarint(dst, uint64(last))
		return e.packBlock(dst, rows, tfs, 0), impactOf(e.greatest(rows, tfs))
	}
	clear(e.counts[:])
	n := blocksOf(f, uint32(len(rows)), e.rows)
	start := len(dst)
	entry := 9 // bytes of a block's record
	if f == formDense {
		entry = 5
	}
	dst = append(dst, make([]byte, listHead+n*entry)...)
	head := dst[start:]
	e.data = e.data[:0]
	e.peaks.reset()
	var most uint32
	if f == formDense {
		most = e.packChunks(head[listHead:], n, rows, tfs)
	} else {
		most = e.packBlocks(head[listHead:], n, rows, tfs)
	}
	binary.LittleEndian.PutUint32(head, most)
	e.putRanks(head[4:])
	if e.rows > smallRows {
		peaks := e.peaks.finish(uint32(len(rows)), stripsOf(e.rows))
		binary.LittleEndian.PutUint32(head[16:], uint32(len(peaks)))
		dst = append(dst, peaks...)
	}
	return append(dst, e.data...), impactOf(most)
}

func (e *encoder) packBlocks(records []byte, n int, rows []uint32, tfs []uint8) (most uint32) {
	lasts, ends, impacts := records[:4*n], records[4*n:8*n], records[8*n:]
	base := uint32(0)
	for b := range n {
		from, to := b*kernel.BlockRows, min((b+1)*kernel.BlockRows, len(rows))
		e.data = e.packBlock(e.data, rows[from:to], tfs[from:to], base)
		greatest := e.greatestCounted(rows[from:to], tfs[from:to])
		most = max(most, greatest)
		base = rows[to-1] + 1
		binary.LittleEndian.PutUint32(lasts[4*b:], rows[to-1])
		binary.LittleEndian.PutUint32(ends[4*b:], uint32(len(e.data)))
		impacts[b] = impactOf(greatest)
	}
	return most
}

func (e *encoder) packChunks(records []byte, n int, rows []uint32, tfs []uint8) (most uint32) {
	ends, impacts := records[:4*n], records[4*n:]
	from := 0
	for c := range n {
		var bitmap [kernel.ChunkRows / 64]uint64
		to := from
		for end := uint32(c+1) * kernel.ChunkRows; to < len(rows) && rows[to] < end; to++ {
			place := rows[to] % kernel.ChunkRows
			bitmap[place>>6] |= 1 << (place & 63)
		}
		for _, w := range bitmap {
			e.data = binary.LittleEndian.AppendUint64(e.data, w)
		}
		e.data = packSmall(e.data, tfs[from:to])
		greatest := e.greatestCounted(rows[from:to], tfs[from:to])
		most = max(most, greatest)
		binary.LittleEndian.PutUint32(ends[4*c:], uint32(len(e.data)))
		impacts[c] = impactOf(greatest)
		from = to
	}
	return most
}

// putRanks writes lower bounds of the factors of the ranks from the counts, which are by the upper 12 bits of factors.
func (e *encoder) putRanks(dst []byte) {
	seen, rank := 0, 0
	for i := len(e.counts) - 1; i >= 0 && rank < len(ranks); i-- {
		for seen += int(e.counts[i]); rank < len(ranks) && seen >= ranks[rank]; rank++ {
			binary.LittleEndian.PutUint32(dst[4*rank:], uint32(i)<<20)
		}
	}
}

// list is a term's postings, ready to be decoded.
type list struct {
	form    form
	blocks  int
	df      uint32
	lasts   []byte
	ends    []byte
	impacts []byte
	stored  []byte // peaks, none or as they are stored
	data    []byte
	max     uint32 // no factor is greater, under the segment's mean length
	ranks   [len(ranks)]uint32
	row     uint32 // of the only posting; the last of a single block
	less    uint8  // of the only posting
}

// openList finds the parts of a term's postings. It panics where they are damaged.
func (s *Segment) openList(t *Term) list {
	l := list{form: formOf(t.df, s.rows), df: t.df, max: boundOf(t.impact), row: t.row, less: t.less}
	l.blocks = blocksOf(l.form, t.df, s.rows)
	if l.form == formOne {
		return l
	}
	src := s.body[t.list.at:t.list.end()]
	if l.form == formBlock {
		last, n := binary.Uvarint(src)
		if n <= 0 || last >= uint64(s.rows) {
			panic("postings: a block has an impossible last row")
		}
		l.row, l.data = uint32(last), src[n:]
		return l
	}
	l.max = binary.LittleEndian.Uint32(src)
	for i := range l.ranks {
		l.ranks[i] = binary.LittleEndian.Uint32(src[4+4*i:])
	}
	peaks := binary.LittleEndian.Uint32(src[16:])
	src = src[listHead:]
	if l.form == formSparse {
		l.lasts, src = src[:4*l.blocks], src[4*l.blocks:]
	}
	l.ends, src = src[:4*l.blocks], src[4*l.blocks:]
	l.impacts, src = src[:l.blocks], src[l.blocks:]
	l.stored, l.data = src[:peaks], src[peaks:]
	return l
}

// blockData returns the bytes of a block, with slack after them.
func (l *list) blockData(b int) []byte {
	if l.form == formBlock {
		return l.data
	}
	from := uint32(0)
	if b > 0 {
		from = binary.LittleEndian.Uint32(l.ends[4*b-4:])
	}
	return l.data[from:binary.LittleEndian.Uint32(l.ends[4*b:])]
}

// last returns the last row that block b can hold.
func (l *list) last(b int) uint32 {
	switch l.form {
	case formSparse:
		return binary.LittleEndian.Uint32(l.lasts[4*b:])
	case formDense:
		return uint32(b)*kernel.ChunkRows + kernel.ChunkRows - 1
	}
	return l.row
}

// first returns a row before which block b has none.
func (l *list) first(b int) uint32 {
	switch {
	case l.form == formDense:
		return uint32(b) * kernel.ChunkRows
	case l.form == formOne:
		return l.row
	case b == 0:
		return 0
	}
	return l.last(b-1) + 1
}

// size returns the number of postings of block b, which must not be a chunk.
func (l *list) size(b int) int {
	return min(kernel.BlockRows, int(l.df)-b*kernel.BlockRows)
}

// decode decodes block b and returns the number of its postings.
func (l *list) decode(dst *kernel.Block, b int) int {
	switch l.form {
	case formOne:
		dst.Rows[0], dst.TFs[0] = l.row, l.less
		return 1
	case formDense:
		src := l.blockData(b)
		n := kernel.Chunk(dst, (*[kernel.ChunkRows / 8]byte)(src), uint32(b)*kernel.ChunkRows)
		unpackSmall(&dst.TFs, src[kernel.ChunkRows/8:], n)
		return n
	}
	n := l.size(b)
	base := uint32(0)
	if b > 0 {
		base = l.last(b-1) + 1
	}
	unpackBlock(dst, l.blockData(b), n, base, l.last(b))
	return n
}

// find returns the first block from b on whose last row is at least row: the number of blocks if there is none.
func (l *list) find(b int, row uint32) int {
	switch l.form {
	case formDense:
		return min(max(b, int(row/kernel.ChunkRows)), l.blocks)
	case formSparse:
	default:
		if b == 0 && l.row < row {
			return 1
		}
		return b
	}
	if b >= l.blocks || l.last(b) >= row {
		return b
	}
	// l.last(b) < row: gallop, then halve
	step := 1
	for b+step < l.blocks && l.last(b+step) < row {
		b += step
		step *= 2
	}
	lo, hi := b+1, min(b+step, l.blocks)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); l.last(mid) < row {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// chunkHas says whether a chunk holds the row, and as which of its postings.
func chunkHas(src []byte, row uint32) (rank int, ok bool) {
	place := row % kernel.ChunkRows
	w := binary.LittleEndian.Uint64(src[place>>6*8:])
	if w>>(place&63)&1 == 0 {
		return 0, false
	}
	rank = bits.OnesCount64(w & (1<<(place&63) - 1))
	for i := range place >> 6 {
		rank += bits.OnesCount64(binary.LittleEndian.Uint64(src[i*8:]))
	}
	return rank, true
}

// chunkSize returns the number of postings of a chunk.
func chunkSize(src []byte) int {
	n := 0
	for i := 0; i < kernel.ChunkRows/8; i += 8 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(src[i:]))
	}
	return n
}
