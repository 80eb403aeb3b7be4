package sandbox

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/format"
)

// The child begins with the greeting. Then requests and answers alternate, each
// one frame of three parts, and each part its length in eight bytes, big endian,
// followed by so many bytes:
//
//	header  JSON: request or answer
//	blocks  of an answer's text: for each, unsigned varints for kind (its place
//	        in kinds), level, page, bytes since the end of the block before,
//	        length, and bytes from its start to the end of its header rows
//	body    the file's content, or the text's
const greeting = "extract-worker 1\n"

// Limits on what a frame may hold, so that neither side allocates what the other
// only claims to send.
const (
	maxHeader = 16 << 20
	maxBlocks = 1 << 30
	maxBody   = 4 << 30
)

var kinds = []rag.BlockKind{
	rag.Heading, rag.Paragraph, rag.ListItem, rag.Table, rag.Code, rag.Quote, rag.Caption, rag.Footnote, rag.Header, rag.Footer,
}

// request is the header of a file to be read.
type request struct {
	Format   format.ID `json:"format"`
	Name     string    `json:"name"`
	Password string    `json:"password,omitempty"`
	Limits   Limits    `json:"limits"`
}

// answer is the header of what came of it: a text without content and blocks,
// or an error.
type answer struct {
	Text  rag.Text `json:"text"`
	Kind  rag.Kind `json:"kind,omitempty"` // of the error, "" for success
	Error string   `json:"error,omitempty"`
	Last  bool     `json:"last,omitempty"` // the child ends after this answer
}

var errFrame = errors.New("the frame is malformed")

// writeFrame writes one frame and flushes it.
func writeFrame(w *bufio.Writer, header any, blocks, body []byte) error {
	head, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for _, part := range [][]byte{head, blocks, body} {
		if err := binary.Write(w, binary.BigEndian, uint64(len(part))); err != nil {
			return err
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.Flush()
}

// readFrame reads one frame into header. io.EOF means that the stream ended
// before it.
func readFrame(r *bufio.Reader, header any) (blocks, body []byte, err error) {
	if _, err := r.Peek(1); err != nil {
		return nil, nil, err
	}
	head, err := readPart(r, maxHeader)
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(head, header); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	if blocks, err = readPart(r, maxBlocks); err != nil {
		return nil, nil, err
	}
	body, err = readPart(r, maxBody)
	return blocks, body, err
}

// readPart grows with what really arrives and not with the stated length.
func readPart(r io.Reader, most uint64) ([]byte, error) {
	var length uint64
	if err := binary.Read(r, binary.BigEndian, &length); err != nil {
		return nil, unexpected(err)
	}
	if length > most {
		return nil, errFrame
	}
	if length <= 1<<20 {
		part := make([]byte, length)
		_, err := io.ReadFull(r, part)
		return part, unexpected(err)
	}
	var b bytes.Buffer
	b.Grow(int(min(length, 64<<20)))
	_, err := io.CopyN(&b, r, int64(length))
	return b.Bytes(), unexpected(err)
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// packBlocks encodes blocks that keep the promises of rag.Text.
func packBlocks(blocks []rag.Block) []byte {
	index := make(map[rag.BlockKind]uint64, len(kinds))
	for i, k := range kinds {
		index[k] = uint64(i)
	}
	out := make([]byte, 0, 8*len(blocks))
	end := 0
	for _, b := range blocks {
		header := 0
		if b.HeaderEnd > 0 {
			header = b.HeaderEnd - b.Span.Start
		}
		for _, n := range []uint64{index[b.Kind], uint64(b.Level), uint64(b.Page), uint64(b.Span.Start - end), uint64(b.Span.Len()), uint64(header)} {
			out = binary.AppendUvarint(out, n)
		}
		end = b.Span.End
	}
	return out
}

// unpackBlocks decodes blocks of a text of the given size, and refuses what lies
// outside it.
func unpackBlocks(in []byte, size int) ([]rag.Block, error) {
	var blocks []rag.Block
	end := 0
	for len(in) > 0 {
		var n [6]uint64
		for i := range n {
			v, k := binary.Uvarint(in)
			if k <= 0 || v > maxBody {
				return nil, errFrame
			}
			n[i], in = v, in[k:]
		}
		start := end + int(n[3])
		end = start + int(n[4])
		if n[0] >= uint64(len(kinds)) || end > size || n[5] > n[4] {
			return nil, errFrame
		}
		b := rag.Block{Kind: kinds[n[0]], Level: int(n[1]), Page: int(n[2]), Span: rag.Span{Start: start, End: end}}
		if n[5] > 0 {
			b.HeaderEnd = start + int(n[5])
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}
