package mail

import (
	"bytes"
	"context"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/html"
)

// Parse reads a message in any encoding. Content without a header is KindInvalid;
// other errors are those of ctx.
func Parse(ctx context.Context, content []byte) (*Message, error) {
	content = utf8Bytes(content)
	h, _ := splitHeader(content)
	if !h.isMail() {
		return nil, rag.Errorf(rag.KindInvalid, "it is no e-mail message: it does not begin with a header")
	}
	w := &walker{ctx: ctx, left: maxParts}
	m := w.message(content, 0)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.Warnings = append(m.Warnings, w.warnings...)
	return m, nil
}

// ParsePart reads a MIME entity that may lack the header of a message, as it
// stands in the signed mail of other formats.
func ParsePart(ctx context.Context, content []byte) *Message {
	w := &walker{ctx: ctx, left: maxParts}
	m := w.message(content, 0)
	m.Warnings = append(m.Warnings, w.warnings...)
	return m
}

// utf8Bytes decodes a message that was saved as UTF-16 as a whole.
func utf8Bytes(content []byte) []byte {
	if len(content) < 4 {
		return content
	}
	marked := bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff"))
	if marked || content[0] == 0 || content[1] == 0 {
		if text, name := charset.Decode(content, ""); strings.HasPrefix(name, "utf-16") || strings.HasPrefix(name, "utf-32") {
			return []byte(text)
		}
	}
	return bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
}

var mailFields = []string{
	"from", "to", "subject", "date", "received", "mime-version", "return-path", "message-id", "delivered-to", "content-type", "sender", "cc", "reply-to",
}

func (h header) isMail() bool {
	return slices.ContainsFunc(mailFields, func(f string) bool { _, has := h[f]; return has })
}

// walker goes through the parts of a message and of those within it.
type walker struct {
	ctx      context.Context
	left     int // parts that may still be read
	warnings []string
	told     map[string]bool
}

func (w *walker) warn(warning string) {
	if w.told == nil {
		w.told = map[string]bool{}
	}
	if !w.told[warning] && len(w.told) < 100 {
		w.told[warning] = true
		w.warnings = append(w.warnings, warning)
	}
}

// message reads an entity that is a message.
func (w *walker) message(content []byte, depth int) *Message {
	h, body := splitHeader(content)
	m := &Message{
		Subject: h.text("subject"), From: h.addresses("from"), To: h.addresses("to"), Cc: h.addresses("cc"),
		Date: parseDate(h["date"]), DateText: h.text("date"), MessageID: h.id("message-id"), InReplyTo: h.id("in-reply-to"),
	}
	if m.From == "" {
		m.From = h.addresses("sender")
	}
	f := w.entity(h, body, place{depth: depth, usual: "text/plain", top: true})
	m.Body, m.Attachments, m.Encrypted, m.Location = f.body, f.files, f.encrypted, f.location
	for _, event := range f.events {
		m.Body = append(m.Body, Body{Text: event})
	}
	saved := h["snapshot-content-location"]
	if saved != "" {
		m.Location = clean.Line(saved)
	}
	m.Web = h["to"] == "" && h["received"] == "" && len(m.Body) > 0 && m.Body[0].HTML &&
		(m.Location != "" || strings.Contains(strings.ToLower(m.From), "saved by"))
	return m
}

// place is where an entity stands.
type place struct {
	depth   int
	usual   string // its type, where it does not say
	top     bool   // it is a whole message
	related bool   // it belongs to the page of a multipart/related
}

// found is what an entity holds.
type found struct {
	body      []Body
	files     []Attachment
	events    []string // of calendars
	encrypted string
	location  string
}

func (f *found) add(g found) {
	f.body = append(f.body, g.body...)
	f.files = append(f.files, g.files...)
	f.events = append(f.events, g.events...)
	if f.encrypted == "" {
		f.encrypted = g.encrypted
	}
	if f.location == "" {
		f.location = g.location
	}
}

