package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// medicalParts finds the sections of clinical notes: lines that are one of the
// usual names, with or without a colon, names followed by a colon and text, and
// lines in capital letters before a colon. Findings by organ stand below the
// examination that they are part of.
func medicalParts(t rag.Text) []part {
	var n note
	return markLines(t, n.mark)
}

// Ranks of sections of notes, below all headings of the document itself.
const (
	noteRank  = 10
	organRank = 11
)

// noteSections are names of the sections of notes, in lower case.
var noteSections = set(`
	chief complaint|cc|reason for visit|reason for consultation|reason for admission|presenting complaint|subjective|objective
	history of present illness|history of presenting complaint|hpi|present illness|interval history|history
	past medical history|pmh|medical history|past surgical history|psh|surgical history|past psychiatric history|past history
	family history|social history|personal history|obstetric history|gynecologic history|birth history|developmental history
	medications|current medications|home medications|discharge medications|medications on admission|medication
	allergies|drug allergies|immunizations|review of systems|ros
	physical exam|physical examination|examination|exam|on examination|vital signs|vitals|mental status exam|mental status examination
	findings|impression|comparison|technique|indication|indications|clinical information|clinical history|clinical indication|contrast|procedure|procedures|procedure details|description of procedure
	laboratory data|laboratory|labs|laboratory results|results|diagnostic studies|imaging|radiology|pathology|microscopic description|gross description|specimen
	assessment|assessment and plan|assessment/plan|assessment & plan|a/p|plan|recommendations|recommendation|disposition|follow-up|follow up|followup
	diagnosis|diagnoses|admission diagnosis|discharge diagnosis|final diagnosis|preoperative diagnosis|postoperative diagnosis|differential diagnosis
	hospital course|brief hospital course|course|discharge instructions|discharge condition|condition on discharge|condition|prognosis|summary|conclusion|conclusions
	operation|operation performed|anesthesia|estimated blood loss|complications|addendum|code status
	anamnese|aktuelle anamnese|eigenanamnese|familienanamnese|sozialanamnese|medikamentenanamnese|allergieanamnese|vegetative anamnese|fremdanamnese|jetzige anamnese|vorgeschichte
	aufnahmegrund|einweisungsgrund|vorstellungsgrund|aktuelle beschwerden|beschwerden|indikation|fragestellung|klinische angaben|klinische fragestellung
	vorerkrankungen|nebendiagnosen|hauptdiagnose|diagnose|diagnosen|aufnahmediagnose|entlassungsdiagnose|entlassungsdiagnosen|verdachtsdiagnose|differentialdiagnose
	medikation|aktuelle medikation|vormedikation|entlassungsmedikation|medikamente|hausmedikation|allergien|unverträglichkeiten|noxen|impfungen
	befund|befunde|aufnahmebefund|körperlicher untersuchungsbefund|körperliche untersuchung|untersuchungsbefund|klinischer befund|status|psychischer befund|vitalparameter
	labor|laborwerte|laborbefunde|bildgebung|röntgen|sonographie|technik|methode|mikroskopie|makroskopie|material
	beurteilung|zusammenfassung|epikrise|therapie|therapie und verlauf|verlauf|procedere|prozedere|empfehlung|empfehlungen|therapieempfehlung|operation|operationsbericht|komplikationen|entlassung
`)

// organs are the parts of an examination.
var organs = set(`
	general|general appearance|constitutional|heent|head|eyes|ears|nose|throat|neck|chest|lungs|pulmonary|respiratory|resp|heart|cardiovascular|cardiac|cv|abdomen|gastrointestinal|gi|genitourinary|gu|
	back|spine|extremities|musculoskeletal|msk|neuro|neurologic|neurological|skin|psych|psychiatric|lymph|lymphatic|endocrine|hematologic|breast|rectal|pelvis|vascular|
	bp|hr|rr|temp|allgemeinzustand|kopf|hals|thorax|herz|lunge|abdomen|leber|milz|nieren|nierenlager|extremitäten|wirbelsäule|haut|neurologie|neurologisch|psyche|gefäße|lymphknoten|schilddrüse
`)

// examinations are the sections that organs belong to.
var examinations = set(`
	physical exam|physical examination|examination|exam|on examination|objective|review of systems|ros|findings|vital signs|vitals
	befund|befunde|aufnahmebefund|körperlicher untersuchungsbefund|körperliche untersuchung|untersuchungsbefund|klinischer befund|status
`)

func set(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(list, func(r rune) bool { return r == '|' || r == '\n' }) {
		if w = strings.TrimSpace(w); w != "" {
			out[w] = true
		}
	}
	return out
}

// note is the section of a note that is open above a line.
type note struct{ examination bool }

func (n *note) mark(line, _ string, at position) (part, int) {
	name, rest, ok := noteName(line)
	if !ok {
		return part{}, 0
	}
	key := strings.ToLower(name)
	p := part{begins: true, strict: true, level: noteRank, name: HeadingName(name)}
	switch {
	case n.examination && organs[key]:
		p.level = organRank
	case noteSections[key]:
		n.examination = examinations[key]
	case rest != "" && !at.first && !capitals(name), !capitals(name):
		return part{}, 0
	default:
		n.examination = false
	}
	if rest == "" {
		p.Kind = rag.Heading
	}
	return p, 1
}

// noteName reads the name of a section: all of a line, or what stands before its
// first colon.
func noteName(line string) (name, rest string, ok bool) {
	const longest = 60
	if len(line) > 1 && line[0] >= '0' && line[0] <= '9' { // "3. Findings"
		line = strings.TrimLeft(strings.TrimLeft(line, "0123456789"), ".) ")
	}
	name = line
	colon := false
	if i := strings.IndexAny(line, ":："); i >= 0 {
		_, w := utf8.DecodeRuneInString(line[i:])
		name, rest, colon = line[:i], strings.Trim(line[i+w:], "*_ \t"), true
	}
	name = strings.Trim(name, "*_ \t")
	if name == "" || len(name) > longest || words(name) > 6 {
		return "", "", false
	}
	key := strings.ToLower(name)
	return name, rest, colon || noteSections[key] || organs[key] && rest == ""
}

// capitals reports whether a name is written in capital letters, at least three.
func capitals(s string) bool {
	n := 0
	for _, r := range s {
		switch {
		case unicode.IsLower(r), unicode.IsDigit(r):
			return false
		case unicode.IsUpper(r):
			n++
		}
	}
	return n >= 3
}
