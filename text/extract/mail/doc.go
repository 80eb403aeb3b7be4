// Package mail extracts e-mail messages (RFC 5322 with MIME, RFC 2045 to 2049),
// mailboxes of them (mbox) and web pages saved as MIME (.mht).
//
// Mail in the wild breaks every rule of its formats, so nothing here is strict: a
// walker over the bytes takes what it finds, under fixed limits, and never fails
// on a part.
//
//	header.go    fields, RFC 2047 words, RFC 2231 parameters, raw 8-bit bytes
//	walk.go      the tree of parts: which are the body, which are attached
//	transfer.go  base64, quoted-printable, uuencode
//	cms.go       the content of S/MIME signed parts
//	body.go      plain bodies: format=flowed, quotes
//	calendar.go  invitations
//	render.go    a Message as a text
//	mbox.go      mailboxes
//
// A Message is what these parts have in common with Outlook's own format (package
// msg), which reads its files into one too, so that both look the same as text.
package mail

import (
	"context"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits that hold for every message.
const (
	maxDepth   = 50      // parts within parts
	maxParts   = 10_000  // of a message with everything within it
	maxHeader  = 1 << 20 // bytes of one part's header
	maxFields  = 2000    // of one part's header
	maxField   = 64 << 10
	maxAddress = 16 << 10 // bytes of a list of addresses that is tidied; a longer one stays as it is
	maxName    = 255      // bytes of an attachment's name
)

// Options say how messages become text.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
	// Attachment reads an attached file. Its text is appended below the message;
	// an error is a warning of the message, save that of ctx. With nil, attached
	// files are named only. Attached messages are read in any case.
	Attachment func(ctx context.Context, name string, content []byte) (rag.Text, error)
}

// Message is one message, decoded.
type Message struct {
	Subject     string
	From        string // "Name <address>"
	To, Cc      string // the same, separated by commas
	Date        time.Time
	DateText    string // as written, where Date could not be read
	MessageID   string // without the angle brackets
	InReplyTo   string
	Body        []Body
	Attachments []Attachment
	Encrypted   string   // by what the body is encrypted, "" if it can be read
	Web         bool     // it is a saved web page, not mail
	Location    string   // the address of a saved web page
	Warnings    []string // what could not be read
}

// Body is a piece of a message's text.
type Body struct {
	Text string
	HTML bool
}

// Attachment is a file or a message that came with a message.
type Attachment struct {
	Name    string
	Content []byte   // of a file
	Message *Message // of a message; Content is nil then
	Digest  bool     // the message is one of a digest
}

// Extract returns the text of a message: its subject as a heading, a paragraph
// with From, To, Cc and Date, the body, and what is attached. Title is the subject;
// metadata are author (the sender), to, cc, date (RFC 3339, UTC), message_id and
// in_reply_to. Of a saved web page (.mht) it is the text of the page.
//
// Content without a header is KindInvalid, a message that is encrypted
// KindUnauthorized, one with too much text KindExhausted.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	m, err := Parse(ctx, content)
	if err != nil {
		return rag.Text{}, err
	}
	return m.Text(ctx, opt)
}
