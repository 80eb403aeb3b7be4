package smartretriever

import (
	"cmp"
	"context"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/near"
)

// Bounds of Duplicates.
const (
	duplicatePage   = 512       // chunks that are read at a time
	duplicateMemory = 192 << 20 // bytes of keys that are held at once
	duplicateOthers = 1000      // of one group that are listed
)

// Duplicates reports the groups of chunks of scope's collection that say the same in
// the same words (see package near), the largest first: whole copies of documents,
// boilerplate, repeated sections. Chunks of documents that scope may not see are not
// looked at. An error of report ends the work and is returned.
//
// The collection is read page by page, more than once where it is large, so that
// memory is bounded by some 20 bytes a chunk and 192 MiB; what is added meanwhile may
// be left out. A pair that is just similar enough can be missed.
func (r *Retriever) Duplicates(ctx context.Context, scope rag.Scope, report func(rag.DuplicateGroup) error) error {
	scope = scope.WithDefaults()
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return err
	}
	defer leave()
	d := duplicates{r: r, scope: scope, col: col, page: duplicatePage, memory: duplicateMemory}
	if err := d.find(ctx); err != nil {
		return err
	}
	return d.report(ctx, report)
}

// duplicates is one search for near-duplicates. Chunks are numbered in the order of
// their ids.
type duplicates struct {
	r            *Retriever
	scope        rag.Scope
	col          rag.Collection
	page, memory int

	ids    []rag.ChunkID
	parent []uint32 // of a union-find forest over ids; the lowest number is the root
}

// keyed is a chunk under one of its keys.
type keyed struct {
	key uint64
	n   uint32
}

