package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

// queryFlags are what ask and search have in common.
type queryFlags struct {
	k      int
	mode   string
	filter string
	as     []string
	trace  bool
	cold   bool
	plain  bool
}

func (f *queryFlags) add(c *cobra.Command, what string) {
	fl := c.Flags()
	fl.IntVarP(&f.k, "k", "k", 0, "`number` of "+what)
	fl.StringVar(&f.mode, "mode", "", "which searches are run: hybrid, vector or keyword (default hybrid)")
	fl.StringVarP(&f.filter, "filter", "f", "", "only documents whose metadata match `expression`:\n'year >= 2024 and team in (\"a\", \"b\")'")
	fl.StringArrayVar(&f.as, "as", nil, "see only what `principal` (user or group) may see; may be repeated")
	fl.BoolVar(&f.trace, "trace", false, "show what each stage did and how long it took")
	fl.BoolVar(&f.cold, "no-cache", false, "leave the caches out")
	fl.BoolVar(&f.plain, "no-rerank", false, "leave the order of the search as it is")
}

// settings turns the flags that are settings into such.
func (f *queryFlags) settings(c *cobra.Command, k string) []config.Flag {
	return append(changed(c.Flags(), "k", k), changed(c.Flags(), "mode", "retrieval.mode")...)
}

// parse reads the filter.
func (f *queryFlags) parse() (rag.Filter, error) {
	filter, err := rag.ParseFilter(f.filter)
	if err != nil {
		return filter, usageError{err}
	}
	return filter, nil
}

// words joins the arguments to the text that is asked for, so that quotes around
// it are a matter of taste.
func words(args []string) (string, error) {
	text := strings.TrimSpace(strings.Join(args, " "))
	if text == "" {
		return "", usagef("the question is empty")
	}
	return text, nil
}

// printTrace lists the stages of a pipeline.
func (s *screen) printTrace(t rag.Trace) {
	s.line("%s", s.dim(fmt.Sprintf("%-14s %10s %6s %6s  %s", "stage", "time", "in", "out", "note")))
	for _, st := range t.Stages {
		note := clean(st.Note)
		if st.Cached {
			note = strings.TrimSpace("cached " + note)
		}
		s.line("%s", s.dim(strings.TrimRight(fmt.Sprintf("%-14s %7.2f ms %6d %6d  %s", st.Name, float64(st.Took.Microseconds())/1000, st.In, st.Out, note), " ")))
	}
	s.line("%s", s.dim(fmt.Sprintf("%-14s %7.2f ms", "together", float64(t.Took.Microseconds())/1000)))
}

// place says where in a document something stands: page and headings. The first
// heading is often the document's title once more and then left out.
func place(title string, page int, heading []string) string {
	var parts []string
	if len(heading) > 0 && strings.EqualFold(strings.TrimSpace(heading[0]), strings.TrimSpace(title)) {
		heading = heading[1:]
	}
	if page > 0 {
		parts = append(parts, fmt.Sprintf("page %d", page))
	}
	if len(heading) > 0 {
		parts = append(parts, strings.Join(heading, " > "))
	}
	return strings.Join(parts, ", ")
}

// titleOf is a document's title, or the end of its path where it has none.
func titleOf(d *rag.Document) string {
	if t := strings.TrimSpace(d.Title); t != "" {
		return t
	}
	name := d.ExternalID
	if i := strings.LastIndexAny(name, `/\`); i >= 0 && i+1 < len(name) {
		name = name[i+1:]
	}
	if name == "" {
		name = string(d.ID)
	}
	return name
}

// tableRule matches the line below the header of a Markdown table.
var tableRule = regexp.MustCompile(`\|?(\s*:?-{3,}:?\s*\|)+(\s*:?-{3,}:?)?`)

// snippet is the beginning of a passage on one line, without the bars of tables
// and without the title where the passage repeats it.
func snippet(text, title string, runes int) string {
	text = tableRule.ReplaceAllString(clean(text), " ")
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "|", " ")), " ")
	if rest, ok := strings.CutPrefix(text, strings.Join(strings.Fields(title), " ")+" "); ok && title != "" {
		text = rest
	}
	if r := []rune(text); len(r) > runes {
		text = string(r[:runes])
		if i := strings.LastIndexByte(text, ' '); i > len(text)/2 {
			text = text[:i]
		}
		text = strings.TrimRight(text, " ,;:") + " …"
	}
	return text
}

// whereFrom is the path or address of a document, "" when it has none.
func whereFrom(d *rag.Document) string {
	if d.Source != "" {
		return d.Source
	}
	return d.ExternalID
}
