package mail

import (
	"context"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/html"
)

// Text returns a message as a text, as Extract describes it.
func (m *Message) Text(ctx context.Context, opt Options) (rag.Text, error) {
	if m.Encrypted != "" && len(m.Body) == 0 && len(m.Attachments) == 0 {
		return rag.Text{}, encrypted(m.Encrypted)
	}
	if m.Web {
		return m.page(ctx, opt)
	}
	r := newRenderer(opt)
	if err := r.message(ctx, m, "", 1); err != nil {
		return rag.Text{}, err
	}
	text := r.text()
	text.Title = clean.Cut(m.Subject, 1000)
	text.Metadata = m.metadata()
	return text, nil
}

func encrypted(by string) error {
	return rag.Errorf(rag.KindUnauthorized, "the message is encrypted with %s and cannot be read without its recipient's key; save it decrypted", by)
}

func (m *Message) metadata() rag.Metadata {
	meta := rag.Metadata{}
	set := func(key, value string) {
		if value = clean.Cut(clean.Line(value), rag.MaxMetadataString); value != "" {
			meta[key] = rag.Str(value)
		}
	}
	set("author", m.From)
	set("to", m.To)
	set("cc", m.Cc)
	set("message_id", m.MessageID)
	set("in_reply_to", m.InReplyTo)
	if !m.Date.IsZero() {
		set("date", m.Date.UTC().Format(time.RFC3339))
	}
	return meta
}

// page is the text of a saved web page.
func (m *Message) page(ctx context.Context, opt Options) (rag.Text, error) {
	text, err := html.Extract(ctx, []byte(m.Body[0].Text), html.Options{Limit: opt.Limit})
	if err != nil {
		return rag.Text{}, err
	}
	if text.Title == "" {
		text.Title = clean.Cut(m.Subject, 1000)
	}
	if text.Metadata == nil {
		text.Metadata = rag.Metadata{}
	}
	if m.Location != "" {
		text.Metadata["url"] = rag.Str(clean.Cut(m.Location, rag.MaxMetadataString))
	}
	if _, dated := text.Metadata["date"]; !dated && !m.Date.IsZero() {
		text.Metadata["date"] = rag.Str(m.Date.UTC().Format(time.RFC3339))
	}
	text.Warnings = append(text.Warnings, m.Warnings...)
	return text, nil
}

// renderer writes messages to one text.
type renderer struct {
	opt      Options
	b        *clean.Builder
	warnings []string
}

// maxWarnings bounds what is said about the attachments of a message or mailbox.
const maxWarnings = 200

func newRenderer(opt Options) *renderer {
	return &renderer{opt: opt, b: &clean.Builder{Limit: opt.Limit}}
}

func (r *renderer) text() rag.Text {
	t := r.b.Text()
	t.Warnings = r.warnings
	return t
}

func (r *renderer) warn(warning string) {
	switch n := len(r.warnings); {
	case n < maxWarnings:
		r.warnings = append(r.warnings, clean.Line(warning))
	case n == maxWarnings:
		r.warnings = append(r.warnings, "and more of the same kind")
	}
}

// message writes a message whose heading is of the given level and begins with
// label.
func (r *renderer) message(ctx context.Context, m *Message, label string, level int) error {
	if err := r.b.Add(rag.Block{Kind: rag.Heading, Level: min(level, 6)}, label+m.Subject); err != nil {
		return err
	}
	if err := r.b.Add(rag.Block{Kind: rag.Paragraph}, m.envelope()); err != nil {
		return err
	}
	for _, w := range m.Warnings {
		r.warn(w)
	}
	if m.Encrypted != "" {
		r.warn("a part was not read: " + encrypted(m.Encrypted).Error())
	}
	for _, body := range m.Body {
		if err := r.body(ctx, body, level); err != nil {
			return err
		}
	}
	for _, a := range m.Attachments {
		if err := r.attachment(ctx, a, level+1); err != nil {
			return err
		}
	}
	return nil
}

// envelope is who wrote to whom, and when.
func (m *Message) envelope() string {
	var lines []string
	line := func(label, value string) {
		if value != "" {
			lines = append(lines, label+": "+clean.Line(value))
		}
	}
	date := m.DateText
	if !m.Date.IsZero() {
		date = m.Date.UTC().Format("2006-01-02 15:04 UTC")
	}
	line("From", m.From)
	line("To", m.To)
	line("Cc", m.Cc)
	line("Date", date)
	return strings.Join(lines, "\n")
}

func (r *renderer) body(ctx context.Context, body Body, level int) error {
	if !body.HTML {
		return addPlain(ctx, r.b, body.Text)
	}
	part := &clean.Builder{Limit: r.opt.Limit}
	if err := html.Append(ctx, part, body.Text); err != nil {
		return err
	}
	return r.insert(part.Text(), level)
}

// attachment writes an attached message, or file under a heading; one that cannot
// be read is named.
func (r *renderer) attachment(ctx context.Context, a Attachment, level int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.Message != nil {
		label := "Attachment: "
		switch {
		case a.Digest && a.Message.Subject != "":
			label = ""
		case a.Message.Subject == "":
			label += cmpName(a.Name, "message without a subject")
		}
		return r.message(ctx, a.Message, label, level)
	}
	name := clean.Line(a.Name)
	title := "Attachment: " + name
	if r.opt.Attachment == nil {
		return r.b.Add(rag.Block{Kind: rag.Paragraph}, title+" ("+humanize.IBytes(uint64(len(a.Content)))+")")
	}
	text, err := r.opt.Attachment(ctx, name, a.Content)
	if err == nil && r.opt.Limit > 0 && r.b.Len()+len(title)+len(text.Content)+2*len(text.Blocks)+8 > r.opt.Limit {
		err = rag.Errorf(rag.KindExhausted, "the message would hold more than %d MiB of text with it", max(1, r.opt.Limit>>20))
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.warn("attachment " + quoted(name) + " was not read: " + err.Error())
		return r.b.Add(rag.Block{Kind: rag.Paragraph}, title+" (not read)")
	}
	for _, w := range text.Warnings {
		r.warn("attachment " + quoted(name) + ": " + w)
	}
	if len(text.Blocks) == 0 {
		return r.b.Add(rag.Block{Kind: rag.Paragraph}, title+" (holds no text)")
	}
	if err := r.b.Add(rag.Block{Kind: rag.Heading, Level: min(level, 6)}, title); err != nil {
		return err
	}
	return r.insert(text, level)
}

// insert appends another text with its headings below the given level. Pages are
// those of the other document and are left out.
func (r *renderer) insert(t rag.Text, level int) error {
	for _, block := range t.Blocks {
		text := block.Span.Of(t.Content)
		var err error
		switch block.Kind {
		case rag.Table:
			header := block.HeaderEnd - block.Span.Start
			lines := strings.Count(text[:header], "\n")
			if !strings.HasSuffix(text[:header], "\n") {
				lines++
			}
			err = r.b.AddPipeTable(0, text, lines)
		case rag.Heading:
			err = r.b.Add(rag.Block{Kind: rag.Heading, Level: min(block.Level+level, 6)}, text)
		default:
			err = r.b.AddLines(rag.Block{Kind: block.Kind, Level: block.Level}, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
