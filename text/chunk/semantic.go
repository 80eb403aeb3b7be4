package chunk

import (
	"context"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// semantic breaks a text where its subject turns. Each sentence is embedded once
// (a table or listing as one). At every border between two sentences the mean
// vector of the window sentences before it is compared with that of the window
// sentences behind it; where their cosine distance is among the largest of the
// text, by itself or by its growth, there is a turn. Chunks end at turns once they
// have min tokens; one that finds no turn before it is full ends at the largest
// distance that leaves it min tokens.
//
// Comparing windows of sentences is the idea of TextTiling (Hearst 1997), with
// embeddings in the place of word counts.
type semantic struct {
	m          measure
	min        int // tokens
	gradient   bool
	percentile float64
	window     int
	embed      func(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
}

// How bad it is to cut before an atom that is no border between two sentences;
// distances are from 0 to 2.
const (
	inBlock       = -1 // within a table, a listing, a list item
	inSentence    = -2
	behindHeading = -3
)

func (s semantic) cut(ctx context.Context, t rag.Text) ([]rag.Chunk, error) {
	blocks := outline(t)
	runs := slices.Collect(s.m.runs(t.Content, blocks))
	distances, err := s.distances(ctx, t.Content, runs)
	if err != nil {
		return nil, err
	}
	turns := s.turns(distances)
	where := s.m.locator(t.Content, blocks)
	var out []rag.Chunk
	for _, r := range runs {
		n := len(r.atoms)
		drafts := s.drafts(r, distances[:n], turns[:n])
		out = where.place(s.m.chunks(out, t.Content, r, drafts), len(out))
		distances, turns = distances[n:], turns[n:]
	}
	return out, nil
}

// distances returns, for each atom of the runs, how different what stands before
// it is from what it begins.
func (s semantic) distances(ctx context.Context, text string, runs []*run) ([]float64, error) {
	var out []float64
	var units []rag.Span
	var at []int // index in out of each unit's first atom
	for _, r := range runs {
		for i, a := range r.atoms {
			bad := 0.0
			switch {
			case i > 0 && a.border == inside:
				bad = inSentence
			case i > 0 && (a.border == sentenceStart || a.block):
				bad = inBlock
			default:
				units = append(units, a.span)
				at = append(at, len(out))
				if i > 0 && r.atoms[i-1].heading {
					bad = behindHeading
				}
			}
			units[len(units)-1].End = a.span.End
			out = append(out, bad)
		}
	}
	return out, s.compare(ctx, text, units, func(i int, distance float64) {
		if out[at[i]] == 0 {
			out[at[i]] = distance
		}
	})
}

// batch is how many sentences are embedded at a time; the vectors of two windows
// and a batch are all that is kept.
const batch = 128

// mostUnit bounds the bytes of a unit that are embedded: models read so much at
// most, and a listing may be long.
const mostUnit = 4 << 10

// compare embeds units and calls tell with the distance at the beginning of each
// but the first.
func (s semantic) compare(ctx context.Context, text string, units []rag.Span, tell func(i int, distance float64)) error {
	var vectors [][]float32 // of the units from first on
	first, next := 0, 1     // next is the unit whose distance is asked for next
	for done := 0; done < len(units) && len(units) > 1; {
		n := min(batch, len(units)-done)
		texts := make([]string, n)
		for i, u := range units[done : done+n] {
			texts[i] = u.Of(text)
			texts[i] = texts[i][:runeFloor(texts[i], mostUnit)]
		}
		got, err := s.embed(ctx, rag.PassageText, texts)
		if err != nil {
			return rag.Wrap(rag.KindOf(err), err, "embed sentences to find where the subject turns")
		}
		if len(got) != n {
			return rag.Errorf(rag.KindInternal, "the embedder returned %d vectors for %d sentences", len(got), n)
		}
		vectors = append(vectors, got...)
		done += n
		for ; next < len(units) && (next+s.window <= done || done == len(units)); next++ {
			left, right := max(next-s.window, first), min(next+s.window, done)
			tell(next, cosineDistance(vectors[left-first:next-first], vectors[next-first:right-first]))
		}
		if gone := max(0, next-s.window-first); gone > 0 {
			vectors = append(vectors[:0], vectors[gone:]...)
			first += gone
		}
	}
	return nil
}

// cosineDistance returns 1 minus the cosine between the means of two sets of
// vectors, 0 where it is not defined.
func cosineDistance(left, right [][]float32) float64 {
	a, b := sum(left), sum(right)
	var ab, aa, bb float64
	for i := range min(len(a), len(b)) {
		ab += a[i] * b[i]
		aa += a[i] * a[i]
		bb += b[i] * b[i]
	}
	d := 1 - ab/math.Sqrt(aa*bb)
	if math.IsNaN(d) {
		return 0
	}
	return min(2, max(0, d))
}

func sum(vectors [][]float32) []float64 {
	var out []float64
	for _, v := range vectors {
		if out == nil {
			out = make([]float64, len(v))
		}
		for i := range min(len(out), len(v)) {
			out[i] += float64(v[i])
		}
	}
	return out
}

// turns says of each atom whether the subject turns there.
func (s semantic) turns(distances []float64) []bool {
	var at []int
	var of []float64
	for i, d := range distances {
		if d > 0 {
			at = append(at, i)
			of = append(of, d)
		}
	}
	if s.gradient {
		of = gradient(of)
	}
	out := make([]bool, len(distances))
	if len(of) == 0 {
		return out
	}
	limit := percentile(of, s.percentile)
	for i, d := range of {
		out[at[i]] = d >= limit && d > 0
	}
	return out
}

// gradient returns the central differences of d, one-sided at its ends.
func gradient(d []float64) []float64 {
	out := make([]float64, len(d))
	for i := range d {
		from, to := max(0, i-1), min(len(d)-1, i+1)
		if to > from {
			out[i] = (d[to] - d[from]) / float64(to-from)
		}
	}
	return out
}

// percentile returns the value below which p percent of d lie, interpolated.
func percentile(d []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(d))
	at := p / 100 * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// drafts divides the atoms of a run.
func (s semantic) drafts(r *run, distances []float64, turns []bool) []draft {
	p := &packer{m: s.m, run: r, sum: sums(r)}
	var out []draft
	for from, n := 0, len(r.atoms); from < n; {
		to := s.end(p, from, distances, turns)
		if len(out) > 0 && to == n && p.length(draft{from, to}) < s.min && p.fits(draft{out[len(out)-1].from, to}, s.m.size) {
			out[len(out)-1].to = to // too short to stand alone
		} else {
			out = append(out, draft{from, to})
		}
		from = to
	}
	for i := len(out) - 1; i > 0; i-- { // what the one before ends with
		d := out[i]
		for d.from-1 > out[i-1].from && p.sum[out[i].from]-p.sum[d.from-1] <= s.m.overlap && p.fits(draft{d.from - 1, d.to}, s.m.size) {
			d.from--
		}
		for d.from < out[i].from && r.atoms[d.from].border == inside {
			d.from++
		}
		out[i].from = d.from
	}
	return out
}

// end returns where the chunk that begins with atom from ends.
func (s semantic) end(p *packer, from int, distances []float64, turns []bool) int {
	best := -1
	for i := from + 1; i < len(distances); i++ {
		if p.length(draft{from, i}) >= s.min {
			if turns[i] {
				return i
			}
			if best < 0 || distances[i] >= distances[best] {
				best = i
			}
		}
		if !p.fits(draft{from, i + 1}, s.m.size) {
			if best < 0 {
				best = i
			}
			return best
		}
	}
	return len(distances)
}
