package chunk

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/smartretriever/smartretriever/ingest"
	"github.com/smartretriever/smartretriever/rag"
)

var (
	_ ingest.Chunker = cutter{}
	_ Model          = ingest.Embedder(nil)
)

// fake is an embedding model whose vectors have a dimension for each of 64 classes
// of words, so that texts which share words are near each other.
type fake struct {
	count func(string) int
	max   int
	err   error
	texts *int // embedded so far
}

func (f fake) Model() rag.Model         { return rag.Model{ID: "fake", Dimensions: 64, MaxTokens: f.max} }
func (f fake) CountTokens(s string) int { return f.count(s) }
func (f fake) Embed(_ context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	if f.texts != nil {
		*f.texts += len(texts)
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = make([]float32, 64)
		for _, w := range strings.Fields(strings.ToLower(t)) {
			h := fnv.New32a()
			h.Write([]byte(strings.Trim(w, ".,!?")))
			out[i][h.Sum32()%64]++
		}
	}
	return out, f.err
}

// newChunker makes a chunker for the model of the tests.
func newChunker(t failer, opt rag.ChunkerOptions) Chunker {
	t.Helper()
	c, err := New(opt, fake{count: count})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// cut cuts a text with it.
func cut(t failer, opt rag.ChunkerOptions, text rag.Text) []rag.Chunk {
	t.Helper()
	chunks, err := newChunker(t, opt).Chunk(context.Background(), text)
	if err != nil {
		t.Fatal(err)
	}
	return chunks
}

// count is a token counter of the kind that models have: one token for six bytes
// of a word, one for any other sign.
func count(s string) int {
	n, word := 0, 0
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			word = 0
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == utf8.RuneError:
			if word%6 == 0 {
				n++
			}
			word += utf8.RuneLen(r)
		default:
			n++
			word = 0
		}
	}
	return n
}

