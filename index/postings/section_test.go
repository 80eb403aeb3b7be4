package postings

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// occurrences is what a section must hold of a term in a row.
type occurrences struct {
	tf        int
	positions []uint32
}

// inverted is the plain model of a section.
func inverted(rows [][]Field) map[string]map[uint32]*occurrences {
	terms := map[string]map[uint32]*occurrences{}
	for i, fields := range rows {
		at := uint32(0)
		for _, f := range fields {
			if at > 0 {
				at += FieldGap
			}
			for _, t := range f.Terms {
				t = t[:min(len(t), MaxTermBytes)]
				if terms[t] == nil {
					terms[t] = map[uint32]*occurrences{}
				}
				o := terms[t][uint32(i)]
				if o == nil {
					o = &occurrences{}
					terms[t][uint32(i)] = o
				}
				o.tf = min(o.tf+min(max(f.Weight, 1), MaxWeight), MaxTF)
				if len(o.positions) < MaxPositions {
					o.positions = append(o.positions, at)
				}
				at++
			}
		}
	}
	return terms
}

// sameAs checks everything that a segment says about its rows against the model.
func sameAs(t *testing.T, s *Segment, rows [][]Field) {
	t.Helper()
	want := inverted(rows)
	names := make([]string, 0, len(want))
	for n := range want {
		names = append(names, n)
	}
	sort.Strings(names)
	if s.Rows() != len(rows) || s.TermCount() != len(names) {
		t.Fatalf("%d rows and %d terms, want %d and %d", s.Rows(), s.TermCount(), len(rows), len(names))
	}
	total, filled, postings := uint64(0), 0, uint64(0)
	for i, m := range modelOf(rows) {
		if got := s.Length(uint32(i)); got != uint32(m.length) {
			t.Fatalf("row %d has length %d, want %d", i, got, m.length)
		}
		if total += uint64(m.length); m.length > 0 {
			filled++
		}
	}
	it := s.Terms()
	var c Cursor
	for i, name := range names {
		if !it.Next() || string(it.Key()) != name {
			t.Fatalf("term %d is %q, want %q", i, it.Key(), name)
		}
		term := it.Term()
		if found, ok := s.Lookup([]byte(name), new(Terms)); !ok || found != term || found.Number() != i {
			t.Fatalf("%q: found %v %v, want %v", name, found, ok, term)
		}
		c.Reset(s, term)
		rows := make([]uint32, 0, len(want[name]))
		for r := range want[name] {
			rows = append(rows, r)
		}
		slices.Sort(rows)
		postings += uint64(len(rows))
		if term.DF() != len(rows) || c.DF() != len(rows) {
			t.Fatalf("%q: frequency %d, want %d", name, term.DF(), len(rows))
		}
		for j, r := range rows {
			o := want[name][r]
			if !c.Next() || c.Row() != r || c.TF() != o.tf {
				t.Fatalf("%q, posting %d: row %d tf %d, want row %d tf %d", name, j, c.Row(), c.TF(), r, o.tf)
			}
			if (j+i)%3 == 0 && !slices.Equal(c.Positions(), o.positions) {
				t.Fatalf("%q, row %d: positions %v, want %v", name, r, c.Positions(), o.positions)
			}
		}
		for range 2 {
			if c.Next() {
				t.Fatalf("%q has more postings", name)
			}
		}
	}
	for range 2 {
		if it.Next() {
			t.Fatal("more terms")
		}
	}
	if s.TotalLength() != total || s.Filled() != filled || s.Postings() != postings {
		t.Fatalf("length %d, filled %d, postings %d, want %d, %d, %d", s.TotalLength(), s.Filled(), s.Postings(), total, filled, postings)
	}
}

func row(terms ...string) []Field { return []Field{{Terms: terms}} }

func repeated(term string, n int) []string {
	return slices.Repeat([]string{term}, n)
}

