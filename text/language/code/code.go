// Package code recognises the programming language of a source file.
//
// A file's name decides where it can; else its first line (a shebang, an editor's
// mode line, what a format must begin with); else signs in its beginning. Suffixes
// that several languages share (.h, .m, .pl) are decided by those signs.
package code

import (
	"path"
	"regexp"
	"strings"
)

// Key is the metadata key under which a document's language id is kept.
const Key = "code_language"

const (
	lookAt = 16 << 10 // bytes of content
	oneWay = 512      // bytes of the first lines
)

// Detect returns the id of the language of a file, such as "go", "python", "cpp",
// "csharp" or "sql", or "" if it is none or not known. name may be empty or hold
// folders; of content the beginning is enough. The ids are those of code fences in
// Markdown.
func Detect(name, content string) string {
	content = strings.TrimPrefix(content[:min(len(content), lookAt)], "\ufeff")
	base := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	if id := names[base]; id != "" {
		return id
	}
	if stem, _, _ := strings.Cut(base, "."); stem == "dockerfile" || stem == "makefile" {
		return stem
	}
	suffix := path.Ext(base)
	switch suffix {
	case ".h":
		return header(content)
	case ".m":
		if objective.MatchString(content) {
			return "objectivec"
		}
		return "matlab"
	case ".pl":
		if prolog.MatchString(content) {
			return "prolog"
		}
		return "perl"
	}
	if id := suffixes[suffix]; id != "" {
		return id
	}
	if id := firstLines(content); id != "" {
		return id
	}
	if suffix != "" && suffix != base && suffix != ".txt" {
		return ""
	}
	return bySigns(content)
}

// names are whole names of files, in lower case.
var names = map[string]string{
	"makefile": "makefile", "gnumakefile": "makefile", "dockerfile": "dockerfile", "containerfile": "dockerfile", "jenkinsfile": "groovy",
	"vagrantfile": "ruby", "gemfile": "ruby", "rakefile": "ruby", "podfile": "ruby", "cmakelists.txt": "cmake", "justfile": "makefile",
	"build": "python", "build.bazel": "python", "workspace": "python", "sconstruct": "python", "go.mod": "go.mod", ".bashrc": "bash",
	".profile": "bash", ".zshrc": "bash", ".vimrc": "vim",
}

// suffixes belong to one language each.
var suffixes = func() map[string]string {
	m := map[string]string{}
	for id, all := range map[string]string{
		"go": ".go", "python": ".py .pyi .pyw .pyx", "javascript": ".js .mjs .cjs .jsx", "typescript": ".ts .tsx .mts .cts", "java": ".java",
		"c": ".c", "cpp": ".cc .cpp .cxx .c++ .hh .hpp .hxx .h++ .ipp .inl .cu .cuh", "rust": ".rs", "ruby": ".rb .rake .gemspec",
		"php": ".php .phtml .php5", "csharp": ".cs .csx", "sql": ".sql .ddl .dml .pgsql .plsql", "kotlin": ".kt .kts", "swift": ".swift",
		"scala": ".scala .sc", "bash": ".sh .bash .zsh .ksh", "powershell": ".ps1 .psm1 .psd1", "perl": ".pm .t", "lua": ".lua", "r": ".r",
		"julia": ".jl", "haskell": ".hs .lhs", "ocaml": ".ml .mli", "fsharp": ".fs .fsx .fsi", "elixir": ".ex .exs", "erlang": ".erl .hrl",
		"clojure": ".clj .cljs .cljc .edn", "lisp": ".lisp .cl .el", "scheme": ".scm .ss .rkt", "dart": ".dart", "groovy": ".groovy .gradle",
		"vbnet": ".vb .bas", "objectivec": ".mm", "assembly": ".asm .s", "fortran": ".f .f90 .f95 .for", "pascal": ".pas .pp", "zig": ".zig",
		"nim": ".nim", "d": ".d", "elm": ".elm", "vim": ".vim", "awk": ".awk", "batch": ".bat .cmd", "css": ".css .scss .sass .less",
		"html": ".html .htm", "vue": ".vue", "svelte": ".svelte", "xml": ".xml .xsd .xsl .xslt", "json": ".json .jsonl .ndjson", "yaml": ".yaml .yml",
		"toml": ".toml", "ini": ".ini .cfg .conf .properties", "protobuf": ".proto", "graphql": ".graphql .gql", "hcl": ".tf .hcl .tfvars",
		"cmake": ".cmake", "makefile": ".mk .mak", "diff": ".diff .patch", "verilog": ".v .sv", "vhdl": ".vhd .vhdl", "solidity": ".sol", "cobol": ".cob .cbl",
	} {
		for s := range strings.FieldsSeq(all) {
			m[s] = id
		}
	}
	return m
}()

