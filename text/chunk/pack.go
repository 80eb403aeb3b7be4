package chunk

import (
	"sort"

	"github.com/smartretriever/smartretriever/rag"
)

// draft is a chunk as a range of atoms of a run.
type draft struct{ from, to int }

// packer fills chunks with the atoms of one run. A unit (a group, an item, a
// sentence) is kept whole where it fits; one that does not is replaced by the
// units it consists of.
type packer struct {
	m      measure
	run    *run
	sum    []int // sum[i] is the tokens of atoms[:i]
	target int   // tokens at which a chunk counts as full; at most m.size
	cur    draft // the open chunk
	own    int   // first atom of cur that is not overlap
	out    []draft
}

// pack divides the atoms of r among chunks. With even set the chunks are of about
// equal length, instead of full ones and a rest. Units that begin at borders of at
// least the given strength are kept whole where they fit.
func (m measure) pack(r *run, even bool, at border) []draft {
	p := &packer{m: m, run: r, target: m.size, sum: sums(r)}
	if n := (r.tokens + m.size - 1) / m.size; even && n > 1 {
		p.target = min(m.size, r.tokens/n+m.size/8)
	}
	p.addUnits(0, len(r.atoms), at)
	p.flush()
	return p.out
}

// joinTail puts a last draft that is no more than an end of something to the one
// before it, where both fit.
func (m measure) joinTail(r *run, drafts []draft) []draft {
	n := len(drafts)
	if n < 2 {
		return drafts
	}
	p := &packer{m: m, run: r, sum: sums(r)}
	both := draft{drafts[n-2].from, drafts[n-1].to}
	if p.length(drafts[n-1]) < m.size/4 && p.fits(both, m.size) {
		return append(drafts[:n-2], both)
	}
	return drafts
}

// sums returns the tokens of the atoms before each, and of all.
func sums(r *run) []int {
	sum := make([]int, len(r.atoms)+1)
	for i, a := range r.atoms {
		sum[i+1] = sum[i] + a.tokens
	}
	return sum
}

// addUnits adds the units that begin at borders of at least the given strength.
func (p *packer) addUnits(from, to int, at border) {
	for from < to {
		end := from + 1
		for end < to && p.run.atoms[end].border < at {
			end++
		}
		p.add(from, end, at)
		from = end
	}
}

// add puts a unit into the open chunk or into the next, whole where it fits.
func (p *packer) add(from, to int, at border) {
	open := p.length(p.cur)
	joined := draft{p.cur.from, to}
	whole := to-from == 1 || p.fits(draft{from, to}, p.m.size)
	switch {
	case p.empty() && whole,
		!p.empty() && p.fits(joined, p.target),
		!p.empty() && open < p.target/2 && p.fits(joined, p.m.size):
		p.append(from, to)
		return
	case to-from == 1, whole && (open >= p.m.size/4 || p.run.atoms[from].hard):
		p.flush()
		p.append(from, to)
		return
	case open > p.target/2:
		p.flush()
	}
	p.addUnits(from, to, at-1)
}

func (p *packer) empty() bool { return p.own == p.cur.to }

func (p *packer) append(from, to int) {
	if p.empty() && !p.fits(draft{p.cur.from, to}, p.m.size) {
		p.cur.from = from // no room for the overlap
	}
	p.cur.to = to
}

// flush closes the open chunk and starts the next with the overlap.
func (p *packer) flush() {
	if p.empty() {
		return
	}
	p.out = append(p.out, p.cur)
	end := p.cur.to
	from := sort.Search(end, func(i int) bool { return p.sum[end]-p.sum[i] <= p.m.overlap })
	for from = max(from, p.cur.from+1); from < end && p.run.atoms[from].border == inside; {
		from++ // whole sentences only
	}
	p.cur = draft{from, end}
	p.own = end
}

// length returns the tokens of a draft with the table header that it repeats.
func (p *packer) length(d draft) int {
	if d.from == d.to {
		return 0
	}
	return p.sum[d.to] - p.sum[d.from] + p.run.head(d.from).tokens
}

func (p *packer) fits(d draft, limit int) bool {
	h := p.run.head(d.from)
	bytes := p.run.atoms[d.to-1].span.End - p.run.atoms[d.from].span.Start + len(h.text)
	return fits(p.length(d), bytes, limit)
}

// head returns the table header that a chunk repeats when it starts with atom i.
func (r *run) head(i int) head {
	if h := r.atoms[i].head; h > 0 {
		return r.heads[h-1]
	}
	return head{}
}

// chunks makes chunks of drafts. Token counts of atoms were added up so far; each
// chunk is counted once here, and halved if the sum was too small.
func (m measure) chunks(out []rag.Chunk, text string, r *run, drafts []draft) []rag.Chunk {
	for _, d := range drafts {
		first, last := r.atoms[d.from], r.atoms[d.to-1]
		h := r.head(d.from)
		c := rag.Chunk{Ordinal: len(out), Span: rag.Span{Start: first.span.Start, End: last.span.End}, Prefix: h.text, Tokens: first.tokens}
		c.Text = c.Span.Of(text)
		if d.to-d.from > 1 {
			c.Tokens = m.count(c.Text)
			if c.Tokens+h.tokens > m.size {
				mid := (d.from + d.to) / 2
				out = m.chunks(out, text, r, []draft{{d.from, mid}, {mid, d.to}})
				continue
			}
		}
		if n := len(out); n > 0 && c.Span.End <= out[n-1].Span.End {
			continue // half of a chunk that was overlap alone
		}
		out = append(out, c)
	}
	return out
}
