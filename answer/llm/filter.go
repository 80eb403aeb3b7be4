package llm

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// head watches the beginning of a streamed answer. It drops the thoughts that
// some models write first, holds text back for as long as it may become the
// refusal, and ends the call with errRefused once it is that.
type head struct {
	next func(string) error

	held    string
	looked  int  // bytes of held in which no end of a thought begins
	through bool // the beginning is over: text passes
}

const (
	thinkBegin = "<think>"
	thinkEnd   = "</think>"
	// maxThought bounds what is kept of a thought while its end is looked for.
	maxThought = 1 << 20
)

func (h *head) write(s string) error {
	if h.through {
		return h.next(s)
	}
	h.held += s
	return h.decide(false)
}

// close lets out what was held back when the answer has ended.
func (h *head) close() error {
	if h.through {
		return nil
	}
	return h.decide(true)
}

func (h *head) decide(ended bool) error {
	text := strings.TrimLeftFunc(h.held, unicode.IsSpace)
	if strings.HasPrefix(text, thinkBegin) {
		h.held = text
		end := strings.Index(text[h.looked:], thinkEnd)
		if end < 0 {
			h.looked = max(0, len(text)-len(thinkEnd))
			if len(h.held) > maxThought {
				return rag.Errorf(rag.KindExhausted, "llm: the model thought for more than %d bytes", maxThought)
			}
			if ended {
				h.held = "" // cut off in the middle of a thought: nothing was said
			}
			return nil
		}
		h.held, h.looked = text[h.looked+end+len(thinkEnd):], 0
		return h.decide(ended)
	}
	if !ended && len(text) < len(thinkBegin) && strings.HasPrefix(thinkBegin, text) {
		return nil
	}
	switch refusal(text, ended) {
	case isRefusal:
		return errRefused
	case mayBeRefusal:
		return nil
	}
	h.through, h.held = true, ""
	return h.next(text)
}

type verdict int

const (
	noRefusal verdict = iota
	mayBeRefusal
	isRefusal
)

// refusalWords is rag.Refusal as refusal compares it.
var refusalWords = folded(rag.Refusal)

// refusal compares the beginning of an answer with rag.Refusal, heeding letters
// only: models vary quotes, case and the full stop.
func refusal(text string, ended bool) verdict {
	words := folded(text)
	switch {
	case strings.HasPrefix(words, refusalWords):
		return isRefusal
	case !ended && len(text) < 2*len(rag.Refusal) && strings.HasPrefix(refusalWords, words):
		return mayBeRefusal
	}
	return noRefusal
}

// folded keeps the letters of s, in lower case, and stops once there are more
// than the refusal has.
func folded(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsLetter(r) {
			b.WriteRune(unicode.ToLower(r))
			if b.Len() > 2*len(rag.Refusal) {
				break
			}
		}
	}
	return b.String()
}

// markers brings the ways in which models write a source's number into the one
// form [n]: 【2】, [Source 2], [source 1, 3], (Source 2), [2†L4-L9].
type markers struct {
	emit func(string) error
	held string // from a bracket that may begin a marker
}

// maxMarkerBytes bounds how much is held back for a marker to become complete.
const maxMarkerBytes = 48

var markerForms = regexp.MustCompile(`^(?:[\[【(](?i:sources?|src)\.?\s*#?\s*|[\[【]\s*)((?:\d{1,4})(?:\s*(?:,|;|and|&)\s*(?:(?i:sources?)\s*)?\d{1,4})*)(?:†[^\]】]*)?\s*[\]】)]`)

var number = regexp.MustCompile(`\d+`)

func (m *markers) write(s string) error {
	m.held += s
	for m.held != "" {
		at := strings.IndexAny(m.held, "[【(")
		if at < 0 {
			return m.flush(len(m.held))
		}
		if at > 0 {
			if err := m.flush(at); err != nil {
				return err
			}
		}
		end := strings.IndexAny(m.held, "]】)")
		if end < 0 && len(m.held) <= maxMarkerBytes {
			return nil
		}
		if found := markerForms.FindString(m.held); found != "" {
			if err := m.emit("[" + strings.Join(number.FindAllString(beforeDagger(found), -1), ", ") + "]"); err != nil {
				return err
			}
			m.held = m.held[len(found):]
			continue
		}
		_, size := utf8.DecodeRuneInString(m.held)
		if err := m.flush(size); err != nil {
			return err
		}
	}
	return nil
}

// close lets out what was held back.
func (m *markers) close() error {
	if m.held == "" {
		return nil
	}
	return m.flush(len(m.held))
}

func (m *markers) flush(n int) error {
	out := m.held[:n]
	m.held = m.held[n:]
	return m.emit(out)
}

// beforeDagger leaves out the line numbers that may follow a source's number.
func beforeDagger(s string) string {
	s, _, _ = strings.Cut(s, "†")
	return s
}