// interpreters are programs that a shebang names.
var interpreters = map[string]string{
	"python": "python", "pypy": "python", "sh": "bash", "bash": "bash", "zsh": "bash", "dash": "bash", "ksh": "bash", "node": "javascript",
	"nodejs": "javascript", "bun": "javascript", "deno": "typescript", "ts-node": "typescript", "tsx": "typescript", "ruby": "ruby", "perl": "perl",
	"php": "php", "lua": "lua", "rscript": "r", "awk": "awk", "gawk": "awk", "pwsh": "powershell", "julia": "julia", "groovy": "groovy",
	"scala": "scala", "elixir": "elixir", "escript": "erlang", "make": "makefile", "swift": "swift", "kotlin": "kotlin", "runhaskell": "haskell",
}

var (
	version  = regexp.MustCompile(`[\d.]+$`)
	modeLine = regexp.MustCompile(`-\*-.*?(?:mode:\s*)?([A-Za-z+#]+)\s*;?.*-\*-|\bvim?:.*\b(?:ft|filetype|syntax)=([a-z+#]+)`)
	modes    = map[string]string{"c++": "cpp", "c": "c", "python": "python", "ruby": "ruby", "perl": "perl", "shell-script": "bash", "sh": "bash",
		"javascript": "javascript", "js": "javascript", "java": "java", "go": "go", "rust": "rust", "sql": "sql", "php": "php", "cpp": "cpp", "cs": "csharp",
		"typescript": "typescript", "lua": "lua"}
)

// firstLines reads what the first lines of a file say outright.
func firstLines(content string) string {
	head := content[:min(len(content), oneWay)]
	first, _, _ := strings.Cut(head, "\n")
	if rest, is := strings.CutPrefix(first, "#!"); is {
		for _, word := range strings.Fields(rest) {
			word = strings.ToLower(path.Base(word))
			if word == "env" || strings.HasPrefix(word, "-") || strings.Contains(word, "=") {
				continue
			}
			if id := interpreters[word]; id != "" {
				return id
			}
			return interpreters[version.ReplaceAllString(word, "")]
		}
		return ""
	}
	if strings.HasPrefix(strings.TrimSpace(head), "<?php") {
		return "php"
	}
	if m := modeLine.FindStringSubmatch(head); m != nil {
		return modes[strings.ToLower(m[1]+m[2])]
	}
	return ""
}

var (
	objective = regexp.MustCompile(`(?m)^\s*(@(interface|implementation|protocol|property|import|class)\b|#import\b)`)
	prolog    = regexp.MustCompile(`(?m)^:- |^[a-z]\w*\([^)\n]*\)\s*:-`)
	cpp       = regexp.MustCompile(`(?m)^\s*(class\s+\w+[^;]*[{:]|namespace\b|template\s*<|using\s+\w|public:|private:|protected:|virtual\b)|\bstd::|\boperator\s*[<=+\-*]|constexpr\b`)
)

// header tells apart the three languages that call their headers .h.
func header(content string) string {
	switch {
	case objective.MatchString(content):
		return "objectivec"
	case cpp.MatchString(content):
		return "cpp"
	}
	return "c"
}

// sign is how the source of a language looks. Two different ones decide, or one
// that is worth two.
type sign struct {
	id    string
	worth int
	re    *regexp.Regexp
}

