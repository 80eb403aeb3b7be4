package batch

import "github.com/smartretriever/smartretriever/model/token"

// maxHalvings is how often a text that the server finds too long is halved: an
// estimate of its tokens is not off by more than a factor of 2 to this power.
const maxHalvings = 4

// marks is how many tokens models put before and behind a text.
const marks = 2

// Item is a text to send, or a part of one that is too long, and what came of it.
type Item[T any] struct {
	Of     int    // index of the text
	Text   string // as it is sent, but for what the request puts before it
	Tokens int    // with what is put before it
	Result T
	Done   bool // the result is there

	halved int // how often, after the server found it too long
}

// Items returns what is sent for texts, in their order: each as one item, or as
// several if it has more tokens than the model takes. Beside it the request has
// overhead tokens for each text.
func (s *Sender[T]) Items(texts []string, overhead int) []*Item[T] {
	out := make([]*Item[T], 0, len(texts))
	for i, text := range texts {
		tokens := overhead + s.cfg.CountTokens(text)
		if tokens <= s.cfg.MaxTokens {
			out = append(out, &Item[T]{Of: i, Text: text, Tokens: tokens})
			continue
		}
		parts := token.Divide(text, max(1, s.cfg.MaxTokens-overhead-marks), s.cfg.CountTokens)
		if len(parts) > 1 {
			s.divided.Add(1)
		}
		for _, part := range parts {
			out = append(out, &Item[T]{Of: i, Text: part, Tokens: overhead + s.cfg.CountTokens(part)})
		}
	}
	return out
}

// halves returns an item in two, or none where that is not to be done.
func (s *Sender[T]) halves(it *Item[T]) []*Item[T] {
	at := token.Middle(it.Text)
	if it.halved == maxHalvings || at == 0 {
		return nil
	}
	overhead := it.Tokens - s.cfg.CountTokens(it.Text)
	var out []*Item[T]
	for _, part := range []string{it.Text[:at], it.Text[at:]} {
		out = append(out, &Item[T]{Of: it.Of, Text: part, Tokens: overhead + s.cfg.CountTokens(part), halved: it.halved + 1})
	}
	return out
}

// Parts calls yield for each text with the items it was sent as.
func Parts[T any](items []*Item[T], yield func(of int, parts []*Item[T])) {
	for len(items) > 0 {
		n := 1
		for n < len(items) && items[n].Of == items[0].Of {
			n++
		}
		yield(items[0].Of, items[:n])
		items = items[n:]
	}
}
