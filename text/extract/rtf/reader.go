package rtf

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/grid"
)

const (
	maxFonts  = 32_000
	maxStyles = 32_000
	maxName   = 256 // bytes of a font's or style's name
	maxLabel  = 256 // bytes of a list item's label
)

// state is what a group inherits from the one around it and gives back at its end.
type state struct {
	to      destination
	resume  destination // what a group within goes to that takes the text up again
	font    int
	unicode int // bytes that stand behind a \u for readers that do not know it
	hidden  bool
	deleted bool
	info    bool
	math    bool
	upr     bool // one of two forms of the same text is to be chosen

	style, outline, level, list int // of the paragraph; outline is -1 for none
	table                       int // the nesting of the table it stands in, 0 for none

	// Of this group alone.
	fresh  bool   // nothing but "\*" stood in it yet
	marked bool   // "\*" did
	ends   ending // what its end does
	key    string // of a property
}

type ending uint8

const (
	endsFlow ending = iota + 1
	endsLabel
	endsProperty
)

// style is an entry of the style sheet.
type style struct {
	name    string
	base    int
	outline int
}

// reader is the state of one extraction.
type reader struct {
	b      *clean.Builder
	lex    *lexer
	cur    state
	stack  []state
	flows  []*flow // innermost last
	page   int     // code page of the document
	fonts  map[int]*font
	styles map[int]*style
	info   struct {
		title    string
		metadata rag.Metadata
	}

	pending []byte // bytes whose encoding is that of font
	font    int
	usual   int    // font that \deff names
	skip    int    // characters to pass over after a \u
	high    rune   // first half of a surrogate pair
	name    []byte // of a font, a style or a property that is being read, or a label
	entry   int    // number of the font or style that is being read
	sheet   style  // that is being read
	when    [5]int // year, month, day, hour, minute

	notes   []grid.Piece
	footers []grid.Piece
	held    int // bytes that wait in tables, notes and footers
	cells   int
	noted   int // footnotes so far
	running map[string]bool
}

func newReader(b *clean.Builder) *reader {
	r := &reader{b: b, page: 1252, fonts: map[int]*font{}, styles: map[int]*style{}, running: map[string]bool{}}
	r.cur = state{unicode: 1, outline: -1}
	r.sheet.reset()
	r.flows = []*flow{{}}
	return r
}

func (s *style) reset() { *s = style{base: -1, outline: -1} }

// read reads content; ended reports whether its last group was closed.
func (r *reader) read(ctx context.Context, content []byte) (ended bool, err error) {
	r.lex = &lexer{in: content, names: map[string]string{}}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		t, more := r.lex.next()
		if !more {
			return false, nil
		}
		switch t.kind {
		case opened:
			err = r.open()
		case closed:
			if err := r.close(); err != nil || len(r.stack) == 0 {
				return true, err
			}
		case word:
			err = r.word(t)
		case sign:
			err = r.sign(t.b)
		case octet:
			err = r.bytes([]byte{t.b})
		case plain:
			err = r.bytes(t.text)
		}
		if err != nil {
			return false, err
		}
	}
}

func (r *reader) open() error {
	if err := r.flush(); err != nil {
		return err
	}
	if len(r.stack) >= maxDepth {
		return rag.Errorf(rag.KindExhausted, "its groups are nested deeper than %d", maxDepth)
	}
	r.stack = append(r.stack, r.cur)
	r.skip = 0
	chosen := r.cur.upr && !bytes.HasPrefix(r.lex.in[r.lex.at:], []byte(`\*\ud`))
	r.cur.fresh, r.cur.marked, r.cur.ends, r.cur.key, r.cur.upr = true, false, 0, "", false
	if chosen {
		r.lex.skip() // the form without Unicode
	}
	return nil
}

func (r *reader) close() error {
	if err := r.flush(); err != nil {
		return err
	}
	r.skip = 0
	var err error
	switch r.cur.ends {
	case endsFlow:
		err = r.endFlow()
	case endsLabel:
		r.flow().label = listLabel(string(r.name))
		r.name = r.name[:0]
	case endsProperty:
		r.setProperty()
	}
	if r.cur.to == stylesheet && len(r.stack) > 0 {
		r.addStyle()
	}
	if n := len(r.stack); n > 0 {
		r.cur = r.stack[n-1]
		r.stack = r.stack[:n-1]
	}
	r.cur.fresh = false
	return err
}

// bytes takes text in the encoding of the font.
func (r *reader) bytes(b []byte) error {
	r.cur.fresh = false
	if r.skip > 0 {
		n := min(r.skip, len(b))
		r.skip -= n
		b = b[n:]
	}
	if len(b) == 0 || r.cur.to == nowhere {
		return nil
	}
	if r.font != r.cur.font && len(r.pending) > 0 {
		if err := r.flush(); err != nil {
			return err
		}
	}
	r.font = r.cur.font
	r.pending = append(r.pending, b...)
	return nil
}

