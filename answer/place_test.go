package answer

import (
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// A citation names the page and the headings of the words it quotes, not those at
// which their chunk begins.
func TestCitationPlace(t *testing.T) {
	const text = "# Guide\n\nWe begin here.\n\n## The   mill\n\nThe mill grinds barley.\n\n## The ferry\n\nThe ferry sails at noon.\n\n# Appendix\n\nThe end is near."
	w := newWorld()
	w.add("d", text)
	w.chunks[0].Page, w.chunks[0].Heading = 1, []string{"Guide"}
	var blocks []rag.Block
	for i, part := range strings.Split(text, "\n\n") {
		at := strings.Index(text, part)
		b := rag.Block{Kind: rag.Paragraph, Page: 1 + i/2, Span: rag.Span{Start: at, End: at + len(part)}}
		if level := strings.Count(part, "#"); level > 0 {
			b.Kind, b.Level = rag.Heading, level
		}
		blocks = append(blocks, b)
	}
	hit := rag.Hit{ChunkID: 1, Document: w.docs["d"], Version: 1, Span: rag.Span{End: len(text)}, Text: text, Page: 1, Heading: []string{"Guide"}}
	for _, c := range []struct {
		said    string
		page    int
		heading string
	}{
		{"We begin here.", 1, "Guide"},
		{"The mill grinds barley.", 2, "Guide > The mill"},
		{"The ferry sails at noon.", 3, "Guide > The ferry"},
		{"The end is near.", 4, "Appendix"},
	} {
		for what, known := range map[string]map[rag.DocumentID][]rag.Block{"": {"d": blocks}, "without blocks: ": nil} {
			w.blocks = known
			page, heading := c.page, c.heading
			if known == nil {
				page, heading = 1, "Guide"
			}
			citer := newCiter(t.Context(), w, 1, []rag.Hit{hit}, func(string) error { return nil })
			if err := citer.write(c.said + " [1]"); err != nil {
				t.Fatal(err)
			}
			if len(citer.citations) != 1 {
				t.Fatalf("%s%s: %d citations", what, c.said, len(citer.citations))
			}
			got := citer.citations[0]
			if got.Quote != c.said || got.Page != page || !slices.Equal(got.Heading, strings.Split(heading, " > ")) {
				t.Errorf("%s%q: page %d, %q; want page %d, %s", what, got.Quote, got.Page, got.Heading, page, heading)
			}
		}
	}

	// A chunker's own headings stand where no other heading follows.
	w.blocks = map[rag.DocumentID][]rag.Block{"d": blocks}
	hit.Heading = []string{"Article 1", "Clause 2"}
	citer := newCiter(t.Context(), w, 1, []rag.Hit{hit}, func(string) error { return nil })
	if err := citer.write("We begin here. [1]"); err != nil {
		t.Fatal(err)
	}
	if got := citer.citations[0].Heading; !slices.Equal(got, hit.Heading) {
		t.Errorf("the chunker's headings became %q", got)
	}
}
