//go:build servers

package weaviate_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/weaviate"
	"github.com/smartretriever/smartretriever/rag"
)

// BenchmarkSearch asks a server that scripts/weaviate-server.sh has started, among 20,000 vectors of 384 dimensions.
func BenchmarkSearch(b *testing.B) {
	db, err := weaviate.New(serverConfig(b))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	table, err := db.Open(ctx, external.Space{Name: "bench", Dimensions: 384})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Drop(ctx, "bench") }()
	rng := rand.New(rand.NewPCG(1, 2))
	vector := func() []float32 {
		v, sum := make([]float32, 384), 0.0
		for i := range v {
			v[i] = float32(rng.NormFloat64())
			sum += float64(v[i]) * float64(v[i])
		}
		for i := range v {
			v[i] /= float32(math.Sqrt(sum))
		}
		return v
	}
	const n = 20_000
	var tags []external.Tag
	for range 1000 {
		tags = append(tags, external.Tag(rng.Int64()))
	}
	slices.Sort(tags)
	batch := db.Limits().Items
	for from := 0; from < n; from += batch {
		var items []external.Item
		for id := range batch {
			i := external.Item{ID: rag.ChunkID(from + id + 1), Document: "01890a5d-ac96-774b-bcce-000000000001", Vector: vector()}
			for range 10 {
				i.Tags = append(i.Tags, tags[rng.IntN(len(tags))])
			}
			slices.Sort(i.Tags)
			i.Tags = slices.Compact(i.Tags)
			items = append(items, i)
		}
		if err := table.Upsert(ctx, items); err != nil {
			b.Fatal(err)
		}
	}
	var ids []rag.ChunkID
	for range 5000 {
		ids = append(ids, rag.ChunkID(1+rng.IntN(n)))
	}
	not := func(c external.Condition) external.Condition { return external.Condition{Not: &c} }
	for _, c := range []struct {
		name  string
		where external.Condition
	}{
		{"all", external.Condition{}},
		{"1_tag", external.Condition{Has: tags[:1]}},
		{"300_tags", external.Condition{Has: tags[:300]}},
		{"not_300_tags", not(external.Condition{Has: tags[:300]})},
		{"5000_ids", external.Condition{IDs: ids}},
		{"not_5000_ids", not(external.Condition{IDs: ids})},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := table.Search(ctx, external.Query{Vector: vector(), K: 50, Where: c.where}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
