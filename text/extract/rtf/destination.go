package rtf

// destination is what becomes of the text of a group.
type destination uint8

const (
	body    destination = iota // it goes to the paragraph
	nowhere                    // it is dropped, but groups within it may be text
	fonts
	stylesheet
	label    // the number or bullet of a list item
	property // what the document says of itself
	date     // likewise, in control words
)

// skipped are the groups that hold no text of the document, beside those that are
// marked as such ("\*") and unknown here: tables of colours and files, pictures, the
// fallback forms of what is read already, entries of indexes, separators of footnotes.
var skipped = set("colortbl", "filetbl", "revtbl", "pict", "nonshppict", "shprslt", "nonesttables", "sp", "objdata", "objclass", "objname",
	"fldinst", "xe", "tc", "tcn", "rxe", "txe", "private", "ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "mmathPict",
	"falt", "fname", "panose", "pntxta", "pntxtb", "bkmkstart", "bkmkend", "atnid", "atnauthor", "atndate", "atnref", "annotation",
	"template", "keycode", "listtable", "listoverridetable", "generator", "background", "footnotesep", "datafield", "formfield", "htmltag")

// passed are groups marked with "\*" whose contents count nevertheless.
var passed = set("shppict", "shpinst", "do", "moMath", "moMathPara", "mmath", "ud", "nesttableprops", "fldrslt", "field")

// properties are the groups of \info that are kept.
var properties = map[string]string{
	"title": "title", "author": "author", "subject": "subject", "keywords": "keywords", "doccomm": "description",
	"creatim": "date", "revtim": "modified",
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}
