package answer

import (
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/near"
)

// folding takes hits in the order of their rank and lets the first of those that say
// the same in the same words speak for the others. It sees only hits that whoever
// asks may see, so a duplicate that is named is one of these.
type folding struct {
	off    bool
	set    near.Set
	hits   []rag.Hit
	folded int
}

// take adds a hit, or names it with the one that it is a duplicate of. Chunks of one
// document that overlap share words by the way they were cut: they are none.
func (f *folding) take(h rag.Hit) {
	if f.off {
		f.hits = append(f.hits, h)
		return
	}
	print := near.Of(h.Text)
	i, similarity, found := f.set.Find(print, func(i int) bool {
		o := &f.hits[i]
		return o.Document.ID != h.Document.ID || !o.Span.Overlaps(h.Span)
	})
	if !found {
		f.set.Add(print)
		f.hits = append(f.hits, h)
		return
	}
	f.folded++
	f.hits[i].Duplicates = append(f.hits[i].Duplicates, rag.Duplicate{
		ChunkID: h.ChunkID, Document: h.Document, Version: h.Version, Span: h.Span, Page: h.Page, Similarity: similarity,
	})
}
