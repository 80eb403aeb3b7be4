package sandbox

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/format"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// The child begins with the greeting. Then requests and answers alternate, each
// one frame of three parts, and each part its length in eight bytes, big endian,
// followed by so many bytes:
//
//	header  JSON: request or answer
//	blocks  of an answer's text: for each, unsigned varints for kind (its place
//	        in kinds), level, page, bytes since the end of the block before,
//	        length, bytes from its start to the end of its header rows, and 0
//	        for no box or 1, followed by the box: x0, y0, x1, y1 as 32-bit
//	        floats, little endian
//	body    the file's content, the text's, or a page's picture
const greeting = "extract-worker 3\n"

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

// request is the header of a file to be read, or of which a page is to be shown.
type request struct {
	Format   format.ID        `json:"format"`
	Name     string           `json:"name"`
	Password string           `json:"password,omitempty"`
	Main     bool             `json:"main_content,omitempty"`
	Limits   Limits           `json:"limits"`
	Page     *pdf.PageOptions `json:"page,omitempty"`  // nil to read the text
	Scans    []int            `json:"scans,omitempty"` // pages of a PDF, to say which of them show an image; nil to read the text
}

// answer is the header of what came of it: a text without content and blocks, a
// picture without its image, numbers of pages, or an error.
type answer struct {
	Text    rag.Text    `json:"text"`
	Picture rag.Picture `json:"picture"`
	Scans   []int       `json:"scans,omitempty"` // pages that show an image
	Kind    rag.Kind    `json:"kind,omitempty"`  // of the error, "" for success
	Error   string      `json:"error,omitempty"`
	Last    bool        `json:"last,omitempty"` // the child ends after this answer
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
		out = packBox(out, b.Box)
		end = b.Span.End
	}
	return out
}

const boxSize = 16

func packBox(out []byte, b rag.Box) []byte {
	if b == (rag.Box{}) {
		return append(out, 0)
	}
	out = append(out, 1)
	for _, v := range []float32{b.X0, b.Y0, b.X1, b.Y1} {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

// unpackBox decodes what packBox wrote and returns what follows it.
func unpackBox(in []byte) (rag.Box, []byte, error) {
	switch {
	case len(in) > 0 && in[0] == 0:
		return rag.Box{}, in[1:], nil
	case len(in) <= boxSize || in[0] != 1:
		return rag.Box{}, nil, errFrame
	}
	var v [4]float32
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(in[1+4*i:]))
		if v[i] != v[i] { // NaN would break JSON
			return rag.Box{}, nil, errFrame
		}
	}
	return rag.Box{X0: v[0], Y0: v[1], X1: v[2], Y1: v[3]}, in[1+boxSize:], nil
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
		var err error
		if b.Box, in, err = unpackBox(in); err != nil {
			return nil, err
		}
		if n[5] > 0 {
			b.HeaderEnd = start + int(n[5])
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}
