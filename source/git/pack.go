package git

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits of a pack that no setting moves. What is kept of an object while a pack is
// indexed takes some 300 bytes.
const (
	maxObjects = 1_000_000
	maxChain   = 1024      // deltas one upon the other; Git itself writes 50, and 250 when told to be thorough
	maxObject  = 256 << 20 // bytes of an object, unless max_bytes is more
	// unfolds is how many times the largest size of a repository the objects of a pack
	// may come to, resolving includes what they are resolved from.
	unfolds = 256
)

// Types of the entries of a pack.
const (
	packCommit, packTag    = 1, 4
	packOffset, packByHash = 6, 7
)

// checkPack reads a pack of version 2 (gitformat-pack) to its end and returns how many
// objects it holds, or an error unless indexing it takes a bounded amount of memory and work: the library that does holds
// whole objects in memory, and resolves deltas as deep as they go. Content is not
// checked here.
//
// Each entry is a type and a size, for a delta also what it is one of, and a zlib
// stream, which for a delta begins with the sizes before and after.
func checkPack(ctx context.Context, r io.Reader, largest, total int64) (objects int, err error) {
	in := &counted{r: bufio.NewReaderSize(r, 64<<10)}
	var head [12]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, damaged(err)
	}
	version, count := binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[8:])
	if string(head[:4]) != "PACK" || version != 2 {
		return 0, damaged(nil)
	}
	if count > maxObjects {
		return 0, rag.Errorf(rag.KindExhausted, "the repository sends %d objects; at most %d are read", count, maxObjects)
	}
	p := packCheck{in: in, chains: map[int64]chain{}, left: unfolds * total, largest: largest}
	for range count {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := p.entry(); err != nil {
			return 0, err
		}
	}
	if _, err := io.ReadFull(in, make([]byte, 20)); err != nil { // the checksum
		return 0, damaged(err)
	}
	if n, err := in.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return 0, damaged(err)
	}
	return int(count), nil
}

func damaged(err error) error {
	if _, ours := errors.AsType[*rag.Error](err); ours {
		return err
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return rag.Wrap(rag.KindInvalid, err, "what the repository sends is damaged")
}

// packCheck is one check of a pack.
type packCheck struct {
	in      *counted
	z       io.ReadCloser
	chains  map[int64]chain // by offset
	left    int64           // bytes that objects may still come to
	largest int64
}

// chain is what it takes to resolve an object: so many deltas, and so many bytes.
type chain struct {
	depth int
	bytes int64
}

func (p *packCheck) entry() error {
	at := p.in.n
	kind, size, err := p.header()
	if err != nil {
		return damaged(err)
	}
	var base chain
	switch kind {
	case packOffset:
		back, err := p.offset()
		if err != nil {
			return damaged(err)
		}
		known := false
		if base, known = p.chains[at-back]; !known {
			return damaged(errors.New("an object is built on one that is not there"))
		}
	case packByHash:
		if _, err := io.ReadFull(p.in, make([]byte, 20)); err != nil {
			return damaged(err)
		}
		base = chain{depth: 1, bytes: p.largest / 16} // unknown until it is resolved
	case 0, 5:
		return damaged(errors.New("an object is of a type that does not exist"))
	}
	if size > p.largest {
		return p.tooLarge(size)
	}
	after, err := p.content(kind, size)
	if err != nil {
		return err
	}
	c := chain{depth: base.depth, bytes: base.bytes + after}
	if kind == packOffset || kind == packByHash {
		c.depth++
	}
	if c.depth > maxChain {
		return rag.Errorf(rag.KindExhausted, "the repository sends %d deltas one upon the other; at most %d are read", c.depth, maxChain)
	}
	p.chains[at] = c
	if p.left -= c.bytes; p.left < 0 {
		return rag.Errorf(rag.KindExhausted, "what the repository sends unfolds to too much (max_repository_bytes)")
	}
	return nil
}

func (p *packCheck) tooLarge(size int64) error {
	return rag.Errorf(rag.KindExhausted, "the repository holds an object of %d bytes; at most %d are read (max_bytes)", size, p.largest)
}

// header reads type and size: three bits and four, then seven a byte.
func (p *packCheck) header() (kind byte, size int64, err error) {
	b, err := p.in.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	kind, size = b>>4&7, int64(b&15)
	for shift := 4; b&0x80 != 0; shift += 7 {
		if b, err = p.in.ReadByte(); err != nil {
			return 0, 0, err
		}
		if shift > 50 {
			return 0, 0, errors.New("an object's size is no size")
		}
		size |= int64(b&0x7f) << shift
	}
	return kind, size, nil
}

// offset reads how far back the base of a delta stands.
func (p *packCheck) offset() (int64, error) {
	b, err := p.in.ReadByte()
	n := int64(b & 0x7f)
	for ; err == nil && b&0x80 != 0; n = n<<7 | int64(b&0x7f) {
		if n++; n > 1<<50 {
			return 0, errors.New("an object's base is out of reach")
		}
		b, err = p.in.ReadByte()
	}
	return n, err
}

// content reads the stream of an entry and returns the size of the object.
func (p *packCheck) content(kind byte, size int64) (int64, error) {
	var err error
	if p.z == nil {
		p.z, err = zlib.NewReader(p.in)
	} else {
		err = p.z.(zlib.Resetter).Reset(p.in, nil)
	}
	if err != nil {
		return 0, damaged(err)
	}
	after := size
	var first [20]byte // two sizes of at most ten bytes
	n, err := io.ReadFull(p.z, first[:min(size, int64(len(first)))])
	if err != nil {
		return 0, damaged(err)
	}
	if kind == packOffset || kind == packByHash {
		sizes := bytes.NewReader(first[:n])
		before, err1 := binary.ReadUvarint(sizes)
		to, err2 := binary.ReadUvarint(sizes)
		if err1 != nil || err2 != nil {
			return 0, damaged(errors.New("a delta has no sizes"))
		}
		if most := uint64(p.largest); before > most || to > most {
			return 0, p.tooLarge(int64(min(max(before, to), 1<<62)))
		}
		after = int64(to)
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(p.z, size-int64(n)+1))
	if err != nil {
		return 0, damaged(err)
	}
	if int64(n)+rest != size {
		return 0, damaged(errors.New("an object has another size than it says"))
	}
	return after, nil
}

// counted counts what is read. It is an io.ByteReader, so that zlib reads no byte
// beyond the end of its stream.
type counted struct {
	r *bufio.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}
