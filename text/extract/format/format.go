// Package format recognises what a file is and reads those that are supported,
// in this process and without a limit of time or memory but the context's.
//
// The content decides (Detect); the name is a hint only between kinds of text,
// which look alike. Reader hands the content to the package of its format and
// completes what came back: media type, title, language.
package format

import (
	"path"
	"strings"
)

// ID names a supported format.
type ID string

// The supported formats.
const (
	Markdown ID = "markdown"
	Plain    ID = "text"
	Code     ID = "code" // source code, and data that is read line by line
	HTML     ID = "html"
	PDF      ID = "pdf"
	DOCX     ID = "docx"
)

// Format describes a supported format to people and to programs that choose
// files by name.
type Format struct {
	ID         ID
	Name       string   // for people
	Suffixes   []string // lower case, with the dot
	MediaTypes []string // the first is the usual one
}

// All lists the supported formats.
func All() []Format {
	return []Format{
		{Markdown, "Markdown", []string{".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"}, []string{"text/markdown"}},
		{Plain, "plain text", []string{".txt", ".text", ".rst", ".adoc", ".asciidoc", ".org", ".tex", ".vtt", ".srt", ".wiki", ".me"}, []string{"text/plain"}},
		{HTML, "HTML", []string{".html", ".htm", ".xhtml", ".shtml"}, []string{"text/html", "application/xhtml+xml"}},
		{PDF, "PDF", []string{".pdf"}, []string{"application/pdf"}},
		{DOCX, "Word (DOCX)", []string{".docx", ".docm", ".dotx", ".dotm"}, []string{docxType, "application/vnd.ms-word.document.macroEnabled.12"}},
		{Code, "source code and data as text", codeSuffixes, []string{"text/plain", "text/csv", "application/json", "text/xml"}},
	}
}

const docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

var codeSuffixes = []string{
	".asm", ".awk", ".bash", ".bat", ".c", ".cc", ".cfg", ".clj", ".cmake", ".cmd", ".conf", ".cpp", ".cs", ".css", ".csv", ".cxx",
	".dart", ".diff", ".el", ".elm", ".erl", ".ex", ".exs", ".f90", ".fs", ".go", ".gradle", ".graphql", ".groovy", ".h", ".hcl", ".hpp", ".hs",
	".ini", ".ipynb", ".java", ".jl", ".js", ".json", ".jsonl", ".jsx", ".kt", ".less", ".lisp", ".log", ".lua", ".m", ".mjs", ".mk", ".ml", ".mod",
	".ndjson", ".nim", ".patch", ".php", ".pl", ".pm", ".properties", ".proto", ".ps1", ".py", ".r", ".rb", ".rs", ".s", ".sass", ".scala", ".scm",
	".scss", ".sh", ".sql", ".sum", ".svelte", ".swift", ".tf", ".toml", ".ts", ".tsv", ".tsx", ".v", ".vb", ".vim", ".vue", ".xml", ".yaml", ".yml", ".zig", ".zsh",
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

// mediaType returns the media type of a file of format id.
func mediaType(id ID, name string) string {
	switch id {
	case Markdown:
		return "text/markdown"
	case HTML:
		return "text/html"
	case PDF:
		return "application/pdf"
	case DOCX:
		return docxType
	case Code:
		switch strings.ToLower(path.Ext(name)) {
		case ".csv":
			return "text/csv"
		case ".tsv":
			return "text/tab-separated-values"
		case ".json", ".ipynb":
			return "application/json"
		case ".xml":
			return "text/xml"
		}
	}
	return "text/plain"
}
