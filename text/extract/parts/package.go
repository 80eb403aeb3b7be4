// Package parts reads formats that are zip containers of XML parts: Office Open
// XML (ECMA-376), OpenDocument (ISO/IEC 26300) and EPUB.
//
// Parts are read as streams of XML tokens and never as trees, so that memory
// follows the text and not the markup. Whatever is unpacked is held to limits
// while it is, since a container can be a thousand times smaller than what it
// unfolds to:
//
//	package.go    the container, its parts and what has been spent of the limits
//	tokens.go     the tokens of one part
//	relations.go  Office's relations between parts, and its document properties
//
// Element and attribute names are compared in lower case and without their
// namespace: the variants of a format differ in nothing else that matters here,
// and producers are free in their prefixes.
package parts

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// Limits on the container. Crossing one is KindExhausted.
const (
	maxPart      = 256 << 20 // bytes of one part, unpacked
	maxTotal     = 512 << 20 // bytes of all parts that are read
	freeBytes    = 16 << 20  // unpacked bytes up to which the ratio is not looked at
	maxRatio     = 200       // unpacked to packed bytes beyond that
	maxDepth     = 512
	maxToken     = 16 << 20 // bytes of one tag or one run of character data
	maxRelations = 100_000

	// DefaultElements is the most XML elements that are met in all parts together.
	DefaultElements = 4_000_000
)

// Package is an open container with what has been spent of its limits. It is for
// one goroutine.
type Package struct {
	ctx      context.Context
	parts    map[string]*zip.File // by name as Name makes it
	names    []string             // in the order of the directory
	budget   int64                // bytes that may still be unpacked
	elements int                  // that may still be met
	most     int                  // elements in all
	faults   map[string]bool      // parts that turned out damaged
	warnings []string
}

// Open opens the container that content is. kind names its format in the error for
// one that is damaged (KindInvalid). elements is the most XML elements that are met
// in all parts, 0 for DefaultElements.
func Open(ctx context.Context, content []byte, kind string, elements int) (*Package, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "the %s container is damaged: %w", kind, err)
	}
	if elements <= 0 {
		elements = DefaultElements
	}
	p := &Package{
		ctx: ctx, parts: make(map[string]*zip.File, len(archive.File)), faults: map[string]bool{},
		budget: min(maxTotal, max(freeBytes, int64(len(content))*maxRatio)), elements: elements, most: elements,
	}
	for _, f := range archive.File {
		name := Name(f.Name)
		if _, twice := p.parts[name]; !twice {
			p.parts[name] = f
			p.names = append(p.names, name)
		}
	}
	return p, nil
}

// Name is a part's name in the form in which parts are found: in lower case, with
// slashes, without one at its beginning.
func Name(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// Names lists the parts in the order of the container's directory.
func (p *Package) Names() []string { return slices.Clone(p.names) }

// Has reports whether there is a part of that name.
func (p *Package) Has(part string) bool { return p.parts[part] != nil }

// Checksum is the CRC-32 that the directory states for a part.
func (p *Package) Checksum(part string) (sum uint32, ok bool) {
	f, ok := p.parts[part]
	if !ok {
		return 0, false
	}
	return f.CRC32, true
}

// Damaged reports whether reading the part failed.
func (p *Package) Damaged(part string) bool { return p.faults[part] }

// Warnings say, a line each, what could not be read.
func (p *Package) Warnings() []string { return p.warnings }

// Warn adds a warning.
func (p *Package) Warn(text string) { p.warnings = append(p.warnings, clean.Line(text)) }

// Read opens a part and calls walk with its tokens. A part that does not exist is
// empty. Damage ends the part with a warning, and what came before it counts; an
// error of walk itself, such as a limit, is returned.
func (p *Package) Read(part string, walk func(*Tokens) error) error {
	f, ok := p.parts[part]
	if !ok {
		return nil
	}
	r, err := p.open(part, f)
	if r == nil {
		return err
	}
	defer r.Close()
	err = walk(newTokens(p, part, r))
	if d := (*damage)(nil); errors.As(err, &d) {
		p.fault(part, d.err)
		return nil
	}
	if err == io.EOF { // an element that was being read had more ends than starts
		p.fault(part, io.ErrUnexpectedEOF)
		return nil
	}
	return err
}

// Bytes returns a whole part, for what is no XML or is read by another parser; nil
// if it does not exist or is damaged, which is a warning then. One of more than limit
// bytes is KindExhausted.
func (p *Package) Bytes(part string, limit int) ([]byte, error) {
	f, ok := p.parts[part]
	if !ok {
		return nil, nil
	}
	r, err := p.open(part, f)
	if r == nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(&meter{r: r, pkg: p, part: part, whole: true}, int64(limit)+1))
	known := (*rag.Error)(nil)
	switch {
	case errors.As(err, &known):
		return nil, err
	case err != nil:
		p.fault(part, err)
		return nil, nil
	case len(content) > limit:
		return nil, rag.Errorf(rag.KindExhausted, "its part %s expands to more than %d MiB", part, max(1, limit>>20))
	}
	return content, nil
}

// open opens a part; nil and no error for one that is damaged.
func (p *Package) open(part string, f *zip.File) (io.ReadCloser, error) {
	if f.UncompressedSize64 > maxPart {
		return nil, rag.Errorf(rag.KindExhausted, "its part %s expands to more than %d MiB", part, maxPart>>20)
	}
	r, err := f.Open()
	if err != nil {
		p.fault(part, err)
		return nil, nil
	}
	return r, nil
}

func (p *Package) fault(part string, err error) {
	p.faults[part] = true
	p.Warn(part + " is damaged and was read as far as possible: " + err.Error())
}

// meter counts the bytes that are unpacked, in all and for one token.
type meter struct {
	r     io.Reader
	pkg   *Package
	part  string
	whole bool // the part is read as bytes: it has no tokens
	read  int64
	token int
	err   error // the limit that was met
}

func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.r.Read(p)
	m.read += int64(n)
	m.token += n
	m.pkg.budget -= int64(n)
	switch {
	case m.read > maxPart:
		m.err = rag.Errorf(rag.KindExhausted, "its part %s expands to more than %d MiB", m.part, maxPart>>20)
	case m.pkg.budget < 0:
		m.err = rag.Errorf(rag.KindExhausted, "it expands to far more than its size (a zip bomb?)")
	case m.token > maxToken && !m.whole:
		m.err = rag.Errorf(rag.KindExhausted, "its part %s holds a piece of text of more than %d MiB", m.part, maxToken>>20)
	}
	if m.err != nil {
		return 0, m.err
	}
	return n, err
}
