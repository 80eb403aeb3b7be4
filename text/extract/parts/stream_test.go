package parts_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// names collects the elements of a part that stands by itself.
func names(t *testing.T, r io.Reader, elements int) (string, *parts.Package, error) {
	t.Helper()
	p := parts.Alone(t.Context(), 1000, elements)
	var b strings.Builder
	err := p.ReadFrom("part", r, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Start("line") {
				line, err := t.Line(5)
				if err != nil {
					return err
				}
				b.WriteString("[" + line + "]")
			} else if e.Kind == parts.StartElement {
				b.WriteString(e.Name + " ")
			}
		}
	})
	return b.String(), p, err
}

func TestReadFrom(t *testing.T) {
	got, p, err := names(t, strings.NewReader("<A><b/><line> o<i>n</i>e\n two</line><line>ééé</line><c/></A>"), 0)
	if want := "a b [one t][éé]c "; got != want || err != nil || len(p.Warnings()) > 0 {
		t.Errorf("got %q, want %q; %v, warnings %q", got, want, err, p.Warnings())
	}
	if got, p, err := names(t, strings.NewReader("<a><b>"), 0); got != "a b " || err != nil || !p.Damaged("part") {
		t.Errorf("cut off: got %q, %v, damaged %v", got, err, p.Damaged("part"))
	}
	if _, _, err := names(t, strings.NewReader("<a><b/><b/><b/></a>"), 3); rag.KindOf(err) != rag.KindExhausted {
		t.Errorf("too many elements: %v", err)
	}
	if _, p, err := names(t, io.MultiReader(strings.NewReader("<a>"), broken{}), 0); err != nil || len(p.Warnings()) != 1 {
		t.Errorf("a reader that fails: %v, warnings %q", err, p.Warnings())
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestBytesFrom(t *testing.T) {
	p := parts.Alone(t.Context(), 10, 0)
	if got, err := p.BytesFrom("part", strings.NewReader("abc"), 3); string(got) != "abc" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := p.BytesFrom("part", strings.NewReader("abcd"), 3); rag.KindOf(err) != rag.KindExhausted {
		t.Errorf("too much: %v", err)
	}
}

func TestInUTF8(t *testing.T) {
	wide := "\xfe\xff"
	for _, r := range `<?xml version="1.0" encoding="UTF-16"?><a>é</a>` {
		wide += string([]byte{byte(r >> 8), byte(r)})
	}
	if got := string(parts.InUTF8([]byte(wide))); got != "<a>é</a>" {
		t.Errorf("got %q", got)
	}
	const plain = `<?xml version="1.0" encoding="windows-1251"?><a/>`
	if got := string(parts.InUTF8([]byte(plain))); got != plain {
		t.Errorf("got %q", got)
	}
}
