package keyword

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/smartretriever/smartretriever/rag"
)

// Save writes the given rows in their order, as rows 0, 1, ... All rows in use
// must be among them, shown, and in ascending order. All numbers are
// little-endian:
//
//	uint32 terms, uint32 bytes of all terms, uint64 postings
//	the rows' lengths, uint32 each
//	per term: uint32 length in bytes, uint32 postings
//	the terms, one after the other
//	per posting: uint32 row; then, per posting: uint16 frequency
func (ix *Index) Save(w io.Writer, rows []uint32) error {
	place := make([]uint32, len(ix.rows))
	for i, r := range rows {
		place[r] = uint32(i)
	}
	lists := make([]*postings, 0, len(ix.terms))
	size, count := 0, 0
	for i := range ix.lists {
		if l := &ix.lists[i]; len(l.rows) > 0 {
			lists = append(lists, l)
			size += len(l.term)
			count += len(l.rows)
		}
	}
	le := binary.LittleEndian
	buf := le.AppendUint32(nil, uint32(len(lists)))
	buf = le.AppendUint32(buf, uint32(size))
	buf = le.AppendUint64(buf, uint64(count))
	for _, r := range rows {
		buf = le.AppendUint32(buf, ix.rows[r].length)
	}
	for _, l := range lists {
		buf = le.AppendUint32(buf, uint32(len(l.term)))
		buf = le.AppendUint32(buf, uint32(len(l.rows)))
	}
	for _, l := range lists {
		buf = append(buf, l.term...)
	}
	if _, err := w.Write(buf); err != nil {
		return err
	}
	for _, l := range lists {
		buf = buf[:0]
		for _, r := range l.rows {
			buf = le.AppendUint32(buf, place[r])
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	for _, l := range lists {
		buf = buf[:0]
		for _, f := range l.freqs {
			buf = le.AppendUint16(buf, f)
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

var errShort = errors.New("postings end too early")

// Load reads what Save wrote for rows of these ids. It checks all it needs to be
// safe, so that no data makes a later search fail.
func Load(data []byte, cfg Config, ids []rag.ChunkID) (*Index, error) {
	ix, err := New(cfg)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if len(data) < 16 {
		return nil, errShort
	}
	terms, size, count := uint64(le.Uint32(data)), uint64(le.Uint32(data[4:])), le.Uint64(data[8:])
	data = data[16:]
	if count > uint64(len(data)) || uint64(len(data)) != uint64(len(ids))*4+terms*8+size+count*6 {
		return nil, errShort
	}
	take := func(n uint64) []byte {
		head := data[:n]
		data = data[n:]
		return head
	}
	ix.rows = make([]row, len(ids))
	lengths := take(uint64(len(ids)) * 4)
	for i, id := range ids {
		ix.rows[i] = row{id: id, length: le.Uint32(lengths[i*4:])}
		if ix.rows[i].length > 0 {
			ix.shown++
			ix.length += int64(ix.rows[i].length)
		}
	}
	sizes, text := take(terms*8), string(take(size))
	rowData, freqData := take(count*4), take(count*2)
	ix.lists = make([]postings, terms)
	ix.terms = make(map[string]uint32, terms)
	allRows, allFreqs := make([]uint32, count), make([]uint16, count)
	for i := range allRows {
		allRows[i] = le.Uint32(rowData[i*4:])
		allFreqs[i] = le.Uint16(freqData[i*2:])
	}
	for i := range ix.lists {
		length, n := uint64(le.Uint32(sizes[i*8:])), uint64(le.Uint32(sizes[i*8+4:]))
		if length > uint64(len(text)) || n > uint64(len(allRows)) || n == 0 {
			return nil, fmt.Errorf("term %d has an impossible size", i)
		}
		l := &ix.lists[i]
		l.term, text = text[:length], text[length:]
		// Capacity ends with the list, so that it moves away when it grows.
		l.rows, allRows = allRows[:n:n], allRows[n:]
		l.freqs, allFreqs = allFreqs[:n:n], allFreqs[n:]
		l.df = uint32(n)
		if _, twice := ix.terms[l.term]; twice {
			return nil, fmt.Errorf("term %d stands there twice", i)
		}
		ix.terms[l.term] = uint32(i)
	}
	if len(text) > 0 || len(allRows) > 0 {
		return nil, errShort
	}
	ix.postings, ix.bytes = int64(count), int64(size)
	return ix, ix.invert()
}

// invert fills in the rows' lists of terms from the postings, and checks these.
func (ix *Index) invert() error {
	sizes := make([]uint32, len(ix.rows))
	last := make([]uint32, len(ix.rows))
	total := 0
	for n := range ix.lists {
		before := -1
		for i, r := range ix.lists[n].rows {
			if int64(r) <= int64(before) || int(r) >= len(ix.rows) {
				return fmt.Errorf("postings of term %d are out of order", n)
			}
			before = int(r)
			if ix.lists[n].freqs[i] == 0 || ix.rows[r].length == 0 {
				return fmt.Errorf("a posting of term %d counts nothing", n)
			}
			size := uvarintLen(uint32(n) - last[r])
			sizes[r] += uint32(size)
			total += size
			last[r] = uint32(n)
		}
	}
	all := make([]byte, total)
	for r := range ix.rows {
		ix.rows[r].terms, all = all[:0:sizes[r]], all[sizes[r]:]
	}
	clear(last)
	for n := range ix.lists {
		for _, r := range ix.lists[n].rows {
			row := &ix.rows[r]
			row.terms = binary.AppendUvarint(row.terms, uint64(uint32(n)-last[r]))
			last[r] = uint32(n)
		}
	}
	ix.bytes += int64(total)
	return nil
}