// find puts near-duplicates into one tree: first those with the same words, then,
// band by band, those whose keys agree and whose texts do.
func (d *duplicates) find(ctx context.Context) error {
	var exact []keyed
	err := d.each(ctx, func(c *rag.Chunk) {
		if p := near.Of(c.Text); !p.Empty() {
			exact = append(exact, keyed{p.Exact(), uint32(len(d.ids))})
			d.parent = append(d.parent, uint32(len(d.ids)))
			d.ids = append(d.ids, c.ID)
		}
	})
	if err != nil {
		return err
	}
	if err := d.meet(ctx, exact); err != nil {
		return err
	}
	const size = 16 // bytes of a keyed
	together := max(1, min(near.NBands, d.memory/size/max(1, len(d.ids))))
	for from := 0; from < near.NBands && len(d.ids) > 1; from += together {
		to := min(near.NBands, from+together)
		bands := make([][]keyed, to-from)
		err := d.each(ctx, func(c *rag.Chunk) {
			n, known := slices.BinarySearch(d.ids, c.ID)
			if !known || d.root(uint32(n)) != uint32(n) {
				return // came meanwhile, or another with the same words stands for it
			}
			keys := near.Of(c.Text).Bands()
			for b := range bands {
				bands[b] = append(bands[b], keyed{keys[from+b], uint32(n)})
			}
		})
		if err != nil {
			return err
		}
		for _, b := range bands {
			if err := d.meet(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// each calls fn with every chunk that scope may see, in the order of ids.
func (d *duplicates) each(ctx context.Context, fn func(*rag.Chunk)) error {
	for last := rag.ChunkID(0); ; {
		chunks, docs, err := d.r.store.ChunksAfter(ctx, d.col.ID, last, d.page)
		if err != nil || len(chunks) == 0 {
			return err
		}
		for i := range chunks {
			if c := &chunks[i]; d.scope.May(docs[c.DocumentID].ACL) {
				fn(c)
			}
		}
		last = chunks[len(chunks)-1].ID
	}
}

// meet compares the chunks that share a key with the first of them, and joins those
// that are near.
func (d *duplicates) meet(ctx context.Context, band []keyed) error {
	slices.SortFunc(band, func(a, b keyed) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.n, b.n)) })
	var pairs [][2]uint32
	for i := 0; i < len(band); {
		j := i + 1
		for ; j < len(band) && band[j].key == band[i].key; j++ {
			if d.root(band[i].n) == d.root(band[j].n) {
				continue
			}
			if pairs = append(pairs, [2]uint32{band[i].n, band[j].n}); len(pairs) == d.page/2 {
				if err := d.compare(ctx, pairs); err != nil {
					return err
				}
				pairs = pairs[:0]
			}
		}
		i = j
	}
	return d.compare(ctx, pairs)
}

// compare reads the chunks of pairs and joins those that are near.
func (d *duplicates) compare(ctx context.Context, pairs [][2]uint32) error {
	if len(pairs) == 0 {
		return ctx.Err()
	}
	numbers := make([]uint32, 0, 2*len(pairs))
	for _, p := range pairs {
		numbers = append(numbers, p[0], p[1])
	}
	chunks, _, err := d.read(ctx, numbers)
	if err != nil {
		return err
	}
	prints := make(map[uint32]near.Print, len(chunks))
	for n, c := range chunks {
		prints[n] = near.Of(c.Text)
	}
	for _, p := range pairs {
		a, b := chunks[p[0]], chunks[p[1]]
		overlap := a.DocumentID == b.DocumentID && a.Span.Overlaps(b.Span)
		if !overlap && prints[p[0]].Similarity(prints[p[1]]) >= near.Threshold {
			d.join(p[0], p[1])
		}
	}
	return nil
}

// read returns chunks by number, those that scope may still see.
func (d *duplicates) read(ctx context.Context, numbers []uint32) (map[uint32]rag.Chunk, map[rag.DocumentID]rag.Document, error) {
	ids := make([]rag.ChunkID, len(numbers))
	for i, n := range numbers {
		ids[i] = d.ids[n]
	}
	chunks, docs, err := d.r.store.Chunks(ctx, d.col.ID, ids)
	out := make(map[uint32]rag.Chunk, len(chunks))
	for _, c := range chunks {
		if n, known := slices.BinarySearch(d.ids, c.ID); known && d.scope.May(docs[c.DocumentID].ACL) {
			out[uint32(n)] = c
		}
	}
	return out, docs, err
}

func (d *duplicates) root(n uint32) uint32 {
	for d.parent[n] != n {
		d.parent[n] = d.parent[d.parent[n]] // halve the way
		n = d.parent[n]
	}
	return n
}

func (d *duplicates) join(a, b uint32) {
	a, b = d.root(a), d.root(b)
	if a != b {
		d.parent[max(a, b)] = min(a, b)
	}
}

// report reads the groups again, the largest first.
func (d *duplicates) report(ctx context.Context, tell func(rag.DuplicateGroup) error) error {
	groups := map[uint32][]uint32{}
	for n := range d.parent {
		if root := d.root(uint32(n)); root != uint32(n) {
			groups[root] = append(groups[root], uint32(n))
		}
	}
	roots := make([]uint32, 0, len(groups))
	for root := range groups {
		roots = append(roots, root)
	}
	slices.SortFunc(roots, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(len(groups[b]), len(groups[a])), cmp.Compare(a, b))
	})
	for _, root := range roots {
		g, err := d.group(ctx, root, groups[root])
		if err != nil {
			return err
		}
		if len(g.Others) == 0 {
			continue // deleted meanwhile
		}
		if err := tell(g); err != nil {
			return err
		}
	}
	return nil
}

func (d *duplicates) group(ctx context.Context, root uint32, others []uint32) (rag.DuplicateGroup, error) {
	var g rag.DuplicateGroup
	if n := len(others); n > duplicateOthers {
		g.More = n - duplicateOthers
		others = others[:duplicateOthers]
	}
	chunks, docs, err := d.read(ctx, append([]uint32{root}, others...))
	first, there := chunks[root]
	if err != nil || !there {
		return g, err
	}
	print := near.Of(first.Text)
	of := func(c rag.Chunk, similarity float64) rag.Duplicate {
		return rag.Duplicate{ChunkID: c.ID, Document: docs[c.DocumentID], Version: c.Version, Span: c.Span, Page: c.Page, Similarity: similarity}
	}
	g.First, g.Text = of(first, 1), first.Text
	for _, n := range others {
		if c, there := chunks[n]; there {
			g.Others = append(g.Others, of(c, print.Similarity(near.Of(c.Text))))
		}
	}
	return g, nil
}
