package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// clustered draws vectors around few centres, as texts about few subjects give.
type clustered struct {
	*rand.Rand
	centres [][]float32
	dims    int
}

func newClustered(seed uint64, dims, centres int) clustered {
	c := clustered{Rand: rand.New(rand.NewPCG(seed, 3)), dims: dims}
	for range centres {
		c.centres = append(c.centres, c.around(nil))
	}
	return c
}

func (c clustered) around(centre []float32) []float32 {
	v := make([]float32, c.dims)
	for i := range v {
		v[i] = float32(c.NormFloat64()) * .5
		if centre != nil {
			v[i] += centre[i] * 2
		}
	}
	return v
}

func (c clustered) vector() (v []float32, topic int) {
	topic = c.IntN(len(c.centres))
	return c.around(c.centres[topic]), topic
}

// TestRecall measures every type of index, with changes, merges and filters of every selectivity that have to do with the question or
// have not, against comparing every vector.
func TestRecall(t *testing.T) {
	const dims, k = 24, 10
	rows := 20_000
	if testing.Short() {
		rows = 4000
	}
	for _, typ := range []string{TypeAuto, TypeIVF, TypeHNSW, TypeFlat} {
		for _, storage := range []vector.Storage{vector.Float32, vector.Float16} {
			t.Run(typ+"/"+storage.String(), func(t *testing.T) {
				rng := newClustered(7, dims, 40)
				cfg := Config{Dimensions: dims, Analyzer: analyze.For(""), Type: typ, Storage: storage, FlushRows: 1000, ExactBelow: 3000, Dir: t.TempDir()}
				ix := create(t, cfg)
				truth := create(t, Config{Dimensions: dims, Analyzer: analyze.For(""), Type: TypeFlat, Storage: storage})
				seq := int64(0)
				apply := func(puts []rag.Record, deletes []rag.ChunkID) {
					seq++
					for _, x := range []*Index{ix, truth} {
						if err := x.Apply(puts, deletes, seq); err != nil {
							t.Fatal(err)
						}
					}
				}
				next := rag.ChunkID(1)
				for next < rag.ChunkID(rows) {
					var puts []rag.Record
					for range 250 {
						v, topic := rng.vector()
						d := &rag.Document{ID: rag.DocumentID(fmt.Sprint(next)), Metadata: rag.Metadata{
							"topic": rag.Num(float64(topic)), "dice": rag.Num(rng.Float64()),
						}}
						puts = append(puts, rag.Record{ChunkID: next, Document: d, Vector: v})
						next++
					}
					var deletes []rag.ChunkID
					for range 60 {
						deletes = append(deletes, 1+rag.ChunkID(rng.Int64N(int64(next))))
					}
					apply(puts, deletes)
				}
				if err := ix.Optimize(t.Context()); err != nil {
					t.Fatal(err)
				}
				apply(nil, []rag.ChunkID{5, 6, 7, 8, 9, 10}) // so that not everything is live
				filters := map[string]func() rag.Filter{
					"none":  func() rag.Filter { return rag.Filter{} },
					"50 %":  func() rag.Filter { return rag.Filter{Type: rag.OpLt, Key: "dice", Value: rag.Num(.5)} },
					"10 %":  func() rag.Filter { return rag.Filter{Type: rag.OpLt, Key: "dice", Value: rag.Num(.1)} },
					"1 %":   func() rag.Filter { return rag.Filter{Type: rag.OpLt, Key: "dice", Value: rag.Num(.01)} },
					"0.1 %": func() rag.Filter { return rag.Filter{Type: rag.OpLt, Key: "dice", Value: rag.Num(.001)} },
					"topic": func() rag.Filter { return rag.Eq("topic", rag.Num(float64(rng.IntN(40)))) },
					"half the topics": func() rag.Filter {
						return rag.Filter{Type: rag.OpLt, Key: "topic", Value: rag.Num(20)}
					},
				}
				for name, filter := range filters {
					found, all := 0, 0
					for range 60 {
						q, _ := rng.vector()
						iq := rag.IndexQuery{Vector: q, K: k, Filter: filter()}
						got, err := ix.Search(t.Context(), iq)
						if err != nil {
							t.Fatal(err)
						}
						want, err := truth.Search(t.Context(), iq)
						if err != nil {
							t.Fatal(err)
						}
						if len(got.Vector) != len(want.Vector) {
							t.Fatalf("%s: %d hits, there are %d", name, len(got.Vector), len(want.Vector))
						}
						in := map[rag.ChunkID]float32{}
						for _, h := range want.Vector {
							in[h.ChunkID] = h.Score
						}
						for _, h := range got.Vector {
							if score, ok := in[h.ChunkID]; ok {
								found++
								if score != h.Score {
									t.Fatalf("%s: chunk %d has %v, by itself %v", name, h.ChunkID, h.Score, score)
								}
							}
						}
						all += len(want.Vector)
					}
					recall := float64(found) / float64(max(all, 1))
					t.Logf("%-16s recall %.3f of %d", name, recall, all)
					if least := .95; recall < least || typ == TypeFlat && recall < 1 {
						t.Errorf("%s: recall %.3f, want %.2f", name, recall, least)
					}
				}
				tuned, err := ix.Tune(t.Context(), ix.Sample(50), k, .9)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("tuned: effort %.3g, recall %.3f, exact %v", tuned.Effort, tuned.Recall, tuned.Exact)
				if tuned.Recall < .9 || tuned.Exact != (typ == TypeFlat || typ == TypeAuto && rows < cfg.ExactBelow) {
					t.Errorf("tuned to %+v", tuned)
				}
			})
		}
	}
}
