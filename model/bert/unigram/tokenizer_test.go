package unigram_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert/unigram"
	"github.com/smartretriever/smartretriever/rag"
)

var pieces = strings.Fields("<s> </s> <unk> ▁ a b ab ▁a ▁ab c abc ▁b é <mask>")

// config is a small tokenizer. The scores make "ab" dearer than "a" and "b".
func config() unigram.Config {
	var rules []byte
	for _, r := range [][2]string{{"ﬁ", "ab"}, {"e\u0301", "é"}, {"\t", " "}, {"\x01", ""}, {"...", "c"}} {
		rules = unigram.AppendRule(rules, r[0], r[1])
	}
	return unigram.Config{
		Vocabulary: strings.Join(pieces, "\n"),
		Scores:     []float32{0, 0, 0, -1, -1, -1, -3, -1.5, -2, -1, -2.5, -2, -2, 0},
		Unknown:    "<unk>", Start: "<s>", End: "</s>",
		Rules: string(rules), Clusters: true, Collapse: true, Prefix: unigram.PrefixAlways,
		Specials: []unigram.Special{{Text: "<s>"}, {Text: "<mask>", Left: true, Right: true}},
	}
}

func open(t testing.TB, cfg unigram.Config) *unigram.Tokenizer {
	t.Helper()
	tok, err := unigram.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func text(tok *unigram.Tokenizer, in string) string {
	var out []string
	for _, id := range tok.Append(nil, in, -1) {
		out = append(out, pieces[id])
	}
	return strings.Join(out, " ")
}

func TestPieces(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(c *unigram.Config)
		in     string
		want   string
	}{
		{"best sum, not longest", nil, "cab", "▁ c a b"},
		{"a longer piece that is worth it", nil, "ab", "▁ab"},
		{"three letters", nil, "cabc", "▁ c abc"},
		{"unknown ones in a row are one", nil, "aXYZb", "▁a <unk> b"},
		{"a rule", nil, "ﬁ", "▁ab"},
		{"a rule for a letter and its accent", nil, "e\u0301", "▁ é"},
		{"a rule of three characters is no cluster", nil, "...", "▁ <unk>"},
		{"but a sequence", func(c *unigram.Config) { c.Clusters = false }, "...", "▁ c"},
		{"left out", nil, "a\x01b", "▁ab"},
		{"spaces", nil, "a \t b", "▁a ▁b"},
		{"spaces that stay", func(c *unigram.Config) { c.Collapse = false }, "a  b", "▁a ▁ ▁b"},
		{"around", nil, " a ", "▁a ▁"},
		{"around, trimmed", func(c *unigram.Config) { c.TrimLeft, c.TrimRight = true, true }, "  a ", "▁a"},
		{"all white space splits", func(c *unigram.Config) { c.SplitSpace = true }, " a\u2003b ", "▁a ▁b"},
		{"never the mark", func(c *unigram.Config) { c.Prefix = unigram.PrefixNever }, "a b", "a ▁b"},
		{"the mark after a special", nil, "a<s>a", "▁a <s> ▁a"},
		{"the mark at first", func(c *unigram.Config) { c.Prefix = unigram.PrefixFirst }, "a<s>a", "▁a <s> a"},
		{"a special takes its spaces", nil, "a <mask> b", "▁a <mask> ▁b"},
		{"no specials", func(c *unigram.Config) { c.Specials, c.Unmatched = nil, []string{"<s>", "<mask>", "</s>", "<unk>"} }, "<s>", "▁ <unk>"},
		{"nothing", nil, "", ""},
		{"nothing that stays", nil, "\x01", ""},
		{"no text at all", nil, "\xff\xfe", "▁ <unk>"},
	} {
		cfg := config()
		if tt.change != nil {
			tt.change(&cfg)
		}
		if got := text(open(t, cfg), tt.in); got != tt.want {
			t.Errorf("%s: %q is %q instead of %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// Pieces that go across words are found only where words are not cut alone.
func TestJoined(t *testing.T) {
	cfg := config()
	cfg.Vocabulary, cfg.Scores = cfg.Vocabulary+"\na▁b", append(cfg.Scores, -.1)
	if got := open(t, cfg).Append(nil, "a b", -1); !slices.Equal(got, []int32{7, 11}) {
		t.Errorf("cut alone: %v", got)
	}
	cfg.Joined = true
	if got := open(t, cfg).Append(nil, "a b", -1); !slices.Equal(got, []int32{3, 14}) {
		t.Errorf("together: %v", got)
	}
}

func TestRefuses(t *testing.T) {
	for name, change := range map[string]func(c *unigram.Config){
		"scores":            func(c *unigram.Config) { c.Scores = c.Scores[1:] },
		"no pieces":         func(c *unigram.Config) { c.Vocabulary = "" },
		"twice":             func(c *unigram.Config) { c.Vocabulary = strings.Replace(c.Vocabulary, "\nab\n", "\na\n", 1) },
		"unknown":           func(c *unigram.Config) { c.Unknown = "none" },
		"start":             func(c *unigram.Config) { c.Start = "none" },
		"special":           func(c *unigram.Config) { c.Specials[0].Text = "none" },
		"special of none":   func(c *unigram.Config) { c.Specials[0].Text = "" },
		"prefix":            func(c *unigram.Config) { c.Prefix = "" },
		"rules cut off":     func(c *unigram.Config) { c.Rules = c.Rules[:len(c.Rules)-1] },
		"rules twice":       func(c *unigram.Config) { c.Rules += c.Rules },
		"rule from nothing": func(c *unigram.Config) { c.Rules = "\x00\x00" },
		"trimming":          func(c *unigram.Config) { c.TrimRight, c.Collapse = true, false },
		"infinite": func(c *unigram.Config) {
			c.Scores = slices.Clone(c.Scores)
			c.Scores[3] = float32(math.Inf(1))
		},
		"large": func(c *unigram.Config) { c.Vocabulary = strings.Repeat("a", 9<<20) },
	} {
		cfg := config()
		change(&cfg)
		if _, err := unigram.New(cfg); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A text of one word without end is cut like any other, and the limit holds.
func TestLong(t *testing.T) {
	tok := open(t, config())
	long := strings.Repeat("abc", 100_000)
	if n := tok.Count(long); n != 100_000 && n != 100_001 {
		t.Errorf("%d tokens", n)
	}
	if got := tok.Append(nil, long, 5); len(got) != 5 {
		t.Errorf("%v", got)
	}
}

func TestGoroutines(t *testing.T) {
	tok := open(t, config())
	want := text(tok, "abc cab ﬁ")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				if got := text(tok, "abc cab ﬁ"); got != want {
					t.Errorf("%q instead of %q", got, want)
				}
			}
		})
	}
	all.Wait()
}
