package indextest

import (
	"cmp"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// model is an index that keeps what it is given and looks at all of it.
type model struct {
	chunks    map[rag.ChunkID]rag.Record
	documents map[rag.DocumentID]*rag.Document // as the last put had it
}

func newModel() *model {
	return &model{chunks: map[rag.ChunkID]rag.Record{}, documents: map[rag.DocumentID]*rag.Document{}}
}

func (m *model) apply(puts []rag.Record, deletes []rag.ChunkID) {
	for _, id := range deletes {
		delete(m.chunks, id)
	}
	for _, r := range puts {
		m.chunks[r.ChunkID] = r
		m.documents[r.Document.ID] = r.Document
	}
}

// search scores every chunk that q may see; lists are ordered and cut at K.
func (m *model) search(q rag.IndexQuery) rag.IndexResult {
	var res rag.IndexResult
	bm25 := m.bm25(q.Text)
	for id, r := range m.chunks {
		d := m.documents[r.Document.ID]
		if !q.Scope.May(d.ACL) || !q.Filter.Match(d.Lookup) {
			continue
		}
		if len(q.Vector) > 0 && len(r.Vector) > 0 {
			res.Vector = append(res.Vector, rag.Scored{ChunkID: id, DocumentID: d.ID, Score: float32(cosine(q.Vector, r.Vector))})
		}
		if s := bm25(r.Text); s > 0 {
			res.Keyword = append(res.Keyword, rag.Scored{ChunkID: id, DocumentID: d.ID, Score: float32(s)})
		}
	}
	for _, l := range []*[]rag.Scored{&res.Vector, &res.Keyword} {
		slices.SortFunc(*l, inOrder)
		*l = (*l)[:min(len(*l), q.K)]
	}
	return res
}

func inOrder(a, b rag.Scored) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ChunkID, b.ChunkID))
}

func cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}

// bm25 returns the scorer of a query, computed as the formula reads.
func (m *model) bm25(query string) func(text string) float64 {
	const k1, b = 1.2, 0.75
	var n, length float64
	df := map[string]float64{}
	for _, r := range m.chunks {
		words := strings.Fields(r.Text)
		if len(words) == 0 {
			continue
		}
		n++
		length += float64(len(words))
		slices.Sort(words)
		for _, w := range slices.Compact(words) {
			df[w]++
		}
	}
	return func(text string) float64 {
		words := strings.Fields(text)
		var sum float64
		for _, t := range strings.Fields(query) { // a repeated word adds its score again
			var tf float64
			for _, w := range words {
				if w == t {
					tf++
				}
			}
			if tf > 0 {
				idf := math.Log(1 + (n-df[t]+0.5)/(df[t]+0.5))
				sum += idf * tf / (tf + k1*(1-b+b*kept(len(words))/(length/n)))
			}
		}
		return sum
	}
}

// kept returns the length that BM25 sees of a text of n words: as in Lucene, it is kept in a byte, as a number of four
// binary digits beyond 40 (SmallFloat.intToByte4).
func kept(n int) float64 {
	const exact = 24
	if n < exact {
		return float64(n)
	}
	n -= exact
	if shift := bits.Len(uint(n)) - 4; shift > 0 {
		n = n >> shift << shift
	}
	return float64(exact + n)
}

// check searches both and compares. Scores may differ by rounding, so that two
// chunks of nearly equal score may change places.
func (m *model) check(t testing.TB, ix Index, q rag.IndexQuery) {
	t.Helper()
	got, err := ix.Search(t.Context(), q)
	if err != nil {
		t.Fatalf("search %+v: %v", q, err)
	}
	all := q
	all.K = len(m.chunks) + 1
	want := m.search(all)
	compare(t, "vector", got.Vector, want.Vector, q)
	compare(t, "keyword", got.Keyword, want.Keyword, q)
}

func compare(t testing.TB, side string, got, all []rag.Scored, q rag.IndexQuery) {
	t.Helper()
	want := all[:min(len(all), q.K)]
	if len(got) != len(want) {
		t.Fatalf("%s side has %d hits, want %d, for %+v\n got %v\nwant %v", side, len(got), len(want), q, got, want)
	}
	score := make(map[rag.ChunkID]rag.Scored, len(all))
	for _, s := range all {
		score[s.ChunkID] = s
	}
	for i, h := range got {
		true1, ok := score[h.ChunkID]
		switch {
		case !ok:
			t.Fatalf("%s side found chunk %d, which the query may not see: %+v", side, h.ChunkID, q)
		case h.DocumentID != true1.DocumentID:
			t.Fatalf("%s side: chunk %d has document %s, want %s", side, h.ChunkID, h.DocumentID, true1.DocumentID)
		case !near(h.Score, true1.Score) || !near(h.Score, want[i].Score):
			t.Fatalf("%s side, place %d: chunk %d has %v; by the formula it has %v, and the place has %v", side, i+1, h.ChunkID, h.Score, true1.Score, want[i].Score)
		case i > 0 && inOrder(got[i-1], h) >= 0:
			t.Fatalf("%s side, place %d: %v does not come after %v", side, i+1, h, got[i-1])
		}
	}
}

