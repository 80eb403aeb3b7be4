package analyze

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// termCases are texts and their terms, with a space between.
var termCases = []struct {
	name, language, text, want string
}{
	{"empty", "", "", ""},
	{"white space and signs", "", " \t\n-- … 🙂 !?", ""},
	{"English", "", "The runners were RUNNING home.", "runner run home"},
	{"possessive", "", "Darwin's dogs' bones; Darwin’s", "darwin dog bone darwin"},
	{"contraction", "", "They don't; it isn’t", ""},
	{"hyphens and slashes", "", "IL-2 and/or state-of-the-art", "il 2 state art"},
	{"host names and identifiers", "", "www.example.com max_tokens end.Next _x_ __", "www exampl com max token end next x"},
	{"numbers stay whole", "", "3.14 1,000 1_0 v2.0", "3.14 1,000 1_0 v2.0"},
	{"accents fold in any notation", "", "café cafe\u0301 CAFÉ", "cafe cafe cafe"},
	{"letters without decomposition", "", "Łódź smørrebrød Œuvre", "lodz smorrebrod oeuvr"},
	{"compatibility forms", "", "ﬁle ｆｕｌｌ x²", "file full x2"},
	{"German as English", "auto", "die Häuser", "die hauser"},
	{"German", "de", "die Häuser des Hauses", "die haus des haus"},
	{"French elision", "fr", "l’avion qu'elle aujourd'hui", "avion elle aujourd'hui"},
	{"Spanish", "es", "las canciones", "las cancion"},
	{"Russian", "", "Столицы столицей ёлка Елка", "столиц столиц елк елк"},
	{"Arabic with and without vowel signs", "", "كِتَاب كتاب", "كتاب كتاب"},
	{"Greek", "", "Λόγος λογοσ", "λογοσ λογοσ"},
	{"Hebrew points", "", "שָׁלוֹם", "שלום"},
	{"Chinese", "", "黑豹队的防守", "黑豹 豹队 队的 的防 防守"},
	{"one character", "", "水 。火", "水 火"},
	{"Japanese over kana and Han", "", "東京タワーへ", "東京 京タ タワ ワー ーへ"},
	{"half-width kana", "", "ｶﾀｶﾅ", "カタ タカ カナ"},
	{"Korean within words", "", "대한민국 서울", "대한 한민 민국 서울"},
	{"mixed scripts", "", "用Go语言 GPT模型", "用 go 语言 gpt 模型"},
	{"Thai", "", "ภาษา", "ภา าษ ษา"},
	{"an unknown language is auto", "xx", "running", "run"},
	{"invalid UTF-8", "", "ab\xffcd \xc3\x28 ok", "ab cd ok"},
	{"long word", "", strings.Repeat("q", 500), strings.Repeat("q", maxTerm)},
}

func TestTerms(t *testing.T) {
	for _, c := range termCases {
		t.Run(c.name, func(t *testing.T) {
			got := For(c.language).Append(nil, c.text)
			if strings.Join(got, " ") != c.want {
				t.Errorf("%q gives %q, want %q", c.text, got, strings.Fields(c.want))
			}
		})
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	a := For("")
	got := a.Append([]string{"first"}, "second thing")
	if !slices.Equal(got, []string{"first", "second", "thing"}) {
		t.Errorf("got %q", got)
	}
}

func TestFold(t *testing.T) {
	a := For("auto")
	for in, want := range map[string]string{
		"Computing": "computing", "CAFÉ": "cafe", "Ёлка": "елка", "ﬁnd": "find", "Straße": "strasse", "東京": "東京", "": "", "a\xff": "a",
	} {
		if got := a.Fold(in); got != want {
			t.Errorf("Fold(%q) is %q, want %q", in, got, want)
		}
	}
}

// TestSpans: the terms are those of Append, each from the word that its span holds.
func TestSpans(t *testing.T) {
	texts := append(corpus(t, "cranfield")[:50], corpus(t, "xquad/zh")[:20]...)
	texts = append(texts, "Don't stop_here, U.S.A. 3.14 x", "ﬁne ﬂow of 東京都 and Ａ１ bad\xff end", "", " ", "\u00a0東\u3000京", "naïve café e\u0301")
	for _, name := range []string{"auto", "de"} {
		a := For(name)
		for _, text := range texts {
			terms, spans := a.Spans(nil, nil, text)
			if want := a.Append(nil, text); !slices.Equal(terms, want) {
				t.Fatalf("%.60q gives the terms\n%q, want\n%q", text, terms, want)
			}
			if len(spans) != len(terms) {
				t.Fatalf("%.60q: %d spans of %d terms", text, len(spans), len(terms))
			}
			for i, s := range spans {
				if s.Start < 0 || s.Start >= s.End || s.End > len(text) {
					t.Fatalf("%.60q: span %v", text, s)
				}
				if word := text[s.Start:s.End]; !slices.Contains(a.Append(nil, word), terms[i]) {
					t.Fatalf("%.60q: the term %q is said to come from %q", text, terms[i], word)
				}
			}
		}
	}
}

func TestNames(t *testing.T) {
	seen := map[string]string{}
	for _, l := range append(Languages(), "auto") {
		name := For(l).Name()
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s have the same name %q", l, other, name)
		}
		seen[name] = l
	}
	if For("").Name() != For("auto").Name() || For("xx").Name() != For("auto").Name() {
		t.Error("a language that is not known is not auto")
	}
}

