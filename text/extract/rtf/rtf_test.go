package rtf_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/rtf"
)

func extract(t testing.TB, content string) rag.Text {
	t.Helper()
	got, err := rtf.Extract(t.Context(), []byte(content), rtf.Options{})
	return extracttest.Checked(t, got, err)
}

const head = `{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 MS Mincho;}{\f3\fcharset2 Symbol;}{\f4\fcharset2 Wingdings;}{\f5\fcharset238{\*\fname Arial;}Arial CE;}}` +
	`{\colortbl;\red0\green0\blue0;}{\stylesheet{\ql Normal;}{\s1\outlinelevel0 \b heading 1;}{\s2\sbasedon1 My Part;}{\s3 Title;}{\s4 caption;}{\s5\outlinelevel1 \'dcberschrift zwei;}{\*\cs6 Strong;}{\s7 HTML Preformatted;}}`

func TestExtract(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"paragraphs", `One\par Two \b bold\b0  word.\par\par`, "paragraph: One\nparagraph: Two bold word."},
		{"line breaks of the file are nothing", "O\nne\r\n\\par\nTw\no\\line three\\par", "paragraph: One\nparagraph: Two / three"},
		{"signs", `a\~b\_c\-d\emdash e\lquote f\rquote  \{\\\}\tab g\par`, "paragraph: a b-cd—e‘f’ {\\} g"},
		{
			"styles", `\pard\s3 Report\par\pard\s1 One\par\pard\s2 Two\par\pard\s5 Three\par\pard\outlinelevel2 Four\par\pard\s4 Figure 1\par\pard\s7 a \{\par   b\par\pard c\par`,
			"heading 1: Report\nheading 1: One\nheading 1: Two\nheading 2: Three\nheading 3: Four\ncaption: Figure 1\ncode: a { /   b\nparagraph: c",
		},
		{
			"code pages", `{\f0 \'e9\'80}{\f1 \'cf\'f0\'e8}{\f2 \'93\'fa\'96\{}{\f5 \'b3\'f3d\'9f}\par`,
			"paragraph: é€При日本łódź",
		},
		{"a font's code page, its lead byte before a plain byte", `{\f2 \'83A\'83\'43}\par`, "paragraph: アイ"},
		{"the font that is usual", `\f1\'cf\plain\'e9\par`, "paragraph: Пé"},
		{"the Symbol font", `{\f3 ab\'ae} {\f3\u-3999 ?}{\f4\'fc}\par`, "paragraph: αβ→ α•"},
		{"Unicode", `\u8364?\u-10179?\u-8704?\uc2\u233 xy\uc0\u233\u10 z\u55357\par {\uc1\u{}?}\par`, "paragraph: €😀éé / z\nparagraph: ?"},
		{"Unicode replaces whole tokens", `\uc1\u233\'e9\u233\emdash\u233 ?x{\u233}y\par`, "paragraph: éééxéy"},
		{"one of two forms", `{\upr{plain}{\*\ud{f\u252 ?r}}}\par`, "paragraph: für"},
		{
			"what is not shown",
			`a{\v hidden}b\v c\v0 d{\deleted gone}{\*\unknown text}{\pict\wmetafile8 0102}{\*\annotation note}{\xe\v index}{\object{\*\objdata 0a}{\result shown}}{\*\bkmkstart x}\par`,
			"paragraph: abdshown",
		},
		{"binary data", "a{\\pict\\bin9 }}}\\par{{x}b\\bin3 }}}c\\par", "paragraph: abc"},
		{"fields", `See {\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt{\ul the page}}} now\par`, "paragraph: See the page now"},
		{
			"lists", `{\listtext\pard\plain\f3 \'b7\tab}\ls1\ilvl0 One\par{\listtext o\tab}\ilvl1 Two\par{\pntext 3.\tab}\ilvl0 Three\par\pard{\*\pn{\pntxta .}}\ls2 Four\par\pard\ls0 Five\par\pard\s1{\listtext 1.2\tab}Head\par`,
			"list_item 1: - One\nlist_item 2: - Two\nlist_item 1: 3. Three\nlist_item 1: - Four\nparagraph: Five\nheading 1: 1.2 Head",
		},
		{
			"headers, footers and notes",
			`{\header\pard Confidential\par}{\headerl Confidential\par}{\footer Page {\field{\*\fldinst PAGE}{\fldrslt 1}} of 9\par ACME Ltd, all rights\par}Text{\super\chftn{\footnote\pard{\super\chftn}{ }A note.}} goes on.\par`,
			"header: Confidential\nparagraph: Text goes on.\nfootnote: 1 A note.\nfooter: ACME Ltd, all rights",
		},
		{
			"a text box", `Before {\shp{\*\shpinst{\sp{\sn shapeType}{\sv 202}}{\shptxt\pard In the box\par}}{\shprslt{\pict 00}In the box}}after\par`,
			"paragraph: In the box\nparagraph: Before after",
		},
		{
			"a table", `\trowd\cellx1000\cellx2000\pard\intbl A\cell B|C\cell\row\trowd\cellx1000\cellx2000\pard\intbl 1\par 2\cell\cell\row\pard after\par`,
			"table: | A | B\\|C | / | --- | --- | / | 1 2 |  |\nparagraph: after",
		},
		{
			"merged cells",
			`\trowd\clmgf\cellx1000\clmrg\cellx2000\cellx3000\intbl A\cell\cell B\cell\row\trowd\clvmgf\cellx1000\cellx3000\intbl 1\cell 2\cell\row\trowd\clvmrg\cellx1010\cellx2000\cellx3000\intbl\cell 3\cell 4\cell\row\pard`,
			"table: | A | A | B | / | --- | --- | --- | / | 1 | 2 | 2 | / | 1 | 3 | 4 |",
		},
		{
			"a table in a table",
			`\trowd\cellx1000\cellx2000\pard\intbl\itap1 out\par\pard\intbl\itap2 a\nestcell b\nestcell{\*\nesttableprops\trowd\cellx500\cellx900\nestrow}{\nonesttables\par}\pard\intbl\itap1\cell right\cell\row\pard`,
			"paragraph: out\ntable: | a | b | / | --- | --- |\nparagraph: right",
		},
		{"a formula", `{\mmath{\*\moMath{\mf{\mfPr{\mtype bar}}{\mnum{\mr a}}{\mden{\mr b}}}{\msSup{\me{\mr x}}{\msup{\mr 2}}}}}{\mmathPict{\pict 00}}\par`, "paragraph: a/bx^2"},
		{"without a last break", `the end`, "paragraph: the end"},
		{"nothing behind the last group", `a\par}more{b`, "paragraph: a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := extracttest.Outline(extract(t, head+test.body+"}")); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestProperties(t *testing.T) {
	got := extract(t, `{\rtf1\ansi{\info{\title Caf\'e9}{\author{\upr{A}{\*\ud{\u352 S}}}}{\operator Bob}{\keywords a, b}{\creatim\yr2026\mo2\dy3\hr4\min5}{\revtim\yr0}}Text\par}`)
	want := rag.Metadata{"author": rag.Str("Š"), "keywords": rag.Str("a, b"), "date": rag.Str("2026-02-03T04:05")}
	if got.Title != "Café" || fmt.Sprint(got.Metadata) != fmt.Sprint(want) || extracttest.Outline(got) != "paragraph: Text" {
		t.Errorf("title %q, metadata %v, text %q", got.Title, got.Metadata, got.Content)
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name, content string
		limit         int
		kind          rag.Kind
	}{
		{"no RTF", "hello", 0, rag.KindInvalid},
		{"empty", "", 0, rag.KindInvalid},
		{"over the limit", `{\rtf1 ` + strings.Repeat("word ", 1000), 1000, rag.KindExhausted},
		{"over the limit in a cell", `{\rtf1 ` + strings.Repeat(`\intbl word\cell `, 1000), 1000, rag.KindExhausted},
		{"groups in groups", `{\rtf1` + strings.Repeat("{", 20_000), 0, rag.KindExhausted},
		{"cells without end", `{\rtf1` + strings.Repeat(`\cell`, 2_000_001), 0, rag.KindExhausted},
	}
	for _, test := range tests {
		_, err := rtf.Extract(t.Context(), []byte(test.content), rtf.Options{Limit: test.limit})
		if rag.KindOf(err) != test.kind {
			t.Errorf("%s: %v (%s)", test.name, err, rag.KindOf(err))
		}
	}
}

