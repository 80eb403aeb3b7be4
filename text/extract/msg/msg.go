// Package msg extracts Outlook messages (MS-OXMSG): a compound file (package ole) whose
// streams are the properties of a message, its recipients and its attachments. Of one
// that is damaged the message is read as far as it is there.
//
//	properties.go  properties and their encodings
//	msg.go         the message: body, recipients, attachments
//	lzfu.go        compressed RTF (MS-OXRTFCP)
//	rtf.go         the HTML or text that RTF carries (MS-OXRTFEX)
//
// A file becomes a mail.Message, so that its text looks like that of any mail. Other
// items that Outlook keeps in such files (appointments, notes) are read as messages.
package msg

import (
	"bytes"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/mail"
	"github.com/smartretriever/smartretriever/text/extract/ole"
)

const (
	maxDepth = 20   // messages attached to messages
	maxItems = 2000 // recipients, attachments of a message
)

// Extract returns the text of an Outlook message, with title and metadata, as
// mail.Extract does. A file that is damaged or holds no message is KindInvalid, an
// encrypted message KindUnauthorized, one with too much text KindExhausted.
func Extract(ctx context.Context, content []byte, opt mail.Options) (rag.Text, error) {
	m, err := Parse(ctx, content)
	if err != nil {
		return rag.Text{}, err
	}
	return m.Text(ctx, opt)
}

// Parse reads an Outlook message.
func Parse(ctx context.Context, content []byte) (*mail.Message, error) {
	if !ole.Is(content) {
		return nil, rag.Errorf(rag.KindInvalid, "it is no Outlook message: it does not begin like one")
	}
	file, err := ole.Salvage(content)
	if err != nil {
		return nil, rag.Errorf(rag.KindOf(err), "the message cannot be read: %w", err)
	}
	if !isMessage(file.Root()) {
		return nil, rag.Errorf(rag.KindInvalid, "the file holds no Outlook message")
	}
	r := &reader{ctx: ctx, file: file, left: 4*len(content) + 1<<20}
	m := r.message(file.Root(), 32, 0, "")
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

func isMessage(s *ole.Storage) bool {
	if _, has := s.Stream("__properties_version1.0"); has {
		return true
	}
	property := func(name string) bool { return strings.HasPrefix(name, "__substg1.0_") }
	return slices.ContainsFunc(s.Streams, func(s ole.Stream) bool { return property(s.Name) }) ||
		slices.ContainsFunc(s.Storages, func(s *ole.Storage) bool { return property(s.Name) })
}

// reader is the state of one extraction.
type reader struct {
	ctx  context.Context
	file *ole.File
	left int // bytes of streams that may still be read, for damaged streams may share what they hold
}

// read returns the bytes of a stream, as far as they are there.
func (r *reader) read(s ole.Stream) []byte {
	if r.left <= 0 {
		return nil
	}
	b, err := r.file.Content(s)
	if err != nil {
		return nil // there is nothing of it: the file is salvaged
	}
	b = b[:min(len(b), r.left)]
	r.left -= len(b)
	return b
}

// message reads a message whose fixed properties stand after a header of the given
// size.
func (r *reader) message(in *ole.Storage, header, depth int, page string) *mail.Message {
	o := r.open(in, header, page)
	for _, n := range []int{o.int(propMessagePage), pageOfLocale(o.int(propLocale)), o.int(propInternetPage)} {
		if name := codePage(n); name != "" {
			o.page = name
			break
		}
	}
	m := &mail.Message{
		Subject: clean.Line(o.text(propSubject)), MessageID: strings.Trim(clean.Line(o.text(propMessageID)), "<>"),
		InReplyTo: strings.Trim(clean.Line(o.text(propInReplyTo)), "<>"),
		From:      mail.Address(first(o.text(propSentName), o.text(propSenderName)), o.address(propSentSMTP, propSenderSMTP, propSentAddress, propSenderAddr)),
	}
	for _, id := range []uint16{propSubmitTime, propDelivered, propCreated} {
		if m.Date = o.time(id); !m.Date.IsZero() {
			break
		}
	}
	r.recipients(o, m)
	r.fromHeaders(o, m)
	o.body(r.ctx, m)
	r.attachments(o, m, depth)
	r.secured(o, m)
	return m
}

func first(values ...string) string {
	for _, v := range values {
		if strings.TrimSpace(v) != "" {
			return v
		}
	}
	return ""
}

// address returns the first property that is an address of the internet; those of
// Exchange ("/O=...") say nothing to a reader.
func (o *object) address(ids ...uint16) string {
	for _, id := range ids {
		if a := clean.Line(o.text(id)); strings.Contains(a, "@") && !strings.HasPrefix(a, "/") {
			return a
		}
	}
	return ""
}

// numbered returns the storages whose names begin with prefix, in order.
func (o *object) numbered(prefix string) []*ole.Storage {
	var out []*ole.Storage
	for _, s := range o.in.Storages {
		if strings.HasPrefix(s.Name, prefix) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *ole.Storage) int { return strings.Compare(a.Name, b.Name) })
	return out[:min(len(out), maxItems)]
}

// recipients fills in To and Cc, from the recipients or failing these from how they
// were displayed.
func (r *reader) recipients(o *object, m *mail.Message) {
	const to, cc = 1, 2
	lists := map[int][]string{}
	for _, in := range o.numbered("__recip_version1.0_") {
		p := r.open(in, 8, o.page)
		kind := to
		if _, has := p.fixed[propRecipient]; has {
			kind = p.int(propRecipient) & 0xf
		}
		if who := mail.Address(p.text(propName), p.address(propSMTP, propAddress)); who != "" {
			lists[kind] = append(lists[kind], who)
		}
	}
	m.To, m.Cc = strings.Join(lists[to], ", "), strings.Join(lists[cc], ", ")
	if m.To == "" {
		m.To = clean.Line(o.text(propDisplayTo))
	}
	if m.Cc == "" {
		m.Cc = clean.Line(o.text(propDisplayCc))
	}
}