// entity reads a part, whatever it is.
func (w *walker) entity(h header, body []byte, at place) found {
	switch {
	case w.ctx.Err() != nil:
		return found{}
	case w.left <= 0:
		w.warn("the message has more than 10,000 parts; the rest was not read")
		return found{}
	case at.depth > maxDepth:
		w.warn("parts are nested deeper than 50 levels; what lies deeper was not read")
		return found{}
	}
	w.left--
	kind, params := parameters(h["content-type"])
	if !strings.Contains(kind, "/") {
		kind = at.usual
	}
	disposition, more := parameters(h["content-disposition"])
	name := fileName(more["filename"], params["name"], more["name"])
	attached := disposition == "attachment"
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		return w.multipart(kind, params, body, at)
	case kind == "message/rfc822" || kind == "message/global" || kind == "message/news":
		nested := w.message(decodeTransfer(body, h["content-transfer-encoding"]), at.depth+1)
		return found{files: []Attachment{{Name: name, Message: nested, Digest: at.usual == kind && name == ""}}}
	}
	content := decodeTransfer(body, h["content-transfer-encoding"])
	base := strings.ToLower(name)
	switch {
	case isCMS(kind, base):
		return w.secured(content, name, at)
	case signatures[kind] || strings.HasSuffix(base, ".p7s") || kind == "application/applefile":
		return found{}
	case kind == "application/ms-tnef" || kind == "application/vnd.ms-tnef" || base == "winmail.dat":
		w.warn("attachment " + quoted(cmpName(name, "winmail.dat")) + " was not read: it is in Outlook's own format (TNEF); ask the sender for the files themselves")
		return found{}
	case kind == "text/calendar" && !attached:
		return found{events: events(toUTF8(content, params["charset"]))}
	case strings.HasPrefix(kind, "image/") && !attached && (disposition == "inline" || h["content-id"] != "" || at.related):
		return found{} // shown within the text
	case at.related && !attached && name == "" && (h["content-id"] != "" || h["content-location"] != ""):
		return found{} // style sheets, fonts, frames of a page
	}
	readable := kind == "text/plain" || kind == "text/html" || kind == "text/enriched" || kind == "text/richtext" || kind == "text/watch-html" ||
		strings.HasPrefix(kind, "message/") || kind == "text/rfc822-headers" || kind == "application/xhtml+xml" || kind == "text" || kind == ""
	if at.top && strings.HasPrefix(kind, "text/") {
		readable = true
	}
	if readable && !attached && (name == "" || disposition == "inline" || at.top) {
		f := readBody(kind, params, content)
		f.location = clean.Line(h["content-location"])
		return f
	}
	if name == "" {
		name = "unnamed" + suffixes[kind]
	}
	return found{files: []Attachment{{Name: name, Content: content}}}
}

// signatures are parts that say nothing to a reader.
var signatures = map[string]bool{
	"application/pgp-signature": true, "application/pkcs7-signature": true, "application/x-pkcs7-signature": true, "application/pgp-keys": true,
}

