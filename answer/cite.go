package answer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/sentence"
)

// A citer stands between a generator and whoever reads the answer. Text passes
// through it as it comes. A marker such as [3] or [1, 2] is held back until it is
// complete; then the words of that source on which the statement before it rests
// are looked up, read again from the store and compared, and the marker leaves
// with the number of its citation. So the text that is streamed is the text of
// the final answer, and a marker never appears without words behind it.
//
// Two statements that rest on the same words share a number; one source cited
// for different words has several.
type citer struct {
	ctx    context.Context
	chunks Chunks
	col    int64
	hits   []rag.Hit
	emit   func(string) error

	pending   string // not yet decided: white space, and what may become a marker
	statement strings.Builder
	fresh     bool // text has come since the last marker
	out       strings.Builder
	citations []rag.Citation
	numbers   map[citedWords]int
	places    places
	dropped   int
}

type citedWords struct {
	chunk rag.ChunkID
	span  rag.Span
}

func newCiter(ctx context.Context, chunks Chunks, col int64, hits []rag.Hit, emit func(string) error) *citer {
	return &citer{ctx: ctx, chunks: chunks, col: col, hits: hits, emit: emit,
		numbers: map[citedWords]int{}, places: places{}, citations: []rag.Citation{}}
}

// begun reports whether any text has gone out.
func (c *citer) begun() bool { return c.out.Len() > 0 }

// text returns what has gone out.
func (c *citer) text() string { return strings.TrimSpace(c.out.String()) }

// write takes the next piece of the generator's text.
func (c *citer) write(delta string) error {
	c.pending += delta
	for c.pending != "" {
		at := strings.IndexByte(c.pending, '[')
		if at < 0 {
			at = len(c.pending)
		}
		// White space before a marker goes where the marker goes.
		text := strings.TrimRight(c.pending[:at], " \t\n")
		if text != "" {
			if err := c.pass(text); err != nil {
				return err
			}
			c.pending = c.pending[len(text):]
			at -= len(text)
		}
		if at == len(c.pending) {
			return nil // white space only: wait for what follows
		}
		numbers, length, state := parseMarker(c.pending[at:])
		switch state {
		case markerOpen:
			return nil
		case markerNone:
			if err := c.pass(c.pending[:at+1]); err != nil {
				return err
			}
			c.pending = c.pending[at+1:]
		case markerWhole:
			space := c.pending[:at]
			c.pending = c.pending[at+length:]
			if err := c.mark(space, numbers); err != nil {
				return err
			}
		}
	}
	return nil
}

// close lets out what was held back.
func (c *citer) close() error {
	rest := strings.TrimRight(c.pending, " \t\n")
	c.pending = ""
	if rest == "" {
		return nil
	}
	return c.pass(rest)
}

// pass lets text through and remembers it as part of the present statement.
func (c *citer) pass(text string) error {
	if !c.fresh {
		c.statement.Reset()
		c.fresh = true
	}
	c.statement.WriteString(text)
	c.out.WriteString(text)
	return c.emit(text)
}

// mark replaces a marker by the numbers of the citations it stands for.
func (c *citer) mark(space string, sources []int) error {
	c.fresh = false
	var b strings.Builder
	for _, source := range sources {
		n, ok := c.cite(c.statement.String(), source)
		if !ok {
			c.dropped++
			continue
		}
		b.WriteString("[" + strconv.Itoa(n) + "]")
	}
	if b.Len() == 0 {
		return nil
	}
	text := space + b.String()
	if strings.HasSuffix(c.out.String(), b.String()) {
		return nil // the same marker twice in a row
	}
	c.out.WriteString(text)
	return c.emit(text)
}

// cite verifies that a source holds words for the statement and returns their
// citation's number. A whole passage before the marker that stands in the source
// word for word is taken as it is; otherwise its last sentence is looked up.
func (c *citer) cite(statement string, source int) (int, bool) {
	if source < 1 || source > len(c.hits) {
		return 0, false
	}
	h := c.hits[source-1]
	statement = strings.TrimLeft(statement, " \t\n.,;:!?。，；")
	span, score, ok := align(statement, h.Text)
	if score < 1 {
		if s := sentence.Split(statement); len(s) > 1 {
			if last, _, okLast := align(s[len(s)-1].Of(statement), h.Text); okLast {
				span, ok = last, true
			}
		}
	}
	if !ok || span.Len() == 0 {
		return 0, false
	}
	return c.add(h, span)
}

