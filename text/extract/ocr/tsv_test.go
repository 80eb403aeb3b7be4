package ocr

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
)

const table = `level	page_num	block_num	par_num	line_num	word_num	left	top	width	height	conf	text
1	1	0	0	0	0	0	0	2480	3509	-1	
2	1	1	0	0	0	100	100	200	30	-1	
3	1	1	1	0	0	100	100	200	30	-1	
4	1	1	1	1	0	100	100	200	30	-1	
5	1	1	1	1	1	100	100	90	30	96.5	A
5	1	1	1	1	2	200	102	100	30	95.5	well-
4	1	1	1	2	0	100	140	200	30	-1	
5	1	1	1	2	1	100	140	90	30	10	known
5	1	1	1	2	2	200	140	90	30	97	state-
5	1	1	1	3	1	200	180	90	30	97	ment.
5	1	1	2	1	1	100	220	90	30	97	Some-
5	1	1	2	2	1	100	260	90	30	97	Thing
5	1	2	1	1	1	0	0	2480	3509	95	 
5	1	3	1	1	1	100	300	90	30	97	well-known
5	1	3	1	1	2	200	300	90	30	97	检索
5	1	3	1	1	3	300	300	90	30	97	增强
5	1	3	1	1	4	100	-1	90	30	97	outside
5	1	3	1	1	5	100	1
`

func TestTSV(t *testing.T) {
	got := parseTSV([]byte(table))
	if want := []string{"A well-known statement.", "Some- Thing", "well-known 检索增强"}; !slices.Equal(texts(got), want) {
		t.Errorf("%q", texts(got))
	}
	if box := got[0].box(); box != (rag.Box{X0: 100, Y0: 100, X1: 300, Y1: 210}) {
		t.Errorf("%+v", box)
	}
	// 1 x 96.5 + 5 x 95.5 + 5 x 10 + 28 letters x 97 of 39
	if mean, words := sureness(got); words != 10 || math.Abs(mean-(96.5+5*95.5+5*10+(6+5+5+5+10+2+2)*97)/46) > 1e-9 {
		t.Errorf("%v of %d words", mean, words)
	}
}

func FuzzTSV(f *testing.F) {
	f.Add([]byte(table))
	f.Add([]byte("5\t1\t1\t1\t1\t1\t9\t9\t9\t9\tNaN\tx\n5\t1\t1\t1\t1\t1\t9\t9\t9\t9\t1e400\t\u200b-\n5\t\t\t\t\t\t0\t0\t0\t0\t0\t-\n5\t\t\t\t1\t\t0\t0\t0\t0\t0\ta"))
	f.Fuzz(func(t *testing.T, data []byte) {
		page := newPage(parseTSV(data), 4.1)
		if !(page.Confidence >= 0 && page.Confidence <= 100) {
			t.Errorf("confidence %v", page.Confidence)
		}
		b := &clean.Builder{}
		for _, p := range page.Paragraphs {
			if p.Text == "" || clean.Line(p.Text) != p.Text || !utf8.ValidString(p.Text) {
				t.Errorf("%q is no clean line", p.Text)
			}
			if err := b.Add(rag.Block{Kind: rag.Paragraph, Page: 1, Box: p.Box}, p.Text); err != nil {
				t.Fatal(err)
			}
		}
		text := b.Text()
		text.Pages = 1
		extracttest.Check(t, text)
	})
}

func TestWanted(t *testing.T) {
	b := &clean.Builder{}
	for page, s := range []string{"", "page two", "a page with enough text on it", "\uFFFD\uFFFD\uFFFD\uFFFD of this means nothing"} {
		if err := b.Add(rag.Block{Kind: rag.Paragraph, Page: page + 1}, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add(rag.Block{Kind: rag.Footnote, Page: 5}, strings.Repeat("a remark at the edge ", 9)); err != nil {
		t.Fatal(err)
	}
	text := b.Text()
	text.Pages = 5
	if got := Wanted(text); !slices.Equal(got, []Want{{1, false}, {2, false}, {4, true}, {5, false}}) {
		t.Errorf("%+v", got)
	}
	if got := Wanted(rag.Text{Content: "no pages"}); got != nil {
		t.Errorf("%+v", got)
	}
}

// TestChoose prefers what is asked for, and English with what little was installed
// beside it.
func TestChoose(t *testing.T) {
	many := []string{"afr", "ara", "deu", "eng"}
	for _, c := range []struct{ wanted, installed, want []string }{
		{nil, []string{"deu", "eng"}, []string{"eng", "deu"}},
		{nil, many, []string{"eng"}},
		{nil, []string{"deu"}, []string{"deu"}},
		{nil, nil, nil},
		{[]string{"deu", "ara"}, many, []string{"deu", "ara"}},
		{[]string{"rus"}, many, nil},
	} {
		got, err := choose(c.wanted, c.installed)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%v of %v: %v, %v", c.wanted, c.installed, got, err)
		}
	}
}
