package chunk

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// conversationParts finds the messages of a mail thread and the turns of speakers.
// A message is a section, named by who wrote it; a turn is kept whole where it
// fits, turns are packed together until a chunk is full, and where one is cut, its
// speaker is repeated.
//
// Whoever stands before a colon at the beginning of a line is a speaker if the line
// begins with a time, or if the same name does so at least twice: a single
// "Note: ..." is not a conversation.
func conversationParts(t rag.Text) []part {
	c := conversation{speakers: map[string]int{}}
	blocks := outline(t)
	for _, b := range blocks {
		if running(b) || b.Kind == rag.Table || b.Kind == rag.Code {
			continue
		}
		for line := range lines(t.Content, b.Span) {
			if s, ok := readSpeaker(shownLine(line.Of(t.Content))); ok && (len(c.speakers) < mostSpeakers || c.speakers[s.name] > 0) {
				c.speakers[s.name]++
			}
		}
	}
	parts := markLines(t, c.mark)
	for i := range parts {
		parts[i].fill = true
	}
	return parts
}

// mostSpeakers bounds the names that are counted.
const mostSpeakers = 10_000

// messageRank is below all headings of the document itself.
const messageRank = 10

type conversation struct {
	speakers map[string]int // lines that begin with the name
	header   int            // lines for which the header of a message can go on
}

var (
	// A line that says who wrote what follows, as mail programs put it above a
	// quotation, in the languages they speak most.
	attribution = regexp.MustCompile(`(?i)^(?:on\s.{6,120}\swrote|am\s.{6,120}\sschrieb.{0,80}|le\s.{6,120}\sa écrit|el\s.{6,120}\sescribió|il\s.{6,120}\sha scritto|op\s.{6,120}\sschreef.{0,80})\s*:$`)
	forwarded   = regexp.MustCompile(`(?i)^-{2,}\s*(?:original message|forwarded message|begin forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|message d'origine|mensaje original)\s*-{2,}$`)
	fromLine    = regexp.MustCompile(`(?i)^(?:from|von|de|da|van)\s*:\s*(\S.{0,200})$`)
	fieldLine   = regexp.MustCompile(`(?i)^(?:to|sent|date|subject|cc|an|gesendet|datum|betreff|à|envoyé|objet|para|enviado|asunto|aan|verzonden|onderwerp)\s*:`)

	timeBefore = regexp.MustCompile(`^(?:[\[(<]?(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?\s+)?(?:\d{4}-\d{2}-\d{2}[T ])?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?(?:\s?[AaPp]\.?[Mm]\.?)?Z?(?:\s*-->\s*\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?)?[\])>]?\s*[-–—]?\s*)`)
	timeBehind = regexp.MustCompile(`^\s*[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:\s?[AaPp][Mm])?[\])]?$`)
	voiceTag   = regexp.MustCompile(`^<v(?:\.[^ >]*)?\s+([^>]{1,60})>`)
)

func (c *conversation) mark(line, next string, at position) (part, int) {
	if m := fromLine.FindStringSubmatch(line); m != nil && (at.first || ended(at) || at.block.Kind != rag.Paragraph || fieldLine.MatchString(next)) {
		if c.header < 6 {
			c.header = 8
			return part{begins: true, level: messageRank, name: HeadingName(m[1])}, 1
		}
	}
	if c.header > 0 {
		c.header--
	}
	if forwarded.MatchString(line) || attribution.MatchString(line) {
		c.header = 8 // a From below it belongs to the same message
		name := strings.Trim(line, "-: ")
		if m := fromLine.FindStringSubmatch(next); m != nil {
			name = m[1]
		}
		return part{begins: true, level: messageRank, name: HeadingName(name)}, 1
	}
	if fieldLine.MatchString(line) && c.header > 0 {
		return part{}, 0
	}
	s, ok := readSpeaker(line)
	if !ok || !s.timed && c.speakers[s.name] < 2 {
		return part{}, 0
	}
	return part{turn: s.label}, 1
}

// speaker is who stands at the beginning of a line.
type speaker struct {
	name  string
	label string // as it is repeated
	timed bool   // a time stands beside the name
}

// readSpeaker reads "Name:", "[10:15] Name:", "Name (10:15):", "<v Name>", and a
// line of a name and a time.
func readSpeaker(line string) (speaker, bool) {
	rest := line
	if m := timeBefore.FindString(line); m != "" && strings.ContainsRune(m, ':') {
		rest = line[len(m):]
	}
	timed := len(rest) < len(line)
	if m := voiceTag.FindStringSubmatch(rest); m != nil {
		return speaker{m[1], m[1] + ":", true}, true
	}
	i := strings.IndexAny(rest, ":：")
	if i < 0 {
		return speaker{}, false
	}
	name := rest[:i]
	if open := strings.IndexAny(name, "([0123456789"); open > 0 { // "Name (10:15):", "Name 10:15 AM"
		bare := strings.TrimSpace(strings.TrimRight(name[:open], "([ "))
		behind := rest[len(name[:open]):]
		if close := strings.IndexAny(behind, ")]"); close >= 0 && strings.HasPrefix(strings.TrimSpace(behind[close+1:]), ":") {
			name, timed = bare, timed || strings.ContainsAny(behind[:close], "0123456789")
		} else if timeBehind.MatchString(behind) || timeBehind.MatchString(strings.TrimLeft(rest[len(strings.TrimRight(name[:open], "([ ")):], " ")) {
			name, timed = bare, true
		}
	} else if w := len(rest) - i; w > 0 && i+1 < len(rest) && rest[i+1] == '/' {
		return speaker{}, false // an address
	}
	name = strings.Trim(name, "*_ \t")
	if !isName(name) {
		return speaker{}, false
	}
	return speaker{name, name + ":", timed}, true
}

// isName reports whether s can be who speaks: up to four words, the first beginning
// with a capital letter or a script without capitals, no sentence.
func isName(s string) bool {
	if s == "" || len(s) > 60 || words(s) > 4 || strings.ContainsAny(s, `.!?,;"“”/\<>{}=|`) && !strings.Contains(s, ". ") {
		return false
	}
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) && !unicode.IsLower(r)
}
