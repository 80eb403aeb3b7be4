package remote

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Bounds on what a server may stream, so that a broken one cannot fill the memory.
const (
	MaxStreamBytes = 16 << 20 // of one answer
	MaxEventBytes  = 1 << 20  // of one event or line
)

// ErrTooLong is the error of a stream that exceeds MaxStreamBytes or MaxEventBytes.
var ErrTooLong = errors.New("the answer is too long")

// EachEvent calls take with the data of each server-sent event (WHATWG HTML, 9.2)
// until take says that it was the last; the data is good until take returns.
// Comments, names and ids of events are left out. The error is nil after the last
// event, io.EOF when the stream ended without one, that of take, or that of r.
func EachEvent(r io.Reader, take func(data []byte) (last bool, err error)) error {
	var data []byte
	first := true
	err := eachLine(r, func(line []byte) (bool, error) {
		if first { // the stream may begin with a byte order mark
			line, first = bytes.TrimPrefix(line, []byte("\ufeff")), false
		}
		if len(line) == 0 {
			defer func() { data = data[:0] }()
			return offer(data, take)
		}
		if value, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			if len(data)+len(value) > MaxEventBytes {
				return false, ErrTooLong
			}
			if len(data) > 0 {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		}
		return false, nil
	})
	if err == io.EOF && len(data) > 0 { // the last event lacks its empty line
		if last, err := offer(data, take); last || err != nil {
			return err
		}
	}
	return err
}

// EachLine is EachEvent for a stream of lines, each of them a value (NDJSON).
func EachLine(r io.Reader, take func(line []byte) (last bool, err error)) error {
	return eachLine(r, func(line []byte) (bool, error) { return offer(line, take) })
}

// offer calls take unless there is nothing to take.
func offer(data []byte, take func([]byte) (bool, error)) (bool, error) {
	if data = bytes.TrimSpace(data); len(data) == 0 {
		return false, nil
	}
	return take(data)
}

func eachLine(r io.Reader, take func(line []byte) (last bool, err error)) error {
	in := &noting{r: r}
	bounded := &io.LimitedReader{R: in, N: MaxStreamBytes + 1}
	lines := bufio.NewScanner(bounded)
	lines.Buffer(make([]byte, 0, 16<<10), MaxEventBytes)
	lines.Split(func(data []byte, ended bool) (int, []byte, error) {
		if ended && in.err != nil && in.err != io.EOF && bytes.IndexByte(data, '\n') < 0 {
			return len(data), nil, nil // a line that was cut off is none
		}
		return bufio.ScanLines(data, ended)
	})
	for lines.Scan() {
		if bounded.N == 0 {
			return ErrTooLong
		}
		if last, err := take(bytes.TrimSuffix(lines.Bytes(), []byte("\r"))); last || err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return ErrTooLong
	case err != nil:
		return err
	}
	return io.EOF
}

// noting notes the error that ended r.
type noting struct {
	r   io.Reader
	err error
}

func (n *noting) Read(p []byte) (int, error) {
	count, err := n.r.Read(p)
	if err != nil {
		n.err = err
	}
	return count, err
}
