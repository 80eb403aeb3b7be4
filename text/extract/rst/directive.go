package rst

import (
	"regexp"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

var (
	directive = regexp.MustCompile(`^\.\. (?:\|[^|]+\| )?([A-Za-z][\w:+.-]*?) ?::(?: +(.*))?$`)
	cited     = regexp.MustCompile(`^\.\. \[([^\[\]]{1,80})\](?: +(.*))?$`)
	setting   = regexp.MustCompile(`^:([\w -]{1,60}):(?: +(.*))?$`)
)

// named are directives by what becomes of them; what is not named shows its
// argument and its content.
var (
	codes = set("code-block", "code", "sourcecode", "parsed-literal", "prompt", "doctest", "testcode", "testoutput", "console", "ipython",
		"productionlist", "math", "highlight-block", "jupyter-execute", "literal", "cpp:expr", "command-output")
	unseen = set("toctree", "contents", "index", "meta", "include", "raw", "highlight", "currentmodule", "module", "py:module", "default-role", "role",
		"sectnum", "target-notes", "header", "footer", "class", "autosummary", "automodule", "autoclass", "autofunction", "automethod", "literalinclude",
		"tabularcolumns", "testsetup", "testcleanup", "graphviz", "digraph", "plot", "only-build", "sectionauthor", "codeauthor", "moduleauthor",
		"restructuredtext-test-directive", "date", "unicode", "program", "py:currentmodule", "bibliography", "inheritance-diagram", "section-numbering")
	noteSigns = map[string]string{
		"note": "Note", "warning": "Warning", "tip": "Tip", "hint": "Hint", "important": "Important", "caution": "Caution", "danger": "Danger",
		"error": "Error", "attention": "Attention", "seealso": "See also", "todo": "To do",
	}
	versionSigns = map[string]string{
		"versionadded": "Added in version", "versionchanged": "Changed in version", "deprecated": "Deprecated since version", "versionremoved": "Removed in version",
	}
	quotes = set("epigraph", "highlights", "pull-quote")
)

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// explicit reads what begins with two points: a directive, a footnote or a citation;
// comments, targets and substitutions are passed over.
func (p *parser) explicit(lines []string, i int, at place) (end int, err error) {
	l := lines[i]
	in, end := indented(lines, i+1)
	if l == ".." && i+1 < len(lines) && lines[i+1] == "" {
		return i + 1, nil // an empty comment takes nothing that follows
	}
	inner := at
	inner.depth++
	if m := cited.FindStringSubmatch(l); m != nil {
		p.top = false
		inner.kind, inner.list = rag.Footnote, 0
		inner.marker = "[" + strings.TrimLeft(m[1], "#") + "] "
		return end, p.blocks(append([]string{m[2]}, in...), inner)
	}
	if strings.HasPrefix(l, ".. |") || strings.HasPrefix(l, ".. _") {
		return end, nil
	}
	m := directive.FindStringSubmatch(l)
	if m == nil {
		return end, nil
	}
	d := split(strings.ToLower(m[1]), m[2], in)
	if !unseen[d.name] {
		p.top = false
	}
	return end, p.directive(d, inner)
}

// call is a directive that was taken apart.
type call struct {
	name    string
	args    string
	options map[string]string
	content []string
}

// split separates the argument of a directive, its options and its content.
func split(name, args string, in []string) call {
	d := call{name: name, args: args, options: map[string]string{}}
	i := 0
	for ; i < len(in) && in[i] != "" && !strings.HasPrefix(in[i], ":"); i++ {
		if args == "" { // content from the first line on
			break
		}
		d.args += "\n" + strings.TrimSpace(in[i])
	}
	for i < len(in) && in[i] != "" {
		m := setting.FindStringSubmatch(in[i])
		if m == nil {
			break
		}
		value := m[2]
		for i++; i < len(in) && in[i] != "" && indent(in[i]) > 0; i++ {
			value += "\n" + strings.TrimSpace(in[i])
		}
		d.options[m[1]] = value
	}
	d.content = in[skipBlank(in, i):]
	return d
}

// directive writes what a directive shows.
func (p *parser) directive(d call, at place) error {
	caption := func(s string) error {
		return p.b.Add(rag.Block{Kind: rag.Caption}, p.inline.text(s))
	}
	switch {
	case unseen[d.name]:
		return nil
	case codes[d.name]:
		if err := caption(d.options["caption"]); err != nil {
			return err
		}
		if d.name == "math" && d.args != "" {
			d.content = append([]string{d.args}, d.content...)
		}
		if d.name == "parsed-literal" {
			d.content = strings.Split(p.inline.text(strings.Join(d.content, "\n")), "\n")
		}
		return p.code(d.content)
	case noteSigns[d.name] != "":
		at.marker += noteSigns[d.name] + ": "
		return p.blocks(first(d), at)
	case d.name == "admonition":
		at.marker += p.inline.text(strings.ReplaceAll(d.args, "\n", " ")) + ": "
		return p.blocks(d.content, at)
	case versionSigns[d.name] != "":
		version, rest, _ := strings.Cut(strings.Join(strings.Fields(d.args), " "), " ")
		at.marker += versionSigns[d.name] + " " + version + ": "
		if len(d.content) == 0 && rest == "" {
			rest = "."
			at.marker = strings.TrimSuffix(at.marker, ": ")
		}
		return p.blocks(append([]string{rest, ""}, d.content...), at)
	case d.name == "image":
		return caption(d.options["alt"])
	case d.name == "figure":
		end := 0
		for end < len(d.content) && d.content[end] != "" {
			end++
		}
		text := strings.Join(d.content[:end], "\n")
		if text == "" || text == ".." {
			text = d.options["alt"]
		}
		if err := caption(text); err != nil {
			return err
		}
		return p.blocks(d.content[end:], at)
	case d.name == "table":
		if err := caption(d.args); err != nil {
			return err
		}
		return p.blocks(d.content, at)
	case d.name == "list-table":
		if err := caption(d.args); err != nil {
			return err
		}
		return p.listTable(d, at)
	case d.name == "csv-table":
		if err := caption(d.args); err != nil {
			return err
		}
		return p.csvTable(d)
	case d.name == "title":
		p.title = p.inline.text(d.args)
		return nil
	case quotes[d.name]:
		at.kind = rag.Quote
		return p.blocks(first(d), at)
	case d.name == "only" || d.name == "container" || d.name == "tab-set" || d.name == "grid" || d.name == "glossary":
		return p.blocks(d.content, at)
	}
	if d.args != "" {
		if err := p.paragraph(d.args, at); err != nil {
			return err
		}
		at.marker = ""
	}
	return p.blocks(d.content, at)
}

// first returns the argument of a directive as the beginning of its content.
func first(d call) []string {
	if d.args == "" {
		return d.content
	}
	return append(append(strings.Split(d.args, "\n"), ""), d.content...)
}
