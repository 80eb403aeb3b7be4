package chunk

import "github.com/smartretriever/smartretriever/rag"

// semantic packs whole paragraphs, and sentences of those that are too long, one
// after the other until a chunk is full, across headings.
type semantic struct{ m measure }

func (s semantic) Chunk(t rag.Text) []rag.Chunk {
	blocks := outline(t)
	where := s.m.locator(t.Content, blocks)
	var out []rag.Chunk
	var r run
	flush := func() {
		if len(r.atoms) > 0 {
			n := len(out)
			out = s.m.chunks(out, t.Content, &r, s.m.pack(&r, false))
			for i := range out[n:] {
				c := &out[n+i]
				c.Page, c.Heading = where.at(c.Span.Start)
			}
		}
		r = run{}
	}
	var last rag.BlockKind
	for _, b := range blocks {
		if running(b) {
			flush()
			last = ""
			continue
		}
		s.m.add(&r, t.Content, b, last)
		last = b.Kind
	}
	flush()
	return out
}
