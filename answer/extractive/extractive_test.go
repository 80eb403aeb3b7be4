package extractive

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// bag is an embedder that knows words only: each term is a direction. Texts that
// share terms are near each other, as with a real model.
func bag(text string) []float32 {
	v := make([]float32, 64)
	v[0] = 2 // what all texts have in common
	for _, t := range analyze.For("auto").Append(nil, text) {
		h := fnv.New32a()
		h.Write([]byte(t))
		v[h.Sum32()%64]++
	}
	norm := 0.0
	for _, x := range v {
		norm += float64(x * x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(norm))
	}
	return v
}

// fake returns a Config with the bag embedder that counts what it embeds.
func fake(embedded *int) Config {
	return Config{
		Embed: func(_ context.Context, texts []string) ([][]float32, error) {
			*embedded += len(texts)
			out := make([][]float32, len(texts))
			for i, t := range texts {
				out[i] = bag(t)
			}
			return out, nil
		},
		EmbedQuestion: func(_ context.Context, q string) ([]float32, error) { return bag(q), nil },
	}
}

func noEmit(t *testing.T) func(string) error {
	return func(string) error { t.Error("a generator that quotes emits nothing"); return nil }
}

var tower = []answer.Source{
	{Number: 1, Title: "Eiffel Tower", Text: "# Eiffel Tower\n\nThe Eiffel Tower stands in Paris. It was finished in March 1889 by the company of Gustave Eiffel.\n\nVisitors may climb the stairs."},
	{Number: 2, Title: "Louvre", Text: "The Louvre is a museum in Paris. It holds the Mona Lisa."},
	{Number: 3, Title: "Towers", Text: "The Eiffel Tower was finished in March 1889 by the company of Gustave Eiffel. Other towers are taller."},
}

func TestGenerate(t *testing.T) {
	embedded := 0
	for name, cfg := range map[string]Config{"with embedder": fake(&embedded), "words only": {}} {
		t.Run(name, func(t *testing.T) {
			cfg.MinEvidence = -1
			g, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			d, err := g.Generate(t.Context(), answer.Prompt{Question: "When was the Eiffel Tower finished?", Sources: tower}, noEmit(t))
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, q := range d.Quotes {
				said = append(said, q.Span.Of(tower[q.Source-1].Text))
			}
			text := strings.Join(said, "\n")
			if d.Refused || !strings.Contains(text, "finished in March 1889") {
				t.Errorf("the answer is %q", said)
			}
			if strings.Count(text, "by the company of Gustave Eiffel") != 1 {
				t.Errorf("the answer repeats itself: %q", said)
			}
			if strings.Contains(text, "#") || strings.Contains(text, "Mona Lisa") {
				t.Errorf("the answer holds what does not belong to it: %q", said)
			}
			if d.Confidence < 0 || d.Confidence > 1 {
				t.Errorf("confidence %v", d.Confidence)
			}
		})
	}
	if embedded == 0 {
		t.Error("the embedder was not used")
	}
}

func TestRefuses(t *testing.T) {
	g, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []answer.Prompt{
		{Question: "Which enzyme splits lactose in milk?", Sources: tower},
		{Question: "When was it finished?", Sources: nil},
		{Question: "What is in the table?", Sources: []answer.Source{{Number: 1, Text: "# Heading\n\n---\n"}}},
		{Question: "?", Sources: tower},
		{Question: "", Sources: tower},
	} {
		d, err := g.Generate(t.Context(), p, noEmit(t))
		if err != nil || !d.Refused || len(d.Quotes) != 0 {
			t.Errorf("%q: %+v, %v; want a refusal", p.Question, d, err)
		}
	}
}

