package section

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	edgeSize  = 64 // of the header and of the footer
	entrySize = 40 // of a section in the table
	nameSize  = 16
)

var (
	headerMagic = [8]byte{'S', 'R', 'S', 'E', 'G', 0, 1, 0}
	footerMagic = [8]byte{'S', 'R', 'S', 'E', 'G', 'E', 'N', 'D'}
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	zeros       [Slack + Align]byte
)

// entry is a section in the table.
type entry struct {
	name   string
	offset uint64
	length uint64
	crc    uint32
}

// Writer writes a container. The first error stays: later calls return it. Not goroutine-safe.
type Writer struct {
	out     io.Writer
	at      uint64
	entries []entry
	open    bool
	err     error
}

// NewWriter begins a container on out.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{out: out}
	header := headerBytes()
	w.write(header[:])
	return w
}

func headerBytes() (h [edgeSize]byte) {
	copy(h[:], headerMagic[:])
	return h
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.out.Write(b)
	w.at += uint64(n)
	w.err = err
}

// Begin ends the section before and starts one. Names are 1 to 16 bytes long and stand once in a file. What is returned
// is to be used until the next call of Begin or Finish.
func (w *Writer) Begin(name string) io.Writer {
	w.end()
	if len(name) == 0 || len(name) > nameSize {
		panic("section: a name has 1 to 16 bytes")
	}
	w.open = true
	w.entries = append(w.entries, entry{name: name, offset: w.at})
	return body{w}
}

// body writes into the section that is open.
type body struct{ w *Writer }

func (b body) Write(p []byte) (int, error) {
	e := &b.w.entries[len(b.w.entries)-1]
	b.w.write(p)
	if b.w.err != nil {
		return 0, b.w.err
	}
	e.length += uint64(len(p))
	e.crc = crc32.Update(e.crc, castagnoli, p)
	return len(p), nil
}

// end pads after the open section.
func (w *Writer) end() {
	if w.open {
		w.write(zeros[:Slack+Pad(w.at+Slack)])
		w.open = false
	}
}

// Finish ends the last section and writes table and footer.
func (w *Writer) Finish() error {
	w.end()
	table := make([]byte, 0, len(w.entries)*entrySize)
	for _, e := range w.entries {
		var name [nameSize]byte
		copy(name[:], e.name)
		table = append(table, name[:]...)
		table = binary.LittleEndian.AppendUint64(table, e.offset)
		table = binary.LittleEndian.AppendUint64(table, e.length)
		table = binary.LittleEndian.AppendUint32(table, e.crc)
		table = binary.LittleEndian.AppendUint32(table, 0)
	}
	header := headerBytes()
	footer := make([]byte, 0, edgeSize)
	footer = append(footer, footerMagic[:]...)
	footer = binary.LittleEndian.AppendUint64(footer, w.at)
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(w.entries)))
	footer = binary.LittleEndian.AppendUint32(footer, crc32.Checksum(table, castagnoli))
	footer = binary.LittleEndian.AppendUint64(footer, w.at+uint64(len(table))+edgeSize)
	footer = binary.LittleEndian.AppendUint32(footer, crc32.Checksum(header[:], castagnoli))
	footer = append(footer, make([]byte, edgeSize-4-len(footer))...)
	footer = binary.LittleEndian.AppendUint32(footer, crc32.Checksum(footer, castagnoli))
	w.write(table)
	w.write(footer)
	return w.err
}

// Size returns the number of bytes written so far.
func (w *Writer) Size() int64 { return int64(w.at) }

// WriteFile makes a durable container file: fill writes its sections. The file has its name only once everything is on the
// disk; on an error there is none.
func WriteFile(fsys FS, name string, fill func(*Writer) error) (size int64, err error) {
	temp := name + TempSuffix
	f, err := fsys.Create(temp)
	if err != nil {
		return 0, rag.Wrap(rag.KindUnavailable, err, "index: create a file")
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := NewWriter(buffered)
	if err = fill(w); err == nil {
		err = w.Finish()
	}
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = fsys.Rename(temp, name)
	}
	if err != nil {
		if e := fsys.Remove(temp); e != nil {
			err = errors.Join(err, e)
		}
		return 0, rag.Wrap(rag.KindUnavailable, err, "index: write a file")
	}
	return w.Size(), nil
}

// TempSuffix ends the names of files that are not finished.
const TempSuffix = ".tmp"
