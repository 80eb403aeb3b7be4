package bpe_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/token/bpe"
)

var encodings = []*bpe.Encoding{bpe.Cl100k, bpe.O200k}

// The golden tokens are those of OpenAI's library; bench/tokens/tokens.sh golden
// computes them anew, tokens.sh compare compares far more texts.
func TestTokensAreThoseOfTiktoken(t *testing.T) {
	f, err := os.Open("testdata/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var want struct {
			Text   string   `json:"text"`
			Cl100k []uint32 `json:"cl100k_base"`
			O200k  []uint32 `json:"o200k_base"`
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		for i, tokens := range [][]uint32{want.Cl100k, want.O200k} {
			e := encodings[i]
			if got := e.Append(nil, want.Text); !slices.Equal(got, tokens) {
				t.Errorf("%s: %q: tokens %d, want %d", e.Name(), want.Text, got, tokens)
			}
			if n := e.Count(want.Text); n != len(tokens) {
				t.Errorf("%s: %q: %d tokens, want %d", e.Name(), want.Text, n, len(tokens))
			}
		}
		cases++
	}
	if err := lines.Err(); err != nil || cases < 90 {
		t.Fatalf("%d cases, %v", cases, err)
	}
}

// A long piece is merged in another way than a short one, with the same result as
// the plain rule.
func TestLongPiecesMergeByTheSameRule(t *testing.T) {
	pieces := []string{
		strings.Repeat("a", 1000), strings.Repeat("ab", 300), strings.Repeat("abcdefgh", 40), strings.Repeat("中文", 100),
		strings.Repeat("=", 500), strings.Repeat("=-", 99), strings.Repeat("Donaudampfschifffahrt", 9), strings.Repeat("\xff\xfe", 80),
	}
	for _, e := range encodings {
		for _, p := range pieces {
			for _, n := range []int{63, 64, 65, 66, 100, len(p)} {
				p := p[:min(n, len(p))]
				if got, want := e.Append(nil, p), plain(e, p); !slices.Equal(got, want) {
					t.Errorf("%s: %.20q of %d bytes: %d, want %d", e.Name(), p, len(p), got, want)
				}
			}
		}
	}
}

// plain encodes a text that is one piece by the rule as it is written down, with
// the ranks taken from Decode.
func plain(e *bpe.Encoding, piece string) []uint32 {
	rank := ranks(e)
	var parts []string
	for i := range len(piece) {
		parts = append(parts, piece[i:i+1])
	}
	if r, ok := rank[piece]; ok {
		return []uint32{r}
	}
	for {
		least, at := ^uint32(0), -1
		for i := range len(parts) - 1 {
			if r, ok := rank[parts[i]+parts[i+1]]; ok && r < least {
				least, at = r, i
			}
		}
		if at < 0 {
			break
		}
		parts = slices.Replace(parts, at, at+2, parts[at]+parts[at+1])
	}
	out := make([]uint32, len(parts))
	for i, p := range parts {
		out[i] = rank[p]
	}
	return out
}

var known = map[*bpe.Encoding]map[string]uint32{}

func ranks(e *bpe.Encoding) map[string]uint32 {
	if known[e] == nil {
		known[e] = map[string]uint32{}
		for token := range uint32(200_000) {
			if text := e.Decode([]uint32{token}); len(text) > 0 {
				known[e][string(text)] = token
			}
		}
	}
	return known[e]
}

// Counting is linear: twice the text makes twice the tokens, in texts that would
// take hours if each merge, or each piece, looked at all the rest.
func TestTextsThatAreHardToCut(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	for _, unit := range []string{"a", " ", "\n", "A", "1", "!", "'", "aʰ", "Aʰ", "\u0301", "\u3000", " \n", "/", "\xff", "中", "😀", "a ", "  a"} {
		text := strings.Repeat(unit, n/len(unit))
		for _, e := range encodings {
			tokens := e.Append(nil, text)
			if got := string(e.Decode(tokens)); got != text {
				t.Errorf("%s: %q times %d is not itself after encoding", e.Name(), unit, n/len(unit))
			}
			if c := e.Count(text); c != len(tokens) {
				t.Errorf("%s: %q: count %d, %d tokens", e.Name(), unit, c, len(tokens))
			}
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("Hello, it's 12345 o'clock\r\n  now/\n ")
	f.Add("ǅʰA\u0301\u0301a don'ſ \xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		for _, e := range encodings {
			tokens := e.Append(nil, text)
			if got := string(e.Decode(tokens)); got != text {
				t.Errorf("%s: %q became %q", e.Name(), text, got)
			}
			if n := e.Count(text); n != len(tokens) {
				t.Errorf("%s: %q: count %d, %d tokens", e.Name(), text, n, len(tokens))
			}
		}
	})
}

func BenchmarkCount(b *testing.B) {
	prose := strings.Repeat("The committee met on 12 March 2019 and didn't decide; see §4.2 of the report (Müller et al., 2018). ", 100)
	texts := map[string]string{"prose": prose, "chinese": strings.Repeat("中文分词的例子,很长的一句话没有空格。", 100), "one letter": strings.Repeat("a", 100_000)}
	for name, text := range texts {
		for _, e := range encodings {
			b.Run(e.Name()+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					e.Count(text)
				}
			})
		}
	}
}