// suffixes name attachments without a name.
var suffixes = map[string]string{
	"application/pdf": ".pdf", "text/plain": ".txt", "text/html": ".html", "text/csv": ".csv", "application/json": ".json", "text/calendar": ".ics",
	"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "application/zip": ".zip", "application/rtf": ".rtf", "text/rtf": ".rtf",
	"application/msword": ".doc", "application/vnd.ms-excel": ".xls", "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx", "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}

// fileName returns the first name that is one, without its folders.
func fileName(names ...string) string {
	for _, n := range names {
		n = clean.Line(path.Base(strings.ReplaceAll(n, `\`, "/")))
		if n != "" && n != "." && n != "/" {
			return clean.Cut(n, maxName)
		}
	}
	return ""
}

func cmpName(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

func quoted(s string) string { return `"` + s + `"` }

// multipart reads the parts of a multipart entity.
func (w *walker) multipart(kind string, params map[string]string, body []byte, at place) found {
	if kind == "multipart/encrypted" {
		if strings.Contains(strings.ToLower(params["protocol"]), "pkcs7") {
			return found{encrypted: "S/MIME"}
		}
		return found{encrypted: "PGP"}
	}
	parts := splitParts(body, params["boundary"], w.left)
	if parts == nil { // no boundary is to be found: the body is text
		if text := bytes.TrimSpace(body); len(text) > 0 {
			w.warn("the parts of the message are not divided as its header says; it was read as one text")
			return readBody(sniffKind(text), nil, body)
		}
		return found{}
	}
	child := place{depth: at.depth + 1, usual: "text/plain"}
	if kind == "multipart/digest" {
		child.usual = "message/rfc822"
	}
	var all []found
	root := 0
	start := strings.Trim(params["start"], "<> ")
	if kind == "multipart/related" && start != "" {
		root = max(0, slices.IndexFunc(parts, func(p []byte) bool {
			h, _ := splitHeader(p)
			return strings.Trim(h["content-id"], "<> ") == start
		}))
	}
	for i, p := range parts {
		child.related = kind == "multipart/related" && i != root
		h, content := splitHeader(p)
		all = append(all, w.entity(h, content, child))
	}
	switch {
	case kind == "multipart/alternative":
		return w.choose(all)
	case kind == "multipart/related" && root > 0 && root < len(all):
		all[0], all[root] = all[root], all[0]
	}
	var f found
	for _, g := range all {
		f.add(g)
	}
	return f
}

// splitParts returns the parts between the boundaries, at most so many; nil if there
// is no boundary. Where the one that is named does not occur, the first line that
// looks like one is taken for it.
func splitParts(body []byte, boundary string, most int) [][]byte {
	mark := []byte("--" + boundary)
	if boundary == "" || nextBoundary(body, mark) < 0 {
		if mark = guessBoundary(body); mark == nil {
			return nil
		}
	}
	at := nextBoundary(body, mark)
	var parts [][]byte
	for at >= 0 && len(parts) <= most {
		line, rest := cutLine(body[at:])
		if bytes.HasPrefix(line[len(mark):], []byte("--")) {
			break
		}
		end := nextBoundary(rest, mark)
		if end < 0 {
			if len(bytes.TrimSpace(rest)) > 0 {
				parts = append(parts, rest)
			}
			break
		}
		part := rest[:end]
		part = bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r"))
		parts = append(parts, part)
		body, at = rest, end
	}
	if parts == nil {
		parts = [][]byte{}
	}
	return parts
}

// nextBoundary returns where the next line that is a boundary begins, -1 if none.
func nextBoundary(body, mark []byte) int {
	for from := 0; ; {
		i := bytes.Index(body[from:], mark)
		if i < 0 {
			return -1
		}
		i += from
		from = i + len(mark)
		if i > 0 && body[i-1] != '\n' {
			continue
		}
		after := bytes.TrimPrefix(body[from:], []byte("--"))
		line, _ := cutLine(after[:min(len(after), 200)])
		if len(bytes.TrimSpace(line)) == 0 {
			return i
		}
	}
}

// guessBoundary returns the first line that begins like a boundary and occurs again.
func guessBoundary(body []byte) []byte {
	rest := body
	for n := 0; len(rest) > 0 && n < 1000; n++ {
		line, next := cutLine(rest)
		line = bytes.TrimRight(line, " \t")
		if len(line) >= 8 && len(line) <= 200 && bytes.HasPrefix(line, []byte("--")) && !bytes.ContainsAny(line, " \t") && nextBoundary(next, line) >= 0 {
			return line
		}
		rest = next
	}
	return nil
}

// choose takes of a message's alternative forms the plain text, or the HTML where
// that says much more. What is attached to any of them is kept.
func (w *walker) choose(all []found) found {
	plain, page := -1, -1
	var f found
	for i, g := range all {
		html := slices.ContainsFunc(g.body, func(b Body) bool { return b.HTML })
		switch {
		case html:
			page = i
		case len(g.body) > 0 && plain < 0:
			plain = i
		}
		if len(f.events) > 0 {
			g.events = nil // the same event, in another form
		}
		f.add(found{files: g.files, events: g.events, encrypted: g.encrypted, location: g.location})
	}
	switch {
	case page < 0 && plain < 0:
	case page < 0:
		f.body = all[plain].body
	case plain < 0 || w.stub(all[plain].body, all[page].body):
		f.body = all[page].body
	default:
		f.body = all[plain].body
	}
	return f
}

// stub reports whether the plain text says much less than the page.
func (w *walker) stub(plain, page []Body) bool {
	said, bytes := 3*w.letters(plain), 0
	for _, b := range page {
		bytes += len(b.Text)
	}
	return said < bytes && said < w.letters(page) // the page is not read where its size tells
}

// letters counts what a reader sees of a body, roughly.
func (w *walker) letters(body []Body) int {
	n := 0
	for _, b := range body {
		text := b.Text
		if b.HTML {
			var out clean.Builder
			if html.Append(w.ctx, &out, text) != nil {
				continue
			}
			text = out.Text().Content
		}
		for _, r := range text {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				n++
			}
		}
	}
	return n
}

// secured reads S/MIME parts.
func (w *walker) secured(content []byte, name string, at place) found {
	inner, how := openCMS(content)
	switch how {
	case cmsSigned:
		h, body := splitHeader(inner)
		return w.entity(h, body, place{depth: at.depth + 1, usual: "text/plain", top: true})
	case cmsEncrypted:
		return found{encrypted: "S/MIME"}
	}
	w.warn("the signed part " + quoted(cmpName(name, "smime.p7m")) + " is damaged and was not read")
	return found{}
}