func TestBuild(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	anything := make([][]Field, 300)
	for i := range anything {
		var f Field
		for range rng.IntN(20) {
			b := make([]byte, rng.IntN(4))
			for j := range b {
				b[j] = byte(rng.IntN(3)) * 127
			}
			f.Terms = append(f.Terms, string(b))
		}
		f.Terms = append(f.Terms, strings.Repeat("x", 126+rng.IntN(4)), "common")
		anything[i] = []Field{f, {Terms: f.Terms[:1], Weight: 9}}
	}
	many := make([][]Field, 700)
	for i := range many {
		for j := range 100 {
			many[i] = append(many[i], Field{Terms: []string{fmt.Sprint(i*100 + j)}})
		}
	}
	for name, rows := range map[string][][]Field{
		"nothing":        {},
		"an empty row":   {{}},
		"empty fields":   {{{}, {}}, row("a"), {{}, {Terms: []string{"b"}}}},
		"one":            {row("a")},
		"frequent":       {row(repeated("a", 1000)...), row("a", "b"), {{Terms: repeated("b", 40), Weight: 8}}},
		"long":           {row(strings.Repeat("y", 5000), "z")},
		"any bytes":      anything,
		"70,000 terms":   many,
		"dense":          randomRows(rng, 3000, 12, 30, ""),
		"sparse":         randomRows(rng, 5000, 300, 20, "s"),
		"many positions": {row(slices.Concat(repeated("a", 200), repeated("b", 70_000), []string{"a"})...)},
	} {
		t.Run(name, func(t *testing.T) {
			sameAs(t, build(t, Config{}, rows), rows)
		})
	}
}

// TestBuilderAgain: a builder that is used again writes what a new one writes.
func TestBuilderAgain(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	b := NewBuilder()
	for range 20 {
		rows := randomRows(rng, 1+rng.IntN(400), 1+rng.IntN(3000), 30, "w")
		b.Reset()
		for _, r := range rows {
			b.Add(r)
		}
		var out bytes.Buffer
		if err := b.Write(&out, Config{}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), written(t, Config{}, rows)) {
			t.Fatal("the section differs from that of a new builder")
		}
	}
}

func TestSeek(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	rows := randomRows(rng, 6000, 400, 12, "k")
	s := build(t, Config{}, rows)
	model := inverted(rows)
	names := make([]string, 0, len(model))
	for n := range model {
		names = append(names, n)
	}
	sort.Strings(names)
	it := s.Terms()
	for range 3000 {
		key := fmt.Sprintf("k%d", rng.IntN(500))
		key = key[:1+rng.IntN(len(key))]
		if rng.IntN(3) == 0 {
			key += string(rune(rng.IntN(256)))
		}
		i := sort.SearchStrings(names, key)
		ok := it.Seek([]byte(key))
		for range 1 + rng.IntN(20) {
			if ok != (i < len(names)) || ok && string(it.Key()) != names[i] {
				t.Fatalf("after %q: %q %v, want place %d of %d", key, it.Key(), ok, i, len(names))
			}
			if !ok {
				break
			}
			i++
			ok = it.Next()
		}
	}
	var c Cursor
	for range 2000 {
		name := names[rng.IntN(len(names))]
		term, _ := s.Lookup([]byte(name), &it)
		var want []uint32
		for r := range model[name] {
			want = append(want, r)
		}
		slices.Sort(want)
		c.Reset(s, term)
		i, standing := 0, false
		for range 12 {
			var ok bool
			if rng.IntN(3) == 0 {
				if ok = c.Next(); standing {
					i++
				}
			} else {
				to := uint32(rng.IntN(len(rows) + 10))
				if rng.IntN(2) == 0 && i < len(want) {
					to = want[i] + uint32(rng.IntN(300))
				}
				ok = c.Seek(to)
				for i < len(want) && want[i] < to {
					i++
				}
			}
			if ok != (i < len(want)) || ok && (c.Row() != want[i] || c.TF() != model[name][want[i]].tf || !slices.Equal(c.Positions(), model[name][want[i]].positions)) {
				t.Fatalf("%q: stands at %v, want place %d of %d", name, ok, i, len(want))
			}
			if standing = ok; !ok {
				break
			}
		}
	}
}