// failer is what a test, a fuzz target and a rapid check have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// check fails where chunks break a promise of the package comment.
func check(t failer, opt rag.ChunkerOptions, text rag.Text, chunks []rag.Chunk) {
	fatal := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("%+v: "+format, append([]any{opt}, args...)...)
	}
	t.Helper()
	opt, err := withDefaults(opt, DefaultMaxTokens-special-titleRoom-minPathRoom)
	if err != nil {
		t.Fatal(err)
	}
	valid := utf8.ValidString(text.Content)
	inTokens := opt.Unit == Tokens
	blocks := outline(text)
	end, next := 0, 0
	for i, c := range chunks {
		switch {
		case c.Ordinal != i:
			fatal("chunk %d has ordinal %d", i, c.Ordinal)
		case c.Span.Start < 0 || c.Span.End > len(text.Content) || c.Span.Len() <= 0:
			fatal("chunk %d: span %v is outside the text of %d bytes", i, c.Span, len(text.Content))
		case c.Text != c.Span.Of(text.Content):
			fatal("chunk %d: text is not its span", i)
		case strings.TrimSpace(c.Text) != c.Text:
			fatal("chunk %d: white space at its ends: %q", i, c.Text)
		case valid && !utf8.ValidString(c.Text):
			fatal("chunk %d cuts a rune", i)
		case i > 0 && c.Span.Start < chunks[i-1].Span.Start || c.Span.End <= end:
			fatal("chunk %d: %v does not follow %v", i, c.Span, chunks[i-1].Span)
		case c.Tokens != count(c.Text):
			fatal("chunk %d: Tokens is %d, not %d", i, c.Tokens, count(c.Text))
		case inTokens && c.Tokens+count(c.Prefix) > opt.Size:
			fatal("chunk %d: %d + %d tokens exceed %d: %q", i, c.Tokens, count(c.Prefix), opt.Size, c.Text)
		case !inTokens && utf8.RuneCountInString(c.Text) > opt.Size:
			fatal("chunk %d: %d characters exceed %d", i, utf8.RuneCountInString(c.Text), opt.Size)
		case c.Parent != (rag.Span{}) && (opt.Parent == 0 || !c.Parent.Contains(c.Span) || c.Parent == c.Span || c.Parent.Start < 0 || c.Parent.End > len(text.Content)):
			fatal("chunk %d: %v has the parent %v", i, c.Span, c.Parent)
		case c.Parent != (rag.Span{}) && count(c.Parent.Of(text.Content)) > opt.Parent:
			fatal("chunk %d: its parent has %d tokens", i, count(c.Parent.Of(text.Content)))
		case c.Parent != (rag.Span{}) && slices.ContainsFunc(blocks, func(b rag.Block) bool { return running(b) && b.Span.Overlaps(c.Parent) }):
			fatal("chunk %d: its parent %v holds a running header or footer", i, c.Parent)
		}
		if n := count(c.EmbedText("")); n > DefaultMaxTokens-special {
			fatal("chunk %d: %d tokens are embedded", i, n)
		}
		// What lies between the furthest end so far and this start must be white
		// space or a running header or footer.
		for next < len(blocks) && blocks[next].Span.End <= c.Span.Start {
			b := blocks[next].Span
			b.Start = max(b.Start, end)
			if !running(blocks[next]) && b.Len() > 0 && strings.TrimSpace(b.Of(text.Content)) != "" {
				fatal("%q is in no chunk", b.Of(text.Content))
			}
			next++
		}
		if next < len(blocks) && !running(blocks[next]) && end < c.Span.Start {
			b := rag.Span{Start: max(blocks[next].Span.Start, end), End: c.Span.Start}
			if b.Len() > 0 && strings.TrimSpace(b.Of(text.Content)) != "" {
				fatal("%q is in no chunk", b.Of(text.Content))
			}
		}
		end = c.Span.End
	}
	for _, b := range blocks[next:] {
		if b.Span.Start = max(b.Span.Start, end); !running(b) && b.Span.Len() > 0 && strings.TrimSpace(b.Span.Of(text.Content)) != "" {
			fatal("%q at the end is in no chunk", b.Span.Of(text.Content))
		}
	}
}

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		opt  rag.ChunkerOptions
		want string // part of the error, "" for none
	}{
		{rag.ChunkerOptions{}, ""},
		{rag.ChunkerOptions{Name: Fixed, Unit: Characters, Size: 100_000}, ""},
		{rag.ChunkerOptions{Name: Fixed, Unit: Tokens, Size: 460, Parent: 2000}, ""},
		{rag.ChunkerOptions{Name: Semantic, Size: 400, Min: 10, Break: ByGradient, Percentile: 99.5, Window: 1}, ""},
		{rag.ChunkerOptions{Name: Semantic, Size: 460, Overlap: -1}, ""},
		{rag.ChunkerOptions{Name: "Structure"}, "known are structure, sentence, paragraph, semantic, recursive, fixed, code"},
		{rag.ChunkerOptions{Size: 461}, "16 to 460 tokens"},
		{rag.ChunkerOptions{Name: Recursive, Unit: Characters, Size: 15}, "16 to 100000 characters"},
		{rag.ChunkerOptions{Name: Recursive, Size: 1000}, "16 to 460 tokens (unit characters measures in characters)"},
		{rag.ChunkerOptions{Size: -1}, "out of range"},
		{rag.ChunkerOptions{Name: Fixed, Unit: Characters, Overlap: 501}, "at most half the size"},
		{rag.ChunkerOptions{Name: Sentence, Unit: Characters}, "only fixed and recursive count characters"},
		{rag.ChunkerOptions{Unit: "words"}, "use tokens or characters"},
		{rag.ChunkerOptions{Size: 300, Parent: 300}, "parent 300 is out of range"},
		{rag.ChunkerOptions{Parent: -1}, "parent -1 is out of range"},
		{rag.ChunkerOptions{Name: Legal, Window: 2}, "options of semantic"},
		{rag.ChunkerOptions{Name: Semantic, Min: 200}, "min 200 is out of range"},
		{rag.ChunkerOptions{Name: Semantic, Break: "turn"}, "use percentile or gradient"},
		{rag.ChunkerOptions{Name: Semantic, Percentile: math.NaN()}, "out of range 1 to 100"},
		{rag.ChunkerOptions{Name: Semantic, Window: 21}, "1 to 20 sentences"},
	} {
		c, err := New(tt.opt, fake{count: count})
		if checked := Check(tt.opt, 0); (checked == nil) != (err == nil) {
			t.Errorf("Check(%+v): %v, New: %v", tt.opt, checked, err)
		}
		switch {
		case tt.want == "" && (err != nil || c == nil):
			t.Errorf("New(%+v): %v", tt.opt, err)
		case tt.want != "" && (!errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("New(%+v): error %v, want one of kind invalid with %q", tt.opt, err, tt.want)
		}
	}
	if _, err := New(rag.ChunkerOptions{}, nil); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("New without a model: %v", err)
	}
	if _, err := New(rag.ChunkerOptions{}, fake{count: count, max: 40}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("New for a model of 40 tokens: %v", err)
	}
	if _, err := New(rag.ChunkerOptions{Size: 4000}, fake{count: count, max: 8191}); err != nil {
		t.Errorf("New for a model of 8191 tokens: %v", err)
	}
}

