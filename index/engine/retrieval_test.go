package engine

import (
	"bufio"
	"cmp"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// text is a document or a question of a retrieval set.
type text struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// set is a retrieval set in the layout of BEIR.
type set struct {
	documents, questions []text
	grades               map[string]map[string]float64 // by question and document
}

func readSet(tb testing.TB, name, split string) set {
	tb.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data", "retrieval", filepath.FromSlash(name))
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("real data is absent: %v", err)
	}
	s := set{
		documents: readTexts(tb, filepath.Join(dir, "corpus.jsonl")),
		questions: readTexts(tb, filepath.Join(dir, "queries.jsonl")),
		grades:    map[string]map[string]float64{},
	}
	data, err := os.ReadFile(filepath.Join(dir, "qrels", split+".tsv"))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		grade, err := strconv.ParseFloat(f[2], 64)
		if err != nil {
			continue // the heading
		}
		if s.grades[f[0]] == nil {
			s.grades[f[0]] = map[string]float64{}
		}
		s.grades[f[0]][f[1]] = grade
	}
	return s
}

func readTexts(tb testing.TB, path string) []text {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var out []text
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var x text
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			tb.Fatal(err)
		}
		out = append(out, x)
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return out
}

// ndcg returns nDCG@10 with linear gain, averaged over the judged questions.
func (s set) ndcg(tb testing.TB, language string) float64 {
	tb.Helper()
	ix, err := Create(Config{Dimensions: 1, Analyzer: analyze.For(language)})
	if err != nil {
		tb.Fatal(err)
	}
	records := make([]rag.Record, len(s.documents))
	for i, d := range s.documents {
		records[i] = rag.Record{ChunkID: rag.ChunkID(i + 1), Document: &rag.Document{ID: rag.DocumentID(d.ID), Title: d.Title}, Text: d.Title + "\n" + d.Text}
	}
	if err := ix.Apply(records, nil, 1); err != nil {
		tb.Fatal(err)
	}
	var sum float64
	for _, q := range s.questions {
		grades := s.grades[q.ID]
		if len(grades) == 0 {
			continue
		}
		res, err := ix.Search(tb.Context(), rag.IndexQuery{Text: q.Text, K: 10})
		if err != nil {
			tb.Fatal(err)
		}
		var got, ideal float64
		for i, h := range res.Keyword {
			got += grades[string(h.DocumentID)] / math.Log2(float64(i)+2)
		}
		best := make([]float64, 0, len(grades))
		for _, g := range grades {
			best = append(best, g)
		}
		slices.SortFunc(best, func(a, b float64) int { return cmp.Compare(b, a) })
		for i, g := range best[:min(10, len(best))] {
			ideal += g / math.Log2(float64(i)+2)
		}
		if ideal > 0 {
			sum += got / ideal
		}
	}
	return sum / float64(len(s.grades))
}

// TestKeywordQuality holds what BM25 finds by itself, in whole documents with
// their titles. The bounds lie a little below what was measured.
func TestKeywordQuality(t *testing.T) {
	for _, c := range []struct {
		set, split, language string
		least                float64
	}{
		{"scifact", "test", "auto", 0.685},
		{"scifact", "train", "auto", 0.695},
		{"cranfield", "test", "auto", 0.52},
		{"cacm", "test", "auto", 0.485},
		{"hotpotqa-100", "test", "auto", 0.795},
		{"adi", "test", "auto", 0.48},
		{"xquad/en", "test", "auto", 0.965},
		{"xquad/de", "test", "auto", 0.93},
		{"xquad/de", "test", "de", 0.94},
		{"xquad/es", "test", "auto", 0.953},
		{"xquad/es", "test", "es", 0.96},
		{"xquad/ru", "test", "auto", 0.947},
		{"xquad/ar", "test", "auto", 0.93},
		{"xquad/zh", "test", "auto", 0.96},
	} {
		t.Run(c.set+"/"+c.split+"/"+c.language, func(t *testing.T) {
			if testing.Short() && c.set != "cranfield" {
				t.Skip("short: one small set is enough")
			}
			got := readSet(t, c.set, c.split).ndcg(t, c.language)
			t.Logf("nDCG@10 %.4f", got)
			if got < c.least {
				t.Errorf("nDCG@10 is %.4f, want at least %.3f", got, c.least)
			}
		})
	}
}
