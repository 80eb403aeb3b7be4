package smartretriever_test

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// TestCitationOnItsPage follows a citation into a PDF to the picture of its page.
func TestCitationOnItsPage(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("testdata", "samples", "kestrel-k2-manual.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, t.TempDir(), nil)
	scope := rag.Scope{Principals: []string{"ann"}}
	doc := add(t, r, scope, rag.Input{Name: "manual.pdf", Content: bytes.NewReader(manual), ACL: []string{"ann"}})
	text, err := r.Text(t.Context(), scope, doc.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	const quote = "Once a week, on Sunday at 02:00, the unit heats the tank to 62 degrees"
	at := strings.Index(text.Content, quote)
	if at < 0 {
		t.Fatalf("the manual does not say %q:\n%s", quote, text.Content)
	}
	req := rag.PageRequest{Version: 1, Page: 2, Width: 800, Span: rag.Span{Start: at, End: at + len(quote)}}
	p, err := r.PagePicture(t.Context(), scope, doc.ID, req)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(p.Image))
	if err != nil || img.Bounds().Dx() != p.Width || img.Bounds().Dy() != p.Height || p.Width != 800 || p.MediaType != "image/png" {
		t.Fatalf("%d x %d %s, %v", p.Width, p.Height, p.MediaType, err)
	}
	if len(p.Marks) != 2 || p.Marks[0].Y >= p.Marks[1].Y || p.Marks[0].X <= p.Marks[1].X {
		t.Errorf("the quote stands on two lines and begins in the middle of the first: %v", p.Marks)
	}
	// The block that the quote is in says the same place.
	for _, b := range text.Blocks {
		if b.Span.Start <= at && at < b.Span.End {
			scale := float32(p.Width) / 595.3
			for _, m := range p.Marks {
				if y := float32(m.Y+m.Height/2) / scale; y < b.Box.Y0-2 || y > b.Box.Y1+2 {
					t.Errorf("mark %v is outside of its block %v", m, b.Box)
				}
			}
		}
	}

	req.NoImage = true
	if only, err := r.PagePicture(t.Context(), scope, doc.ID, req); err != nil || only.Image != nil || len(only.Marks) != 2 || only.Width != p.Width || only.Height != p.Height {
		t.Errorf("marks only: %+v, %v", only, err)
	}
	req.Page = 1
	if elsewhere, err := r.PagePicture(t.Context(), scope, doc.ID, req); err != nil || len(elsewhere.Marks) != 0 {
		t.Errorf("on another page: %v, %v", elsewhere.Marks, err)
	}
	for name, c := range map[string]struct {
		scope rag.Scope
		page  int
		ver   int
	}{
		"a page that is not there":    {scope, 4, 0},
		"another version":             {scope, 2, 2},
		"somebody who may not see it": {rag.Scope{Principals: []string{"bob"}}, 2, 0},
	} {
		if _, err := r.PagePicture(t.Context(), c.scope, doc.ID, rag.PageRequest{Page: c.page, Version: c.ver}); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain := add(t, r, scope, rag.Input{ExternalID: "plain", Text: "No pages here."})
	if _, err := r.PagePicture(t.Context(), scope, plain.ID, rag.PageRequest{Page: 1}); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("a text without pages: %v", err)
	}
}
