package postings

import (
	"encoding/binary"
	"math"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// footerSize is the size of what ends a section. DESIGN.md has its fields.
const (
	footerSize = 128
	magic      = "SRPOST\x02\x00"
)

// Segment is an opened keyword section. It never changes and is goroutine-safe.
type Segment struct {
	body     []byte // all of the section
	rows     uint32
	filled   uint32 // rows with at least one term
	total    uint64 // of all lengths
	postings uint64
	most     int    // greatest term frequency
	cfg      Config // with defaults
	norms    []uint8
	lengths  []byte
	dict     dictionary
	mean     float64 // length of the filled rows, 1 if there are none
}

// Open reads what ends a section and finds its parts. It keeps data, which must not change, and copies it only where it is not aligned or has
// no slack. What it can see to be wrong is KindInvalid; other damage shows as a panic of a bounds check when it is met.
func Open(data []byte) (*Segment, error) {
	data = section.Usable(data)
	bad := func(what string) (*Segment, error) {
		return nil, rag.Errorf(rag.KindInvalid, "keyword section: %s", what)
	}
	if len(data) < footerSize || len(data)%section.Align != 0 {
		return bad("it has an impossible size")
	}
	f := data[len(data)-footerSize:]
	le := binary.LittleEndian
	if string(f[:8]) != magic {
		return bad("its end is not that of one")
	}
	s := &Segment{
		body: data, rows: le.Uint32(f[8:]), filled: le.Uint32(f[12:]), total: le.Uint64(f[16:]), postings: le.Uint64(f[24:]),
		cfg: Config{K1: math.Float64frombits(le.Uint64(f[32:])), B: math.Float64frombits(le.Uint64(f[40:]))},
	}
	end := uint64(len(data) - footerSize)
	part := func(at, n uint64) ([]byte, bool) {
		if at%section.Align != 0 || at > end || n > end-at {
			return nil, false
		}
		return data[at : at+n], true
	}
	s.dict.terms = le.Uint32(f[48:])
	s.most = int(f[96]) + 1
	s.dict.blocks = int((uint64(s.dict.terms) + dictBlock - 1) / dictBlock)
	if s.rows > MaxRows || s.filled > s.rows || s.total < uint64(s.filled) || s.filled == 0 && s.dict.terms > 0 {
		return bad("it counts wrongly")
	}
	if err := s.cfg.Validate(); err != nil || s.cfg.B < 0 {
		return bad("its parameters are out of range")
	}
	groups := (uint64(s.rows) + lengthGroup - 1) / lengthGroup
	var ok [4]bool
	s.norms, ok[0] = part(0, uint64(s.rows))
	s.lengths, ok[1] = part(le.Uint64(f[56:]), le.Uint64(f[64:]))
	s.dict.data, ok[2] = part(le.Uint64(f[72:]), le.Uint64(f[80:]))
	index, ok3 := part(le.Uint64(f[88:]), uint64(s.dict.blocks)*indexSize)
	ok[3] = ok3
	if ok != [4]bool{true, true, true, true} || uint64(len(s.lengths)) < 4*(groups+1) {
		return bad("a part lies outside of it")
	}
	n := s.dict.blocks
	s.dict.keys, s.dict.lists, s.dict.places, s.dict.starts = index[:8*n], index[8*n:16*n], index[16*n:24*n], index[24*n:]
	s.mean = meanLength(s.total, uint64(s.filled))
	return s, nil
}

// meanLength is the mean length of rows with terms; 1 where there are none, so that nobody divides by it in vain.
func meanLength(total, filled uint64) float64 {
	if filled == 0 || total == 0 {
		return 1
	}
	return float64(total) / float64(filled)
}

// Rows returns the number of rows, those without terms included.
func (s *Segment) Rows() int { return int(s.rows) }

// Filled returns the number of rows with at least one term.
func (s *Segment) Filled() int { return int(s.filled) }

// TotalLength returns the sum of the lengths of all rows.
func (s *Segment) TotalLength() uint64 { return s.total }

// Postings returns the number of pairs of a term and a row.
func (s *Segment) Postings() uint64 { return s.postings }

// TermCount returns the number of distinct terms.
func (s *Segment) TermCount() int { return int(s.dict.terms) }

// Config returns the parameters that it was built with, defaults filled in.
func (s *Segment) Config() Config { return s.cfg }
