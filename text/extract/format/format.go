// Package format recognises what a file is and reads those that are supported,
// in this process and without a limit of time or memory but the context's.
//
// The content decides (Detect); the name is a hint only between kinds of text,
// which look alike. Reader hands the content to the package of its format and
// completes what came back: media type, title, language.
package format

import (
	"bytes"
	"path"
	"strings"

	"github.com/smartretriever/smartretriever/text/extract/ocr"
)

// ID names a supported format.
type ID string

// The supported formats.
const (
	Markdown  ID = "markdown"
	RST       ID = "rst"
	Org       ID = "org"
	Plain     ID = "text"
	Code      ID = "code" // source code
	HTML      ID = "html"
	PDF       ID = "pdf"
	DOCX      ID = "docx"
	PPTX      ID = "pptx"
	XLSX      ID = "xlsx"
	ODT       ID = "odt"
	ODS       ID = "ods"
	ODP       ID = "odp"
	ODG       ID = "odg" // drawings and formulas
	EPUB      ID = "epub"
	FB2       ID = "fb2"
	RTF       ID = "rtf"
	EML       ID = "eml" // a message, or a web page saved as one
	MBOX      ID = "mbox"
	MSG       ID = "msg"
	Table     ID = "table" // delimited text
	JSON      ID = "json"
	XML       ID = "xml"
	Subtitles ID = "subtitles"

	// Locked is an Office document that has to be decrypted before it can be said what
	// it is.
	Locked ID = "encrypted office"
)

// Format describes a supported format to people and to programs that choose
// files by name.
type Format struct {
	ID         ID
	Name       string   // for people
	Suffixes   []string // lower case, with the dot
	MediaTypes []string // the first is the usual one
}

const (
	office    = "application/vnd.openxmlformats-officedocument."
	openOff   = "application/vnd.oasis.opendocument."
	docxType  = office + "wordprocessingml.document"
	pptxType  = office + "presentationml.presentation"
	xlsxType  = office + "spreadsheetml.sheet"
	macroDocx = "application/vnd.ms-word.document.macroEnabled.12"
	macroPptx = "application/vnd.ms-powerpoint.presentation.macroEnabled.12"
	macroXlsx = "application/vnd.ms-excel.sheet.macroEnabled.12"
)

// All lists the supported formats.
func All() []Format {
	return []Format{
		{PDF, "PDF", []string{".pdf"}, []string{"application/pdf"}},
		{DOCX, "Word (DOCX)", []string{".docx", ".docm", ".dotx", ".dotm"}, []string{docxType, macroDocx}},
		{PPTX, "PowerPoint (PPTX)", []string{".pptx", ".pptm", ".potx", ".potm", ".ppsx", ".ppsm"}, []string{pptxType, macroPptx}},
		{XLSX, "Excel (XLSX)", []string{".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb"}, []string{xlsxType, macroXlsx}},
		{ODT, "OpenDocument text", []string{".odt", ".ott", ".odm", ".fodt"}, []string{openOff + "text"}},
		{ODS, "OpenDocument spreadsheet", []string{".ods", ".ots", ".fods"}, []string{openOff + "spreadsheet"}},
		{ODP, "OpenDocument presentation", []string{".odp", ".otp", ".fodp"}, []string{openOff + "presentation"}},
		{ODG, "OpenDocument drawing and formula", []string{".odg", ".otg", ".fodg", ".odf"}, []string{openOff + "graphics", openOff + "formula"}},
		{EPUB, "EPUB", []string{".epub"}, []string{"application/epub+zip"}},
		{FB2, "FictionBook", []string{".fb2"}, []string{"application/x-fictionbook+xml"}},
		{RTF, "RTF", []string{".rtf"}, []string{"application/rtf", "text/rtf"}},
		{HTML, "HTML", []string{".html", ".htm", ".xhtml", ".shtml"}, []string{"text/html", "application/xhtml+xml"}},
		{Markdown, "Markdown", []string{".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"}, []string{"text/markdown"}},
		{RST, "reStructuredText", []string{".rst", ".rest"}, []string{"text/x-rst"}},
		{Org, "Org", []string{".org"}, []string{"text/org"}},
		{EML, "e-mail", []string{".eml", ".mht", ".mhtml"}, []string{"message/rfc822"}},
		{MBOX, "mailbox (MBOX)", []string{".mbox", ".mbx"}, []string{"application/mbox"}},
		{MSG, "Outlook message (MSG)", []string{".msg"}, []string{"application/vnd.ms-outlook"}},
		{Table, "table as text (CSV, TSV)", []string{".csv", ".tsv", ".tab", ".psv"}, []string{"text/csv", "text/tab-separated-values"}},
		{JSON, "JSON and notebooks", []string{".json", ".jsonl", ".ndjson", ".geojson", ".ipynb"}, []string{"application/json", "application/x-ndjson", "application/x-ipynb+json"}},
		{XML, "XML", []string{".xml", ".rss", ".atom", ".svg", ".dbk", ".tei", ".jats", ".docbook"}, []string{"text/xml", "image/svg+xml", "application/rss+xml", "application/atom+xml"}},
		{Subtitles, "subtitles and transcripts (VTT, SRT)", []string{".vtt", ".srt"}, []string{"text/vtt", "application/x-subrip"}},
		{Image, "images (their text by OCR)", ocr.Suffixes(), []string{"image/png", "image/jpeg", "image/tiff", "image/gif", "image/bmp", "image/webp"}},
		{Plain, "plain text", []string{".txt", ".text", ".adoc", ".asciidoc", ".tex", ".wiki", ".me"}, []string{"text/plain"}},
		{Code, "source code", codeSuffixes, []string{"text/plain"}},
	}
}

