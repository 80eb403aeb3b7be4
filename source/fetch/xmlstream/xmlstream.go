// Package xmlstream reads XML that strangers wrote, sitemaps and feeds, element by
// element: in any encoding, forgiving of what is commonly wrong with it, and within
// limits on elements, depth and text. It is shared by the sources that read such
// files.
package xmlstream

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

const (
	maxElements = 2_000_000
	maxDepth    = 256
	// maxToken bounds a tag or a piece of text. A tag of that size full of attributes
	// takes some 100 MB while it is read.
	maxToken = 4 << 20
)

// Reader hands out the elements of one document.
type Reader struct {
	ctx      context.Context
	dec      *xml.Decoder
	in       *meter
	depth    int
	elements int
}

// New returns a reader of content. declared is the encoding that its carrier names,
// "" for none; the file's own declaration counts where there is no other.
func New(ctx context.Context, content []byte, declared string) *Reader {
	if declared == "" {
		declared = declaration(content)
	}
	text, _ := charset.Decode(content, declared)
	in := &meter{r: strings.NewReader(strings.Map(allowed, text))}
	dec := xml.NewDecoder(in)
	dec.Strict = false
	dec.Entity = xml.HTMLEntity
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	return &Reader{ctx: ctx, dec: dec, in: in}
}

var encodingName = regexp.MustCompile(`^[\s\x{feff}]*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']`)

func declaration(content []byte) string {
	if m := encodingName.FindSubmatch(content[:min(len(content), 300)]); m != nil {
		return string(m[1])
	}
	return ""
}

// allowed drops what XML has no place for, at which the decoder would stop.
func allowed(r rune) rune {
	if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff || r == 0xfeff {
		return -1
	}
	return r
}

// Is reports whether content looks like XML.
func Is(content []byte) bool {
	head := bytes.TrimLeft(content[:min(len(content), 512)], " \t\r\n\ufeff\x00\xff\xfe")
	return bytes.HasPrefix(head, []byte("<"))
}

// meter ends a document in which one token is too large.
type meter struct {
	r     io.Reader
	token int // bytes read since the last one
}

func (m *meter) Read(p []byte) (int, error) {
	if m.token > maxToken {
		return 0, errToken
	}
	n, err := m.r.Read(p)
	m.token += n
	return n, err
}

var errToken = rag.Errorf(rag.KindExhausted, "the XML holds a tag or a piece of text of more than %d MiB", maxToken>>20)

// token returns the next token and keeps the limits.
func (r *Reader) token() (xml.Token, error) {
	r.in.token = 0
	t, err := r.dec.Token()
	if err != nil {
		if errors.Is(err, errToken) {
			return nil, errToken
		}
		if err != io.EOF {
			err = rag.Wrap(rag.KindInvalid, syntax(err), "the XML is damaged")
		}
		return nil, err
	}
	switch t.(type) {
	case xml.StartElement:
		r.depth++
		r.elements++
		switch {
		case r.depth > maxDepth:
			return nil, rag.Errorf(rag.KindExhausted, "the XML is nested deeper than %d elements", maxDepth)
		case r.elements > maxElements:
			return nil, rag.Errorf(rag.KindExhausted, "the XML holds more than %d elements", maxElements)
		case r.elements%4096 == 0 && r.ctx.Err() != nil:
			return nil, r.ctx.Err()
		}
	case xml.EndElement:
		r.depth--
	}
	return t, nil
}

// syntax shortens an error that may repeat part of the file.
func syntax(err error) error {
	if s, ok := errors.AsType[*xml.SyntaxError](err); ok && len(s.Msg) > 120 {
		return &xml.SyntaxError{Msg: s.Msg[:120] + "…", Line: s.Line}
	}
	return err
}

// Root returns the first element, KindInvalid if there is none.
func (r *Reader) Root() (xml.StartElement, error) {
	for {
		t, err := r.token()
		if err == io.EOF {
			return xml.StartElement{}, rag.Errorf(rag.KindInvalid, "the XML holds no element")
		}
		if err != nil {
			return xml.StartElement{}, err
		}
		if e, ok := t.(xml.StartElement); ok {
			return e, nil
		}
	}
}

// Children calls visit with each child of the element whose start was just read.
// visit reads the child to its end with Children, Text, Markup or Skip.
func (r *Reader) Children(visit func(xml.StartElement) error) error {
	for own := r.depth; ; {
		t, err := r.token()
		if err != nil {
			return ended(err)
		}
		switch e := t.(type) {
		case xml.EndElement:
			if r.depth < own {
				return nil
			}
		case xml.StartElement:
			if err := visit(e); err != nil {
				return err
			}
		}
	}
}

// Skip passes over the rest of the element whose start was just read.
func (r *Reader) Skip() error {
	return r.characters(func([]byte) error { return nil })
}

// Text returns the characters of the element whose start was just read, those of
// elements within it too. More than limit bytes are KindExhausted.
func (r *Reader) Text(limit int) (string, error) {
	var b strings.Builder
	err := r.characters(func(s []byte) error {
		if b.Len()+len(s) > limit {
			return rag.Errorf(rag.KindExhausted, "the XML holds a piece of text of more than %d bytes", limit)
		}
		b.Write(s)
		return nil
	})
	return b.String(), err
}

func (r *Reader) characters(take func([]byte) error) error {
	for own := r.depth; r.depth >= own; {
		t, err := r.token()
		if err != nil {
			return ended(err)
		}
		if s, ok := t.(xml.CharData); ok {
			if err := take(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// Markup returns what stands within the element whose start was just read as HTML:
// names without their namespaces, text escaped.
func (r *Reader) Markup(limit int) (string, error) {
	var b strings.Builder
	for own := r.depth; ; {
		t, err := r.token()
		if err != nil {
			return b.String(), ended(err)
		}
		switch e := t.(type) {
		case xml.StartElement:
			b.WriteString("<" + e.Name.Local)
			for _, a := range e.Attr {
				if a.Name.Space == "" && a.Name.Local != "xmlns" {
					b.WriteString(" " + a.Name.Local + `="`)
					_ = xml.EscapeText(&b, []byte(a.Value)) // a strings.Builder takes everything
					b.WriteString(`"`)
				}
			}
			b.WriteString(">")
		case xml.EndElement:
			if r.depth < own {
				return b.String(), nil
			}
			if !void[e.Name.Local] {
				b.WriteString("</" + e.Name.Local + ">")
			}
		case xml.CharData:
			_ = xml.EscapeText(&b, e)
		}
		if b.Len() > limit {
			return "", rag.Errorf(rag.KindExhausted, "the XML holds a piece of text of more than %d bytes", limit)
		}
	}
}

// void are the elements of HTML that have no end.
var void = map[string]bool{"br": true, "hr": true, "img": true, "input": true, "meta": true, "link": true, "col": true, "wbr": true, "area": true, "source": true, "embed": true}

// ended says that a file that ends within an element is damaged.
func ended(err error) error {
	if err == io.EOF {
		return rag.Errorf(rag.KindInvalid, "the XML is damaged: it ends too early")
	}
	return err
}
