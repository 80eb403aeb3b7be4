package smartretriever

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
)

// checker is a part that can say how it is.
type checker interface {
	Health(ctx context.Context) rag.Health
}

// healthTimeout bounds each check.
const healthTimeout = 2 * time.Second

// Health checks every dependency, one after the other, each within two seconds.
func (r *Retriever) Health(ctx context.Context) []rag.Health {
	check := func(name string, needed bool, do func(ctx context.Context) (string, error)) rag.Health {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		defer cancel()
		begun := time.Now()
		detail, err := do(ctx)
		h := rag.Health{Name: name, OK: err == nil, Needed: needed, Detail: detail, Took: time.Since(begun)}
		if err != nil {
			h.Detail = err.Error()
		}
		return h
	}
	leave, err := r.enter()
	if err != nil {
		return []rag.Health{{Name: "retriever", Needed: true, Detail: err.Error()}}
	}
	defer leave()
	all := append([]rag.Health{check("store", true, r.storeHealth)}, r.setUpHealth(ctx)...)
	all = append(all,
		check("originals", true, r.blobsHealth),
		check("embedder", true, func(context.Context) (string, error) {
			m := r.embed.Model()
			return fmt.Sprintf("%s, %d dimensions", m.ID, m.Dimensions), nil
		}),
		r.follow.Health(),
	)
	if r.vectors != nil {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		all = append(all, r.vectors.Health(ctx))
		cancel()
	}
	all = append(all, check("ocr", false, r.ocrHealth))
	if local := r.cfg.Reranker; local != nil {
		if _, asks := local.(checker); !asks {
			all = append(all, check("reranker", false, func(context.Context) (string, error) { return local.Name(), nil }))
		}
	}
	for _, part := range []any{r.cfg.Embedder, r.cfg.Reranker, r.cfg.Generator, r.cfg.Cache} {
		if c, ok := part.(checker); ok {
			ctx, cancel := context.WithTimeout(ctx, healthTimeout)
			all = append(all, c.Health(ctx))
			cancel()
		}
	}
	return all
}

// ocrHealth describes the program that reads pictures. That it is not there, or not
// wanted, is no fault.
func (r *Retriever) ocrHealth(ctx context.Context) (string, error) {
	info, err := r.extract.OCR(ctx)
	switch {
	case errors.Is(err, ocr.ErrAbsent):
		return "none: pictures and scanned pages can be read " + ocr.Hint, nil
	case errors.Is(err, extract.ErrNoOCR):
		return "off: pictures and scanned pages are not read", nil
	case err != nil:
		return "", err
	}
	return fmt.Sprintf("tesseract %s (%s), reads %s of %s", info.Version, info.Program, strings.Join(info.Languages, "+"), strings.Join(info.Installed, ", ")), nil
}

// Verify checks the store's invariants and that every original is there, and
// lists what is wrong. It reads everything: minutes for large stores.
func (r *Retriever) Verify(ctx context.Context) ([]string, error) {
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	faults, err := r.store.Verify(ctx)
	if err != nil {
		return nil, err
	}
	originals, err := r.verifyOriginals(ctx)
	return append(faults, originals...), err
}

// verifyOriginals reads every original file that a document refers to; reading
// compares it with its SHA-256.
func (r *Retriever) verifyOriginals(ctx context.Context) ([]string, error) {
	var all, bad []string
	err := r.store.LiveBlobs(ctx, func(sha string) error {
		all = append(all, sha)
		return nil
	})
	if err != nil {
		return nil, err
	}
	faults := map[string]string{}
	for _, sha := range all {
		if err := r.verifyOriginal(ctx, sha); err != nil {
			bad = append(bad, sha)
			faults[sha] = err.Error()
		}
		if err := ctx.Err(); err != nil {
			return nil, rag.Wrap(rag.KindOf(err), err, "verify original files")
		}
	}
	// A document may have been deleted, and its original with it, in between.
	gone, err := r.store.UnreferencedBlobs(ctx, bad)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, sha := range bad {
		if !slices.Contains(gone, sha) {
			out = append(out, faults[sha])
		}
	}
	return out, nil
}

func (r *Retriever) verifyOriginal(ctx context.Context, sha string) error {
	f, _, err := r.blobs.Open(ctx, sha)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, f)
	return errors.Join(err, f.Close())
}