// flush decodes the bytes that wait.
func (r *reader) flush() error {
	b := r.pending
	if len(b) == 0 {
		return nil
	}
	r.pending = r.pending[:0]
	f := r.fonts[r.font]
	switch {
	case r.cur.to == fonts || r.cur.to == stylesheet:
		f = nil
	case f.dingbats():
		return r.text(dingbat(b))
	case f.symbolic():
		var out []byte
		for _, c := range b {
			if s := symbol(c); s != 0 {
				out = utf8.AppendRune(out, s)
			}
		}
		return r.text(out)
	}
	if ascii(b) {
		return r.text(b)
	}
	return r.text(decode(f.encoding(r.page), b))
}

// dingbat returns a bullet for each picture of a font that has nothing else; spaces
// stay.
func dingbat(b []byte) []byte {
	var out []byte
	for _, c := range b {
		if c == ' ' {
			out = append(out, c)
		} else {
			out = append(out, "•"...)
		}
	}
	return out
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// text takes text in UTF-8.
func (r *reader) text(b []byte) error {
	switch r.cur.to {
	case body:
		if r.cur.hidden || r.cur.deleted {
			return nil
		}
		f := r.flow()
		f.text = append(f.text, b...)
		return r.room(len(f.text))
	case label:
		if len(r.name)+len(b) <= maxLabel {
			r.name = append(r.name, b...)
		}
	case property:
		if len(r.name)+len(b) <= rag.MaxMetadataString {
			r.name = append(r.name, b...)
		}
	case fonts, stylesheet:
		for {
			name, rest, ended := bytes.Cut(b, []byte(";"))
			if len(r.name)+len(name) <= maxName {
				r.name = append(r.name, name...)
			}
			if !ended {
				return nil
			}
			if r.cur.to == fonts {
				r.addFont()
			} else {
				r.addStyle()
			}
			b = rest
		}
	}
	return nil
}

// room reports, as an error, that n more bytes would pass the limit of the text.
func (r *reader) room(n int) error {
	if r.b.Limit > 0 && r.b.Len()+r.held+n > r.b.Limit {
		return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, r.b.Limit>>20))
	}
	return nil
}

// write takes text that a control word stands for.
func (r *reader) write(s string) error {
	if r.skip > 0 {
		r.skip--
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.text([]byte(s))
}

// sign handles a control symbol.
func (r *reader) sign(c byte) error {
	if c == '*' {
		r.cur.marked = r.cur.fresh
		return nil
	}
	r.cur.fresh = false
	switch c {
	case '\\', '{', '}':
		return r.bytes([]byte{c})
	case '~':
		return r.write("\u00a0")
	case '_':
		return r.write("-")
	case '\r', '\n':
		return r.paragraph()
	case '\t':
		return r.write("\t")
	}
	return nil // an optional hyphen, an entry of an index
}

// unicode takes a UTF-16 code unit. Private ones of a symbol font are its bytes.
func (r *reader) unicode(n int) error {
	u := rune(uint16(n))
	if err := r.flush(); err != nil {
		return err
	}
	r.skip = 0
	defer func() { r.skip = r.cur.unicode }()
	if high := r.high; high != 0 {
		r.high = 0
		if pair := utf16.DecodeRune(high, u); pair != utf8.RuneError {
			return r.write(string(pair))
		}
	}
	switch {
	case u >= 0xd800 && u < 0xdc00:
		r.high = u
		return nil
	case u >= 0xdc00 && u < 0xe000:
		return r.write("\uFFFD")
	case u >= 0xf000 && u < 0xf100:
		if s := symbol(byte(u)); s != 0 && !r.fonts[r.cur.font].dingbats() {
			return r.write(string(s))
		}
		return r.write("•")
	}
	return r.write(string(u))
}

// addFont keeps the font whose name has ended.
func (r *reader) addFont() {
	if f := r.fonts[r.entry]; f != nil {
		f.name = strings.TrimSpace(string(r.name))
	}
	r.name = r.name[:0]
}

// addStyle keeps the style whose name has ended.
func (r *reader) addStyle() {
	s := r.sheet
	if s.name = strings.ToLower(strings.TrimSpace(string(r.name))); s.name != "" && len(r.styles) < maxStyles {
		if _, twice := r.styles[r.entry]; !twice {
			r.styles[r.entry] = &s
		}
	}
	r.name, r.entry = r.name[:0], 0
	r.sheet.reset()
}

// setProperty keeps what the document says of itself.
func (r *reader) setProperty() {
	value := clean.Line(string(r.name))
	r.name = r.name[:0]
	if r.cur.to == date {
		value = ""
		if w := r.when; w[0] > 0 && w[1] > 0 && w[2] > 0 {
			value = fmt.Sprintf("%04d-%02d-%02dT%02d:%02d", w[0], w[1], w[2], w[3], w[4])
		}
		r.when = [5]int{}
	}
	switch {
	case value == "":
	case r.cur.key == "title":
		r.info.title = value
	default:
		if r.info.metadata == nil {
			r.info.metadata = rag.Metadata{}
		}
		r.info.metadata[r.cur.key] = rag.Str(clean.Cut(value, rag.MaxMetadataString))
	}
}
