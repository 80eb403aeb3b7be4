package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

// inMemory is how much of a file is held in memory; what is larger goes to a file.
const inMemory = 1 << 20

// content is a file whose digest is known, to be read as often as an upload needs.
type content struct {
	sha  string
	size int64
	at   io.ReaderAt
	file *os.File // nil if it is in memory
}

func (c *content) section(from, size int64) *io.SectionReader {
	return io.NewSectionReader(c.at, from, size)
}

func (c *content) close() {
	if c.file != nil {
		_ = c.file.Close()
		_ = os.Remove(c.file.Name()) // gone already, where the system lets open files be removed
	}
}

// held is a reader of bytes that are in memory: bytes.Reader and strings.Reader. Files
// have no Len; they might change between two readings.
type held interface {
	io.ReaderAt
	io.Seeker
	Len() int
}

// spool reads r, at most limit bytes of it. An error of r is returned as it is.
func (s *Store) spool(ctx context.Context, r io.Reader, limit int64) (*content, error) {
	if h, ok := r.(held); ok {
		return digestHeld(ctx, h, limit)
	}
	c, digest := &content{}, sha256.New()
	var memory bytes.Buffer
	buf := make([]byte, 64<<10)
	for {
		if err := ctx.Err(); err != nil {
			c.close()
			return nil, rag.Wrap(rag.KindOf(err), err, storing)
		}
		n, readErr := r.Read(buf)
		if c.size += int64(n); c.size > limit {
			c.close()
			return nil, tooLarge(limit)
		}
		digest.Write(buf[:n])
		err := s.spill(c, &memory, buf[:n])
		if err == nil && errors.Is(readErr, io.EOF) {
			break
		}
		if err == nil {
			err = readErr
		}
		if err != nil {
			c.close()
			return nil, err
		}
	}
	if c.sha = hex.EncodeToString(digest.Sum(nil)); c.file != nil {
		c.at = c.file
	} else {
		c.at = bytes.NewReader(memory.Bytes())
	}
	return c, nil
}

// spill keeps a piece in memory, or in the file that takes over when it is too much.
func (s *Store) spill(c *content, memory *bytes.Buffer, piece []byte) error {
	if c.file == nil && memory.Len()+len(piece) <= inMemory {
		memory.Write(piece)
		return nil
	}
	if c.file == nil {
		if err := os.MkdirAll(s.cfg.TempDir, 0o700); err != nil {
			return blob.WriteError(err)
		}
		f, err := os.CreateTemp(s.cfg.TempDir, "original-*")
		if err != nil {
			return blob.WriteError(err)
		}
		c.file = f
		_ = os.Remove(f.Name()) // a process that is killed leaves nothing, where the system lets open files be removed
		if _, err := f.Write(memory.Bytes()); err != nil {
			return blob.WriteError(err)
		}
		*memory = bytes.Buffer{}
	}
	if _, err := c.file.Write(piece); err != nil {
		return blob.WriteError(err)
	}
	return nil
}

func digestHeld(ctx context.Context, h held, limit int64) (*content, error) {
	if err := ctx.Err(); err != nil {
		return nil, rag.Wrap(rag.KindOf(err), err, storing)
	}
	size := int64(h.Len())
	if size > limit {
		return nil, tooLarge(limit)
	}
	from, err := h.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	at := io.NewSectionReader(h, from, size)
	digest := sha256.New()
	if _, err := io.Copy(digest, at); err != nil {
		return nil, err
	}
	return &content{sha: hex.EncodeToString(digest.Sum(nil)), size: size, at: at}, nil
}

func tooLarge(limit int64) error {
	return rag.Errorf(rag.KindExhausted, "the file is larger than the limit of %d bytes", limit)
}