// fromHeaders completes a message by the header with which it came over the internet.
func (r *reader) fromHeaders(o *object, m *mail.Message) {
	raw := o.text(propHeaders)
	if raw == "" {
		return
	}
	h := mail.ParsePart(r.ctx, []byte(strings.TrimSpace(raw)+"\r\n\r\n"))
	m.MessageID, m.InReplyTo = first(m.MessageID, h.MessageID), first(m.InReplyTo, h.InReplyTo)
	if !strings.Contains(m.From, "@") {
		m.From = first(h.From, m.From)
	}
	if m.Date.IsZero() {
		m.Date = h.Date
	}
}

// body takes the plain body, or else the HTML, or else what the RTF carries. A plain
// body that is next to nothing beside the HTML gives way to it.
func (o *object) body(ctx context.Context, m *mail.Message) {
	plain := strings.TrimSpace(o.text(propBody))
	page := o.html()
	if plain == "" && page == "" {
		packed, _ := o.stream(propRTF, typeBinary)
		rtf, err := decompress(packed)
		if err != nil && len(packed) > 0 {
			m.Warnings = append(m.Warnings, "the formatted body is damaged and was read as far as possible")
		}
		text, isHTML := deencapsulate(rtf, o.page)
		if isHTML {
			page = text
		} else {
			plain = strings.TrimSpace(text)
		}
	}
	switch {
	case plain != "" && (page == "" || len(plain) > 40 || 20*len(plain) > len(page)):
		m.Body = []mail.Body{{Text: plain}}
	case page != "":
		m.Body = []mail.Body{{Text: page, HTML: true}}
	}
}

// html returns the HTML body, which is bytes in the code page for the internet, or
// a text.
func (o *object) html() string {
	if b, has := o.stream(propHTML, typeBinary); has && len(b) > 0 {
		return decode(b, first(codePage(o.int(propInternetPage)), o.page))
	}
	return o.text(propHTML)
}

// attachments reads the files and messages that are attached.
func (r *reader) attachments(o *object, m *mail.Message, depth int) {
	const embedded = 5
	for _, in := range o.numbered("__attach_version1.0_") {
		if r.ctx.Err() != nil {
			return
		}
		a := r.open(in, 8, o.page)
		name := clean.Line(path.Base(strings.ReplaceAll(first(a.text(propLongFile), a.text(propFile), a.text(propName), "unnamed"), `\`, "/")))
		name = clean.Cut(name, 255)
		if inner := in.Storage(streamName(propData, typeObject)); inner != nil {
			switch {
			case !isMessage(inner) && a.int(propMethod) != embedded: // an OLE object: a picture, a sheet
				m.Warnings = append(m.Warnings, `the embedded object "`+name+`" was not read`)
			case depth >= maxDepth:
				m.Warnings = append(m.Warnings, `the attached message "`+name+`" was not read: messages are nested deeper than 20 levels`)
			default:
				m.Attachments = append(m.Attachments, mail.Attachment{Name: name, Message: r.message(inner, 24, depth+1, o.page)})
			}
			continue
		}
		content, has := a.stream(propData, typeBinary)
		if !has && a.int(propMethod) != 1 {
			continue // a link to a file elsewhere
		}
		kind := strings.ToLower(clean.Line(a.text(propMIME)))
		if a.isInline(name, kind) {
			continue
		}
		m.Attachments = append(m.Attachments, mail.Attachment{Name: name, Content: content})
	}
}

// isInline reports whether an attachment is a picture that the HTML shows.
func (a *object) isInline(name, kind string) bool {
	const renderedInBody = 4
	picture := strings.HasPrefix(kind, "image/")
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".wmz", ".emz", ".wmf", ".emf":
		picture = true
	}
	return picture && (a.fixed[propHidden]&1 != 0 || a.int(propFlags)&renderedInBody != 0 || a.text(propContentID) != "")
}

// secured reads a message that is signed or encrypted: its content is an attachment
// then, as it went over the internet.
func (r *reader) secured(o *object, m *mail.Message) {
	class := strings.ToLower(o.text(propClass))
	if class == "ipm.note.rpmsg.microsoft.voicemail.um" {
		return
	}
	for i, a := range m.Attachments {
		switch name := strings.ToLower(a.Name); {
		case name == "message.rpmsg" || strings.HasPrefix(class, "ipm.note.rpmsg") && strings.HasSuffix(name, ".rpmsg"):
			*m = mail.Message{Subject: m.Subject, Encrypted: "rights management"}
			return
		case !strings.HasPrefix(class, "ipm.note.smime") && name != "smime.p7m":
			continue
		case a.Message != nil:
			continue
		}
		content := a.Content
		if signed, encrypted := mail.Secured(content); encrypted {
			*m = mail.Message{Subject: m.Subject, Encrypted: "S/MIME"}
			return
		} else if len(signed) > 0 {
			content = signed
		}
		if !bytes.Contains(bytes.ToLower(content[:min(len(content), 4096)]), []byte("content-type:")) {
			continue
		}
		inner := mail.ParsePart(r.ctx, content)
		if len(inner.Body) > 0 {
			m.Body = inner.Body
		}
		m.Encrypted = inner.Encrypted
		m.Warnings = append(m.Warnings, inner.Warnings...)
		m.Attachments = slices.Concat(m.Attachments[:i], m.Attachments[i+1:], inner.Attachments)
		return
	}
}