// all are settings that every property is checked with.
var all = []rag.ChunkerOptions{
	{}, {Size: 16}, {Size: 40, Overlap: 10}, {Size: 40, Parent: 200},
	{Name: Sentence}, {Name: Sentence, Size: 16}, {Name: Sentence, Size: 64, Overlap: 20, Parent: 100},
	{Name: Paragraph}, {Name: Paragraph, Size: 16}, {Name: Paragraph, Size: 64, Overlap: 20},
	{Name: Semantic}, {Name: Semantic, Size: 16, Min: 1, Window: 1, Percentile: 50}, {Name: Semantic, Size: 64, Overlap: 20, Break: ByGradient, Parent: 128},
	{Name: Recursive}, {Name: Recursive, Size: 16}, {Name: Recursive, Size: 64, Overlap: 20},
	{Name: Recursive, Unit: Characters}, {Name: Recursive, Unit: Characters, Size: 16, Overlap: 8}, {Name: Recursive, Unit: Characters, Size: 50, Overlap: 20}, {Name: Recursive, Unit: Characters, Size: 4000},
	{Name: Fixed}, {Name: Fixed, Size: 16, Overlap: 8}, {Name: Fixed, Size: 64, Parent: 300},
	{Name: Fixed, Unit: Characters}, {Name: Fixed, Unit: Characters, Size: 16, Overlap: 8}, {Name: Fixed, Unit: Characters, Size: 4000},
	{Name: Code}, {Name: Code, Size: 16}, {Name: Legal}, {Name: Legal, Size: 20, Parent: 80}, {Name: Medical}, {Name: Medical, Size: 20},
	{Name: Table}, {Name: Table, Size: 20}, {Name: Conversation}, {Name: Conversation, Size: 20, Overlap: 8}, {Name: Auto}, {Name: Auto, Size: 30, Parent: 90},
}

func checkAll(t failer, text rag.Text) {
	t.Helper()
	for _, opt := range all {
		check(t, opt, text, cut(t, opt, text))
	}
}

var kinds = []rag.BlockKind{
	rag.Heading, rag.Heading, rag.Paragraph, rag.Paragraph, rag.Paragraph, rag.ListItem, rag.ListItem,
	rag.Table, rag.Code, rag.Quote, rag.Caption, rag.Footnote, rag.Header, rag.Footer,
}

// TestProperties holds the promises over random documents.
func TestProperties(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "be", "sea", "Dr.", "end.", "Why?", "字", "文章。", "👩‍👩‍👧", "é", "x1", "(no)", "extraordinarily", "|", "\n", "\u00a0"})
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		var text rag.Text
		for range rapid.IntRange(0, 30).Draw(rt, "blocks") {
			kind := rapid.SampledFrom(kinds).Draw(rt, "kind")
			longest := 40
			if kind == rag.Table || kind == rag.Paragraph {
				longest = 300
			}
			start := b.Len()
			headerEnd := 0
			for i := range rapid.IntRange(0, longest).Draw(rt, "words") {
				b.WriteString(word.Draw(rt, "word"))
				b.WriteString(rapid.SampledFrom([]string{" ", " ", " ", "\n", ""}).Draw(rt, "gap"))
				if kind == rag.Table && i == 8 {
					headerEnd = b.Len()
				}
			}
			if rapid.IntRange(0, 9).Draw(rt, "claimed") > 0 {
				text.Blocks = append(text.Blocks, rag.Block{
					Kind: kind, Level: rapid.IntRange(0, 7).Draw(rt, "level"), Page: len(text.Blocks)/5 + 1,
					Span: rag.Span{Start: start, End: b.Len()}, HeaderEnd: headerEnd,
				})
			}
			b.WriteString("\n\n")
		}
		text.Content = b.String()
		checkAll(rt, text)
	})
}

