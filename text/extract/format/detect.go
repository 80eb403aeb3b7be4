package format

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/delimited"
	"github.com/smartretriever/smartretriever/text/extract/fb2"
	"github.com/smartretriever/smartretriever/text/extract/jsondoc"
	"github.com/smartretriever/smartretriever/text/extract/mail"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
	"github.com/smartretriever/smartretriever/text/extract/odf"
	"github.com/smartretriever/smartretriever/text/extract/ole"
	"github.com/smartretriever/smartretriever/text/extract/ooxmlcrypt"
	"github.com/smartretriever/smartretriever/text/extract/org"
	"github.com/smartretriever/smartretriever/text/extract/rst"
	"github.com/smartretriever/smartretriever/text/extract/rtf"
	"github.com/smartretriever/smartretriever/text/extract/subtitle"
	"github.com/smartretriever/smartretriever/text/extract/xmldoc"
	"github.com/smartretriever/smartretriever/text/extract/zipdir"
	"github.com/smartretriever/smartretriever/text/language/code"
)

const (
	headSize = 4096  // bytes in which text formats show
	pdfReach = 1024  // bytes in which a PDF's header may begin
	maxNames = 4096  // entries of a container that are looked at
	magics   = 65536 // bytes in which signatures of binary formats lie
)

// Detect returns the format of content. One that is not supported is
// KindInvalid and names what it is; an encrypted Office file whose kind cannot be
// seen is Locked.
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
	case isImage(content):
		return Image, nil
	case zipdir.Is(content):
		return container(content, name)
	case ole.Is(content):
		return compound(content)
	case rtf.Is(content):
		return RTF, nil
	case fb2.Is(content):
		return FB2, nil
	case odf.IsFlat(content):
		return flat(content), nil
	case hint == EML: // a message may hold parts that are no text
		return EML, nil
	case (hint == "" || hint == MBOX || hint == Plain) && mail.IsMailbox(content):
		return MBOX, nil
	case !charset.IsText(content):
		return "", binary(content, hint)
	}
	return text(hint, content), nil
}

