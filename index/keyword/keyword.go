package keyword

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Analyzer turns text into terms. Documents and queries go through the same one.
// Goroutine-safe.
type Analyzer interface {
	// Name identifies what the analyzer does: two that make different terms of
	// some text have different names. A stored index is only read back by an
	// index whose analyzer has the same name.
	Name() string
	// Append appends the terms of text to dst, in reading order. A term may share
	// memory with text.
	Append(dst []string, text string) []string
}

// Default parameters of BM25, those of Lucene.
const (
	DefaultK1 = 1.2
	DefaultB  = 0.75
)

// Config says how an index ranks.
type Config struct {
	Analyzer Analyzer // needed
	K1       float64  // how soon more occurrences count no more; 0 is DefaultK1, at most 100
	B        float64  // how much length counts, up to 1; 0 is DefaultB, negative is none
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	if c.K1 == 0 {
		c.K1 = DefaultK1
	}
	if c.B == 0 {
		c.B = DefaultB
	}
	return c
}

// Validate reports what is missing or out of range.
func (c Config) Validate() error {
	switch {
	case c.Analyzer == nil:
		return rag.Errorf(rag.KindInvalid, "keyword index: an analyzer is needed")
	case !(c.K1 >= 0 && c.K1 <= 100):
		return rag.Errorf(rag.KindInvalid, "keyword index: k1 is %v; it must lie between 0 and 100", c.K1)
	case !(c.B <= 1):
		return rag.Errorf(rag.KindInvalid, "keyword index: b is %v; it must be at most 1", c.B)
	}
	return nil
}

// maxFrequency bounds a stored term frequency. Beyond it a further occurrence
// changes a score by less than one part in 50,000.
const maxFrequency = 1<<16 - 1

// Index holds postings by row. Searches and Analyze may run at the same time as
// each other, but not while anything else runs; the owner sees to that.
type Index struct {
	cfg      Config
	terms    map[string]uint32 // term to its number in lists
	lists    []postings
	free     []uint32 // numbers of lists that are not in use
	rows     []row
	shown    int   // N
	length   int64 // sum of the lengths of shown rows
	postings int64
	bytes    int64 // of terms and of the rows' lists of terms
}

// postings are the chunks of one term.
type postings struct {
	term  string
	rows  []uint32 // ascending
	freqs []uint16
	df    uint32 // of these, how many are shown
}

// row is what is kept of a chunk beside its postings.
type row struct {
	id     rag.ChunkID
	length uint32
	terms  []byte // numbers of its terms, ascending: gaps as uvarints
}

// New returns an empty index, or what is wrong with cfg.
func New(cfg Config) (*Index, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Index{cfg: cfg, terms: map[string]uint32{}}, nil
}

// Terms returns the number of distinct terms.
func (ix *Index) Terms() int { return len(ix.terms) }

// Postings returns the number of pairs of a term and a chunk.
func (ix *Index) Postings() int64 { return ix.postings }

// Bytes estimates the memory in use: 6 bytes a posting and what the dictionary
// and the rows take.
func (ix *Index) Bytes() int64 {
	const list, entry = 88, 56 // a postings struct; a map entry with its string header and slack
	return ix.postings*6 + ix.bytes + int64(cap(ix.lists))*list + int64(len(ix.terms))*entry + int64(cap(ix.rows))*40
}

// Analyzed is a text made ready for Add.
type Analyzed struct {
	terms  []termCount
	length uint32
}

type termCount struct {
	term  string
	count uint32
}

// Analyze counts the terms of text. The result may share memory with text.
func (ix *Index) Analyze(text string) Analyzed {
	s := getScratch()
	defer s.release()
	s.words = ix.cfg.Analyzer.Append(s.words[:0], text)
	clear(s.at)
	a := Analyzed{length: uint32(len(s.words))}
	for _, w := range s.words {
		if i, ok := s.at[w]; ok {
			a.terms[i].count++
			continue
		}
		s.at[w] = len(a.terms)
		a.terms = append(a.terms, termCount{term: w, count: 1})
	}
	return a
}

