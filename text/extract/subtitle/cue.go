package subtitle

import (
	"context"
	"html"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/text/clean"
)

// cue is a piece of text with the time at which it is shown.
type cue struct {
	start, end time.Duration
	lines      []line // what earlier cues did not show already
}

// line is a line of a cue, with the name of the voice tag before it.
type line struct {
	voice string
	text  string
}

// contiguous is the longest gap between two cues of live captions, in which the
// second repeats what is still on the screen.
const contiguous = 100 * time.Millisecond

// longestTime is the latest time that counts; beyond it a time is a mistake.
const longestTime = 1000 * time.Hour

var timing = regexp.MustCompile(`^\s*(\d{1,3}(?::\d{1,2}){1,2}(?:[.,]\d{1,3})?)\s*-->\s*(\d{1,3}(?::\d{1,2}){1,2}(?:[.,]\d{1,3})?)`)

// parser collects the cues of a file.
type parser struct {
	webVTT   bool
	title    string
	language string
	cues     []cue
	shown    []string // lines of the last cue, all of them
	voice    string   // of the voice tag that is open
}

func parse(ctx context.Context, source string) (*parser, error) {
	source = strings.ReplaceAll(strings.ReplaceAll(source, "\r\n", "\n"), "\r", "\n")
	p := &parser{webVTT: webVTT.MatchString(source)}
	lines := strings.Split(source, "\n")
	i := 0
	if p.webVTT {
		i = p.head(lines)
	}
	// Between cues stand a cue's identifier, a note, and in SRT also text of the cue
	// above that has blank lines in it.
	for n := 0; i < len(lines); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		l := strings.TrimSpace(lines[i])
		start, end, is := times(lines[i])
		switch {
		case is:
			i = p.cue(lines, i+1, start, end)
		case p.webVTT && isNote(l):
			i = p.note(lines, i)
		case !p.webVTT && l != "" && len(p.cues) > 0 && !isIdentifier(lines, i):
			p.add(&p.cues[len(p.cues)-1], []string{lines[i]})
			i++
		default:
			i++
		}
	}
	return p, nil
}

// isIdentifier reports whether line i is the number above a timing.
func isIdentifier(lines []string, i int) bool {
	if i+1 >= len(lines) || !number.MatchString(strings.TrimSpace(lines[i])) {
		return false
	}
	_, _, is := times(lines[i+1])
	return is
}

// head reads the head of a WebVTT file and returns where it ends.
func (p *parser) head(lines []string) int {
	p.title = strings.TrimLeft(strings.TrimSpace(strings.TrimPrefix(lines[0], "WEBVTT")), "-–—: ")
	i := 1
	for i < len(lines) && strings.TrimSpace(lines[i]) != "" {
		if _, _, is := times(lines[i]); is {
			break
		}
		p.property(lines[i])
		i++
	}
	return i
}

// property takes a line such as "Language: en" of the head or of a note.
func (p *parser) property(l string) {
	key, value, is := strings.Cut(l, ":")
	if !is {
		return
	}
	value = strings.TrimSpace(value)
	switch strings.ToLower(strings.TrimSpace(key)) {
	case "title":
		p.title = value
	case "language", "lang":
		code, _, _ := strings.Cut(strings.ToLower(value), "-")
		if len(code) == 2 && code[0] >= 'a' && code[0] <= 'z' && code[1] >= 'a' && code[1] <= 'z' {
			p.language = code
		}
	}
}

func isNote(l string) bool {
	for _, word := range []string{"NOTE", "STYLE", "REGION"} {
		if rest, is := strings.CutPrefix(l, word); is && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
			return true
		}
	}
	return false
}

// note passes over a comment, a style sheet or a region, and returns where it ends.
func (p *parser) note(lines []string, i int) int {
	isNote := strings.HasPrefix(strings.TrimSpace(lines[i]), "NOTE")
	for first := i; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
		if !isNote {
			continue
		}
		l := lines[i]
		if i == first {
			l = strings.TrimPrefix(strings.TrimSpace(l), "NOTE")
		}
		p.property(l)
	}
	return i
}

