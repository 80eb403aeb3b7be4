package column

import (
	"encoding/binary"
	"io"
)

// sink writes a section in one pass and knows where it is. After an error it
// writes no more.
type sink struct {
	w       io.Writer
	buf     []byte
	flushed uint64
	err     error
}

const sinkBuffer = 64 << 10

func (s *sink) at() uint64 { return s.flushed + uint64(len(s.buf)) }

func (s *sink) flush() {
	if s.err == nil && len(s.buf) > 0 {
		_, s.err = s.w.Write(s.buf)
	}
	s.flushed += uint64(len(s.buf))
	s.buf = s.buf[:0]
}

func (s *sink) write(p []byte) {
	if len(s.buf)+len(p) <= sinkBuffer {
		s.buf = append(s.buf, p...)
		return
	}
	s.flush()
	if len(p) < sinkBuffer {
		s.buf = append(s.buf, p...)
		return
	}
	if s.err == nil {
		_, s.err = s.w.Write(p)
	}
	s.flushed += uint64(len(p))
}

func (s *sink) uint32(v uint32) {
	if s.buf = binary.LittleEndian.AppendUint32(s.buf, v); len(s.buf) >= sinkBuffer {
		s.flush()
	}
}

func (s *sink) uint64(v uint64) {
	if s.buf = binary.LittleEndian.AppendUint64(s.buf, v); len(s.buf) >= sinkBuffer {
		s.flush()
	}
}

var zeros [8]byte

// align pads to a multiple of eight and returns the place.
func (s *sink) align() uint64 {
	s.write(zeros[:-s.at()&7])
	return s.at()
}