// FuzzChunk hands the chunkers blocks that keep no rule.
func FuzzChunk(f *testing.F) {
	f.Add("Title\n\nA sentence. Another one.\n\n| a | b |\n", []byte{0, 0, 5, 2, 7, 40})
	f.Add("字字字。\xff\xfe e\u0301\u0301", []byte{7, 0, 200, 12, 3, 9})
	f.Fuzz(func(t *testing.T, content string, plan []byte) {
		text := rag.Text{Content: content}
		for ; len(plan) >= 3; plan = plan[3:] {
			start := int(plan[1]) - 3
			text.Blocks = append(text.Blocks, rag.Block{
				Kind: kinds[int(plan[0])%len(kinds)], Level: int(plan[0]) % 9,
				Span: rag.Span{Start: start, End: start + int(plan[2])}, HeaderEnd: start + int(plan[2])/2,
			})
		}
		checkAll(t, text)
	})
}

// TestHostile cuts texts that take forever, or all memory, where any step is more
// than linear.
func TestHostile(t *testing.T) {
	size := 4 << 20
	if testing.Short() {
		size = 1 << 18
	}
	headings := rag.Text{Content: strings.Repeat("Heading one\n", size/64)}
	for i := range size / 64 {
		headings.Blocks = append(headings.Blocks, rag.Block{Kind: rag.Heading, Level: i%6 + 1, Span: rag.Span{Start: i * 12, End: i*12 + 11}})
	}
	top := "| name | value |\n| --- | --- |\n"
	table := rag.Text{Content: top + strings.Repeat("| some name | 12345 |\n", size/40)}
	table.Blocks = []rag.Block{{Kind: rag.Table, Span: rag.Span{End: len(table.Content)}, HeaderEnd: len(top)}}
	footers := rag.Text{Content: strings.Repeat("text\nfoot\n", size/64)}
	for i := range size / 64 {
		footers.Blocks = append(footers.Blocks, rag.Block{Kind: rag.Footer, Span: rag.Span{Start: i*10 + 5, End: i*10 + 9}})
	}
	wide := rag.Text{Content: "| " + strings.Repeat("a | ", size/4) + "\n"}
	wide.Blocks = []rag.Block{{Kind: rag.Table, Span: rag.Span{End: len(wide.Content)}, HeaderEnd: len(wide.Content) / 2}}
	for name, text := range map[string]rag.Text{
		"one word":     {Content: strings.Repeat("a", size)},
		"one line":     {Content: strings.Repeat("word ", size/5)},
		"one sentence": {Content: strings.Repeat("字", size/3)},
		"one grapheme": {Content: "e" + strings.Repeat("\u0301", size/2)},
		"crumbs":       {Content: strings.Repeat("a. ", size/3)},
		"spaces":       {Content: "a" + strings.Repeat(" ", size) + "b"},
		"brackets":     {Content: "." + strings.Repeat("(", size)},
		"blank lines":  {Content: strings.Repeat("a\n\n", size/12)},
		"not utf-8":    {Content: strings.Repeat("\x80", size)},
		"headings":     headings, "table": table, "footers": footers, "wide table": wide,
	} {
		t.Run(name, func(t *testing.T) {
			for _, opt := range append([]rag.ChunkerOptions{{Name: Recursive, Unit: Characters}, {Name: Fixed, Unit: Characters}, {Parent: 2000}}, named()...) {
				if len(cut(t, opt, text)) == 0 {
					t.Fatalf("%s: no chunks", opt.Name)
				}
			}
		})
	}
}

// named are all chunkers with their defaults.
func named() []rag.ChunkerOptions {
	out := make([]rag.ChunkerOptions, len(Names))
	for i, n := range Names {
		out[i].Name = n
	}
	return out
}

