package rtf

import (
	"bytes"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// characters are the control words that stand for a character.
var characters = map[string]string{
	"tab": "\t", "line": "\n", "lbr": "\n", "softline": "\n", "page": "\n", "column": "\n", "emdash": "—", "endash": "–", "emspace": " ",
	"enspace": " ", "qmspace": " ", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
	"zwj": "\u200d", "zwnj": "\u200c", "ltrmark": "\u200e", "rtlmark": "\u200f",
}

// word handles a control word.
func (r *reader) word(t token) error {
	fresh, marked := r.cur.fresh, r.cur.marked
	r.cur.fresh = false
	if s, is := characters[t.name]; is {
		return r.write(s)
	}
	if t.name == "u" {
		return r.unicode(t.number)
	}
	if r.skip > 0 {
		r.skip--
	}
	if fresh {
		if known, err := r.begin(t); known || err != nil {
			return err
		}
		if marked && !passed[t.name] {
			r.lex.skip()
			return nil
		}
		if r.cur.math && strings.HasSuffix(t.name, "Pr") {
			r.lex.skip()
			return nil
		}
	}
	switch r.cur.to {
	case fonts:
		r.fontWord(t)
		return nil
	case stylesheet:
		r.styleWord(t)
		return nil
	case date:
		for i, name := range []string{"yr", "mo", "dy", "hr", "min"} {
			if t.name == name {
				r.when[i] = min(max(t.number, 0), 9999)
			}
		}
		return nil
	}
	return r.format(t)
}

// begin handles the first word of a group where it says what the group is.
func (r *reader) begin(t token) (known bool, err error) {
	switch name := t.name; {
	case name == "fldinst":
		from := r.lex.at
		r.lex.skip()
		if instruction := r.lex.in[from:r.lex.at]; bytes.Contains(instruction, []byte("PAGE")) || bytes.Contains(instruction, []byte("DATE")) {
			r.flow().fields++
		}
	case skipped[name]:
		r.lex.skip()
	case name == "fonttbl":
		r.cur.to = fonts
	case name == "stylesheet":
		r.cur.to = stylesheet
		r.sheet.reset()
		r.entry = 0
	case name == "info":
		r.cur.to, r.cur.info = nowhere, true
	case r.cur.info && properties[name] != "":
		r.cur.to, r.cur.ends, r.cur.key = property, endsProperty, properties[name]
		if r.name = r.name[:0]; name == "creatim" || name == "revtim" {
			r.cur.to, r.when = date, [5]int{}
		}
	case name == "upr":
		r.cur.resume, r.cur.to, r.cur.upr = r.cur.to, nowhere, true
	case name == "result" || name == "ud":
		r.cur.to = r.cur.resume
	case r.cur.to != body && r.cur.to != nowhere:
		return false, nil
	case name == "listtext" || name == "pntext":
		r.cur.to, r.cur.ends, r.name = label, endsLabel, r.name[:0]
	case name == "footnote":
		r.noted++
		r.beginFlow(rag.Footnote)
	case strings.HasPrefix(name, "header") && len(name) <= len("header")+1:
		r.beginFlow(rag.Header)
	case strings.HasPrefix(name, "footer") && len(name) <= len("footer")+1:
		r.beginFlow(rag.Footer)
	case name == "shptxt" || name == "dptxbxtext":
		r.beginFlow("")
	case name == "object" || name == "shpinst" || name == "do" || name == "nesttableprops":
		r.cur.resume, r.cur.to = r.cur.to, nowhere
	case name == "moMath" || name == "moMathPara" || name == "mmath":
		r.cur.math = true
	case r.cur.math && name == "mden":
		err = r.write("/")
	case r.cur.math && name == "msub":
		err = r.write("_")
	case r.cur.math && name == "msup":
		err = r.write("^")
	default:
		return false, nil
	}
	return true, err
}

// fontWord takes a word of the font table.
func (r *reader) fontWord(t token) {
	if t.name == "f" {
		r.entry = t.number
		if r.fonts[t.number] == nil && len(r.fonts) < maxFonts {
			r.fonts[t.number] = &font{charset: -1}
		}
		return
	}
	f := r.fonts[r.entry]
	switch {
	case f == nil:
	case t.name == "fcharset":
		f.charset = t.number
	case t.name == "cpg":
		f.page = t.number
	}
}

// styleWord takes a word of the style sheet.
func (r *reader) styleWord(t token) {
	switch t.name {
	case "s":
		r.entry = t.number
	case "sbasedon":
		r.sheet.base = t.number
	case "outlinelevel":
		r.sheet.outline = t.number
	}
}

// on reads a switch: a word without a number means on.
func (t token) on() bool { return !t.given || t.number != 0 }

// format takes a word that formats text or ends something.
func (r *reader) format(t token) error {
	switch t.name {
	case "par", "sect":
		return r.paragraph()
	case "cell", "nestcell", "row", "nestrow":
		return r.tableWord(t.name)
	case "f":
		r.cur.font = t.number
	case "deff":
		r.cur.font, r.usual = t.number, t.number
	case "uc":
		r.cur.unicode = min(max(t.number, 0), 1000)
	case "ansicpg":
		r.page = t.number
	case "mac":
		r.page = 10000
	case "pc":
		r.page = 437
	case "pca":
		r.page = 850
	case "plain":
		return r.unformat()
	case "v", "webhidden":
		if err := r.flush(); err != nil {
			return err
		}
		r.cur.hidden = t.on()
	case "deleted":
		if err := r.flush(); err != nil {
			return err
		}
		r.cur.deleted = t.on()
	case "pard":
		r.cur.style, r.cur.outline, r.cur.level, r.cur.list, r.cur.table = 0, -1, 0, 0, 0
	case "s":
		r.cur.style = t.number
	case "outlinelevel":
		r.cur.outline = t.number
	case "ilvl":
		r.cur.level = min(max(t.number, 0), 8)
	case "ls":
		r.cur.list = t.number
	case "intbl":
		if r.cur.table = max(r.cur.table, 1); !t.on() {
			r.cur.table = 0
		}
	case "itap":
		r.cur.table = min(max(t.number, 0), maxTables)
	case "trowd", "cellx", "clmgf", "clmrg", "clvmgf", "clvmrg":
		r.flow().define(t)
	case "chftn":
		return r.noteNumber()
	case "ftnalt":
		r.flow().endnote = true
	case "chpgn", "sectnum", "chdate", "chtime":
		r.flow().fields++
	}
	return nil
}

// unformat takes character formatting back.
func (r *reader) unformat() error {
	if err := r.flush(); err != nil {
		return err
	}
	r.cur.hidden, r.cur.deleted, r.cur.font = false, false, r.usual
	return nil
}