// Add gives row, which must not be in use, to a chunk and enters its postings.
// They are not counted until Show.
func (ix *Index) Add(r uint32, id rag.ChunkID, a Analyzed) {
	for int(r) >= len(ix.rows) {
		ix.rows = append(ix.rows, row{})
	}
	numbers := make([]uint32, len(a.terms))
	for i, t := range a.terms {
		n, ok := ix.terms[t.term]
		if !ok {
			n = ix.newTerm(t.term)
		}
		ix.lists[n].insert(r, uint16(min(t.count, maxFrequency)))
		numbers[i] = n
	}
	slices.Sort(numbers)
	packed := packNumbers(numbers)
	ix.rows[r] = row{id: id, length: a.length, terms: packed}
	ix.postings += int64(len(numbers))
	ix.bytes += int64(len(packed))
}

func (ix *Index) newTerm(term string) uint32 {
	term = strings.Clone(term)
	var n uint32
	if last := len(ix.free) - 1; last >= 0 {
		n = ix.free[last]
		ix.free = ix.free[:last]
	} else {
		n = uint32(len(ix.lists))
		ix.lists = append(ix.lists, postings{})
	}
	ix.lists[n] = postings{term: term}
	ix.terms[term] = n
	ix.bytes += int64(len(term))
	return n
}

// Show counts a row that was added in the statistics.
func (ix *Index) Show(r uint32) { ix.count(r, 1) }

// Hide takes a shown row out of the statistics again.
func (ix *Index) Hide(r uint32) { ix.count(r, -1) }

func (ix *Index) count(r uint32, by int) {
	if ix.rows[r].length == 0 {
		return
	}
	ix.shown += by
	ix.length += int64(by) * int64(ix.rows[r].length)
	for n := range numbers(ix.rows[r].terms) {
		ix.lists[n].df += uint32(by)
	}
}

// Remove takes the postings of a row that is not shown away and frees the row.
func (ix *Index) Remove(r uint32) {
	for n := range numbers(ix.rows[r].terms) {
		l := &ix.lists[n]
		l.remove(r)
		ix.postings--
		if len(l.rows) == 0 {
			delete(ix.terms, l.term)
			ix.bytes -= int64(len(l.term))
			*l = postings{}
			ix.free = append(ix.free, n)
		}
	}
	ix.bytes -= int64(len(ix.rows[r].terms))
	ix.rows[r] = row{}
}

// insert enters a row that is not in the list.
func (l *postings) insert(r uint32, freq uint16) {
	if n := len(l.rows); n == 0 || l.rows[n-1] < r {
		l.rows = append(l.rows, r)
		l.freqs = append(l.freqs, freq)
		return
	}
	i, _ := slices.BinarySearch(l.rows, r)
	l.rows = slices.Insert(l.rows, i, r)
	l.freqs = slices.Insert(l.freqs, i, freq)
}

// remove takes a row out that is in the list, and lets go of memory when most
// of it is not used.
func (l *postings) remove(r uint32) {
	i, ok := slices.BinarySearch(l.rows, r)
	if !ok {
		panic("keyword: the row is not among the postings of its term")
	}
	l.rows = slices.Delete(l.rows, i, i+1)
	l.freqs = slices.Delete(l.freqs, i, i+1)
	if n := len(l.rows); n > 0 && n < cap(l.rows)/4 {
		l.rows = slices.Clone(l.rows)
		l.freqs = slices.Clone(l.freqs)
	}
}

// packNumbers writes ascending numbers as gaps in uvarints.
func packNumbers(sorted []uint32) []byte {
	size, last := 0, uint32(0)
	for _, n := range sorted {
		size += uvarintLen(n - last)
		last = n
	}
	packed := make([]byte, 0, size)
	last = 0
	for _, n := range sorted {
		packed = binary.AppendUvarint(packed, uint64(n-last))
		last = n
	}
	return packed
}

func uvarintLen(v uint32) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// numbers yields what packNumbers wrote.
func numbers(packed []byte) func(yield func(uint32) bool) {
	return func(yield func(uint32) bool) {
		at := uint32(0)
		for len(packed) > 0 {
			gap, n := binary.Uvarint(packed)
			at += uint32(gap)
			packed = packed[n:]
			if !yield(at) {
				return
			}
		}
	}
}
