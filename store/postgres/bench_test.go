//go:build servers

package postgres_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
)

// benchDimensions are those of the built-in model.
const benchDimensions = 384

// manyChunks are documents of 20 chunks of about 700 bytes.
func manyChunks(collectionID int64, round, documents int) (puts []rag.Put) {
	rnd := rand.New(rand.NewPCG(uint64(round), 1))
	for d := range documents {
		p := rag.Put{CollectionID: collectionID, Vectors: map[rag.Hash][]float32{},
			Document: rag.Document{ExternalID: fmt.Sprintf("%d/%d", round, d), Title: "A title", MediaType: "text/plain", SHA256: fmt.Sprintf("%064x", d)}}
		for i := range 20 {
			text := strings.Repeat(fmt.Sprintf("word%d ", rnd.IntN(1_000_000)), 70)
			span := rag.Span{Start: len(p.Text.Content), End: len(p.Text.Content) + len(text)}
			p.Text.Content += text
			k := rag.Chunk{Ordinal: i, Span: span, Text: text, Tokens: 70, Hash: sha256.Sum256([]byte(text))}
			v := make([]float32, benchDimensions)
			for j := range v {
				v[j] = rnd.Float32()
			}
			p.Chunks, p.Vectors[k.Hash] = append(p.Chunks, k), v
		}
		puts = append(puts, p)
	}
	return puts
}

// BenchmarkPut stores chunks with vectors, 640 a call.
func BenchmarkPut(b *testing.B) {
	s := open(b, postgres.Config{})
	c, err := s.CreateCollection(b.Context(), rag.Collection{Name: "c", Generation: rag.Generation{Number: 1, Model: "m", Dimensions: benchDimensions}})
	if err != nil {
		b.Fatal(err)
	}
	const documents = 32
	chunks, round := 0, 0
	for b.Loop() {
		b.StopTimer()
		puts := manyChunks(c.ID, round, documents)
		round++
		b.StartTimer()
		results, err := s.PutDocuments(b.Context(), puts)
		if err != nil || results[0].Err != nil {
			b.Fatal(err, results)
		}
		chunks += documents * 20
	}
	b.ReportMetric(float64(chunks)/b.Elapsed().Seconds(), "chunks/s")
}

// BenchmarkSearchReads reads what a search reads: the collection, and 10 chunks.
func BenchmarkSearchReads(b *testing.B) {
	s := open(b, postgres.Config{})
	c, err := s.CreateCollection(b.Context(), rag.Collection{Name: "c", Generation: rag.Generation{Number: 1, Model: "m", Dimensions: benchDimensions}})
	if err != nil {
		b.Fatal(err)
	}
	for round := range 10 {
		if _, err := s.PutDocuments(b.Context(), manyChunks(c.ID, round, 50)); err != nil {
			b.Fatal(err)
		}
	}
	var ids []rag.ChunkID
	if _, err := s.Snapshot(b.Context(), c.ID, 0, func(r rag.Record) error { ids = append(ids, r.ChunkID); return nil }); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Collection(b.Context(), "", "c"); err != nil {
			b.Fatal(err)
		}
		var wanted []rag.ChunkID
		for range 10 {
			wanted = append(wanted, ids[rand.IntN(len(ids))])
		}
		if chunks, _, err := s.Chunks(b.Context(), c.ID, wanted); err != nil || len(chunks) == 0 {
			b.Fatal(err)
		}
	}
}
