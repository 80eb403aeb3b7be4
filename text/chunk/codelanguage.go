package chunk

import (
	"regexp"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// languages maps the names under which languages are known, and the ends of their
// media types, to the names used here. Those that are only known by their braces
// are read as "braces".
var languages = map[string]string{
	"go": "go", "golang": "go",
	"python": "python", "py": "python", "python3": "python",
	"ruby": "ruby", "rb": "ruby",
	"javascript": "javascript", "js": "javascript", "jsx": "javascript", "mjs": "javascript", "ecmascript": "javascript",
	"typescript": "typescript", "ts": "typescript", "tsx": "typescript",
	"java": "java", "c": "c", "h": "c", "csrc": "c", "chdr": "c",
	"c++": "cpp", "cpp": "cpp", "cxx": "cpp", "cc": "cpp", "hpp": "cpp", "c++src": "cpp", "c++hdr": "cpp",
	"rust": "rust", "rs": "rust", "rustsrc": "rust", "php": "php",
	"c#": "csharp", "csharp": "csharp", "cs": "csharp",
	"sql": "sql", "plsql": "sql", "tsql": "sql", "mysql": "sql", "postgresql": "sql",
	"kotlin": "braces", "kt": "braces", "swift": "braces", "scala": "braces", "dart": "braces", "objective-c": "braces", "groovy": "braces", "java-source": "java",
}

// codeLanguage returns the language of a source file as its metadata or media type
// say, "" if they do not.
func codeLanguage(t rag.Text) string {
	if lang := languages[strings.ToLower(t.Metadata["code_language"].Text())]; lang != "" {
		return lang
	}
	kind, _, _ := strings.Cut(strings.ToLower(t.MediaType), ";")
	group, name, _ := strings.Cut(kind, "/")
	if group != "text" && group != "application" {
		return ""
	}
	return languages[strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(name), "x-"), "vnd.")]
}

// tells are lines that are written in few languages.
var tells = []struct {
	lang string
	line *regexp.Regexp
}{
	{"go", regexp.MustCompile(`^(?:package \w+$|func (?:\(\w+ \*?\w+(?:\[\w+\])?\) )?\w+(?:\[[^\]]*\])?\(.*\{$|type \w+ (?:struct|interface) \{|import \(|\s*if err != nil \{|\s*\w+(?:, \w+)* := )`)},
	{"python", regexp.MustCompile(`^\s*(?:(?:async )?def \w+\(.*\)(?: -> .+)?:|class \w+(?:\(.*\))?:|from [\w.]+ import |import \w+(?: as \w+)?$|if __name__ == |elif .*:$|@\w[\w.]*(?:\(.*\))?$|except(?: \w+.*)?:$)`)},
	{"ruby", regexp.MustCompile(`^\s*(?:def [\w.?!=]+(?:\(.*\))?$|module [A-Z]\w*$|class [A-Z]\w*(?: < [\w:]+)?$|require(?:_relative)? ['"]|attr_(?:reader|accessor|writer) :|end$|.* do(?: \|.*\|)?$)`)},
	{"typescript", regexp.MustCompile(`^\s*(?:(?:export )?(?:interface|type) \w+(?:<.*>)? (?:=|\{|extends)|(?:private|public|readonly) \w+[?]?: \w|(?:export )?(?:async )?function \w+\(.*\w+[?]?: \w.*\).*\{|import .* from ['"].*['"];?$)`)},
	{"javascript", regexp.MustCompile(`^\s*(?:(?:export (?:default )?)?(?:async )?function\*? ?\w*\(.*\) ?\{|(?:const|let|var) \w+ = (?:require\(|async |\(|function|\w+ =>|new )|module\.exports|import .* from ['"].*['"];?$|\}\);?$|export (?:default|const|class) )`)},
	{"java", regexp.MustCompile(`^\s*(?:package [\w.]+;|import (?:static )?[a-z]\w*(?:\.\w+)+(?:\.\*)?;|(?:public|private|protected) (?:static |final |abstract )*(?:class|interface|enum|record|void|\w+(?:<.*>)?(?:\[\])?) \w+.*[{;(]|@(?:Override|Test|Autowired|Nullable)$)`)},
	{"csharp", regexp.MustCompile(`^\s*(?:using (?:static )?[A-Z][\w.]*;|namespace [A-Z][\w.]*[;{]?\s*$|(?:public|private|internal|protected) .*\{ get;|\[\w+(?:\(.*\))?\]$|(?:public|internal) (?:sealed |static |abstract |partial )*(?:class|record|struct|interface) )`)},
	{"c", regexp.MustCompile(`^(?:#include [<"][\w./]+\.h[>"]|#define \w+|#if(?:n?def)? |typedef (?:struct|enum|union) |(?:static )?(?:inline )?(?:void|int|char|size_t|double|float|struct \w+) \*?\w+\(.*\)\s*\{?$)`)},
	{"cpp", regexp.MustCompile(`^\s*(?:#include <\w+>|namespace [\w:]+ \{|template ?<|using namespace |std::\w+|(?:class|struct) \w+(?: : public \w+)? \{|\w[\w:<>&* ]* \w+::~?\w+\(.*\)(?: const)?(?: \{)?$|public:$|private:$)`)},
	{"rust", regexp.MustCompile(`^\s*(?:(?:pub(?:\(\w+\))? )?(?:async )?fn \w+(?:<.*>)?\(|(?:pub )?(?:struct|enum|trait|mod) \w+|impl(?:<.*>)? .*\{$|use (?:std|crate|super|\w+)::|#!?\[\w+|let mut \w+)`)},
	{"php", regexp.MustCompile(`^\s*(?:<\?php|(?:public |private |protected |static )*function \w+\(.*\$|\$\w+ = |\$this->|use [A-Z]\w*(?:\\\w+)+;|namespace [A-Z]\w*(?:\\\w+)*;)`)},
	{"sql", regexp.MustCompile(`(?i)^\s*(?:create (?:or replace )?(?:temp(?:orary)? )?(?:table|view|index|unique index|function|procedure|trigger|type|schema|sequence) |insert into \S+|alter table \S+|drop (?:table|index|view) |select .+ from |select$|begin;|commit;|grant \w+|delete from \S+|update \S+ set )`)},
}

// guessLanguage tells the language of a source text by lines that only it has, in
// the first 64 KiB. A text is code only where one in twelve lines says so, three at
// least (one in a text of up to ten lines); "" is anything else.
func guessLanguage(text string) string {
	const looked = 64 << 10
	if len(text) > looked {
		text = text[:looked]
	}
	if first, _, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, "#!") {
		for _, shebang := range []string{"python", "ruby", "node", "php"} {
			if strings.Contains(first, shebang) {
				if shebang == "node" {
					return "javascript"
				}
				return shebang
			}
		}
	}
	score := map[string]int{}
	total := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || len(line) > longestLine {
			continue
		}
		total++
		for _, t := range tells {
			if t.line.MatchString(line) {
				score[t.lang]++
			}
		}
	}
	best := ""
	for _, t := range tells { // in their order, so that equal scores give one answer
		if score[t.lang] > score[best] {
			best = t.lang
		}
	}
	switch {
	case best == "c" && score["cpp"] > 0 && score["cpp"]*3 >= score["c"]:
		best = "cpp"
	case best == "javascript" && score["typescript"]*2 > score["javascript"]:
		best = "typescript"
	}
	if n := score[best]; n == 0 || n*12 < total || n < 3 && total > 10 {
		return ""
	}
	return best
}
