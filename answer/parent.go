package answer

import (
	"context"
	"errors"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// widened returns a hit as it is read for an answer: with the text of its parent in
// the place of its own. A hit without a parent, or whose parent is gone, is read as
// it is.
func (p *Pipeline) widened(ctx context.Context, col rag.Collection, h rag.Hit) (rag.Hit, error) {
	text, err := p.parentText(ctx, col, &h)
	if err != nil || text == "" {
		return h, err
	}
	if strings.Contains(text, h.Prefix) {
		h.Prefix = ""
	}
	h.Text, h.Span, h.Tokens, h.Highlights = text, h.Parent, p.cfg.Embed.CountTokens(text), nil
	return h, nil
}

// isWidened reports whether a hit is read with the text of its parent.
func isWidened(h *rag.Hit) bool { return h.Parent.Len() > 0 && h.Span == h.Parent }

// parentText reads the text of a hit's parent, "" for none.
func (p *Pipeline) parentText(ctx context.Context, col rag.Collection, h *rag.Hit) (string, error) {
	if h.Parent.Len() <= 0 {
		return "", nil
	}
	text, err := p.cfg.Chunks.Quote(ctx, col.ID, h.Document.ID, h.Version, h.Parent)
	if errors.Is(err, rag.ErrNotFound) {
		return "", nil // deleted since it was found
	}
	return text, err
}

// readContext fills in Hit.Context.
func (p *Pipeline) readContext(ctx context.Context, col rag.Collection, hits []rag.Hit) error {
	for i := range hits {
		text, err := p.parentText(ctx, col, &hits[i])
		if err != nil {
			return err
		}
		hits[i].Context = text
	}
	return nil
}
