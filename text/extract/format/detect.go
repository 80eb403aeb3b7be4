package format

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/zipdir"
)

const (
	headSize = 4096  // bytes in which text formats show
	pdfReach = 1024  // bytes in which a PDF's header may begin
	maxNames = 4096  // entries of a container that are looked at
	magics   = 65536 // bytes in which signatures of binary formats lie
)

// Detect returns the format of content. One that is not supported is
// KindInvalid and names what it is; an encrypted Office file KindUnauthorized.
func Detect(name string, content []byte) (ID, error) {
	hint := ByName(name)
	switch {
	case len(content) == 0:
		if hint == "" {
			return Plain, nil
		}
		return hint, nil
	case isPDF(content, hint):
		return PDF, nil
	case zipdir.Is(content):
		return container(content, name)
	case bytes.HasPrefix(content, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return "", compound(content)
	case !charset.IsText(content):
		return "", binary(content, hint)
	}
	return text(name, hint, content)
}

// isPDF looks for the header, which other bytes may precede. In a file that is
// text and has another name, a header further in is only mentioned.
func isPDF(content []byte, hint ID) bool {
	if bytes.HasPrefix(content, []byte("%PDF-")) {
		return true
	}
	head := content[:min(len(content), pdfReach)]
	if hint == PDF {
		return bytes.Contains(head, []byte("%PDF")) || bytes.Contains(content, []byte("%%EOF")) || bytes.Contains(content, []byte(" obj"))
	}
	return bytes.Contains(head, []byte("%PDF-")) && !charset.IsText(content)
}

// container tells apart the many formats that are zip containers.
func container(content []byte, name string) (ID, error) {
	dir := zipdir.Read(content, maxNames)
	kind := ""
	for _, n := range dir.Names {
		n = strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(n, `\`, "/"), "/"))
		switch {
		case strings.HasPrefix(n, "word/"):
			return DOCX, nil
		case strings.HasPrefix(n, "xl/"):
			return "", unsupported("XLSX spreadsheets")
		case strings.HasPrefix(n, "ppt/"):
			return "", unsupported("PPTX presentations")
		case strings.HasPrefix(n, "visio/"):
			return "", unsupported("Visio drawings")
		case n == "content.xml" || n == "mimetype" || n == "meta-inf/container.xml":
			kind = cmpOr(openDocument(content), kind)
		case n == "meta-inf/manifest.mf":
			kind = "Java archives"
		case n == "androidmanifest.xml":
			kind = "Android packages"
		}
	}
	if kind != "" {
		return "", unsupported(kind)
	}
	if !dir.Sound {
		suffix := strings.ToUpper(strings.TrimPrefix(path.Ext(name), "."))
		if suffix == "" {
			suffix = "ZIP"
		}
		return "", rag.Errorf(rag.KindInvalid, "the %s file is damaged: its ZIP directory is missing", suffix)
	}
	return "", unsupported("ZIP archives")
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// openDocument reads the first entry of a container, which OpenDocument and
// EPUB store uncompressed and fill with their media type.
func openDocument(content []byte) string {
	head := content[:min(len(content), 200)]
	for sign, kind := range map[string]string{
		"application/epub+zip":                                     "EPUB books",
		"application/vnd.oasis.opendocument.text":                  "OpenDocument texts",
		"application/vnd.oasis.opendocument.spreadsheet":           "OpenDocument spreadsheets",
		"application/vnd.oasis.opendocument.presentation":          "OpenDocument presentations",
		"application/vnd.oasis.opendocument.graphics":              "OpenDocument drawings",
		"application/vnd.oasis.opendocument.text-master":           "OpenDocument texts",
		"application/vnd.oasis.opendocument.presentation-template": "OpenDocument presentations",
	} {
		if bytes.Contains(head, []byte(sign)) {
			return kind
		}
	}
	return "OpenDocument or EPUB files"
}

// compound tells apart what is kept in OLE compound files, by the names of
// their streams, which stand in them in UTF-16.
func compound(content []byte) error {
	for _, stream := range []string{"EncryptedPackage", "EncryptionInfo"} {
		if bytes.Contains(content, utf16(stream)) {
			return rag.Errorf(rag.KindUnauthorized, "the Office file is encrypted; save it without a password (decryption is not supported yet)")
		}
	}
	for _, k := range []struct{ stream, kind string }{
		{"WordDocument", "old Word files (DOC)"}, {"PowerPoint Document", "old PowerPoint files (PPT)"},
		{"Workbook", "old Excel files (XLS)"}, {"__substg1.0_", "Outlook messages (MSG)"}, {"__properties_version1.0", "Outlook messages (MSG)"},
		{"VisioDocument", "old Visio files"}, {"Book", "old Excel files (XLS)"},
	} {
		if bytes.Contains(content, utf16(k.stream)) {
			return unsupported(k.kind)
		}
	}
	return unsupported("old Microsoft Office (OLE) files")
}

func utf16(s string) []byte {
	b := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		b = append(b, s[i], 0)
	}
	return b
}

// binary names a file that is no text.
func binary(content []byte, hint ID) error {
	m := mimetype.Detect(content[:min(len(content), magics)])
	kind := m.String()
	kind, _, _ = strings.Cut(kind, ";")
	major, _, _ := strings.Cut(kind, "/")
	switch {
	case major == "image":
		return unsupported("images (" + kind + ")")
	case major == "audio" || major == "video":
		return unsupported(major + " files (" + kind + ")")
	case major == "font":
		return unsupported("fonts (" + kind + ")")
	case kind == "application/octet-stream" || major == "text":
		if hint == PDF || hint == DOCX {
			return rag.Errorf(rag.KindInvalid, "the %s file is damaged: it does not begin like one", strings.ToUpper(string(hint)))
		}
		return rag.Errorf(rag.KindInvalid, "not a text document: binary data of an unknown kind")
	}
	return unsupported("files of type " + kind)
}

var (
	markup     = regexp.MustCompile(`(?is)^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)[\s>]`)
	fragment   = regexp.MustCompile(`(?is)^\s*(<!--.*?-->\s*)*<(head|body|title|meta|div|table|h1|p|center|article)[\s>]`)
	fiction    = regexp.MustCompile(`(?is)^\s*(<\?xml[^>]*>\s*)?<FictionBook[\s>]`)
	mailHeader = regexp.MustCompile(`(?im)^(from|to|subject|date|received|mime-version|return-path|message-id|delivered-to|content-type|x-[a-z-]+):[ \t]`)
	headerLine = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*:([ \t]|$)`)
)

// text tells apart the formats that are text.
func text(name string, hint ID, content []byte) (ID, error) {
	head, _ := charset.Decode(content[:min(len(content), headSize)], "")
	head = strings.TrimPrefix(head, "\ufeff")
	suffix := strings.ToLower(path.Ext(name))
	switch {
	case strings.HasPrefix(head, `{\rtf`):
		return "", unsupported("RTF documents")
	case strings.HasPrefix(head, "%!PS"):
		return "", unsupported("PostScript files")
	case fiction.MatchString(head):
		return "", unsupported("FictionBook files")
	case hint == Markdown || hint == HTML:
		return hint, nil
	case suffix == ".eml" || suffix == ".mht" || suffix == ".mhtml" || suffix == ".mbox" || hint == "" && isMail(head):
		return "", unsupported("e-mail messages and mailboxes")
	case hint != Code && markup.MatchString(head):
		return HTML, nil
	case hint == "" && fragment.MatchString(head):
		return HTML, nil
	case hint == PDF || hint == DOCX:
		if isMail(head) {
			return "", unsupported("e-mail messages and mailboxes")
		}
		return Plain, nil // named wrongly, but readable
	case hint != "":
		return hint, nil
	case strings.HasPrefix(head, "#!") || strings.HasPrefix(head, "<?xml") || looksJSON(head):
		return Code, nil
	}
	return Plain, nil
}

func looksJSON(head string) bool {
	head = strings.TrimSpace(head)
	return strings.HasPrefix(head, `{"`) || strings.HasPrefix(head, "[{") || strings.HasPrefix(head, "{\n") && strings.Contains(head, `":`)
}

// isMail reports whether a text begins with the header of a message.
func isMail(head string) bool {
	first, _, _ := strings.Cut(head, "\n")
	if !headerLine.MatchString(first) && !strings.HasPrefix(first, "From ") {
		return false
	}
	header, _, _ := strings.Cut(strings.ReplaceAll(head, "\r\n", "\n"), "\n\n")
	seen := map[string]bool{}
	for _, m := range mailHeader.FindAllStringSubmatch(header, 50) {
		seen[strings.ToLower(m[1])] = true
	}
	return len(seen) >= 4
}

func unsupported(kind string) error {
	return rag.Errorf(rag.KindInvalid, "%s are not supported yet", strings.ToUpper(kind[:1])+kind[1:])
}
