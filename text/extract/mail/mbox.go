package mail

import (
	"bytes"
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// maxMailbox is how many messages of a mailbox are put into one text.
const maxMailbox = 100_000

// IsMailbox reports whether content begins like a mailbox: with the line "From "
// that stands before each message of one.
func IsMailbox(content []byte) bool {
	content = bytes.TrimLeft(content[:min(len(content), 4096)], "\r\n")
	line, rest := cutLine(content)
	if !isFrom(line) {
		return false
	}
	h, _ := splitHeader(rest)
	return h.isMail() || hasDate(line)
}

// Split yields the messages of a mailbox, in order and as they were before they were
// put into it. All the kinds of mbox are read (RFC 4155 and older): in a mailbox whose
// messages state a Content-Length that leads to the next "From " line, that is where
// a message ends; in others at the next "From " line that follows a blank line. A ">"
// that quotes a "From " line within a message is taken away. The messages may be
// parts of content.
func Split(content []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		content := bytes.TrimLeft(content, "\r\n")
		for len(content) > 0 {
			line, rest := cutLine(content)
			if !isFrom(line) {
				rest = content // what stands before the first message
			}
			message, next := cutMessage(rest)
			if len(bytes.TrimSpace(message)) > 0 && !yield(unquoteFrom(message)) {
				return
			}
			content = next
		}
	}
}

// cutMessage returns the message at the start of b, and the next "From " line with
// what follows.
func cutMessage(b []byte) (message, rest []byte) {
	if n := statedLength(b); n >= 0 {
		after := b[n:]
		if trimmed := bytes.TrimLeft(after, "\r\n"); len(trimmed) == 0 {
			return b[:n], nil
		} else if line, _ := cutLine(trimmed); isFrom(line) && len(after)-len(trimmed) <= 4 {
			return b[:n], trimmed
		}
	}
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("\nFrom "))
		if i < 0 {
			return b, nil
		}
		i += at
		at = i + 1
		line, _ := cutLine(b[i+1:])
		blank := bytes.HasSuffix(b[:i], []byte("\n")) || bytes.HasSuffix(b[:i], []byte("\n\r")) || i == 0
		// Without a blank line before it, it has to look like one in full.
		if hasDate(line) && (blank || bytes.Contains(line, []byte("@"))) {
			return b[:i+1], b[i+1:]
		}
	}
}

// statedLength returns where the message at the start of b ends by its
// Content-Length, -1 if it states none or more than there is.
func statedLength(b []byte) int {
	h, body := splitHeader(b[:min(len(b), maxHeader)])
	stated, ok := h["content-length"]
	if !ok {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(stated))
	start := min(len(b), maxHeader) - len(body)
	if err != nil || n < 0 || n > len(b)-start {
		return -1
	}
	return start + n
}

func isFrom(line []byte) bool { return bytes.HasPrefix(line, []byte("From ")) }

// hasDate reports whether a "From " line ends in a date as asctime writes it, which
// holds a time of day and a year.
func hasDate(line []byte) bool {
	if !isFrom(line) || len(line) > 1000 {
		return false
	}
	fields := bytes.Fields(line[len("From "):])
	clock, year := false, false
	for _, f := range fields {
		if i := bytes.IndexByte(f, ':'); i > 0 && i <= 2 && isDigits(f[:i]) {
			clock = true
		}
		if len(f) == 4 && isDigits(f) && f[0] != '0' {
			year = true
		}
	}
	return clock && year
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// unquoteFrom takes one ">" from the lines ">From ", ">>From " and so on.
func unquoteFrom(message []byte) []byte {
	if !bytes.Contains(message, []byte(">From ")) {
		return message
	}
	out := make([]byte, 0, len(message))
	for rest := message; len(rest) > 0; {
		_, next := cutLine(rest)
		line := rest[:len(rest)-len(next)]
		if stripped := bytes.TrimLeft(line, ">"); len(stripped) < len(line) && isFrom(stripped) {
			line = line[1:]
		}
		out = append(out, line...)
		rest = next
	}
	return out
}

// ExtractMailbox returns the text of a whole mailbox: each message as Extract
// renders it, below a heading of level 1. A mailbox without a message is
// KindInvalid; messages that are encrypted are named in a warning.
func ExtractMailbox(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	if !IsMailbox(content) {
		return rag.Text{}, rag.Errorf(rag.KindInvalid, `it is no mailbox: it does not begin with a "From " line`)
	}
	r := newRenderer(opt)
	n := 0
	for raw := range Split(content) {
		if err := ctx.Err(); err != nil {
			return rag.Text{}, err
		}
		if n++; n > maxMailbox {
			return rag.Text{}, rag.Errorf(rag.KindExhausted, "the mailbox holds more than 100,000 messages; divide it")
		}
		m := parseAny(ctx, raw)
		if m.Subject == "" {
			m.Subject = "(no subject)"
		}
		if err := r.message(ctx, m, "", 1); err != nil {
			return rag.Text{}, err
		}
	}
	return r.text(), nil
}

// parseAny reads a message of a mailbox, which may have no header.
func parseAny(ctx context.Context, raw []byte) *Message {
	w := &walker{ctx: ctx, left: maxParts}
	m := w.message(raw, 0)
	m.Web = false
	m.Warnings = append(m.Warnings, w.warnings...)
	return m
}
