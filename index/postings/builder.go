package postings

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"io"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// Field is a part of a row's text: its terms in reading order, as an analyzer made them. The field counts as if it stood there Weight
// times; 0 is 1, and more than MaxWeight is MaxWeight.
type Field struct {
	Terms  []string
	Weight int
}

// Builder collects rows and writes a section of them. The terms of a row are looked up in a hash table and appended to a log as they come; Write
// sorts the log by term with a counting sort. A Builder that is used again keeps its memory, so that small sections cost little. Not
// goroutine-safe.
type Builder struct {
	seed    maphash.Seed
	slots   []slot
	names   []byte
	ends    []uint32 // of the names of terms, one more than there are terms
	counts  []uint32 // occurrences of terms
	log     []uint32 // terms in the order of rows and positions
	runs    []run
	lengths []uint32
	tooMany bool

	writer  writer
	order   []keyed
	starts  []uint32
	sorted  []uint64
	norms   []uint8
	rows    []uint32
	tfs     []uint8
	nPlaces []uint8
	places  []uint32
}

// slot is an entry of the hash table: empty if the term is 0, else one more than a term's number.
type slot struct{ hash, term uint32 }

// run is a field in the log.
type run struct {
	n      uint32
	weight uint8
	first  bool // of its row
}

// keyed is a term with the start of its name as a number, so that most comparisons need no more.
type keyed struct {
	key  uint64
	term uint32
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder {
	return &Builder{seed: maphash.MakeSeed(), slots: make([]slot, 64), ends: make([]uint32, 1, 64)}
}

// usualSlots is a table that is not worth clearing for a small section; Reset replaces larger ones.
const usualSlots = 1 << 12

// Reset forgets all rows, and keeps memory for others.
func (b *Builder) Reset() {
	if len(b.slots) > usualSlots {
		b.slots = make([]slot, usualSlots)
	} else {
		clear(b.slots)
	}
	b.names, b.ends, b.counts = b.names[:0], b.ends[:1], b.counts[:0]
	b.log, b.runs, b.lengths = b.log[:0], b.runs[:0], b.lengths[:0]
	b.tooMany = false
}

// Rows returns the number of rows that were added.
func (b *Builder) Rows() int { return len(b.lengths) }

// Bytes estimates the memory that the rows take, for who decides when to write.
func (b *Builder) Bytes() int {
	return 4*len(b.log) + len(b.names) + 16*len(b.ends) + 8*len(b.slots) + 4*len(b.lengths) + 8*len(b.runs)
}

// Add appends the next row. It keeps nothing of what it is given. A row without terms is found by no search and counted in no mean.
func (b *Builder) Add(fields []Field) {
	length := uint64(0)
	for i, f := range fields {
		weight := min(max(f.Weight, 1), MaxWeight)
		for _, term := range f.Terms {
			b.log = append(b.log, b.number(term))
		}
		b.runs = append(b.runs, run{uint32(len(f.Terms)), uint8(weight), i == 0})
		length += uint64(weight) * uint64(len(f.Terms))
	}
	if len(fields) == 0 {
		b.runs = append(b.runs, run{first: true})
	}
	b.lengths = append(b.lengths, uint32(min(length, 1<<31-1)))
	b.tooMany = b.tooMany || len(b.lengths) > MaxRows || len(b.log) >= 1<<32-1 || len(b.names) > 1<<31
}

// number returns the number of a term, a new one if it was not there.
func (b *Builder) number(term string) uint32 {
	if len(term) > MaxTermBytes {
		term = term[:MaxTermBytes]
	}
	hash := maphash.String(b.seed, term)
	mask := uint64(len(b.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &b.slots[i]
		if s.term == 0 {
			*s = slot{uint32(hash >> 32), b.grow(term)}
			n := s.term - 1
			if len(b.counts)*2 > len(b.slots) {
				b.rehash()
			}
			return n
		}
		if s.hash == uint32(hash>>32) && string(b.name(s.term-1)) == term {
			b.counts[s.term-1]++
			return s.term - 1
		}
	}
}

func (b *Builder) name(n uint32) []byte { return b.names[b.ends[n]:b.ends[n+1]] }

// grow adds a term that occurred once and returns its number plus one.
func (b *Builder) grow(term string) uint32 {
	b.names = append(b.names, term...)
	b.ends = append(b.ends, uint32(len(b.names)))
	b.counts = append(b.counts, 1)
	return uint32(len(b.counts))
}

// rehash makes the table four times as large.
func (b *Builder) rehash() {
	b.slots = make([]slot, 4*len(b.slots))
	mask := uint64(len(b.slots) - 1)
	for n := range b.counts {
		hash := maphash.Bytes(b.seed, b.name(uint32(n)))
		i := hash & mask
		for b.slots[i].term != 0 {
			i = (i + 1) & mask
		}
		b.slots[i] = slot{uint32(hash >> 32), uint32(n) + 1}
	}
}

// Write writes the section of the rows that were added. The builder can then be reset. Errors are those of out, and KindInvalid for more rows or
// terms than a section can hold.
func (b *Builder) Write(out io.Writer, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if b.tooMany {
		return rag.Errorf(rag.KindInvalid, "keyword section: more rows or terms than one can hold")
	}
	w := &b.writer
	w.reset(out, cfg.WithDefaults())
	b.norms = b.norms[:0]
	for _, n := range b.lengths {
		b.norms = append(b.norms, normOf(n))
	}
	w.begin(b.lengths, b.norms)
	b.sortTerms()
	for from := 0; from < len(b.order); {
		to := b.sortLog(from)
		at := uint32(0)
		for _, t := range b.order[from:to] {
			n := b.counts[t.term]
			b.writeTerm(t.term, b.sorted[at:at+n])
			at += n
		}
		from = to
	}
	return w.finish()
}

// sortTerms puts the terms in order.
func (b *Builder) sortTerms() {
	b.order = b.order[:0]
	for n := range b.counts {
		b.order = append(b.order, keyed{keyOf(b.name(uint32(n))), uint32(n)})
	}
	slices.SortFunc(b.order, func(x, y keyed) int {
		if x.key != y.key {
			return cmp.Compare(x.key, y.key)
		}
		return bytes.Compare(b.name(x.term), b.name(y.term))
	})
}

// sortAtOnce bounds how many occurrences are sorted together: a large log is read several times, each time for some of the terms.
const sortAtOnce = 8 << 20

// sortLog sorts the occurrences of terms from the given place in their order on into b.sorted, and returns the place where it stopped.
// An occurrence is row<<32 | position<<3 | weight-1.
func (b *Builder) sortLog(from int) int {
	if cap(b.starts) < len(b.counts) {
		b.starts = make([]uint32, len(b.counts))
	}
	starts := b.starts[:len(b.counts)]
	const elsewhere = 1<<32 - 1
	if from == 0 {
		for i := range starts {
			starts[i] = elsewhere
		}
	}
	total, to := uint32(0), from
	for ; to < len(b.order); to++ {
		t := b.order[to].term
		if to > from && total+b.counts[t] > sortAtOnce {
			break
		}
		starts[t] = total
		total += b.counts[t]
	}
	if uint32(cap(b.sorted)) < total {
		b.sorted = make([]uint64, total)
	}
	sorted := b.sorted[:total]
	row := uint64(1<<32 - 1) // the first run makes it 0
	place, log := uint64(0), b.log
	for _, r := range b.runs {
		if r.first {
			row = uint64(uint32(row + 1))
			place = 0
		} else if place > 0 {
			place += FieldGap
		}
		for _, t := range log[:r.n] {
			if at := starts[t]; at < uint32(len(sorted)) {
				sorted[at] = row<<32 | min(place, MaxPosition-1)<<3 | uint64(r.weight-1)
				starts[t] = at + 1
			}
			place++
		}
		log = log[r.n:]
	}
	for _, t := range b.order[from:to] {
		starts[t.term] = elsewhere
	}
	b.sorted = sorted
	return to
}

// writeTerm makes postings of the occurrences of a term.
func (b *Builder) writeTerm(term uint32, occurrences []uint64) {
	rows, tfs, counts, places := b.rows[:0], b.tfs[:0], b.nPlaces[:0], b.places[:0]
	last := uint64(1 << 32)
	for _, o := range occurrences {
		weight := uint8(o&7) + 1
		if row := o >> 32; row != last {
			last = row
			rows = append(rows, uint32(row))
			tfs = append(tfs, weight-1)
			counts = append(counts, 1)
			places = append(places, uint32(o)>>3)
			continue
		}
		i := len(rows) - 1
		tfs[i] = uint8(min(int(tfs[i])+int(weight), MaxTF-1))
		if counts[i] < MaxPositions {
			counts[i]++
			places = append(places, uint32(o)>>3)
		}
	}
	b.writer.term(b.name(term), rows, tfs, counts, places)
	b.rows, b.tfs, b.nPlaces, b.places = rows, tfs, counts, places
}