// TestHostile reads what only someone who means harm writes.
func TestHostile(t *testing.T) {
	tests := map[string]string{
		"footnotes in footnotes": `{\rtf1 a` + strings.Repeat(`{\footnote b\par`, 5000),
		"boxes in cells":         `{\rtf1 ` + strings.Repeat(`\intbl{\shptxt x\par\intbl y\cell`, 3000),
		"binary beyond the end":  `{\rtf1 a\bin2147483647 b`,
		"a number without end":   `{\rtf1 a\u` + strings.Repeat("9", 100_000) + ` b\uc99999999\u1 ` + strings.Repeat("c", 500),
		"a word without end":     `{\rtf1 a\` + strings.Repeat("w", 100_000),
		"many cells defined":     `{\rtf1\trowd` + strings.Repeat(`\cellx1`, 100_000) + `\intbl a\cell\row`,
		"one wide row for many":  `{\rtf1\trowd` + strings.Repeat(`\cellx1`, 1000) + strings.Repeat(`\cell\row`, 200_000) + `}`,
		"nested tables":          `{\rtf1\itap99999 a\nestcell\nestrow\itap3 b\nestcell\cell\row`,
		"a style of itself":      `{\rtf1{\stylesheet{\s1\sbasedon1 x;}}\s1 a\par}`,
		"rows of all widths":     `{\rtf1` + widths(3000) + `}`,
		"open at the end":        `{\rtf1{\footnote a{\header b\intbl c\cell{\shptxt d`,
	}
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			if got := extract(t, content); len(got.Content) > 1<<20 {
				t.Errorf("%d bytes of text", len(got.Content))
			}
		})
	}
}

func widths(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `\trowd\cellx%d\cellx%d\intbl a\cell b\cell\row`, 100*i, 1_000_000+100*i)
	}
	return b.String()
}

func TestCutOff(t *testing.T) {
	got := extract(t, head+`\trowd\cellx1\cellx2\intbl a\cell b\cell\row\intbl c\cell half`)
	if want := "table: | a | b | / | --- | --- | / | c | half |"; extracttest.Outline(got) != want || len(got.Warnings) != 1 {
		t.Errorf("got %q with warnings %q", extracttest.Outline(got), got.Warnings)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rtf.Extract(ctx, []byte(`{\rtf1 a}`), rtf.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

var documents = filepath.Join("..", "..", "..", "..", "shared", "data", "documents", "other")

// TestDocuments reads the real files. All of them have text.
func TestDocuments(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(documents, "rtf", "*.rtf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("needs the real documents")
	}
	phrases := map[string]string{
		"tika-testRTFWindowsCodepage1250.rtf": "zażółć gęślą jaźń", "tika-testRTFVarious.rtf": "ゾルゲと尾崎、淡々と最期", "tika-testOptionalHyphen.rtf": "optionalhyphen",
		"tika-testRTFWithCurlyBraces.rtf": "{ some text inside curly brackets }", "tika-testRTFHexEscapeInsideWord.rtf": "ESPÍRITO SANTO",
		"tika-testRTFUmlautSpaces.rtf": "Übersicht", "tika-testRTFHyperlinkAndStyles.rtf": "Dip, Caesar.doc", "tika-testRTFTIKA_2500.rtf": "This is level2 paragraph.",
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		got := extract(t, string(content))
		if got.Content == "" || !strings.Contains(got.Content, phrases[name]) {
			t.Errorf("%s: %q is not in %.200q", name, phrases[name], got.Content)
		}
	}
	t.Logf("%d files", len(files))
}

func FuzzExtract(f *testing.F) {
	f.Add([]byte(head + `\pard\s1 One\par{\header h\par}a{\footnote b}\u8364?\'e9{\f2\'93\'fa}\par}`))
	f.Add([]byte(head + `\trowd\clvmgf\cellx1000\clmrg\cellx2000\intbl a\cell\itap2 b\nestcell{\*\nesttableprops\trowd\cellx9\nestrow}\itap1\cell\row}`))
	f.Add([]byte(head + `{\listtext 1.\tab}\ls1\ilvl1 x\par{\upr{a}{\*\ud{b}}}{\pict\bin3 abc}{\info{\title t}{\creatim\yr2026\mo1\dy1}}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := rtf.Extract(t.Context(), content, rtf.Options{Limit: 1 << 20})
		extracttest.Survived(t, got, err)
	})
}

// BenchmarkExtract reads plain RTF as a word processor writes it.
func BenchmarkExtract(b *testing.B) {
	body := strings.Repeat(`\pard\plain\ltrpar\s0\sa200 {\rtlch\fcs1 \af0 \ltrch\fcs0 \insrsid123 The quick brown fox jumps over the lazy dog, and \'e9\'e8\u8364? more text follows.}\par`+"\n", 200_000)
	content := []byte(head + body + "}")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rtf.Extract(b.Context(), content, rtf.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
