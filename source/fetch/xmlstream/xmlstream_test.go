package xmlstream

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func TestReading(t *testing.T) {
	for name, body := range map[string]string{
		"plain":      "<r><a>x &amp; &eacute;</a><b><p>1<br/>&lt;</p></b></r>",
		"latin":      "<?xml version='1.0' encoding='ISO-8859-1'?><r><a>x &amp; \xe9</a><b><p>1<br/>&lt;</p></b></r>",
		"controls":   "\ufeff<r><a>x\x00 &amp; é\x1b</a><b><p>1<br/>&lt;</p></b></r>",
		"wrong mark": "<?xml version='1.0' encoding='utf-16'?><r><a>x &amp; é</a><b><p>1<br/>&lt;</p></b></r>",
	} {
		r := New(t.Context(), []byte(body), "")
		if root, err := r.Root(); err != nil || root.Name.Local != "r" {
			t.Fatalf("%s: %v", name, err)
		}
		got := ""
		err := r.Children(func(e xml.StartElement) error {
			var s string
			var err error
			if e.Name.Local == "a" {
				s, err = r.Text(100)
			} else {
				s, err = r.Markup(100)
			}
			got += s + "|"
			return err
		})
		if err != nil || got != "x & é|<p>1<br>&lt;</p>|" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		kind error
	}{
		"deep":      {strings.Repeat("<a>", 1000), rag.ErrExhausted},
		"long text": {"<a>" + strings.Repeat("x", 200) + "</a>", rag.ErrExhausted},
		"wide":      {"<a " + strings.Repeat("b='' ", 1<<20) + ">", rag.ErrExhausted},
		"wide text": {"<a>" + strings.Repeat("b ", 3<<20) + "</a>", rag.ErrExhausted},
		"cut":       {"<a><b>", rag.ErrInvalid},
		"empty":     {"", rag.ErrInvalid},
	} {
		r := New(t.Context(), []byte(c.body), "")
		_, err := r.Root()
		if err == nil {
			_, err = r.Text(100)
		}
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