func near(a, b float32) bool {
	return math.Abs(float64(a-b)) <= 1e-5*(1+math.Abs(float64(b)))
}

// maker draws records and queries.
type maker struct {
	*rand.Rand
	dims int
}

func newMaker(seed uint64, dims int) maker {
	return maker{rand.New(rand.NewPCG(seed, 7)), dims}
}

func (m maker) vector() []float32 {
	v := make([]float32, m.dims)
	var n float64
	for i := range v {
		v[i] = float32(m.NormFloat64())
		n += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(n))
	}
	return v
}

// text draws words, low numbers far more often than high ones.
func (m maker) text(words int) string {
	var b strings.Builder
	for range words {
		b.WriteString("w" + strconv.Itoa(int(60*m.Float64()*m.Float64()*m.Float64())) + " ")
	}
	return b.String()
}

// record draws a record; some have no vector, some no text.
func (m maker) record(id rag.ChunkID, d *rag.Document) rag.Record {
	r := rag.Record{ChunkID: id, Document: d}
	if m.IntN(10) > 0 {
		r.Vector = m.vector()
	}
	switch m.IntN(10) {
	case 0:
	case 1:
		r.Text = m.text(30 + m.IntN(200))
	default:
		r.Text = m.text(1 + m.IntN(30))
	}
	return r
}

var (
	principals = []string{"anna", "ben", "team"}
	someText   = []rag.Value{rag.Str("red"), rag.Str("reddish"), rag.Str("blue"), rag.Str("")}
	someNumber = []rag.Value{rag.Num(1), rag.Num(2), rag.Num(2.5), rag.Num(-3)}
)

func (m maker) document(id rag.DocumentID) *rag.Document {
	d := &rag.Document{ID: id, ExternalID: "x-" + string(id), MediaType: "text/plain", Metadata: rag.Metadata{}}
	if m.IntN(3) == 0 {
		d.ACL = []string{principals[m.IntN(3)]}
	}
	if m.IntN(4) > 0 {
		d.Metadata["color"] = someText[m.IntN(4)]
	}
	if m.IntN(4) > 0 {
		d.Metadata["size"] = someNumber[m.IntN(4)]
	}
	switch m.IntN(4) {
	case 0:
		d.Metadata["tags"] = rag.List(someText[m.IntN(4)], someNumber[m.IntN(4)])
	case 1:
		d.Metadata["tags"] = rag.Bool(m.IntN(2) == 0)
	}
	return d
}

// filter draws a filter of any kind.
func (m maker) filter(depth int) rag.Filter {
	if depth > 0 && m.IntN(2) == 0 {
		f := rag.Filter{Type: []rag.Op{rag.OpAnd, rag.OpOr, rag.OpNot}[m.IntN(3)]}
		n := 1
		if f.Type != rag.OpNot {
			n += m.IntN(3)
		}
		for range n {
			f.Filters = append(f.Filters, m.filter(depth-1))
		}
		return f
	}
	f := rag.Filter{
		Type: []rag.Op{rag.OpEq, rag.OpNe, rag.OpGt, rag.OpGte, rag.OpLt, rag.OpLte, rag.OpIn, rag.OpNin, rag.OpPrefix, rag.OpExists}[m.IntN(10)],
		Key:  []string{"color", "size", "tags", "absent", rag.KeyExternalID}[m.IntN(5)],
	}
	scalar := append(slices.Clone(someText), someNumber...)
	switch f.Type {
	case rag.OpIn, rag.OpNin:
		f.Value = rag.List(scalar[m.IntN(8)], scalar[m.IntN(8)])
	case rag.OpPrefix:
		f.Value = rag.Str([]string{"r", "red", "x-d1", ""}[m.IntN(4)])
	case rag.OpExists:
		f.Value = []rag.Value{{}, rag.Bool(true), rag.Bool(false)}[m.IntN(3)]
	default:
		f.Value = scalar[m.IntN(8)]
	}
	return f
}

func (m maker) scope() rag.Scope {
	s := rag.Scope{Admin: m.IntN(4) == 0}
	for _, p := range principals {
		if m.IntN(2) == 0 {
			s.Principals = append(s.Principals, p)
		}
	}
	return s
}

// query draws a query; some leave one side or the filter out.
func (m maker) query() rag.IndexQuery {
	q := rag.IndexQuery{K: 1 + m.IntN(40), Scope: m.scope()}
	if m.IntN(6) > 0 {
		q.Text = m.text(1 + m.IntN(8))
	}
	if m.IntN(6) > 0 {
		q.Vector = m.vector()
	}
	if m.IntN(2) == 0 {
		q.Filter = m.filter(3)
	}
	return q
}