// forms are two forms of a word in each language.
var forms = map[string][2]string{
	"ar": {"الكتاب", "كتاب"}, "da": {"hunden", "hundene"}, "de": {"Kindern", "Kinder"}, "en": {"connected", "connection"},
	"es": {"libros", "libro"}, "fi": {"talossa", "talosta"}, "fr": {"continuellement", "continuelle"}, "hu": {"házak", "házat"},
	"it": {"ragazzi", "ragazzo"}, "nl": {"lichamelijk", "lichamelijke"}, "no": {"hunden", "hundene"}, "pt": {"livros", "livro"},
	"ro": {"copiilor", "copii"}, "ru": {"книги", "книга"}, "sv": {"hunden", "hundar"}, "ta": {"வீடுகள்", "வீடு"}, "tr": {"evler", "evlerim"},
}

// TestEveryLanguage checks that each stemmer joins two forms of a word of its
// language.
func TestEveryLanguage(t *testing.T) {
	for _, l := range Languages() {
		f, ok := forms[l]
		if !ok {
			t.Errorf("%s has no example", l)
			continue
		}
		a := For(l)
		x, y := a.Append(nil, f[0]), a.Append(nil, f[1])
		if len(x) != 1 || !slices.Equal(x, y) {
			t.Errorf("%s: %q gives %q, %q gives %q", l, f[0], x, f[1], y)
		}
	}
}

// TestVersion fails when an analyzer makes other terms than before, by a change
// here or in a library. Indexes on disk then hold terms that no query makes:
// raise version, and after that set the sum.
func TestVersion(t *testing.T) {
	const want = "1 bd427f3daa46d043"
	sum := fnv.New64a()
	for _, l := range append(Languages(), "auto") {
		a := For(l)
		for _, c := range termCases {
			fmt.Fprintf(sum, "%q", a.Append(nil, c.text))
		}
		for _, l := range Languages() {
			fmt.Fprintf(sum, "%q", a.Append(nil, forms[l][0]+" "+forms[l][1]))
		}
	}
	if got := fmt.Sprintf("%s %x", version, sum.Sum64()); got != want {
		t.Errorf("version and terms give %q, not %q", got, want)
	}
}

func TestGoroutinesAgree(t *testing.T) {
	a := For("")
	text := "Immutable analyzers 東京都 running in many goroutines, Столицы and cafés"
	want := For("").Append(nil, text)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got := a.Append(nil, text); !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestRememberedWordsAreBounded(t *testing.T) {
	a := For("")
	var b strings.Builder
	for i := range 3 * maxRemembered {
		fmt.Fprintf(&b, "w%d ", i)
	}
	terms := a.Append(nil, b.String())
	if len(terms) != 3*maxRemembered {
		t.Errorf("%d terms, want %d", len(terms), 3*maxRemembered)
	}
	s := a.pool.Get().(*state)
	if len(s.terms) > maxRemembered {
		t.Errorf("%d words are remembered, the bound is %d", len(s.terms), maxRemembered)
	}
}

func FuzzAppend(f *testing.F) {
	for _, s := range []string{"The quick brown fox's don't", "日本語ー", "a\u0300\u0301'’.:_", "\xff\xfe", "كِتَاب ภาษา 대한", "1.2:3_4", "\ufdfa"} {
		f.Add(s, "de")
	}
	f.Fuzz(func(t *testing.T, text, language string) {
		a := For(language)
		terms := a.Append(nil, text)
		for _, term := range terms {
			if term == "" || len(term) > 4*maxTerm || !utf8.ValidString(term) {
				t.Errorf("%q gives the term %q", text, term)
			}
		}
		if again := a.Append(nil, text); !slices.Equal(terms, again) {
			t.Errorf("%q gives %q, then %q", text, terms, again)
		}
	})
}

// corpus reads the texts of a retrieval set.
func corpus(tb testing.TB, set string) []string {
	tb.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", "retrieval", filepath.FromSlash(set), "corpus.jsonl")
	f, err := os.Open(path)
	if err != nil {
		tb.Skipf("real data is absent: %v", err)
	}
	defer f.Close()
	var texts []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var d struct{ Title, Text string }
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			tb.Fatal(err)
		}
		texts = append(texts, d.Title+"\n"+d.Text)
	}
	return texts
}

func BenchmarkAppend(b *testing.B) {
	for _, set := range []string{"scifact", "xquad/de", "xquad/ru", "xquad/zh"} {
		b.Run(set, func(b *testing.B) {
			texts := corpus(b, set)
			var size int64
			for _, t := range texts {
				size += int64(len(t))
			}
			a := For("")
			var terms []string
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for _, t := range texts {
					terms = a.Append(terms[:0], t)
				}
			}
		})
	}
}
