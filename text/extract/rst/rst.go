// Package rst extracts reStructuredText (docutils.sourceforge.io, "reStructuredText
// Markup Specification"), also with the directives and roles of Sphinx.
//
// The blocks are found line by line (block.go), those within others by taking the
// indentation off and beginning anew, to a bounded depth. Directives (directive.go)
// become what they show: code, admonitions, captions, tables (table.go); those that
// only steer the build are left out, as are comments and definitions. Inline markup
// (inline.go) is reduced to what a reader sees: a reference to its title, a link to
// its text.
package rst

import (
	"context"
	"regexp"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

const (
	maxDepth     = 24     // of blocks within blocks; what lies deeper is plain
	tabWidth     = 8      // of the specification
	maxIndent    = 1024   // columns; a line that begins further in is taken there
	maxReplace   = 100    // bytes of a substitution
	maxReplaced  = 10_000 // substitutions that are known
	maxStyles    = 64     // adornments of titles
	maxMetadata  = 32     // fields of the bibliography that are kept
	maxTitleSize = 1000   // bytes
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of a reStructuredText file in any encoding. The title is
// the first section title, the fields at the top of the document are metadata
// (author, date, and under their own names others such as version). Any text is
// reStructuredText: there is no error but those of the limit (KindExhausted) and of
// ctx.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	source, _ := charset.Decode(content, "")
	lines := tidy(strings.TrimPrefix(source, "\ufeff"))
	p := &parser{ctx: ctx, b: &clean.Builder{Limit: opt.Limit}, inline: inliner{replace: substitutions(lines)}, top: true}
	if err := p.blocks(lines, place{}); err != nil {
		return rag.Text{}, err
	}
	t := p.b.Text()
	t.Title = clean.Cut(clean.Line(p.title), maxTitleSize)
	t.Metadata = p.metadata
	return t, nil
}

// tidy returns the lines of a source without tabs and white space at their ends.
func tidy(source string) []string {
	source = strings.ReplaceAll(strings.ReplaceAll(source, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(source, "\n")
	for i, l := range lines {
		l = strings.TrimRight(l, " \t\f\v\u00a0")
		if strings.ContainsAny(l, "\t\f\v") {
			l = expand(l)
		}
		if n := indent(l); n > maxIndent {
			l = l[n-maxIndent:]
		}
		lines[i] = l
	}
	return lines
}

// expand replaces tabs by blanks up to the next stop.
func expand(l string) string {
	var b strings.Builder
	column := 0
	for _, r := range l {
		switch r {
		case '\t':
			n := tabWidth - column%tabWidth
			b.WriteString("        "[:n])
			column += n
		case '\f', '\v':
			b.WriteByte(' ')
			column++
		default:
			b.WriteRune(r)
			column++
		}
	}
	return b.String()
}

var definition = regexp.MustCompile(`^\.\. \|([^|\s](?:[^|]*[^|\s])?)\| replace:: *(\S.*)$`)

// substitutions returns the definitions of short texts.
func substitutions(lines []string) map[string]string {
	found := map[string]string{}
	for _, l := range lines {
		if !strings.HasPrefix(l, ".. |") || len(found) >= maxReplaced {
			continue
		}
		if m := definition.FindStringSubmatch(l); m != nil && len(m[2]) <= maxReplace {
			found[m[1]] = m[2]
		}
	}
	return found
}

var (
	directiveSign = regexp.MustCompile(`(?m)^ *\.\. [A-Za-z][\w:+.-]*::(\s|$)`)
	roleSign      = regexp.MustCompile("(^|[\\s(]):[a-z][a-z:-]*:`[^`]+`")
	targetSign    = regexp.MustCompile(`(?m)^\.\. _[^:\n]+:|^\.\. \[[^\]\n]+\] |^\.\. \|[^|\n]+\| \w+::`)
	linkSign      = regexp.MustCompile("`[^`<>]+ <[^<>`]+>`__?")
)

// Is reports whether a text of which head is the beginning is reStructuredText
// although its name does not say so: it has at least two of the signs that other
// markup has not, of which titles with lines of signs are one, since Markdown has
// the two commonest of these too.
func Is(head string) bool {
	signs := 0
	for _, sign := range []*regexp.Regexp{directiveSign, roleSign, targetSign, linkSign} {
		if sign.MatchString(head) {
			signs++
		}
	}
	if signs == 0 {
		return false
	}
	lines := strings.Split(strings.ReplaceAll(head, "\r\n", "\n"), "\n")
	for i := 1; i < len(lines); i++ {
		if isAdornment(lines[i]) && lines[i-1] != "" && !isAdornment(lines[i-1]) {
			signs++
			break
		}
	}
	return signs >= 2
}
