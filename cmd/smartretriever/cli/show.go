package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

// shower is what show calls.
type shower interface {
	finder
	Text(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.Text, error)
	Chunks(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Chunk, error)
	Original(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, io.ReadCloser, error)
}

type showFlags struct {
	chunks, original bool
	page, version    int
	as               []string
}

func (a *app) showCommand() *cobra.Command {
	var f showFlags
	c := &cobra.Command{
		Use:   "show ID|PATH",
		Short: "Show what is stored of a document",
		Long: `Shows what is known of a document and the text that was read from it. The document
is named by its id or by the path of its file.`,
		Example: `  smartretriever show ~/papers/sensor.pdf --page 3
  smartretriever show 0198c5b2-5c1e-7d7a-b0a1-0d2f4a5b6c7d --chunks
  smartretriever show report.docx --original > copy.docx`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case f.original && (f.chunks || a.flags.json || f.page > 0):
				return usagef("--original writes the file itself and goes with no other form")
			case f.page < 0 || f.version < 0:
				return usagef("--page and --version count from 1")
			}
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error { return a.show(c.Context(), r, args[0], f) })
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.chunks, "chunks", false, "show the passages that are searched, one by one")
	fl.BoolVar(&f.original, "original", false, "write the original file to standard output")
	fl.IntVar(&f.page, "page", 0, "show only this page")
	fl.IntVar(&f.version, "version", 0, "show an older version's text, while it is kept")
	fl.StringArrayVar(&f.as, "as", nil, "show only what `principal` may see; may be repeated")
	return c
}

func (a *app) show(ctx context.Context, r shower, arg string, f showFlags) error {
	scope := a.scope(f.as)
	d, err := find(ctx, r, scope, arg)
	if err != nil {
		return err
	}
	switch {
	case f.original:
		return a.writeOriginal(ctx, r, scope, d.ID)
	case f.chunks:
		return a.showChunks(ctx, r, scope, &d, f.page)
	}
	t, err := r.Text(ctx, scope, d.ID, f.version)
	if err != nil {
		return err
	}
	body := t.Content
	if f.page > 0 {
		if body, err = pageText(t, f.page); err != nil {
			return err
		}
	}
	if a.flags.json {
		a.out.json(struct {
			Document rag.Document `json:"document"`
			Text     rag.Text     `json:"text"`
		}{d, t})
		return nil
	}
	a.printFacts(&d, t)
	a.out.print("\n" + strings.TrimRight(clean(body), "\n") + "\n")
	return nil
}

// pageText joins the blocks of a page.
func pageText(t rag.Text, page int) (string, error) {
	var b strings.Builder
	for _, block := range t.Blocks {
		if block.Page == page {
			b.WriteString(block.Span.Of(t.Content) + "\n\n")
		}
	}
	switch {
	case b.Len() > 0:
		return b.String(), nil
	case t.Pages == 0:
		return "", rag.Errorf(rag.KindNotFound, "the document has no pages")
	case page > t.Pages:
		return "", rag.Errorf(rag.KindNotFound, "the document has %d pages", t.Pages)
	}
	return "(no text on this page)\n", nil
}

func (a *app) printFacts(d *rag.Document, t rag.Text) {
	s := a.out
	fact := func(name, value string) {
		if value != "" {
			s.line("%s %s", s.dim(pad(name, 10)), oneLine(value, 1<<20))
		}
	}
	s.line("%s", s.bold(oneLine(titleOf(d), 1<<20)))
	fact("id", string(d.ID))
	fact("from", whereFrom(d))
	if d.ExternalID != whereFrom(d) {
		fact("named", d.ExternalID)
	}
	what := d.MediaType
	if d.Pages > 0 {
		what += ", " + plural(d.Pages, "page")
	}
	if d.Language != "" {
		what += ", language " + d.Language
	}
	fact("what", what)
	fact("stored", fmt.Sprintf("version %d, %s, %s", d.Version, size(d.Bytes), plural(d.Chunks, "chunk")))
	fact("added", moment(d.CreatedAt))
	if moment(d.UpdatedAt) != moment(d.CreatedAt) {
		fact("updated", moment(d.UpdatedAt))
	}
	fact("sha256", d.SHA256)
	for _, key := range slices.Sorted(keys(d.Metadata)) {
		fact("meta", key+" = "+d.Metadata[key].String())
	}
	fact("access", strings.Join(d.ACL, ", "))
	fact("error", d.Error)
	for _, w := range t.Warnings {
		fact("warning", w)
	}
}

func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

func keys(m rag.Metadata) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (a *app) showChunks(ctx context.Context, r shower, scope rag.Scope, d *rag.Document, page int) error {
	chunks, err := r.Chunks(ctx, scope, d.ID)
	if err != nil {
		return err
	}
	if page > 0 {
		chunks = slices.DeleteFunc(chunks, func(c rag.Chunk) bool { return c.Page != page })
	}
	if a.flags.json {
		a.out.json(struct {
			Document rag.Document `json:"document"`
			Chunks   []rag.Chunk  `json:"chunks"`
		}{*d, append([]rag.Chunk{}, chunks...)})
		return nil
	}
	for i := range chunks {
		c := &chunks[i]
		head := fmt.Sprintf("chunk %d · %s · bytes %d to %d", c.Ordinal+1, plural(c.Tokens, "token"), c.Span.Start, c.Span.End)
		if p := place(d.Title, c.Page, c.Heading); p != "" {
			head += " · " + p
		}
		a.out.line("%s", a.out.cyan(oneLine(head, 1<<20)))
		if c.Prefix != "" {
			a.out.line("%s", a.out.dim(clean(c.Prefix)))
		}
		a.out.print(strings.TrimRight(clean(c.Text), "\n") + "\n\n")
	}
	return nil
}

// writeOriginal copies the file to standard output. It is compared with its
// checksum while it is read.
func (a *app) writeOriginal(ctx context.Context, r shower, scope rag.Scope, id rag.DocumentID) error {
	_, content, err := r.Original(ctx, scope, id)
	if err != nil {
		return err
	}
	defer content.Close()
	if a.out.terminal {
		return usagef("the original may not be text; send it to a file: show ... --original > FILE")
	}
	_, err = io.Copy(a.out.w, content)
	return err
}
