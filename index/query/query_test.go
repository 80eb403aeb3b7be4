package query

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/text/analyze"
)

func TestParse(t *testing.T) {
	words := func(s string) Clause { return Clause{Text: s} }
	for text, want := range map[string][]Clause{
		"":                          nil,
		"  \t ":                     nil,
		"flat earth":                {words("flat earth")},
		"+flat earth":               {{Occur: Must, Text: "flat"}, words("earth")},
		"flat -earth round":         {words("flat"), {Occur: MustNot, Text: "earth"}, words("round")},
		`"flat earth" is`:           {{Occur: Must, Kind: Phrase, Text: "flat earth"}, words("is")},
		`-"flat earth"`:             {{Occur: MustNot, Kind: Phrase, Text: "flat earth"}},
		`+"flat"`:                   {{Occur: Must, Kind: Phrase, Text: "flat"}},
		`""  ""`:                    nil,
		`5" disk`:                   {words(`5" disk`)},
		`the "open quote`:           {words(`the "open quote`)},
		"geo* erth~ erth~2 -foo*":   {{Kind: Prefix, Text: "geo"}, {Kind: Fuzzy, Text: "erth", Distance: 1}, {Kind: Fuzzy, Text: "erth", Distance: 2}, {Occur: MustNot, Kind: Prefix, Text: "foo"}},
		"state-of-the-art a - b":    {words("state-of-the-art a - b")},
		"c++ a* b** ~ * x~3":        {words("c++"), {Kind: Prefix, Text: "a"}, words("b** ~ * x~3")},
		"-5 +-x + y":                {{Occur: MustNot, Text: "5"}, words("+-x + y")},
		"größe* +Straße":            {{Kind: Prefix, Text: "größe"}, {Occur: Must, Text: "Straße"}},
		`say "a b"c`:                {words("say"), {Occur: Must, Kind: Phrase, Text: "a b"}, words("c")},
		strings.Repeat("a* ", 1000): slices.Repeat([]Clause{{Kind: Prefix, Text: "a"}}, MaxClauses),
	} {
		if got := Parse(text); !slices.Equal(got, want) {
			t.Errorf("Parse(%.40q)\n got %+v\nwant %+v", text, got, want)
		}
		if Plain(text) && slices.ContainsFunc(Parse(text), func(c Clause) bool { return c != words(c.Text) }) {
			t.Errorf("%q is said to be plain", text)
		}
	}
}

// fields takes texts as they are.
type fields struct{}

func (fields) Append(dst []string, text string) []string { return append(dst, strings.Fields(text)...) }

func segment(tb testing.TB, texts []string) *postings.Segment {
	tb.Helper()
	b := postings.NewBuilder()
	for _, t := range texts {
		b.Add([]postings.Field{{Terms: strings.Fields(t)}})
	}
	var out bytes.Buffer
	if err := b.Write(&out, postings.Config{}); err != nil {
		tb.Fatal(err)
	}
	s, err := postings.Open(section.Usable(out.Bytes()))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func corpus(rng *rand.Rand, rows int) []string {
	out := make([]string, rows)
	for i := range out {
		var b strings.Builder
		for range rng.IntN(30) {
			fmt.Fprintf(&b, "%s ", word(rng))
		}
		out[i] = b.String()
	}
	return out
}

// word draws one of about 120 words of like letters.
func word(rng *rand.Rand) string {
	var b strings.Builder
	for range 1 + rng.IntN(4) {
		b.WriteRune([]rune("abé")[rng.IntN(3)])
	}
	return b.String()
}

// holds is the meaning of a clause.
func holds(text string, c Clause) bool {
	words, asked := strings.Fields(text), strings.Fields(c.Text)
	switch c.Kind {
	case Prefix:
		return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, c.Text) })
	case Fuzzy:
		return slices.ContainsFunc(words, func(w string) bool { return distance([]rune(w), []rune(c.Text)) <= c.Distance })
	}
	for i := 0; i+len(asked) <= len(words); i++ {
		if slices.Equal(words[i:i+len(asked)], asked) {
			return true
		}
	}
	return false
}

// distance is the Levenshtein distance, as the definition reads.
func distance(a, b []rune) int {
	switch {
	case len(a) == 0:
		return len(b)
	case len(b) == 0:
		return len(a)
	case a[0] == b[0]:
		return distance(a[1:], b[1:])
	}
	return 1 + min(distance(a[1:], b), distance(a, b[1:]), distance(a[1:], b[1:]))
}

