package subtitle_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/subtitle"
)

func extract(t testing.TB, content string) rag.Text {
	t.Helper()
	text, err := subtitle.Extract(t.Context(), []byte(content), subtitle.Options{})
	return extracttest.Checked(t, text, err)
}

func TestExtract(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"SRT", "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Good</i> {\\an8}morning.\r\n\r\n2\r\n00:00:02,600 --> 00:00:04,000\r\nHow are\r\nyou?\r\n",
			"[00:00:01] Good morning. How are you?"},
		{"a pause", "1\n00:00:01,000 --> 00:00:02,000\nOne.\n\n2\n01:02:03,000 --> 01:02:04,000\nTwo.\n",
			"[00:00:01] One.\n\n[01:02:03] Two."},
		{"no blank lines", "1\n00:00:01,000 --> 00:00:02,000\nOne.\n2\n00:00:02,000 --> 00:00:03,000\nTwo.\n", "[00:00:01] One. Two."},
		{"a blank line within", "1\n00:00:01,000 --> 00:00:02,000\nOne\n\nand a half.\n\n2\n00:00:02,000 --> 00:00:03,000\nTwo.\n", "[00:00:01] One and a half. Two."},
		{"WebVTT with notes and voices", `WEBVTT

STYLE
::cue { color: red }

NOTE Title: Picnic

intro
00:01.000 --> 00:02.000 align:start
<v.loud Ann>Look &amp; see: <c.x>a</c> < b

00:02.000 --> 00:03.000
<v Ann>tree.</v>

00:03.000 --> 00:04.000
<v Bob>No way!</v> <v Ann>Yes.
`, "[00:00:01] Ann: Look & see: a < b tree.\n\n[00:00:03] Bob: No way!\n\n[00:00:03] Ann: Yes."},
		{"names before the words", "1\n00:00:01,000 --> 00:00:02,000\nMR. SMITH: Hello.\n\n2\n00:00:02,000 --> 00:00:03,000\nNote: this is said.\n\n3\n00:00:03,000 --> 00:00:04,000\nJane Doe: Hi.\n\n4\n00:00:04,000 --> 00:00:05,000\nJane Doe: Bye.\n",
			"[00:00:01] MR. SMITH: Hello. Note: this is said.\n\n[00:00:03] Jane Doe: Hi. Bye."},
		{"dashes", "1\n00:00:01,000 --> 00:00:02,000\n- What?\n- Where?\n", "[00:00:01] What?\n\n[00:00:01] Where?"},
		{"chevrons", "1\n00:00:01,000 --> 00:00:02,000\n>> What?\n\n2\n00:00:02,000 --> 00:00:03,000\n>> BOB: Where?\n", "[00:00:01] What?\n\n[00:00:02] BOB: Where?"},
		{"captions that roll up", `WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%
 
so<00:00:00.500><c> today</c><00:00:01.000><c> we</c>

00:00:02.000 --> 00:00:02.010
so today we
 

00:00:02.010 --> 00:00:04.000
so today we
look<00:00:03.000><c> at</c> trees

00:00:04.000 --> 00:00:04.010
look at trees
`, "[00:00:00] so today we look at trees"},
		{"captions that grow", "1\n00:00:01,000 --> 00:00:02,000\nso\n\n2\n00:00:02,000 --> 00:00:03,000\nso today\n\n3\n00:00:03,000 --> 00:00:04,000\nso today we\n", "[00:00:01] so today we"},
		{"a word said twice", "1\n00:00:01,000 --> 00:00:02,000\nNo.\n\n2\n00:00:02,500 --> 00:00:03,000\nNo.\n", "[00:00:01] No. No."},
		{"no subtitles", "just text", "just text"},
		{"an empty WebVTT", "WEBVTT\n", ""},
	} {
		if text := extract(t, c.content); text.Content != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, text.Content, c.want)
		}
	}
}

func TestHead(t *testing.T) {
	for content, want := range map[string][2]string{
		"WEBVTT - A talk\n\n00:01.000 --> 00:02.000\nx":                         {"A talk", ""},
		"WEBVTT\nKind: captions\nLanguage: de-AT\n\n00:01.000 --> 00:02.000\nx": {"", "de"},
		"WEBVTT\n\nNOTE\nTitle: B\nlanguage:fr\n\n00:01.000 --> 00:02.000\nx":   {"B", "fr"},
	} {
		text := extract(t, content)
		if text.Title != want[0] || text.Language != want[1] || !strings.HasSuffix(text.Content, "x") {
			t.Errorf("%q: got %q %q %q", content, text.Title, text.Language, text.Content)
		}
	}
}

func TestIs(t *testing.T) {
	for head, want := range map[string]bool{
		"WEBVTT":                                 true,
		"\ufeffWEBVTT - x\n":                     true,
		"WEBVTTX":                                false,
		"1\n00:00:01,000 --> 00:00:02,000\nx":    true,
		"\n1\r\n0:00:01.000 --> 00:00:02.000\nx": true,
		"1\nfirst\n":                             false,
	} {
		if subtitle.Is(head) != want {
			t.Errorf("%q: got %v", head, !want)
		}
	}
}

func TestLimit(t *testing.T) {
	_, err := subtitle.Extract(t.Context(), []byte("1\n00:00:01,000 --> 00:00:02,000\nA long text\n"), subtitle.Options{Limit: 10})
	if !errors.Is(err, rag.ErrExhausted) {
		t.Errorf("got %v", err)
	}
}

var documents = filepath.Join("..", "..", "..", "..", "shared", "data", "documents")

func TestRealSubtitles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(documents, "other", "vtt", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("needs the real documents")
	}
	marks := regexp.MustCompile(`(?m)^\[\d\d:\d\d:\d\d\] (Esme|Mary)?:?`)
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := extract(t, string(content))
		want, err := os.ReadFile(filepath.Join(documents, "expected", "docling", strings.TrimPrefix(filepath.Base(path), "docling-")+".md"))
		if err != nil {
			continue
		}
		// The reference has neither times nor names.
		f1 := extracttest.F1(marks.ReplaceAllString(text.Content, ""), extracttest.Readable(string(want)))
		t.Logf("F1 %.4f %s", f1, filepath.Base(path))
		if f1 < 1 {
			t.Errorf("%s: F1 %.4f, want 1:\n%s", path, f1, text.Content)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("WEBVTT - x\nLanguage: en\n\nNOTE y\n\n1\n00:01.000 --> 00:02.000\n<v A>b</v> &lt; <c.d>\n")
	f.Add("1\n00:00:01,000 --> 00:00:02,000\n- A: b\n- c\n\n2\n00:00:02,000 --> 99:00:02,000\nb\n")
	f.Fuzz(func(t *testing.T, content string) {
		extract(t, content)
		subtitle.Is(content)
	})
}