// add reads the words again from the store and, if they are still the same,
// gives them a number.
func (c *citer) add(h rag.Hit, span rag.Span) (int, bool) {
	at := citedWords{h.ChunkID, span}
	if n, known := c.numbers[at]; known {
		return n, true
	}
	inText := rag.Span{Start: h.Span.Start + span.Start, End: h.Span.Start + span.End}
	quote := span.Of(h.Text)
	stored, err := c.chunks.Quote(c.ctx, c.col, h.Document.ID, h.Version, inText)
	if err != nil {
		return 0, false
	}
	sum, storedSum := sha256.Sum256([]byte(quote)), sha256.Sum256([]byte(stored))
	if quote == "" || sum != storedSum {
		return 0, false
	}
	chunk, page, heading, start := h.ChunkID, h.Page, h.Heading, h.Span.Start
	if isWidened(&h) {
		// The words may stand in another chunk of the same parent.
		if k, err := c.chunks.ChunkAt(c.ctx, c.col, h.Document.ID, h.Version, inText.Start); err == nil {
			chunk, page, heading, start = k.ID, k.Page, k.Heading, k.Span.Start
		}
	}
	page, heading = c.places.of(c, h, inText.Start, start, page, heading)
	n := len(c.citations) + 1
	c.numbers[at] = n
	c.citations = append(c.citations, rag.Citation{
		Number: n, Document: h.Document, ChunkID: chunk, Version: h.Version, Page: page, Heading: heading,
		Span: inText, Quote: quote, SHA256: hex.EncodeToString(sum[:]),
	})
	return n, true
}

// quoted writes the answer of a generator that quotes: each quote on one line of
// text, a table on lines of its own, with the number of its citation. A quote that is not in the store any
// more is left out whole.
func (c *citer) quoted(quotes []Quote) error {
	afterTable := false
	for _, q := range quotes {
		if q.Source < 1 || q.Source > len(c.hits) {
			c.dropped++
			continue
		}
		h := c.hits[q.Source-1]
		n, ok := c.add(h, trim(h.Text, q.Span))
		if !ok {
			c.dropped++
			continue
		}
		said := q.Span.Of(h.Text)
		isTable := strings.HasPrefix(said, "|") && strings.Contains(said, "\n")
		if !isTable {
			said = strings.Join(strings.Fields(said), " ")
		}
		text := bracketed.ReplaceAllString(said, "($1)") + " [" + strconv.Itoa(n) + "]"
		switch {
		case c.begun() && (isTable || afterTable):
			text = "\n\n" + text
		case c.begun():
			text = " " + text
		}
		afterTable = isTable
		c.out.WriteString(text)
		if err := c.emit(text); err != nil {
			return err
		}
	}
	return nil
}

// bracketed matches the reference marks of quoted papers. In an answer's text they
// would read as markers of its own citations; the citation's quote keeps them.
var bracketed = regexp.MustCompile(`\[(\d+(?:\s*[,;–-]\s*\d+)*)\]`)

// attribute marks the sentences of an answer whose generator named no source
// with the source that says them best, if one does.
func (c *citer) attribute(text string) (string, []rag.Citation) {
	var b strings.Builder
	for _, s := range sentence.Split(text) {
		whole := s.Of(text)
		said := strings.TrimRight(whole, " \t\n")
		b.WriteString(said)
		best, bestScore := 0, 0.0
		for i, h := range c.hits {
			if _, score, ok := align(said, h.Text); ok && score > bestScore {
				best, bestScore = i+1, score
			}
		}
		if best > 0 {
			if n, ok := c.cite(said, best); ok {
				b.WriteString(" [" + strconv.Itoa(n) + "]")
			}
		}
		b.WriteString(whole[len(said):])
	}
	return strings.TrimSpace(b.String()), c.citations
}

type markerState int

const (
	markerNone  markerState = iota // the bracket is just a bracket
	markerOpen                     // may become a marker with more text
	markerWhole                    // complete
)

// maxMarker bounds how much text is held back for a marker to become complete.
const maxMarker = 40

// parseMarker reads a marker at the beginning of s: numbers between brackets,
// separated by commas or semicolons.
func parseMarker(s string) (numbers []int, length int, state markerState) {
	n, digits := 0, 0
	for i := 1; i < len(s); i++ {
		switch b := s[i]; {
		case i > maxMarker:
			return nil, 0, markerNone
		case b >= '0' && b <= '9':
			if digits++; digits > 4 {
				return nil, 0, markerNone
			}
			n = 10*n + int(b-'0')
		case b == ',' || b == ';' || b == ']':
			if digits == 0 {
				return nil, 0, markerNone
			}
			numbers = append(numbers, n)
			n, digits = 0, 0
			if b == ']' {
				return numbers, i + 1, markerWhole
			}
		case b == ' ' && digits == 0:
		default:
			return nil, 0, markerNone
		}
	}
	return nil, 0, markerOpen
}
