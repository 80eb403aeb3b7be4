package parts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

// Alone returns a package without parts, for XML that stands in a file by itself and
// is read by ReadFrom under the limits of a container of that many bytes. elements
// is as in Open.
func Alone(ctx context.Context, size, elements int) *Package {
	if elements <= 0 {
		elements = DefaultElements
	}
	return &Package{
		ctx: ctx, faults: map[string]bool{}, elements: elements, most: elements,
		budget: min(maxTotal, max(freeBytes, int64(size)*maxRatio)),
	}
}

// ReadFrom is Read for a part whose bytes do not lie in the container as such, for
// instance because they are encrypted there: r yields them. What is read counts
// towards the package's limits.
func (p *Package) ReadFrom(part string, r io.Reader, walk func(*Tokens) error) error {
	err := walk(newTokens(p, part, r))
	if d := (*damage)(nil); errors.As(err, &d) {
		p.fault(part, d.err)
		return nil
	}
	return err
}

// BytesFrom is Bytes for what r yields. Damage is returned as it is.
func (p *Package) BytesFrom(part string, r io.Reader, limit int) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(&meter{r: r, pkg: p, part: part, whole: true}, int64(limit)+1))
	if err == nil && len(content) > limit {
		return nil, rag.Errorf(rag.KindExhausted, "its part %s expands to more than %d MiB", part, max(1, limit>>20))
	}
	return content, err
}

// Line reads the element whose start was just read up to its end and returns its
// characters, those of elements within it too, as one clean line of at most some bytes.
// What is beyond is passed over.
func (t *Tokens) Line(most int) (string, error) {
	var b strings.Builder
	err := t.Within(func(e Token) error {
		if e.Kind == Characters && b.Len() < most {
			b.Write(e.Text[:min(len(e.Text), most)])
		}
		return nil
	})
	return clean.Cut(clean.Line(strings.ToValidUTF8(b.String(), "")), most), err
}

// InUTF8 turns XML in UTF-16 to UTF-8, without the declaration that would contradict
// then. XML in any other encoding is returned as it is: its declaration is heeded when
// it is read.
func InUTF8(content []byte) []byte {
	head := content[:min(len(content), 64)]
	if !bytes.HasPrefix(head, []byte("\xff\xfe")) && !bytes.HasPrefix(head, []byte("\xfe\xff")) && bytes.IndexByte(head, 0) < 0 {
		return content
	}
	text, _ := charset.Decode(content, "")
	if rest, is := strings.CutPrefix(strings.TrimSpace(text), "<?xml"); is {
		if _, after, found := strings.Cut(rest, "?>"); found {
			text = after
		}
	}
	return []byte(text)
}