// TestCounting holds the promise that the token counter sees a text about twice:
// by sentences and by chunks.
func TestCounting(t *testing.T) {
	text := rag.Text{Content: strings.Repeat("A sentence of several words stands here. Another one follows it.\n\n", 2000)}
	for _, name := range []string{Structure, Sentence, Paragraph, Semantic, Fixed, Legal, Medical, Table, Conversation, Auto} {
		seen := 0
		c, err := New(rag.ChunkerOptions{Name: name, Overlap: -1}, fake{count: func(s string) int { seen += len(s); return count(s) }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Chunk(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		if limit := len(text.Content) * 21 / 10; seen > limit {
			t.Errorf("%s: the counter saw %d bytes of %d", name, seen, len(text.Content))
		}
	}
}

// TestUnruly has a counter whose sums do not add up: chunks are then counted again
// and halved, not let through.
func TestUnruly(t *testing.T) {
	squared := func(s string) int { n := count(s); return n * n / 20 }
	c, err := New(rag.ChunkerOptions{Size: 100}, fake{count: squared})
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := c.Chunk(t.Context(), rag.Text{Content: strings.Repeat("One sentence here. ", 200)})
	if err != nil {
		t.Fatal(err)
	}
	for i, ch := range chunks {
		if got := squared(ch.Text); got > 100 || got != ch.Tokens {
			t.Errorf("chunk %d has %d tokens and says %d", i, got, ch.Tokens)
		}
	}
}

func TestGraphemesStayWhole(t *testing.T) {
	family := "👩‍👩‍👧‍👦"
	text := rag.Text{Content: strings.Repeat(family, 200)}
	for _, name := range Names {
		for _, ch := range cut(t, rag.ChunkerOptions{Name: name, Size: 30}, text) {
			if len(ch.Text)%len(family) != 0 {
				t.Errorf("%s cuts a grapheme: %q", name, ch.Text)
				break
			}
		}
	}
}

func TestHeadingRoom(t *testing.T) {
	long := strings.Repeat("very long heading ", 40)
	var text rag.Text
	for lvl := range 6 {
		start := len(text.Content)
		text.Content += fmt.Sprint(lvl, " ", long)
		text.Blocks = append(text.Blocks, rag.Block{Kind: rag.Heading, Level: lvl + 1, Span: rag.Span{Start: start, End: len(text.Content)}})
		text.Content += "\n\n"
	}
	text.Content += strings.Repeat("Some words of text. ", 400)
	checkAll(t, text)
	chunks := cut(t, rag.ChunkerOptions{}, text)
	last := chunks[len(chunks)-1]
	if len(last.Heading) == 0 || !strings.HasPrefix(last.Heading[len(last.Heading)-1], "5 very long") {
		t.Errorf("the innermost heading is not kept: %q", last.Heading)
	}
}

func TestTableRepeatsHeader(t *testing.T) {
	top := "| id | name |\n|---|---|\n"
	text := rag.Text{Content: top + strings.Repeat("| 1 | Ada Lovelace |\n", 100)}
	text.Blocks = []rag.Block{{Kind: rag.Table, Page: 3, Span: rag.Span{End: len(text.Content)}, HeaderEnd: len(top)}}
	chunks := cut(t, rag.ChunkerOptions{Size: 100}, text)
	if len(chunks) < 5 {
		t.Fatalf("only %d chunks", len(chunks))
	}
	for i, ch := range chunks {
		want := strings.TrimSpace(top)
		if i == 0 {
			want = ""
		}
		if ch.Prefix != want || ch.Page != 3 || !strings.HasPrefix(ch.Text, "|") || !strings.HasSuffix(ch.Text, "|") {
			t.Errorf("chunk %d: prefix %q, page %d, text %q", i, ch.Prefix, ch.Page, ch.Text)
		}
	}
}

// TestRecursiveOverlap holds what people expect of 1000/200: no chunk over 1000
// characters, and neighbours in a long paragraph share up to 200.
func TestRecursiveOverlap(t *testing.T) {
	text := rag.Text{Content: strings.Repeat("Some words stand in this sentence, and it ends. ", 100)}
	chunks := cut(t, rag.ChunkerOptions{Name: Recursive, Unit: Characters}, text)
	for i, ch := range chunks[1:] {
		if shared := chunks[i].Span.End - ch.Span.Start; shared < 100 || shared > 200 {
			t.Errorf("chunks %d and %d share %d characters", i, i+1, shared)
		}
	}
	if !slices.IsSortedFunc(chunks, func(a, b rag.Chunk) int { return a.Span.Start - b.Span.Start }) {
		t.Error("chunks are not in order")
	}
}

func BenchmarkChunk(b *testing.B) {
	text := rag.Text{Content: strings.Repeat("The quick brown fox jumps over the lazy dog. It was not amused, e.g. by that.\n\n", 5000)}
	for _, name := range Names {
		c := newChunker(b, rag.ChunkerOptions{Name: name})
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text.Content)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Chunk(b.Context(), text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
