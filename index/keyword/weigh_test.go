package keyword

import (
	"math"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// withoutThe parts words at spaces and drops "the".
type withoutThe struct{ spaces }

func (w withoutThe) Append(dst []string, text string) []string {
	for _, t := range w.spaces.Append(nil, text) {
		if t != "the" {
			dst = append(dst, t)
		}
	}
	return dst
}

func TestWeigh(t *testing.T) {
	ix, err := New(Config{Analyzer: withoutThe{}})
	if err != nil {
		t.Fatal(err)
	}
	idf := func(df float64) float64 { return math.Log(1 + (3-df+.5)/(df+.5)) }
	for i, text := range []string{"river mill", "river bridge", "river river"} {
		ix.Add(uint32(i), rag.ChunkID(i+1), ix.Analyze(text))
		ix.Show(uint32(i))
	}
	const text = "the river, (mill) né the unknown?"
	want := []rag.Term{
		{Span: rag.Span{Start: 4, End: 9}, IDF: idf(3)},
		{Span: rag.Span{Start: 12, End: 16}, IDF: idf(1)},
		{Span: rag.Span{Start: 18, End: 21}, IDF: idf(0)},
		{Span: rag.Span{Start: 26, End: 33}, IDF: idf(0)},
	}
	got := ix.Weigh(text)
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i].Span != want[i].Span || math.Abs(got[i].IDF-want[i].IDF) > 1e-12 {
			t.Errorf("%q: %+v, want %+v", text[want[i].Span.Start:want[i].Span.End], got[i], want[i])
		}
	}
	for _, text := range []string{"", " ,.", "\xff\xfe", "the"} {
		if got := ix.Weigh(text); len(got) != 0 {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if got := ix.Weigh(strings.Repeat("mill ", 1<<20)); len(got) != maxQueryTerms {
		t.Errorf("%d words of a giant text", len(got))
	}
}