var signs = []sign{
	{"go", 2, regexp.MustCompile(`(?m)^package \w+\s*(//.*)?$`)},
	{"go", 1, regexp.MustCompile(`(?m)^func (\(\w+ \*?\w+\) )?\w+\(.*\{$`)},
	{"python", 1, regexp.MustCompile(`(?m)^\s*(async )?def \w+\(.*\).*:\s*(#.*)?$`)},
	{"python", 1, regexp.MustCompile(`(?m)^(from [\w.]+ import \S|import [\w.]+( as \w+)?$)`)},
	{"python", 1, regexp.MustCompile(`(?m)^\s*(class \w+(\(.*\))?:|if __name__ ==|elif .*:|except .*:)\s*$`)},
	{"javascript", 1, regexp.MustCompile(`(?m)^\s*(const|let|var) [\w{}, ]+ = .*;?$`)},
	{"javascript", 1, regexp.MustCompile(`(?m)^\s*(export )?(default )?(async )?function\*? \w*\(|=> \{|\brequire\(['"]|module\.exports`)},
	{"javascript", 1, regexp.MustCompile(`(?m)^import .* from ['"].*['"];?$|console\.log\(`)},
	{"typescript", 2, regexp.MustCompile(`(?m)^\s*(export )?(interface \w+ \{|type \w+(<.*>)? = |enum \w+ \{)|\): (string|number|boolean|void|Promise<.*>) (\{|=>)`)},
	{"java", 1, regexp.MustCompile(`(?m)^(import (static )?[\w.]+(\.\*)?;|package [\w.]+;)$`)},
	{"java", 1, regexp.MustCompile(`(?m)^\s*(public|private|protected) (static |final |abstract )*(class|interface|enum|record|void|[\w<>\[\]]+) \w+`)},
	{"csharp", 2, regexp.MustCompile(`(?m)^using [A-Z][\w.]*;|^namespace [A-Z][\w.]*\s*[;{]?\s*$`)},
	{"cpp", 2, regexp.MustCompile(`(?m)^#include <(iostream|vector|string|memory|map|algorithm|utility)>|\bstd::(cout|vector|string|map|unique_ptr|shared_ptr|move|size_t|endl|pair|function)\b|^template\s*<`)},
	{"c", 2, regexp.MustCompile(`(?m)^#include ["<][\w/.-]+\.h[">]`)},
	{"rust", 1, regexp.MustCompile(`(?m)^\s*(pub(\(\w+\))? )?(async )?fn \w+(<.*>)?\(`)},
	{"rust", 1, regexp.MustCompile(`(?m)^\s*(use [\w:]+(::\{.*\})?;|impl(<.*>)? \w|let mut |#\[derive\(|mod \w+;)`)},
	{"ruby", 1, regexp.MustCompile(`(?m)^\s*(require(_relative)? ['"]|attr_(reader|accessor|writer) :|module [A-Z]\w*$)`)},
	{"ruby", 1, regexp.MustCompile(`(?m)^\s*def [\w.?!]+(\(.*\))?$`)},
	{"php", 2, regexp.MustCompile(`<\?php`)},
	{"sql", 2, regexp.MustCompile(`(?im)^\s*(create (or replace )?(temp(orary)? )?(unique )?(table|view|index|function|procedure|trigger)|insert into \S+|alter table \S+|drop table)\b`)},
	{"sql", 2, regexp.MustCompile(`(?is)^\s*(--[^\n]*\n\s*)*(select\s.+?\sfrom\s|with\s+\w+\s+as\s*\()`)},
}

// bySigns recognises the ten languages that code is cut by.
func bySigns(content string) string {
	score := map[string]int{}
	best := ""
	for _, s := range signs {
		if s.re.MatchString(content) {
			score[s.id] += s.worth
		}
	}
	// TypeScript is JavaScript with more, C++ is C with more.
	if score["typescript"] >= 2 {
		score["typescript"] += score["javascript"]
	}
	if score["cpp"] >= 2 {
		score["cpp"] += score["c"]
	}
	for _, s := range signs {
		if score[s.id] >= 2 && score[s.id] > score[best] {
			best = s.id
		}
	}
	return best
}
