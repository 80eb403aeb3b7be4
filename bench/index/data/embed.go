package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/smartretriever/smartretriever/model/bert/convert"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/model/embed/static"
	"github.com/smartretriever/smartretriever/rag"
)

// embedder is what makes vectors of texts.
type embedder interface {
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	Model() rag.Model
}

// staticModel opens the static model of 128 dimensions.
func (c *Cache) staticModel(ctx context.Context) (embedder, error) {
	m, err := convert.Read(ctx, filepath.Join(c.Data, "models", "potion-base-4M-int8"), convert.Options{})
	if err != nil {
		return nil, err
	}
	return static.New(static.Config{Weights: m.Data, Workers: c.Threads})
}

// builtinModel opens the built-in encoder of 384 dimensions.
func (c *Cache) builtinModel(context.Context) (embedder, error) {
	return bert.New(bert.Config{Workers: c.Threads})
}

// partly ends the name of a file that is not complete.
const partly = ".part"

// embedBatch is how many texts are embedded between two writes.
const embedBatch = 2048

// embed writes the vectors of texts into a file of dir. What an earlier run, cut
// short, has left of it is kept. It returns errEnough when the file, which then still
// has the ending partly, holds at least most vectors and not all; with 0 it goes on.
func (c *Cache) embed(ctx context.Context, e embedder, kind rag.EmbedKind, texts []string, most int, dir, name string) error {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	batch := int64(embedBatch * e.Model().Dimensions * 4)
	f, err := os.OpenFile(path+partly, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	whole := info.Size() / batch
	if _, err := f.Seek(whole*batch, 0); err != nil {
		return err
	}
	first, start, said := int(whole)*embedBatch, time.Now(), time.Now()
	for from := first; from < len(texts); from += embedBatch {
		if most > 0 && from >= most {
			return errEnough
		}
		to := min(from+embedBatch, len(texts))
		vectors, err := e.Embed(ctx, kind, texts[from:to])
		if err != nil {
			return err
		}
		flat := make([]float32, 0, batch/4)
		for _, v := range vectors {
			flat = append(flat, v...)
		}
		if _, err := f.Write(raw(flat)); err != nil {
			return err
		}
		if time.Since(said) > 20*time.Second {
			said = time.Now()
			c.Log("%s/%s: %d of %d texts, %.0f a second", filepath.Base(dir), name, to, len(texts), float64(to-first)/time.Since(start).Seconds())
		}
	}
	if err := f.Truncate(int64(len(texts) * e.Model().Dimensions * 4)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.Rename(path+partly, path)
}
