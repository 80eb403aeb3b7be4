package chunk

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
)

// packed fills one chunk after the other, across headings: paragraph with whole
// paragraphs, and sentences of those that are too long; sentence with sentences,
// wherever paragraphs end.
type packed struct {
	m         measure
	sentences bool
}

func (p packed) cut(ctx context.Context, t rag.Text) ([]rag.Chunk, error) {
	blocks := outline(t)
	where := p.m.locator(t.Content, blocks)
	at := groupStart
	if p.sentences {
		at = itemStart
	}
	var out []rag.Chunk
	for r := range p.m.runs(t.Content, blocks) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p.sentences {
			stick(r)
		}
		out = where.place(p.m.chunks(out, t.Content, r, p.m.pack(r, false, at)), len(out))
	}
	return out, nil
}

// stick makes one unit of a heading and the sentence after it, so that no chunk
// ends with a heading.
func stick(r *run) {
	for i := 1; i < len(r.atoms); i++ {
		if r.atoms[i-1].heading && !r.atoms[i].heading {
			r.atoms[i].border = min(r.atoms[i].border, sentenceStart)
		}
	}
}

// runs yields the stretches between running headers and footers as atoms.
func (m measure) runs(text string, blocks []rag.Block) func(yield func(*run) bool) {
	return func(yield func(*run) bool) {
		r := &run{}
		var last rag.BlockKind
		for _, b := range blocks {
			if !running(b) {
				m.add(r, text, b, last)
				last = b.Kind
				continue
			}
			if len(r.atoms) > 0 && !yield(r) {
				return
			}
			r, last = &run{}, ""
		}
		if len(r.atoms) > 0 {
			yield(r)
		}
	}
}