func isImage(content []byte) bool {
	_, is := ocr.IsImage(content)
	return is
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
	kind, books := "", 0
	for _, n := range dir.Names {
		n = strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(n, `\`, "/"), "/"))
		switch {
		case strings.HasPrefix(n, "word/"):
			return DOCX, nil
		case strings.HasPrefix(n, "xl/"):
			return XLSX, nil
		case strings.HasPrefix(n, "ppt/"):
			return PPTX, nil
		case strings.HasPrefix(n, "visio/"):
			return "", unsupported("Visio drawings")
		case n == "content.xml" || n == "mimetype" || n == "meta-inf/container.xml":
			if id := stated(content); id != "" {
				return id, nil
			}
			if n == "meta-inf/container.xml" {
				return EPUB, nil
			}
			if n == "content.xml" {
				kind = "OpenDocument files of this kind"
			}
		case n == "meta-inf/manifest.mf":
			kind = "Java archives"
		case n == "androidmanifest.xml":
			kind = "Android packages"
		case n == "index/document.iwa":
			kind = "Apple iWork documents"
		case strings.HasSuffix(n, ".fb2"):
			books++
		}
	}
	switch {
	case kind == "OpenDocument files of this kind" && openDocuments[ByName(name)]:
		return ByName(name), nil
	case kind != "":
		return "", unsupported(kind)
	case books == 1 && len(dir.Names) == 1:
		return FB2, nil
	case !dir.Sound:
		suffix := strings.ToUpper(strings.TrimPrefix(path.Ext(name), "."))
		if suffix == "" {
			suffix = "ZIP"
		}
		return "", rag.Errorf(rag.KindInvalid, "the %s file is damaged: its ZIP directory is missing", suffix)
	}
	return "", rag.Errorf(rag.KindInvalid, "a ZIP archive is read file by file, and none is expected here")
}

var openDocuments = map[ID]bool{ODT: true, ODS: true, ODP: true, ODG: true}

// stated is what the first entry of a container says, which OpenDocument and EPUB
// store uncompressed and fill with their media type.
func stated(content []byte) ID {
	head := content[:min(len(content), 200)]
	if bytes.Contains(head, []byte("application/epub+zip")) {
		return EPUB
	}
	return openDocument(head)
}

// flat is the kind of an OpenDocument file that is one XML document.
func flat(content []byte) ID {
	head, _ := charset.Decode(content[:min(len(content), 2*headSize)], "")
	if id := openDocument([]byte(head)); id != "" {
		return id
	}
	return ODT
}

func openDocument(head []byte) ID {
	_, kind, found := bytes.Cut(head, []byte(openOff))
	if !found {
		return ""
	}
	for _, k := range []struct {
		begins string
		id     ID
	}{{"text", ODT}, {"spreadsheet", ODS}, {"presentation", ODP}, {"graphics", ODG}, {"formula", ODG}} {
		if bytes.HasPrefix(kind, []byte(k.begins)) {
			return k.id
		}
	}
	return ""
}

// compound tells apart what is kept in OLE compound files, by the names of
// their streams, which stand in them in UTF-16.
func compound(content []byte) (ID, error) {
	if ooxmlcrypt.Is(content) {
		return Locked, nil
	}
	for _, stream := range []string{"EncryptedPackage", "EncryptionInfo"} {
		if bytes.Contains(content, utf16(stream)) {
			return "", rag.Errorf(rag.KindUnauthorized, "the Office file is encrypted, and damaged: its streams cannot be read")
		}
	}
	for _, k := range []struct{ stream, kind string }{
		{"WordDocument", "old Word files (DOC)"}, {"PowerPoint Document", "old PowerPoint files (PPT)"},
		{"Workbook", "old Excel files (XLS)"}, {"__substg1.0_", ""}, {"__properties_version1.0", ""},
		{"VisioDocument", "old Visio files"}, {"Book", "old Excel files (XLS)"},
	} {
		if !bytes.Contains(content, utf16(k.stream)) {
			continue
		}
		if k.kind == "" {
			return MSG, nil
		}
		return "", unsupported(k.kind)
	}
	return "", unsupported("old Microsoft Office (OLE) files")
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
		if binaries[hint] {
			return rag.Errorf(rag.KindInvalid, "the %s file is damaged: it does not begin like one", strings.ToUpper(string(hint)))
		}
		return rag.Errorf(rag.KindInvalid, "not a text document: binary data of an unknown kind")
	}
	return unsupported("files of type " + kind)
}

// binaries are the formats whose files are never text.
var binaries = map[ID]bool{
	PDF: true, DOCX: true, PPTX: true, XLSX: true, ODT: true, ODS: true, ODP: true, ODG: true, EPUB: true, MSG: true, Image: true,
}

var (
	markup     = regexp.MustCompile(`(?is)^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)[\s>]`)
	fragment   = regexp.MustCompile(`(?is)^\s*(<!--.*?-->\s*)*<(head|body|title|meta|div|table|h1|p|center|article)[\s>]`)
	mailHeader = regexp.MustCompile(`(?im)^(from|to|subject|date|received|mime-version|return-path|message-id|delivered-to|content-type|x-[a-z-]+):[ \t]`)
	headerLine = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*:([ \t]|$)`)
)

// text tells apart the formats that are text. A name that says which decides between
// those that have no sign of their own; one that says plain text, or nothing, or what
// the content cannot be, leaves it to the content.
func text(hint ID, content []byte) ID {
	head, _ := charset.Decode(content[:min(len(content), headSize)], "")
	head = strings.TrimPrefix(head, "\ufeff")
	switch {
	case hint == Markdown || hint == HTML:
		return hint
	case hint != Code && markup.MatchString(head):
		return HTML
	case hint != "" && hint != Plain && !binaries[hint] && hint != RTF && hint != FB2 && hint != MBOX:
		return hint
	case hint != Plain && isMail(head):
		return EML
	case subtitle.Is(head):
		return Subtitles
	case hint != Plain && fragment.MatchString(head):
		return HTML
	case xmldoc.Is(head):
		return XML
	case jsondoc.Is(head):
		return JSON
	case org.Is(head):
		return Org
	case rst.Is(head):
		return RST
	case delimited.Is(head):
		return Table
	case strings.HasPrefix(head, "#!") || strings.HasPrefix(head, "%!PS"):
		return Code
	case hint == "" && code.Detect("", head) != "":
		return Code
	}
	return Plain
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
