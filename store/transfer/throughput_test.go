//go:build servers

package transfer_test

import (
	"fmt"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
	"github.com/smartretriever/smartretriever/store/transfer"
)

// large has many passages with vectors of 384 numbers, 20 a document.
func large(b *testing.B, documents int) *sqlite.Store {
	b.Helper()
	s := file(b, false)
	spec := storetest.Spec("a", "notes")
	spec.Generation.Dimensions = 384
	c, err := s.CreateCollection(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	var puts []rag.Put
	for i := range documents {
		var texts []string
		for n := range 20 {
			texts = append(texts, fmt.Sprintf("Passage %d of document %d, which says what the ones before it do not, at about the length that a passage of a real document has: some hundred letters, or two hundred if it is talkative.", n, i))
		}
		put := storetest.Put(c.ID, fmt.Sprint("document ", i), texts...)
		for hash := range put.Vectors {
			vector := make([]float32, 384)
			for n := range vector {
				vector[n] = float32(hash[n%32]) + float32(n)
			}
			put.Vectors[hash] = vector
		}
		if puts = append(puts, put); len(puts) == 50 || i == documents-1 {
			results, err := s.PutDocuments(b.Context(), puts)
			if err != nil || results[0].Err != nil {
				b.Fatal(err, results[0].Err)
			}
			puts = nil
		}
	}
	return s
}

// BenchmarkCopy copies 10,000 passages from SQLite to PostgreSQL and back, comparison
// and verification included.
func BenchmarkCopy(b *testing.B) {
	from := large(b, 500)
	for b.Loop() {
		between, back := database(b, true), file(b, true)
		for _, leg := range []struct {
			name     string
			from, to transfer.Store
		}{{"to PostgreSQL", from, between}, {"back to SQLite", between, back}} {
			report, err := transfer.Copy(b.Context(), leg.from, leg.to, transfer.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.Logf("%s: 10,000 passages in %v, %.0f a second", leg.name, report.Took, 10_000/report.Took.Seconds())
		}
	}
}
