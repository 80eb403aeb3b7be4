package sentence

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"white", " \n ", []string{""}},
		{"plain", "One goes. Two comes! Is it three? Yes.", []string{"One goes.", "Two comes!", "Is it three?", "Yes."}},
		{"titles", "Dr. Smith met Prof. Jones vs. Mr. Brown. They spoke.", []string{"Dr. Smith met Prof. Jones vs. Mr. Brown.", "They spoke."}},
		{"initials", "J. R. R. Tolkien wrote it. It is long.", []string{"J. R. R. Tolkien wrote it.", "It is long."}},
		{"initial ends", "It lacks vitamin C. The dose was raised.", []string{"It lacks vitamin C.", "The dose was raised."}},
		{"inner stops", "The U.S. Senate met. He lives in the U.S. It is far.", []string{"The U.S. Senate met.", "He lives in the U.S.", "It is far."}},
		{"references", "See Fig. 3 and No. 5 (cf. Table 2). He said no. That was it.", []string{"See Fig. 3 and No. 5 (cf. Table 2).", "He said no.", "That was it."}},
		{"decimals", "Pi is 3.14159. Version 1.2.3 is out.", []string{"Pi is 3.14159.", "Version 1.2.3 is out."}},
		{"quotes", "\"Why?\" she asked. (He left.) Then: nothing.", []string{"\"Why?\" she asked.", "(He left.)", "Then: nothing."}},
		{"wrapped", "This line was wrapped at the right margin of the Page\nAnd so the sentence goes on here. Done.",
			[]string{"This line was wrapped at the right margin of the Page\nAnd so the sentence goes on here.", "Done."}},
		{"wrapped lower", "a short line\nthat goes on.", []string{"a short line\nthat goes on."}},
		{"short lines", "Name: Ada\nBorn: 1815", []string{"Name: Ada", "Born: 1815"}},
		{"blank line", "No stop at the end of this rather long line that could wrap\n\nand more", []string{"No stop at the end of this rather long line that could wrap", "and more"}},
		{"list", "- first of several items which is long enough to have been wrapped\n- second", []string{"- first of several items which is long enough to have been wrapped", "- second"}},
		{"numbers", "1. Open the door.\n2. Close it.", []string{"1. Open the door.", "2. Close it."}},
		{"crumbs", "He left.\n\"\"\nShe stayed. -----", []string{"He left.\n\"\"", "She stayed. -----"}},
		{"german", "Das gilt z.B. für Dr. Müller. Es ist gut.", []string{"Das gilt z.B. für Dr. Müller.", "Es ist gut."}},
		{"chinese", "今天天气很好。我们去公园吧!好吗?好。", []string{"今天天气很好。", "我们去公园吧!", "好吗?", "好。"}},
		{"japanese", "「行こう。」と言った。雨だ。", []string{"「行こう。」", "と言った。", "雨だ。"}},
		{"hindi", "यह एक वाक्य है। यह दूसरा है।", []string{"यह एक वाक्य है।", "यह दूसरा है।"}},
		{"arabic", "هل هذا صحيح؟ نعم. شكرا.", []string{"هل هذا صحيح؟", "نعم.", "شكرا."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range Split(tt.text) {
				got = append(got, strings.TrimSpace(s.Of(tt.text)))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("Split(%q)\n got %q\nwant %q", tt.text, got, tt.want)
			}
		})
	}
}

// lossless fails unless the sentences of text cover it without gap or overlap.
func lossless(t *testing.T, text string) {
	t.Helper()
	end, valid := 0, utf8.ValidString(text)
	for _, s := range Split(text) {
		if s.Start != end || s.Len() <= 0 || s.Len() > MaxBytes {
			t.Fatalf("span %v after %d: want a gapless span of 1 to %d bytes", s, end, MaxBytes)
		}
		if valid && !utf8.ValidString(s.Of(text)) {
			t.Fatalf("span %v cuts a rune", s)
		}
		end = s.End
	}
	if end != len(text) {
		t.Fatalf("spans end at %d of %d", end, len(text))
	}
}

// hostile texts are long; each takes the square of its length in a segmenter that
// looks ahead without a bound.
var hostile = map[string]string{
	"open brackets": "." + strings.Repeat("(", 1<<20),
	"stops":         strings.Repeat(". ", 1<<19),
	"spaces":        "A." + strings.Repeat(" ", 1<<20) + "b",
	"one word":      strings.Repeat("a", 1<<20),
	"one line":      strings.Repeat("word ", 1<<18),
	"crumbs":        strings.Repeat("a. ", 1<<18),
	"lines":         strings.Repeat("Dr.\n", 1<<18),
	"marks":         "e" + strings.Repeat("\u0301", 1<<19),
	"han":           strings.Repeat("字", 1<<18),
	"digits":        strings.Repeat("1.", 1<<19),
	"not utf-8":     strings.Repeat("\xff", 1<<18),
	"dotted words":  strings.Repeat("a.b", 1<<18),
}

func TestHostile(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) { lossless(t, text) })
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "Dr. Who? \"Yes.\" No", "1. a\n\n2. b", "。。\n字", ". ((", "a\xffb. C", "U.S. It\r\n\r\nb"} {
		f.Add(s)
	}
	f.Fuzz(lossless)
}

func BenchmarkSplit(b *testing.B) {
	text := strings.Repeat("The quick brown fox, e.g. Mr. Fox, jumps over the lazy dog. It sleeps on. ", 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for range All(text) {
		}
	}
}
