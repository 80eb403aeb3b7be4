// Package embedcache keeps embeddings on disk by content, so that a benchmark that
// is run again embeds nothing twice.
package embedcache

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/smartretriever/smartretriever/rag"
)

// Embedder is what is cached.
type Embedder interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
}

// Cache is an embedder that appends what it computes to a file of records: the
// SHA-256 of kind and text, then the vector as little-endian float32. It is for one goroutine.
type Cache struct {
	model Embedder
	known map[[32]byte][]float32
	file  *os.File
}

// Open reads the cache of a model in folder dir, which is made if it is missing.
func Open(dir string, model Embedder) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	m := model.Model()
	f, err := os.OpenFile(filepath.Join(dir, m.ID+".bin"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	c := &Cache{model: model, known: map[[32]byte][]float32{}, file: f}
	record := make([]byte, 32+4*m.Dimensions)
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		_, err := io.ReadFull(r, record)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break // the last record may be cut off
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		v := make([]float32, m.Dimensions)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(record[32+4*i:]))
		}
		c.known[[32]byte(record)] = v
	}
	_, err = f.Seek(int64(len(c.known)*len(record)), io.SeekStart)
	return c, err
}

// Close closes the file.
func (c *Cache) Close() error { return c.file.Close() }

func key(kind rag.EmbedKind, text string) [32]byte {
	return sha256.Sum256(append([]byte{byte(kind)}, text...))
}

// Model describes the model behind the cache.
func (c *Cache) Model() rag.Model { return c.model.Model() }

// Embed returns the vectors of texts, computing those that are not known.
func (c *Cache) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	const batch = 64
	var missing []string
	asked := map[[32]byte]bool{}
	for _, t := range texts {
		if k := key(kind, t); c.known[k] == nil && !asked[k] {
			asked[k] = true
			missing = append(missing, t)
		}
	}
	for len(missing) > 0 {
		n := min(batch, len(missing))
		vectors, err := c.model.Embed(ctx, kind, missing[:n])
		if err != nil {
			return nil, err
		}
		var out []byte
		for i, v := range vectors {
			k := key(kind, missing[i])
			c.known[k] = v
			out = append(out, k[:]...)
			for _, x := range v {
				out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
			}
		}
		if _, err := c.file.Write(out); err != nil {
			return nil, err
		}
		missing = missing[n:]
	}
	vectors := make([][]float32, len(texts))
	for i, t := range texts {
		vectors[i] = c.known[key(kind, t)]
	}
	return vectors, nil
}
