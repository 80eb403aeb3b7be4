package chunk

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Shares and counts from which on Pick takes a text for what it looks like.
const (
	codeShare    = .5  // of the bytes in listings, where no language is named
	tableShare   = .5  // of the bytes in tables
	turnShare    = .4  // of the lines that begin a turn
	fewestTurns  = 4   // turns of speakers, by at least two
	clauseShare  = .12 // of the lines that bear a label with a word, or continue a row
	fewestClause = 8
	fewestNotes  = 4 // different sections of a note that are known by name
)

// looked bounds the bytes that are looked at to tell what a text is.
const looked = 256 << 10

// Pick returns the name of the chunker that auto takes for a text: in this order,
// code for source files (by media type, the metadata code_language, or listings
// that hold most of the text), table for separated values and texts that are mostly
// tables, conversation for mail and for transcripts, medical for notes with known
// sections, legal for numbered clauses, and else structure. It looks at the first
// 256 KiB, and always says the same of the same text.
func Pick(t rag.Text) string {
	kind, _, _ := strings.Cut(t.MediaType, ";")
	switch {
	case codeLanguage(t) != "" && !strings.HasPrefix(kind, "text/markdown"):
		return Code
	case kind == "text/csv" || kind == "text/tab-separated-values":
		return Table
	case kind == "message/rfc822" || kind == "application/vnd.ms-outlook" || kind == "application/mbox" || kind == "text/vtt" || kind == "application/x-subrip":
		return Conversation
	}
	if len(t.Content) > looked {
		t.Content = t.Content[:runeFloor(t.Content, looked)]
	}
	var s signals
	for _, b := range outline(t) {
		s.look(t.Content, b)
	}
	return s.pick()
}

// signals is what is counted in a text.
type signals struct {
	bytes, code, table  int
	lines               int
	turns, clauses      int
	speakers            map[string]int
	messages            int
	notes               map[string]bool
	numbering           numbering
	strongClauses, defs int
}

func (s *signals) look(text string, b rag.Block) {
	if running(b) {
		return
	}
	s.bytes += b.Span.Len()
	switch b.Kind {
	case rag.Code:
		s.code += b.Span.Len()
		return
	case rag.Table:
		s.table += b.Span.Len()
		return
	}
	if s.speakers == nil {
		s.speakers, s.notes = map[string]int{}, map[string]bool{}
	}
	before := byte(0)
	for line := range lines(text, b.Span) {
		shown := shownLine(line.Of(text))
		if shown == "" {
			continue
		}
		s.lines++
		at := position{block: b, first: before == 0, before: before}
		before = shown[len(shown)-1]
		if attribution.MatchString(shown) || forwarded.MatchString(shown) {
			s.messages++
		}
		if name, _, ok := noteName(shown); ok && noteSections[strings.ToLower(name)] {
			s.notes[strings.ToLower(name)] = true
		} else if who, ok := readSpeaker(shown); ok {
			s.speakers[who.name]++
			s.turns++
		}
		s.clause(shown, at)
	}
}

func (s *signals) clause(line string, at position) {
	if defined.MatchString(line) && ended(at) {
		s.defs++
		s.clauses++
		return
	}
	l, ok := readLabel(line)
	if !ok || !s.numbering.plausible(&l, at) {
		return
	}
	next := s.numbering.continues(l.style, l.value)
	s.numbering.place(&l)
	switch {
	case l.rank > 0:
		s.strongClauses++
		s.clauses++
	case next:
		s.clauses++
	}
}

func (s *signals) pick() string {
	spoken, voices := 0, 0
	for _, n := range s.speakers {
		if n >= 2 {
			spoken += n
			voices++
		}
	}
	share := func(n int, of float64) bool { return float64(n) >= of*float64(max(1, s.lines)) }
	switch {
	case float64(s.code) >= codeShare*float64(s.bytes) && s.code > 0:
		return Code
	case float64(s.table) >= tableShare*float64(s.bytes) && s.table > 0:
		return Table
	case s.messages >= 2, spoken >= fewestTurns && voices >= 2 && share(spoken, turnShare):
		return Conversation
	case len(s.notes) >= fewestNotes && share(len(s.notes), .05):
		return Medical
	case s.clauses >= fewestClause && s.strongClauses+s.defs >= 3 && share(s.clauses, clauseShare):
		return Legal
	}
	return Structure
}

// autoParts cuts a text as the chunker does that Pick names.
func (m measure) autoParts(t rag.Text) []part {
	switch Pick(t) {
	case Code:
		return m.codeParts(t)
	case Table:
		return tableParts(t)
	case Conversation:
		return conversationParts(t)
	case Medical:
		return medicalParts(t)
	case Legal:
		return legalParts(t)
	}
	return structureParts(t)
}
