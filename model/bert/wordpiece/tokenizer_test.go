package wordpiece_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/model/bert/wordpiece"
	"github.com/smartretriever/smartretriever/rag"
)

// builtin is the tokenizer of the built-in model.
func builtin(tb testing.TB) *wordpiece.Tokenizer {
	tb.Helper()
	f, err := weightfile.Parse(weights.BGESmallEnV15())
	if err != nil {
		tb.Fatal(err)
	}
	vocabulary, err := f.Bytes("vocabulary")
	if err != nil {
		tb.Fatal(err)
	}
	t, err := wordpiece.New(wordpiece.Config{
		Vocabulary: string(vocabulary), Lowercase: true, MaxWordChars: 100, Prefix: "##",
		Unknown: "[UNK]", Start: "[CLS]", End: "[SEP]", Padding: "[PAD]", Mask: "[MASK]",
	})
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// The golden file is what Hugging Face's tokenizers make of these texts;
// bench/embed/golden.py computes it anew.
func TestGolden(t *testing.T) {
	file, err := os.Open("testdata/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tokenizer := builtin(t)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var golden struct {
			Text string  `json:"text"`
			IDs  []int32 `json:"ids"`
		}
		if err := json.Unmarshal(lines.Bytes(), &golden); err != nil {
			t.Fatal(err)
		}
		got := tokenizer.Append(nil, golden.Text, -1)
		if !slices.Equal(got, golden.IDs) {
			t.Errorf("%.60q: %v instead of %v", golden.Text, got, golden.IDs)
		}
		check(t, tokenizer, golden.Text)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// Every code point alone, in a word and beside itself, was compared with the
// library by bench/embed/tokens.py; this is the digest of the tokens that agreed.
// A version of Go or x/text with newer Unicode tables can change it: then run the
// script, and bring newer.go up to date.
func TestEveryCodePoint(t *testing.T) {
	const agreed = "0843ced3182a0640e5e80aa768190c28209ef1fd3c36adf6201b2696cb62c302"
	tokenizer, digest := builtin(t), sha256.New()
	var ids []int32
	var raw []byte
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		c := string(r)
		ids = tokenizer.Append(ids[:0], c+" ab"+c+"cd "+c+c+" x "+c+" y", -1)
		raw = raw[:0]
		for _, id := range ids {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(id))
		}
		digest.Write(append(raw, 0xFF, 0xFF, 0xFF, 0xFF))
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != agreed {
		t.Errorf("the tokens of all code points have digest %s instead of %s", got, agreed)
	}
}

// check holds what is true of every text.
func check(t *testing.T, tokenizer *wordpiece.Tokenizer, text string) {
	t.Helper()
	ids := tokenizer.Append(nil, text, -1)
	if n := tokenizer.Count(text); n != len(ids) {
		t.Errorf("%.60q: Count says %d, Append gives %d", text, n, len(ids))
	}
	tokens := tokenizer.AppendTokens(nil, text)
	if len(tokens) != len(ids) {
		t.Fatalf("%.60q: %d tokens with places, %d without", text, len(tokens), len(ids))
	}
	last := 0
	for i, token := range tokens {
		if token.ID != ids[i] {
			t.Errorf("%.60q: token %d is %d with its place, %d without", text, i, token.ID, ids[i])
		}
		if token.Start < last || token.End < token.Start || token.End > len(text) {
			t.Fatalf("%.60q: token %d lies at %d to %d, after %d, in %d bytes", text, i, token.Start, token.End, last, len(text))
		}
		last = token.Start
	}
	for _, limit := range []int{0, 1, len(ids) / 2} {
		if got, want := tokenizer.Append(nil, text, limit), ids[:min(limit, len(ids))]; !slices.Equal(got, want) {
			t.Errorf("%.60q: the first %d tokens are %v instead of %v", text, limit, got, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	tokenizer := builtin(t)
	for _, c := range []struct {
		text string
		want []string
	}{
		{"Hello, World", []string{"Hello", ",", "World"}},
		{"  unaffable  ", []string{"una", "ffa", "ble"}},
		{"Éléphants d'été", []string{"Éléphants", "d", "'", "été"}},
		{"北京 x[SEP]y", []string{"北", "京", "x", "[SEP]", "y"}},
		{strings.Repeat("z", 150), []string{strings.Repeat("z", 150)}},
	} {
		var got []string
		for _, token := range tokenizer.AppendTokens(nil, c.text) {
			got = append(got, c.text[token.Start:token.End])
		}
		// An elephant is one word or some pieces: compare what they are joined.
		if strings.Join(got, "") != strings.Join(c.want, "") {
			t.Errorf("%q: %q instead of %q", c.text, got, c.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := wordpiece.Config{Vocabulary: "[UNK]\n[CLS]\n[SEP]\na\n##b", MaxWordChars: 100, Prefix: "##", Unknown: "[UNK]", Start: "[CLS]", End: "[SEP]"}
	if _, err := wordpiece.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(c *wordpiece.Config){
		"empty entry":     func(c *wordpiece.Config) { c.Vocabulary += "\n" },
		"entry twice":     func(c *wordpiece.Config) { c.Vocabulary += "\na" },
		"no unknown":      func(c *wordpiece.Config) { c.Unknown = "<unk>" },
		"no vocabulary":   func(c *wordpiece.Config) { c.Vocabulary = "" },
		"no prefix":       func(c *wordpiece.Config) { c.Prefix = "" },
		"too many bytes":  func(c *wordpiece.Config) { c.Vocabulary += "\n" + strings.Repeat("z", 8<<20) },
		"words too long":  func(c *wordpiece.Config) { c.MaxWordChars = 101 },
		"words too short": func(c *wordpiece.Config) { c.MaxWordChars = 0 },
	} {
		c := good
		change(&c)
		if _, err := wordpiece.New(c); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v instead of an invalid configuration", name, err)
		}
	}
}

func TestCased(t *testing.T) {
	tokenizer, err := wordpiece.New(wordpiece.Config{
		Vocabulary:   "[UNK]\n[CLS]\n[SEP]\nParis\nparis\né\n.",
		MaxWordChars: 100, Prefix: "##", Unknown: "[UNK]", Start: "[CLS]", End: "[SEP]",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := tokenizer.Append(nil, "Paris paris é.É", -1); !slices.Equal(got, []int32{3, 4, 5, 6, 0}) {
		t.Errorf("%v", got)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	tokenizer := builtin(t)
	text := strings.Repeat("Plain words, Ärger, 北京, हिन्दी, 한국어 and [SEP]. ", 20)
	dst := make([]int32, 0, len(text))
	if n := testing.AllocsPerRun(20, func() { dst = tokenizer.Append(dst[:0], text, -1) }); n != 0 {
		t.Errorf("Append makes %v allocations", n)
	}
	if n := testing.AllocsPerRun(20, func() { tokenizer.Count(text) }); n != 0 {
		t.Errorf("Count makes %v allocations", n)
	}
}

func FuzzTokenizer(f *testing.F) {
	for _, seed := range []string{"", "Hello, World", "\xff\xfe[SEP]\x80", "a\u0301\u0323 ≠ 가각", strings.Repeat("é", 101), "[MASK", "\U0002f800\u166d"} {
		f.Add(seed)
	}
	tokenizer := builtin(f)
	f.Fuzz(func(t *testing.T, text string) { check(t, tokenizer, text) })
}

func BenchmarkAppend(b *testing.B) {
	tokenizer := builtin(b)
	for name, text := range map[string]string{
		"english": strings.Repeat("Mutations of TP53 are found in about half of human tumours; loss of p53 lets cells go on dividing. ", 100),
		"russian": strings.Repeat("Библиотека открывается по вторникам в десять часов, книги выдаются на три недели. ", 100),
		"chinese": strings.Repeat("地铁在早上六点开始运行,末班车是晚上十一点半。", 100),
		"french":  strings.Repeat("Le train de nuit s'arrête à la gare centrale, déjà fermée à cette heure. ", 100),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var dst []int32
			for b.Loop() {
				dst = tokenizer.Append(dst[:0], text, -1)
			}
		})
	}
}