// TestMerge: what a merge writes is what a builder writes that gets the same rows, whether the rows of the parts follow each other or
// interleave, with rows dropped or not.
func TestMerge(t *testing.T) {
	for round := range 30 {
		rng := rand.New(rand.NewPCG(uint64(round), 9))
		n := 1 + rng.IntN(5)
		interleave, drop := rng.IntN(2) == 0, rng.IntN(2) == 0
		type place struct{ part, row int }
		var order []place
		all := make([][][]Field, n)
		parts := make([]Part, n)
		for i := range n {
			size := rng.IntN(1500)
			all[i] = randomRows(rng, size, 5+rng.IntN(600), 20, "m")
			parts[i] = Part{Segment: build(t, Config{}, all[i]), Rows: make([]uint32, size)}
			for j := range size {
				if parts[i].Rows[j] = Dropped; !drop || rng.IntN(3) > 0 {
					order = append(order, place{i, j})
				}
			}
		}
		if interleave { // shuffle, but keep the order of each part
			var mixed []place
			queues := make([][]place, n)
			for _, p := range order {
				queues[p.part] = append(queues[p.part], p)
			}
			for len(mixed) < len(order) {
				if i := rng.IntN(n); len(queues[i]) > 0 {
					run := min(len(queues[i]), 1+rng.IntN(40))
					mixed = append(mixed, queues[i][:run]...)
					queues[i] = queues[i][run:]
				}
			}
			order = mixed
		}
		var rows [][]Field
		for i, p := range order {
			parts[p.part].Rows[p.row] = uint32(i)
			rows = append(rows, all[p.part][p.row])
		}
		rng.Shuffle(n, func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		var out bytes.Buffer
		if err := Merge(t.Context(), &out, parts); err != nil {
			t.Fatal(err)
		}
		if want := written(t, Config{}, rows); !bytes.Equal(out.Bytes(), want) {
			t.Fatalf("round %d: %d parts, %d rows (interleaved %v, dropped %v): the section differs from a new one", round, n, len(rows), interleave, drop)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	s := build(t, Config{}, [][]Field{row("a"), row("b")})
	other := build(t, Config{K1: 2}, [][]Field{row("a")})
	for name, parts := range map[string][]Part{
		"parameters":   {{s, []uint32{0, 1}}, {other, []uint32{2}}},
		"short map":    {{s, []uint32{0}}},
		"gap":          {{s, []uint32{0, 2}}},
		"twice":        {{s, []uint32{0, 1}}, {s, []uint32{1, 2}}},
		"out of order": {{s, []uint32{1, 0}}},
	} {
		if err := Merge(t.Context(), new(bytes.Buffer), parts); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: error %v, want an invalid one", name, err)
		}
	}
	broken := errors.New("disk is full")
	for n := range 3 {
		if err := Merge(t.Context(), &failing{n, broken}, []Part{{s, []uint32{0, 1}}}); !errors.Is(err, broken) {
			t.Errorf("error %v, want that of the writer", err)
		}
	}
}

// failing writes n times and then no more.
type failing struct {
	n   int
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, f.err
	}
	return len(p), nil
}

// TestDeletes: counts are exact for every set, asked for in any order, on sets that came from each other in a line or in branches.
func TestDeletes(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	rows := randomRows(rng, 3000, 300, 15, "d")
	s := build(t, Config{}, rows)
	model := modelOf(rows)
	var scratch Scratch
	sets := []*Deletes{nil}
	for range 400 {
		d := sets[rng.IntN(len(sets))]
		if rng.IntN(3) > 0 {
			d = sets[len(sets)-1]
		}
		if rng.IntN(8) == 0 {
			var more []uint32
			for range rng.IntN(60) {
				more = append(more, uint32(rng.IntN(len(rows)+5)))
			}
			d = d.With(s, more)
			sets = append(sets, d)
		}
		name := fmt.Sprintf("d%d", rng.IntN(60))
		term, ok := s.Lookup([]byte(name), new(Terms))
		if !ok {
			continue
		}
		want, filled, length, count := uint32(0), uint64(0), uint64(0), 0
		for r, m := range model {
			if !d.Has(uint32(r)) {
				if length += uint64(m.length); m.length > 0 {
					filled++
				}
				continue
			}
			count++
			if m.tf[name] > 0 {
				want++
			}
		}
		if got := d.deleted(s, &term, &scratch.source(0).block); got != want {
			t.Fatalf("%d of %q are deleted, want %d", got, name, want)
		}
		if f, l := (View{s, d}).live(); f != filled || l != length || d.Len() != count || d.Rows().Count() != count {
			t.Fatalf("%d rows with %d terms are left, want %d with %d", f, l, filled, length)
		}
	}
}

// TestNorm compares with values of Lucene's SmallFloat.intToByte4.
func TestNorm(t *testing.T) {
	for length, norm := range map[uint32]uint8{0: 0, 1: 1, 23: 23, 24: 24, 39: 39, 40: 40, 41: 40, 42: 41, 54: 47, 56: 48, 59: 48, 60: 49, 88: 56, 1000: 87, 1<<31 - 1: 255} {
		if got := normOf(length); got != norm {
			t.Errorf("length %d has norm %d, want %d", length, got, norm)
		}
	}
	for norm := range 255 {
		low, next := normLength(uint8(norm)), normLength(uint8(norm+1))
		if normOf(low) != uint8(norm) || normOf(next-1) != uint8(norm) || next <= low {
			t.Errorf("norm %d is of lengths %d to %d", norm, low, next-1)
		}
	}
}

func TestSmallNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	for range 4000 {
		values := make([]uint8, rng.IntN(257))
		most := 1 + rng.IntN(256)
		for i := range values {
			values[i] = uint8(float64(most) * math.Pow(rng.Float64(), float64(1+rng.IntN(20))))
		}
		src := append(packSmall(nil, values), 7)
		n := len(src) - 1
		src = append(src, make([]byte, 256)...)[:n+1]
		var got [256]uint8
		rest := unpackSmall(&got, src, len(values))
		if !slices.Equal(got[:len(values)], values) || len(rest) != 1 || rest[0] != 7 {
			t.Fatalf("%v came back as %v", values, got[:len(values)])
		}
		for i, v := range values {
			if x := smallAt(src, len(values), i); x != v {
				t.Fatalf("place %d of %v is %d", i, values, x)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	rows := randomRows(rng, 3000, 500, 20, "a")
	seg := build(t, Config{}, rows)
	little := build(t, Config{}, rows[:10])
	views := []View{{Segment: seg}, {Segment: little, Deletes: (*Deletes)(nil).With(little, []uint32{1})}}
	all := index.Bitmap{}
	for i := range rows {
		all.Set(uint32(i))
	}
	var s Scratch
	var dst [][]index.Hit
	var queries [][]string
	for range 30 {
		queries = append(queries, append(randomQuery(rng, 500, "a"), slices.Repeat([]string{"a1", "a2", "nowhere"}, 6)...))
	}
	for _, allowed := range [][]index.Bitmap{nil, {all, nil}} {
		search := func() {
			for _, q := range queries {
				var err error
				if dst, err = Search(t.Context(), Config{}, views, q, 10, allowed, &s, dst); err != nil {
					t.Fatal(err)
				}
				for i := range dst {
					dst[i] = dst[i][:0]
				}
			}
		}
		search()
		if n := testing.AllocsPerRun(5, search); n > 0 {
			t.Errorf("%v allocations in %d searches", n, len(queries))
		}
	}
}

// FuzzOpen: any bytes are refused, or searched, walked and merged to an end or to a panic of a bounds check.
func FuzzOpen(f *testing.F) {
	rng := rand.New(rand.NewPCG(8, 1))
	for _, rows := range [][][]Field{{}, {row("a")}, randomRows(rng, 40, 20, 10, "t"), randomRows(rng, 1500, 8, 6, "t"), orderedRows(rng, 3000, 12)} {
		good := written(f, Config{}, rows)
		f.Add(good, uint32(0), byte(0))
		for range 20 {
			f.Add(good, rng.Uint32N(uint32(len(good))), byte(1+rng.IntN(255)))
		}
		for i := range 64 { // the footer
			f.Add(good, uint32(len(good)-footerSize+i), byte(0x81))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint32, change byte) {
		data = slices.Clone(data)
		if int(at) < len(data) {
			data[at] ^= change
		}
		s, err := Open(data)
		if err != nil {
			return
		}
		use := func(f func()) {
			defer func() {
				if r := recover(); r != nil {
					if e, ok := r.(error); ok && strings.Contains(e.Error(), "out of memory") {
						panic(r)
					}
				}
			}()
			f()
		}
		for _, windows := range []bool{false, true} {
			sc := &Scratch{windows: windows}
			for range 2 { // a scratch must be of use after a panic
				use(func() {
					_, _ = Search(t.Context(), s.Config(), []View{{Segment: s}}, []string{"t0", "t1", "t2", "a", "t0"}, 10, nil, sc, nil)
				})
			}
		}
		use(func() {
			var c Cursor
			for it := s.Terms(); it.Next(); {
				term := it.Term()
				use(func() {
					for c.Reset(s, term); c.Next(); {
						c.Positions()
					}
				})
			}
		})
		use(func() {
			rows := make([]uint32, s.Rows())
			for i := range rows {
				rows[i] = uint32(i)
				_ = s.Length(uint32(i))
			}
			_ = Merge(t.Context(), new(bytes.Buffer), []Part{{s, rows}})
		})
	})
}

func TestTop(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for range 100_000 {
		sum := rng.Uint32N(1<<31) >> rng.IntN(31)
		c, next := cut(sum), above(cut(sum))
		if c > sum || uint32(float32(c)) != c || cut(c) != c || next <= sum || cut(next-1) != c || cut(next) != next {
			t.Fatalf("%d is cut to %d, and %d is above", sum, c, next)
		}
	}
	for range 200 {
		var h top[uint64]
		h.reset(1 + rng.IntN(20))
		var all []uint64
		for range rng.IntN(100) {
			v := rng.Uint64N(50)
			h.offer(v)
			all = append(all, v)
		}
		slices.Sort(all)
		slices.Sort(h.heap)
		if want := all[max(0, len(all)-h.k):]; !slices.Equal(h.heap, want) {
			t.Fatalf("kept %v, want %v", h.heap, want)
		}
	}
}

// TestBounds: under any mean length the bounds of lists and blocks hold, and so do those of ranks from below.
func TestBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	var blk [256]uint32
	for round := range 12 {
		rows := randomRows(rng, 5000, 100, 20, "t")
		seg := build(t, Config{}, rows)
		avg := seg.mean * math.Exp(1.5*rng.NormFloat64())
		if round == 0 {
			avg = seg.mean
		}
		p := &plan{k: 10, factors: newFactors(seg.cfg.K1, seg.cfg.B, avg)}
		var q source
		for it := seg.Terms(); it.Next(); {
			term := it.Term()
			q.reset(seg, &term, rng.Uint32N(1<<31), 0, p)
			var sums []uint32
			for b := range q.blocks {
				q.read(b)
				most := uint32(0)
				for i, r := range q.block.Rows[:q.n] {
					blk[i] = uint32(uint64(q.weight) * uint64(p.factors.at(q.block.TFs[i], seg.norms[r])) >> 32)
					most = max(most, blk[i])
				}
				sums = append(sums, blk[:q.n]...)
				if most > q.ub || q.impacts != nil && most > q.most(boundOf(q.impacts[b])) {
					t.Fatalf("%q, block %d: a posting adds %d, more than its bound", it.Key(), b, most)
				}
				if lo := uint32(rng.IntN(5000)); q.n > 0 {
					q.b = 0
					q.enter(lo, lo+300)
					for i, r := range q.block.Rows[:q.n] {
						if q.decoded == b && r >= lo && r < lo+300 && (blk[i] > q.wub || b < q.b0 || b >= q.b1) {
							t.Fatalf("%q, block %d: row %d is not in the bounds of its window", it.Key(), b, r)
						}
					}
				}
			}
			slices.Sort(sums)
			for r, rank := range ranks {
				if least := q.least(r, p); least > 0 && (len(sums) < rank || sums[len(sums)-rank] < least) {
					t.Fatalf("%q: rank %d adds less than %d", it.Key(), rank, least)
				}
			}
		}
	}
}

// TestConcurrent: searches on many goroutines, each with its own set of deleted rows out of one history, find what they find alone.
func TestConcurrent(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	rows := randomRows(rng, 4000, 200, 12, "c")
	seg := build(t, Config{}, rows)
	sets := []*Deletes{nil}
	for range 15 {
		var gone []uint32
		for range 30 {
			gone = append(gone, rng.Uint32N(4000))
		}
		sets = append(sets, sets[len(sets)-1].With(seg, gone))
	}
	terms := []string{"c1", "c3", "c9", "c30"}
	find := func(d *Deletes, seg *Segment) []index.Hit {
		got, err := Search(t.Context(), Config{}, []View{{seg, d}}, terms, 20, nil, new(Scratch), nil)
		if err != nil {
			t.Error(err)
			return nil
		}
		return got[0]
	}
	var want [][]index.Hit
	for _, d := range sets { // copies without a shared history
		want = append(want, find((*Deletes)(nil).With(seg, rowsOf(d)), seg))
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range sets {
				i = (i*5 + g) % len(sets)
				if got := find(sets[i], seg); !slices.Equal(got, want[i]) {
					t.Errorf("set %d: found %v, want %v", i, got, want[i])
				}
			}
		})
	}
	wg.Wait()
}

func rowsOf(d *Deletes) (rows []uint32) {
	for r := range uint32(64 * len(d.Rows())) {
		if d.Has(r) {
			rows = append(rows, r)
		}
	}
	return rows
}