// cue reads the text below a timing and returns where it ends.
func (p *parser) cue(lines []string, i int, start, end time.Duration) int {
	from := i
	for i < len(lines) && lines[i] != "" && (p.webVTT || strings.TrimSpace(lines[i]) != "") {
		if _, _, is := times(lines[i]); is || isIdentifier(lines, i) {
			break
		}
		i++
	}
	repeats := len(p.cues) > 0 && start <= p.cues[len(p.cues)-1].end+contiguous
	if !repeats {
		p.shown = nil
	}
	p.voice = ""
	c := cue{start: start, end: end}
	p.add(&c, lines[from:i])
	if len(c.lines) == 0 && len(p.cues) > 0 {
		if repeats {
			p.cues[len(p.cues)-1].end = max(end, p.cues[len(p.cues)-1].end)
		}
		return i
	}
	p.cues = append(p.cues, c)
	return i
}

// add appends lines to a cue, without those at its beginning that are still shown:
// live captions roll up, so that a cue begins with the last lines of the one
// before it, or grow word by word.
func (p *parser) add(c *cue, source []string) {
	var all []line
	var texts []string
	for _, s := range source {
		for _, l := range p.strip(s) {
			all = append(all, l)
			texts = append(texts, l.text)
		}
	}
	if len(all) == 0 {
		return
	}
	known := 0
	for n := min(len(p.shown), len(texts)); n > 0 && known == 0; n-- {
		if equal(p.shown[len(p.shown)-n:], texts[:n]) {
			known = n
		}
	}
	fresh := all[known:]
	if known == 0 && len(p.shown) > 0 {
		if more, grew := strings.CutPrefix(texts[0], p.shown[len(p.shown)-1]+" "); grew {
			fresh[0].text = more
		}
	}
	p.shown = texts[max(0, len(texts)-maxShown):]
	c.lines = append(c.lines, fresh...)
}

// maxShown is how many lines of a cue are kept to be compared with the next.
const maxShown = 8

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

var (
	tag      = regexp.MustCompile(`<[^<>]*>`)
	override = regexp.MustCompile(`\{\\[^{}]*\}`) // {\an8}: a place on the screen
	voiceTag = regexp.MustCompile(`^<v(?:\.[^\s>]*)?[ \t]+([^<>]+)>$`)
)

// strip returns a line without tags, divided where the voice changes.
func (p *parser) strip(s string) []line {
	var out []line
	var b strings.Builder
	flush := func() {
		text := clean.Line(html.UnescapeString(override.ReplaceAllString(b.String(), "")))
		b.Reset()
		if text != "" {
			out = append(out, line{p.voice, text})
		}
	}
	from := 0
	for _, at := range tag.FindAllStringIndex(s, -1) {
		b.WriteString(s[from:at[0]])
		from = at[1]
		switch t := s[at[0]:at[1]]; {
		case voiceTag.MatchString(t):
			flush()
			p.voice = clean.Line(html.UnescapeString(voiceTag.FindStringSubmatch(t)[1]))
		case t == "</v>":
			flush()
			p.voice = ""
		case !isTag(t):
			b.WriteString(t)
		}
	}
	b.WriteString(s[from:])
	flush()
	return out
}

// isTag tells a tag or a time within a cue from text such as "a < b > c".
func isTag(t string) bool {
	name := strings.TrimPrefix(t[1:], "/")
	return name != "" && (name[0] >= 'a' && name[0] <= 'z' || name[0] >= 'A' && name[0] <= 'Z' || name[0] >= '0' && name[0] <= '9' || name == ">")
}

// times reads a timing line.
func times(l string) (start, end time.Duration, ok bool) {
	if !strings.Contains(l, "-->") {
		return 0, 0, false
	}
	m := timing.FindStringSubmatch(l)
	if m == nil {
		return 0, 0, false
	}
	start, end = moment(m[1]), moment(m[2])
	return start, max(start, end), start <= longestTime && end <= longestTime
}

// moment reads a time of two or three parts.
func moment(s string) time.Duration {
	s, fraction, _ := strings.Cut(strings.ReplaceAll(s, ",", "."), ".")
	total := 0
	for part := range strings.SplitSeq(s, ":") {
		n, _ := strconv.Atoi(part) // digits only, at most three
		total = total*60 + n
	}
	milli, _ := strconv.Atoi((fraction + "000")[:3])
	return time.Duration(total)*time.Second + time.Duration(milli)*time.Millisecond
}