// TestRows compares the rows of random queries with the meaning of their clauses.
func TestRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, rows := range []int{0, 1, 63, 64, 700, 3000} {
		texts := corpus(rng, rows)
		s := segment(t, texts)
		for range 150 {
			var clauses []Clause
			for range 1 + rng.IntN(3) {
				c := Clause{Occur: Occur(rng.IntN(3)), Kind: Kind(rng.IntN(4)), Text: word(rng)}
				switch c.Kind {
				case Phrase:
					for range rng.IntN(3) {
						c.Text += " " + word(rng)
					}
				case Fuzzy:
					c.Distance = 1 + rng.IntN(2)
				}
				if (c.Kind == Prefix || c.Kind == Fuzzy) && len([]rune(c.Text)) < 3 {
					continue // shorter ones are ignored, or stand for more words than are looked up
				}
				clauses = append(clauses, c)
			}
			p := Compile(clauses, fields{})
			p.Expand([]*postings.Segment{s})
			var allowed index.Bitmap
			if rng.IntN(2) == 0 {
				allowed = allowed.Reset(rows)
				for r := range rows {
					if rng.IntN(3) > 0 {
						allowed.Set(uint32(r))
					}
				}
			}
			before := slices.Clone(allowed)
			got := p.Rows(s, allowed)
			if !slices.Equal(allowed, before) {
				t.Fatal("the caller's bitmap was changed")
			}
			for r, text := range texts {
				want := allowed == nil || allowed.Has(uint32(r))
				for _, c := range clauses {
					if c.Occur != Should {
						want = want && holds(text, c) == (c.Occur == Must)
					}
				}
				if is := got == nil || got.Has(uint32(r)); is != want {
					t.Fatalf("%+v, row %d %q: found %v, want %v", clauses, r, text, is, want)
				}
			}
			if got.Count() > rows {
				t.Fatal("rows beyond the last")
			}
		}
	}
}

// TestSimilarWalksTheDictionary compares the words that are found with the distances of all words.
func TestSimilar(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := segment(t, corpus(rng, 500))
	terms := s.Terms()
	var all []string
	for terms.Next() {
		all = append(all, string(terms.Key()))
	}
	for range 300 {
		w, most := word(rng)+word(rng), 1+rng.IntN(2)
		var want, got []string
		for _, x := range all {
			if d := distance([]rune(x), []rune(w)); d <= most {
				want = append(want, fmt.Sprint(x, d))
			}
		}
		walkSimilar(&terms, w, most, func(d int) { got = append(got, fmt.Sprint(string(terms.Key()), d)) })
		if !slices.Equal(got, want) {
			t.Fatalf("%q, %d: got %v, want %v", w, most, got, want)
		}
	}
}

func TestTerms(t *testing.T) {
	s := segment(t, []string{"comput comput", "comput", "compil", "compass", "map"})
	a := analyze.For("en")
	for text, want := range map[string][]string{
		"the computing maps":         {"comput", "map"},
		"comp*":                      {"comp", "comput", "compass", "compil"}, // what it is itself, then by frequency
		"computin~":                  {"computin"},                            // no term is so near: stems are compared
		"computr~":                   {"computr", "comput"},
		`"the maps" -compilers`:      {"map"},
		"+the":                       nil,
		"c* map":                     {"map"},
		`+compiling "computed maps"`: {"compil", "comput", "map"},
	} {
		p := Compile(Parse(text), a)
		p.Expand([]*postings.Segment{s})
		if got := p.Terms(nil); !slices.Equal(got, want) {
			t.Errorf("%q ranks by %q, want %q", text, got, want)
		}
	}
}

func TestHighlight(t *testing.T) {
	a := analyze.For("en")
	for _, c := range []struct {
		query     string
		operators bool
		text      string
		want      string // with marks
	}{
		{"wind mills", false, "The mill turns; Windmills, wind-mills and the wind.", "The [mill] turns; Windmills, [wind]-[mills] and the [wind]."},
		{`"old mill"`, true, "An old, old mill. Mill old.", "An old, [old] [mill]. Mill old."},
		{"-mill wind", true, "mill and wind", "mill and [wind]"},
		{"comput*", true, "Computing is what computers do; compute!", "[Computing] is what [computers] do; [compute]!"},
		{"computat*", true, "computation, computer", "[computation], computer"},
		{"millx~", true, "a mill, a hill", "a [mill], a hill"},
		{"東京都", false, "ここは東京都です", "ここは[東京都]です"},
		{"fine", false, "a ﬁne day", "a [ﬁne] day"},
		{"the of", false, "the of", "the of"},
		{"", false, "text", "text"},
	} {
		var b strings.Builder
		at := 0
		for _, s := range Highlight(a, c.query, c.operators, c.text) {
			b.WriteString(c.text[at:s.Start] + "[" + c.text[s.Start:s.End] + "]")
			at = s.End
		}
		if got := b.String() + c.text[at:]; got != c.want {
			t.Errorf("%q marks %q, want %q", c.query, got, c.want)
		}
	}
}

// TestWordOfSeveralTerms: what an analyzer cuts up must stand together where it must stand at all.
func TestWordOfSeveralTerms(t *testing.T) {
	s := segment(t, []string{"foo bar", "bar foo", "foo x bar"})
	p := Compile(Parse("+foo.bar"), analyze.For("en"))
	p.Expand([]*postings.Segment{s})
	if got := p.Rows(s, nil); !slices.Equal(got, index.Bitmap{1}) {
		t.Errorf("found the rows %b", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`+a -"b c" d* e~2 "f`)
	s := segment(f, []string{"a b c", "b c d", "a"})
	a := analyze.For("auto")
	f.Fuzz(func(t *testing.T, text string) {
		p := Compile(Parse(text), a)
		p.Expand([]*postings.Segment{s})
		if n := p.Rows(s, nil).Count(); n > 3 {
			t.Errorf("%d rows of 3", n)
		}
		p.Terms(nil)
	})
}