var codeSuffixes = []string{
	".asm", ".awk", ".bash", ".bat", ".c", ".cc", ".cfg", ".clj", ".cmake", ".cmd", ".conf", ".cpp", ".cs", ".css", ".cxx",
	".dart", ".diff", ".el", ".elm", ".erl", ".ex", ".exs", ".f90", ".fs", ".go", ".gradle", ".graphql", ".groovy", ".h", ".hcl", ".hpp", ".hs",
	".ini", ".java", ".jl", ".js", ".jsx", ".kt", ".less", ".lisp", ".log", ".lua", ".m", ".mjs", ".mk", ".ml", ".mod",
	".nim", ".patch", ".php", ".pl", ".pm", ".properties", ".proto", ".ps1", ".py", ".r", ".rb", ".rs", ".s", ".sass", ".scala", ".scm",
	".scss", ".sh", ".sql", ".sum", ".svelte", ".swift", ".tf", ".toml", ".ts", ".tsx", ".v", ".vb", ".vim", ".vue", ".yaml", ".yml", ".zig", ".zsh",
}

// codeNames are files without a suffix that are code.
var codeNames = map[string]bool{
	"makefile": true, "dockerfile": true, "jenkinsfile": true, "vagrantfile": true, "gemfile": true, "rakefile": true,
	"cmakelists.txt": true, "requirements.txt": true, ".gitignore": true, ".dockerignore": true, ".editorconfig": true, "justfile": true,
}

var bySuffix = func() map[string]ID {
	m := map[string]ID{}
	for _, f := range All() {
		for _, s := range f.Suffixes {
			m[s] = f.ID
		}
	}
	return m
}()

// ByName returns the format that a file name suggests, "" if none.
func ByName(name string) ID {
	base := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	if codeNames[base] {
		return Code
	}
	return bySuffix[path.Ext(base)]
}

// usual is the first media type of each format.
var usual = func() map[ID]string {
	m := map[ID]string{}
	for _, f := range All() {
		m[f.ID] = f.MediaTypes[0]
	}
	return m
}()

// unusual are the media types of files whose suffix says more than their format.
var unusual = map[ID]map[string]string{
	DOCX:      {".docm": macroDocx, ".dotm": macroDocx},
	PPTX:      {".pptm": macroPptx, ".potm": macroPptx, ".ppsm": macroPptx},
	XLSX:      {".xlsm": macroXlsx, ".xltm": macroXlsx},
	Table:     {".tsv": "text/tab-separated-values", ".tab": "text/tab-separated-values"},
	JSON:      {".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson", ".ipynb": "application/x-ipynb+json"},
	XML:       {".svg": "image/svg+xml", ".rss": "application/rss+xml", ".atom": "application/atom+xml"},
	Subtitles: {".srt": "application/x-subrip"},
	EML:       {".mht": "multipart/related", ".mhtml": "multipart/related"},
}

// mediaType returns the media type of a file of format id.
func mediaType(id ID, name string, content []byte) string {
	if t := unusual[id][strings.ToLower(path.Ext(name))]; t != "" {
		return t
	}
	switch {
	case id == Image:
		return ocr.MediaType(content)
	case id == Subtitles && !bytes.Contains(content[:min(len(content), 16)], []byte("WEBVTT")):
		return "application/x-subrip"
	case usual[id] != "":
		return usual[id]
	}
	return "text/plain"
}