// TestEmbedderDown goes on with words alone.
func TestEmbedderDown(t *testing.T) {
	down := errors.New("down")
	for name, cfg := range map[string]Config{
		"question": {
			Embed:         func(context.Context, []string) ([][]float32, error) { return nil, nil },
			EmbedQuestion: func(context.Context, string) ([]float32, error) { return nil, down },
		},
		"sentences": {
			Embed:         func(context.Context, []string) ([][]float32, error) { return nil, down },
			EmbedQuestion: func(context.Context, string) ([]float32, error) { return make([]float32, 3), nil },
		},
		"too few": {
			Embed:         func(context.Context, []string) ([][]float32, error) { return [][]float32{{1}}, nil },
			EmbedQuestion: func(context.Context, string) ([]float32, error) { return []float32{1}, nil },
		},
	} {
		g, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		d, e, err := g.Explain(t.Context(), answer.Prompt{Question: "When was the Eiffel Tower finished?", Sources: tower})
		if err != nil || !e.WordsOnly || d.Refused {
			t.Errorf("%s: %+v, %+v, %v", name, d, e, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g, err := New(Config{
		Embed:         func(ctx context.Context, _ []string) ([][]float32, error) { return nil, ctx.Err() },
		EmbedQuestion: func(ctx context.Context, _ string) ([]float32, error) { return nil, ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Generate(ctx, answer.Prompt{Question: "Eiffel Tower", Sources: tower}, noEmit(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWithoutSpaces(t *testing.T) {
	g, err := New(Config{MinEvidence: -1, MaxSentences: 1})
	if err != nil {
		t.Fatal(err)
	}
	src := []answer.Source{{Number: 1, Text: "北京是中国的首都。长城位于中国北方。东京塔建于1958年,高333米。上海是一座大城市。"}}
	d, err := g.Generate(t.Context(), answer.Prompt{Question: "东京塔是哪年建的?", Sources: src}, noEmit(t))
	if err != nil || len(d.Quotes) != 1 || d.Quotes[0].Span.Of(src[0].Text) != "东京塔建于1958年,高333米。" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestUnits(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"headings and rules", "# Title\n\nA sentence stands here.\n\n---\n\n![pic](x.png)", []string{"A sentence stands here."}},
		{"menu", "Home | News | Sport | About\nThe page tells of sport in the city.", []string{"The page tells of sport in the city."}},
		{"crumbs", "Yes. He came home late at night. So. They left the house together.", []string{"Yes. He came home late at night. So.", "They left the house together."}},
		{"code", "Run it like this:\n\n```\nrm -rf build\n```\n\nThen it is gone for good.", []string{"Run it like this:", "Then it is gone for good."}},
		{"rows", "| name | year |\n|---|---|\n| tower | 1889 |", []string{"| tower | 1889 |"}},
		{"lines that head", "2 Response times\n\nThe time runs from the call.\n\nPrice: 30 euros\n\nIt may rise once a year.", []string{"The time runs from the call.", "Price: 30 euros", "It may rise once a year."}},
		{"row alone", "| tower | 1889 |\n| museum | 1793 |", []string{"| tower | 1889 |", "| museum | 1793 |"}},
		{"list", "- Open the valve.\n- Wait.", []string{"Open the valve. - Wait."}},
		{"numbers only", "1 2 3\n\n4 5 6", nil},
	} {
		var got []string
		for _, s := range units(tt.text) {
			got = append(got, strings.Join(strings.Fields(s.span.Of(tt.text)), " "))
		}
		if strings.Join(got, "¶") != strings.Join(tt.want, "¶") {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestTable finds a row by its table's header and the line above, and quotes it with the header.
func TestTable(t *testing.T) {
	embedded := 0
	g, err := New(fake(&embedded))
	if err != nil {
		t.Fatal(err)
	}
	text := "2 Response times\n\nThe time runs from the call.\n\n| Fault | Basic | Comfort |\n| --- | --- | --- |\n| No heating | 24 hours | 8 hours |\n| No hot water | 48 hours | 24 hours |\n| Other | 5 days | 3 days |\n\n3 Price\n\nThe basic plan costs 180 euros."
	d, err := g.Generate(t.Context(), answer.Prompt{Question: "What is the comfort response time for no hot water?", Sources: []answer.Source{{Number: 1, Title: "Agreement", Text: text}}}, noEmit(t))
	if err != nil || len(d.Quotes) == 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	said := d.Quotes[0].Span.Of(text)
	if !strings.HasPrefix(said, "| Fault | Basic | Comfort |\n") || !strings.Contains(said, "| No hot water | 48 hours | 24 hours |") {
		t.Errorf("quoted %q", said)
	}
}

// TestQuotesJoin has neighbours as one quote, in reading order, best source first.
func TestQuotesJoin(t *testing.T) {
	c := func(source, start, end int) *candidate {
		return &candidate{source: source, number: source + 1, span: rag.Span{Start: start, End: end}}
	}
	got := quotes([]*candidate{c(1, 50, 60), c(0, 30, 40), c(1, 10, 20), c(1, 61, 70)})
	want := []answer.Quote{{Source: 2, Span: rag.Span{Start: 10, End: 20}}, {Source: 2, Span: rag.Span{Start: 50, End: 70}}, {Source: 1, Span: rag.Span{Start: 30, End: 40}}}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("quote %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

// TestBounded has sources that are far too large: the embedder sees the shortlist.
func TestBounded(t *testing.T) {
	embedded := 0
	g, err := New(fake(&embedded))
	if err != nil {
		t.Fatal(err)
	}
	var p answer.Prompt
	p.Question = "What does the fox do with the lazy dog?"
	for i := range 60 {
		p.Sources = append(p.Sources, answer.Source{Number: i + 1, Text: strings.Repeat("The quick fox jumps over the lazy dog again. ", 500) + strings.Repeat("x", 50_000)})
	}
	if _, err := g.Generate(t.Context(), p, noEmit(t)); err != nil {
		t.Fatal(err)
	}
	if embedded > 24 {
		t.Errorf("%d sentences were embedded", embedded)
	}
}

func TestConfig(t *testing.T) {
	for _, cfg := range []Config{
		{MaxSentences: 11}, {MaxSentences: -1}, {Shortlist: 201}, {Budget: -1}, {MinEvidence: 2},
		{Embed: func(context.Context, []string) ([][]float32, error) { return nil, nil }},
	} {
		if _, err := New(cfg); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("New(%+v): %v", cfg, err)
		}
	}
}

// FuzzGenerate has quotes that lie in their sources, on rune borders, whatever these hold.
func FuzzGenerate(f *testing.F) {
	f.Add("When was the tower finished?", "# T\n\nIt was finished in 1889. Yes.\n| a | b |", "塔建于1958年。")
	f.Add("\xff", "a\xff. b", "``` x")
	g, err := New(Config{MinEvidence: -1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, question, one, two string) {
		p := answer.Prompt{Question: question, Sources: []answer.Source{{Number: 1, Title: two, Text: one}, {Number: 2, Text: two}}}
		d, err := g.Generate(t.Context(), p, noEmit(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range d.Quotes {
			if q.Source < 1 || q.Source > 2 {
				t.Fatalf("source %d", q.Source)
			}
			text := p.Sources[q.Source-1].Text
			said := q.Span.Of(text)
			if said == "" || utf8.ValidString(text) && !utf8.ValidString(said) {
				t.Fatalf("quote %v of %q", q, text)
			}
		}
		if !d.Refused && len(d.Quotes) == 0 {
			t.Fatal("neither quotes nor a refusal")
		}
	})
}

func BenchmarkGenerate(b *testing.B) {
	n := 0
	g, err := New(fake(&n))
	if err != nil {
		b.Fatal(err)
	}
	p := answer.Prompt{Question: "What does the fox do with the lazy dog?"}
	for i := range 8 {
		p.Sources = append(p.Sources, answer.Source{Number: i + 1, Text: strings.Repeat("The quick brown fox jumps over the lazy dog. It was not amused at all by that. ", 15)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Generate(b.Context(), p, nil); err != nil {
			b.Fatal(err)
		}
	}
}
