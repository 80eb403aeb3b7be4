package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/smartretriever/smartretriever/config"
)

// screen is an output stream that knows whether people look at it. It is
// goroutine-safe.
type screen struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	colour   bool
	fd       int
	status   string // the line at the bottom that is drawn over; "" for none
}

// defaultWidth is the width of text that does not go to a terminal.
const defaultWidth = 100

func newScreen(w io.Writer, env config.Env) *screen {
	s := &screen{w: w, fd: -1}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal, s.fd = true, int(f.Fd())
		s.colour = !env.NoColor()
	}
	return s
}

// width returns the number of columns, which may change while running.
func (s *screen) width() int {
	if s.fd >= 0 {
		if w, _, err := term.GetSize(s.fd); err == nil && w > 20 {
			return w
		}
	}
	return defaultWidth
}

// print writes text as it is, above the status line if there is one. A reader
// that has gone is not told.
func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != "" {
		text = eraseLine + text + s.status
	}
	_, _ = io.WriteString(s.w, text)
}

// Write lets a logger write above the status line.
func (s *screen) Write(p []byte) (int, error) {
	s.print(string(p))
	return len(p), nil
}

const eraseLine = "\r\x1b[K"

// setStatus draws the line at the bottom of a terminal; "" takes it away.
func (s *screen) setStatus(text string) {
	if !s.terminal {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == s.status {
		return
	}
	_, _ = io.WriteString(s.w, eraseLine+text)
	s.status = text
}

// line writes a formatted line.
func (s *screen) line(format string, args ...any) { s.print(fmt.Sprintf(format, args...) + "\n") }

// json writes v as indented JSON.
func (s *screen) json(v any) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("cli: a result cannot be written as JSON: " + err.Error())
	}
	s.print(string(data) + "\n")
}

// jsonLine writes v as JSON on one line.
func (s *screen) jsonLine(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic("cli: a result cannot be written as JSON: " + err.Error())
	}
	s.print(string(data) + "\n")
}

func (s *screen) style(code, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) bold(text string) string   { return s.style("1", text) }
func (s *screen) dim(text string) string    { return s.style("2", text) }
func (s *screen) red(text string) string    { return s.style("31", text) }
func (s *screen) green(text string) string  { return s.style("32", text) }
func (s *screen) yellow(text string) string { return s.style("33", text) }
func (s *screen) cyan(text string) string   { return s.style("36", text) }

// clean takes out of foreign text what a terminal would act upon: control
// characters other than newline and tab, and the invisible ones that turn the
// direction of writing around.
func (s *screen) clean(text string) string { return clean(text) }

func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0xfeff:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// oneLine is foreign text on one line, cut to a number of columns.
func oneLine(text string, columns int) string {
	return fit(strings.Join(strings.Fields(clean(text)), " "), columns)
}

// fit cuts text to a number of columns and marks the cut.
func fit(text string, columns int) string {
	if uniseg.StringWidth(text) <= columns {
		return text
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(text); g.Next(); {
		if used+g.Width() > columns-1 {
			break
		}
		used += g.Width()
		b.WriteString(g.Str())
	}
	return strings.TrimRight(b.String(), " ") + "…"
}

// fitPath cuts a path at its front, because its end says which file it is.
func fitPath(path string, columns int) string {
	path = strings.Join(strings.Fields(clean(path)), " ")
	if uniseg.StringWidth(path) <= columns {
		return path
	}
	var parts []string
	for g := uniseg.NewGraphemes(path); g.Next(); {
		parts = append(parts, g.Str())
	}
	used := 0
	for i := len(parts) - 1; i >= 0; i-- {
		used += uniseg.StringWidth(parts[i])
		if used > columns-1 {
			return "…" + strings.Join(parts[i+1:], "")
		}
	}
	return path
}

// pad fills text with spaces to a number of columns.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-uniseg.StringWidth(text)))
}

// padLeft is pad with the spaces in front, for numbers.
func padLeft(text string, columns int) string {
	return strings.Repeat(" ", max(0, columns-uniseg.StringWidth(text))) + text
}

// wrap breaks text into lines of at most columns at spaces. The first line begins
// where indent ends, and indent begins every other. Line breaks of the text stay.
func wrap(text string, columns int, indent string) string {
	var b strings.Builder
	w := wrapper{columns: columns, indent: indent, column: uniseg.StringWidth(indent), emit: func(s string) { b.WriteString(s) }}
	w.write(text)
	w.close()
	return b.String()
}

// wrapper is wrap for text that comes in pieces. A word is held back until it is
// complete.
type wrapper struct {
	columns int
	indent  string
	emit    func(string)

	column int    // columns used of the present line
	space  bool   // a space is due before the next word
	word   string // not yet complete
}

func (w *wrapper) write(text string) {
	for g := uniseg.NewGraphemes(text); g.Next(); {
		switch s := g.Str(); {
		case s == "\n" || s == "\r\n":
			w.flush()
			w.emit("\n" + w.indent)
			w.column, w.space = uniseg.StringWidth(w.indent), false
		case s == " " || s == "\t":
			w.flush()
			w.space = w.column > 0
		default:
			w.word += s
			if g.Width() == 2 { // Chinese, Japanese, Korean: a line may end after each
				w.flush()
			}
		}
	}
}

// flush writes the word that is complete.
func (w *wrapper) flush() {
	if w.word == "" {
		return
	}
	width := uniseg.StringWidth(w.word)
	gap := 0
	if w.space {
		gap = 1
	}
	switch {
	case w.column+gap+width > w.columns && w.column > uniseg.StringWidth(w.indent):
		w.emit("\n" + w.indent + w.word)
		w.column = uniseg.StringWidth(w.indent) + width
	default:
		w.emit(strings.Repeat(" ", gap) + w.word)
		w.column += gap + width
	}
	w.word, w.space = "", false
}

func (w *wrapper) close() { w.flush() }
