package sqlite_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// marked is a document that has a word of its own everywhere where a document can
// have words.
func marked(collectionID int64, name, word string, paragraphs int) rag.Put {
	var texts []string
	for i := range paragraphs {
		texts = append(texts, fmt.Sprintf("Paragraph %d says %s text, %s.", i, word, strings.Repeat("and so on ", i%50)))
	}
	p := storetest.Put(collectionID, name+" "+word+"id", texts...)
	p.Document.Title, p.Document.Source = word+" title", "/home/"+word+"/source"
	p.Document.Metadata = rag.Metadata{"note": rag.Str(word + " metadata"), word: rag.Num(1)}
	p.Document.ACL = []string{word + "principal"}
	p.Text.Title, p.Text.Warnings, p.Text.Metadata = word, []string{word}, rag.Metadata{"author": rag.Str(word)}
	for i := range p.Chunks {
		p.Chunks[i].Heading, p.Chunks[i].Prefix = []string{word + " heading"}, word+" prefix"
	}
	return p
}

// After a purge no file of the store holds a byte of what was deleted.
func TestPurgeErases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, sqlite.Config{Path: path, CacheKiB: 512}) // a small cache, so that pages are written and read again
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	scope := rag.Scope{Collection: "c", Admin: true}
	rnd := rand.New(rand.NewPCG(5, 5))
	const n = 400
	for i := 0; i < n; i += 8 {
		// Every third document gets another version, whose words take other room.
		var puts []rag.Put
		for j := i; j < i+8; j++ {
			word := fmt.Sprintf("QuuxLive%dz", j)
			if j%2 == 0 {
				word = fmt.Sprintf("QuuxDoomed%dz", j)
			}
			for range 1 + (j+2)%3/2 {
				puts = append(puts, marked(c.ID, fmt.Sprint("d", j), word, 1+rnd.IntN(12)*rnd.IntN(8)))
			}
		}
		results, err := s.PutDocuments(t.Context(), puts)
		if err != nil {
			t.Fatal(err)
		}
		var log []rag.QueryRecord
		for _, r := range results {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			word, _, _ := strings.Cut(r.Document.Title, " ")
			log = append(log, rag.QueryRecord{Scope: scope, Kind: "query", Text: "what?", Answer: word + " answer", Citations: []rag.Citation{{Document: r.Document, Quote: word}}})
		}
		if err := s.RecordQueries(t.Context(), log); err != nil {
			t.Fatal(err)
		}
	}
	for cursor := ""; ; {
		page, err := s.Documents(t.Context(), scope, rag.ListOptions{Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			if strings.Contains(d.Title, "Doomed") {
				if err := s.DeleteDocument(t.Context(), scope, d.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if found(t, path, "QuuxDoomed") == 0 {
		t.Fatal("the test cannot see deleted words before the purge")
	}
	report, err := s.Purge(t.Context(), time.Now().Add(time.Hour))
	if err != nil || report.Documents != n/2 || report.Queries == 0 || !report.Erased {
		t.Fatalf("%+v, %v", report, err)
	}
	if hits := found(t, path, "QuuxDoomed"); hits > 0 {
		t.Errorf("deleted words are found %d times in the files", hits)
	}
	if found(t, path, "QuuxLive") == 0 {
		t.Error("live words are gone as well")
	}
	storetest.Sound(t, s)
}

// found counts a word in all files of a store.
func found(t *testing.T, path, word string) int {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	n := 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(data, []byte(word))
	}
	return n
}
