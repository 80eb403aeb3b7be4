package embed

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDivisions is how often a text that the server finds too long is halved: an
// estimate of its tokens is not off by more than a factor of 2 to this power.
const maxDivisions = 4

// piece is what is sent for a text, or for a part of one that is too long.
type piece struct {
	of     int    // index of the text
	prefix string // of questions or passages
	body   string
	tokens int // of both
	halved int // how often, after the server found it too long
	vector []float32
}

func (p *piece) text() string { return p.prefix + p.body }

// pieces returns what is sent for the texts, in their order. Many servers refuse
// an empty input, so an empty text is sent as a space.
func (c *Client) pieces(prefix string, texts []string) []*piece {
	prefix = strings.ToValidUTF8(prefix, "\uFFFD")
	before := c.cfg.CountTokens(prefix)
	out := make([]*piece, 0, len(texts))
	for i, text := range texts {
		if text == "" {
			text = " "
		}
		text = strings.ToValidUTF8(text, "\uFFFD")
		tokens := before + c.cfg.CountTokens(text)
		if tokens <= c.cfg.MaxTokens {
			out = append(out, &piece{of: i, prefix: prefix, body: text, tokens: tokens})
			continue
		}
		// Two tokens are for the marks that models put before and behind a text.
		parts := divide(text, max(1, c.cfg.MaxTokens-before-2), c.cfg.CountTokens)
		if len(parts) > 1 {
			c.divided.Add(1)
		}
		for _, part := range parts {
			out = append(out, &piece{of: i, prefix: prefix, body: part, tokens: before + c.cfg.CountTokens(part)})
		}
	}
	return out
}

// halves returns a piece in two, or only itself where that is not to be done.
func (c *Client) halves(p *piece) []*piece {
	parts := []string{p.body}
	if at := middle(p.body); p.halved < maxDivisions && at > 0 {
		parts = []string{p.body[:at], p.body[at:]}
	}
	out := make([]*piece, len(parts))
	for i, part := range parts {
		out[i] = &piece{of: p.of, prefix: p.prefix, body: part, tokens: c.cfg.CountTokens(p.prefix) + c.cfg.CountTokens(part), halved: p.halved + 1}
	}
	return out
}

// join returns the vectors of n texts from those of their pieces.
func join(pieces []*piece, n int) [][]float32 {
	out := make([][]float32, n)
	for len(pieces) > 0 {
		i := 1
		for i < len(pieces) && pieces[i].of == pieces[0].of {
			i++
		}
		if i == 1 {
			out[pieces[0].of] = pieces[0].vector
		} else {
			out[pieces[0].of] = mean(pieces[:i])
		}
		pieces = pieces[i:]
	}
	return out
}

// divide returns text in parts of at most limit tokens, halving what is longer, so
// that no part is a small rest. Parts without anything but space are left out
// where there are others. A single character is never divided.
func divide(text string, limit int, count func(string) int) []string {
	at := middle(text)
	if at == 0 || count(text) <= limit {
		return []string{text}
	}
	parts := append(divide(text[:at], limit, count), divide(text[at:], limit, count)...)
	var out []string
	for _, part := range parts {
		if strings.TrimSpace(part) != "" {
			out = append(out, part)
		}
	}
	if len(out) == 0 {
		return parts[:1]
	}
	return out
}

// middle returns the place nearest to the middle of text where a word begins, in
// the two quarters around it, or else one between two characters. It is 0 where
// text has fewer than two.
func middle(text string) int {
	half := len(text) / 2
	for half > 0 && !utf8.RuneStart(text[half]) {
		half--
	}
	if half == 0 { // the first character is more than half of it
		_, half = utf8.DecodeRuneInString(text)
		if half == len(text) {
			return 0
		}
		return half
	}
	before := strings.LastIndexFunc(text[:half], unicode.IsSpace)
	behind := strings.IndexFunc(text[half:], unicode.IsSpace)
	best := half
	nearest := len(text)/4 + 1
	for _, at := range []int{before, half + behind} {
		if at < 0 || (at == half+behind && behind < 0) {
			continue
		}
		_, width := utf8.DecodeRuneInString(text[at:])
		if at += width; at > 0 && at < len(text) && max(at-half, half-at) < nearest {
			best, nearest = at, max(at-half, half-at)
		}
	}
	return best
}
