package docx

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html/charset"

	"github.com/smartretriever/smartretriever/rag"
)

type tokenKind uint8

const (
	startElement tokenKind = iota + 1
	endElement
	characters
)

// token is an XML token without namespaces; names are in lower case. It is
// valid until the next one is read.
type token struct {
	kind  tokenKind
	name  string
	attrs []xml.Attr
	text  []byte
}

func (t *token) start(name string) bool { return t.kind == startElement && t.name == name }

// attr returns the value of an attribute by its lower-case local name.
func (t *token) attr(name string) string {
	for _, a := range t.attrs {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

// on reads a switch like w:b: present without a value means on.
func (t *token) on() bool {
	switch t.attr("val") {
	case "0", "false", "off", "none":
		return false
	}
	return true
}

// damage marks an error of the file, after which what was read so far counts.
type damage struct{ err error }

func (d *damage) Error() string { return d.err.Error() }

// tokens reads one part and holds it to the limits.
type tokens struct {
	pkg   *pack
	part  string
	dec   *xml.Decoder
	in    *meter
	depth int
	n     int
	names map[string]string // lower-case names, interned
}

func newTokens(p *pack, part string, r io.Reader) *tokens {
	in := &meter{r: r, pkg: p, part: part}
	dec := xml.NewDecoder(in)
	dec.Strict = false
	dec.CharsetReader = charset.NewReaderLabel
	return &tokens{pkg: p, part: part, dec: dec, in: in, names: map[string]string{}}
}

// next returns the next token, io.EOF at the end of the part, a *damage for
// broken XML or a broken zip stream, or an error of a limit.
func (t *tokens) next() (token, error) {
	for {
		if t.n++; t.n%4096 == 0 && t.pkg.ctx.Err() != nil {
			return token{}, t.pkg.ctx.Err()
		}
		t.in.token = 0
		raw, err := t.dec.RawToken()
		if err != nil {
			return token{}, t.translate(err)
		}
		switch x := raw.(type) {
		case xml.StartElement:
			t.depth++
			if t.pkg.elements--; t.pkg.elements < 0 {
				return token{}, rag.Errorf(rag.KindExhausted, "it holds more than %d XML elements", maxElements)
			}
			if t.depth > maxDepth {
				return token{}, rag.Errorf(rag.KindExhausted, "its part %s is nested deeper than %d elements", t.part, maxDepth)
			}
			return token{kind: startElement, name: t.lower(x.Name.Local), attrs: x.Attr}, nil
		case xml.EndElement:
			t.depth--
			return token{kind: endElement, name: t.lower(x.Name.Local)}, nil
		case xml.CharData:
			return token{kind: characters, text: x}, nil
		}
	}
}

func (t *tokens) lower(name string) string {
	if low, ok := t.names[name]; ok {
		return low
	}
	low := strings.ToLower(name)
	if len(t.names) < 1000 {
		t.names[name] = low
	}
	return low
}

func (t *tokens) translate(err error) error {
	var known *rag.Error
	switch {
	case err == io.EOF:
		if t.depth > 0 {
			return &damage{io.ErrUnexpectedEOF}
		}
		return io.EOF
	case t.in.err != nil:
		return t.in.err
	case errors.As(err, &known):
		return err
	}
	return &damage{err}
}

// skip passes over the rest of the element whose start was just read.
func (t *tokens) skip() error {
	for depth := 1; depth > 0; {
		e, err := t.next()
		if err != nil {
			return err
		}
		switch e.kind {
		case startElement:
			depth++
		case endElement:
			depth--
		}
	}
	return nil
}

// meter counts the bytes that are unpacked, in all and for one token.
type meter struct {
	r     io.Reader
	pkg   *pack
	part  string
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
	case m.token > maxToken:
		m.err = rag.Errorf(rag.KindExhausted, "its part %s holds a piece of text of more than %d MiB", m.part, maxToken>>20)
	}
	if m.err != nil {
		return 0, m.err
	}
	return n, err
}
