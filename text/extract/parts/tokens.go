package parts

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html/charset"

	"github.com/smartretriever/smartretriever/rag"
)

// Kind is what a token is.
type Kind uint8

// The kinds of tokens. All others (comments, directives) are passed over.
const (
	StartElement Kind = iota + 1
	EndElement
	Characters
)

// Token is an XML token without namespaces. It is valid until the next one is
// read.
type Token struct {
	Kind  Kind
	Name  string // of an element, in lower case
	Attrs []xml.Attr
	Text  []byte // of Characters
}

// Start reports whether the token begins an element of that name.
func (t *Token) Start(name string) bool { return t.Kind == StartElement && t.Name == name }

// End reports whether the token ends an element of that name.
func (t *Token) End(name string) bool { return t.Kind == EndElement && t.Name == name }

// Attr returns the value of an attribute by its lower-case local name.
func (t *Token) Attr(name string) string {
	for _, a := range t.Attrs {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

// On reads a switch like w:b: present without a value means on.
func (t *Token) On() bool {
	switch t.Attr("val") {
	case "0", "false", "off", "none":
		return false
	}
	return true
}

// damage marks an error of the file, after which what was read so far counts.
type damage struct{ err error }

func (d *damage) Error() string { return d.err.Error() }

// Tokens reads one part and holds it to the limits.
type Tokens struct {
	pkg   *Package
	part  string
	dec   *xml.Decoder
	in    *meter
	depth int
	n     int
	names map[string]string // lower-case names, interned
}

func newTokens(p *Package, part string, r io.Reader) *Tokens {
	in := &meter{r: r, pkg: p, part: part}
	dec := xml.NewDecoder(in)
	dec.Strict = false
	dec.CharsetReader = charset.NewReaderLabel
	return &Tokens{pkg: p, part: part, dec: dec, in: in, names: map[string]string{}}
}

// Next returns the next token, io.EOF at the end of the part, an error that Read
// turns into a warning for broken XML or a broken zip stream, or one of a limit.
func (t *Tokens) Next() (Token, error) {
	for {
		if t.n++; t.n%4096 == 0 && t.pkg.ctx.Err() != nil {
			return Token{}, t.pkg.ctx.Err()
		}
		t.in.token = 0
		raw, err := t.dec.RawToken()
		if err != nil {
			return Token{}, t.translate(err)
		}
		switch x := raw.(type) {
		case xml.StartElement:
			t.depth++
			if t.pkg.elements--; t.pkg.elements < 0 {
				return Token{}, rag.Errorf(rag.KindExhausted, "it holds more than %d XML elements", t.pkg.most)
			}
			if t.depth > maxDepth {
				return Token{}, rag.Errorf(rag.KindExhausted, "its part %s is nested deeper than %d elements", t.part, maxDepth)
			}
			return Token{Kind: StartElement, Name: t.lower(x.Name.Local), Attrs: x.Attr}, nil
		case xml.EndElement:
			t.depth--
			return Token{Kind: EndElement, Name: t.lower(x.Name.Local)}, nil
		case xml.CharData:
			return Token{Kind: Characters, Text: x}, nil
		}
	}
}

func (t *Tokens) lower(name string) string {
	if low, ok := t.names[name]; ok {
		return low
	}
	low := strings.ToLower(name)
	if len(t.names) < 1000 {
		t.names[name] = low
	}
	return low
}

func (t *Tokens) translate(err error) error {
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

// Skip passes over the rest of the element whose start was just read.
func (t *Tokens) Skip() error {
	return t.Within(func(Token) error { return nil })
}

// Within calls visit with every token of the element whose start was just read, up
// to its end, which it does not hand out. visit may read on itself, as long as it
// reads whole elements: a visit that skips an element skips its end too.
func (t *Tokens) Within(visit func(Token) error) error {
	for own := t.depth; ; {
		e, err := t.Next()
		if err != nil {
			return err
		}
		if e.Kind == EndElement && t.depth < own {
			return nil
		}
		if err := visit(e); err != nil {
			return err
		}
	}
}

// Text returns the characters of the element whose start was just read, up to its
// end, those of elements within it too. More than limit bytes are KindExhausted.
func (t *Tokens) Text(limit int) (string, error) {
	var b strings.Builder
	err := t.Within(func(e Token) error {
		if e.Kind != Characters {
			return nil
		}
		if b.Len()+len(e.Text) > limit {
			return rag.Errorf(rag.KindExhausted, "its part %s holds a piece of text of more than %d MiB", t.part, max(1, limit>>20))
		}
		b.Write(e.Text)
		return nil
	})
	return b.String(), err
}

// Ended turns the end of a part into success.
func Ended(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
