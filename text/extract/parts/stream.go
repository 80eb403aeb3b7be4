package parts

import (
	"context"
	"errors"
	"io"

	"github.com/smartretriever/smartretriever/rag"
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
