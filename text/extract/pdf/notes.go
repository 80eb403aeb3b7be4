package pdf

import (
	"regexp"
	"strings"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/structs"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

const (
	maxNotes   = 2000    // annotations of one page that are looked at
	maxOptions = 500     // of a list to choose from
	password   = 1 << 13 // flag of a text field whose value is not shown (PDF 32000-1, table 228)
)

// note is what somebody wrote onto a page: text set on it, a remark at its edge, or
// what a field of a form was filled in with.
type note struct {
	kind rag.BlockKind // Paragraph for what is seen on the page, Footnote for a remark
	name string        // of a field, for people
	text string
	box  rag.Box
}

// checked is the text of a box that is checked until its name is put behind it.
const checked = "☑"

// named returns a note's text with the name of its field, which is left out where
// the page says it itself: it is printed in front of the field then.
func (n note) named(p *page) string {
	value, name := strings.TrimSpace(n.text), strings.TrimRight(n.name, ": ")
	switch {
	case value == checked && name == "", value == "":
		return "" // a box that is checked, nobody knows which
	case value == checked:
		return value + " " + name
	case name == "" || p.says(name):
		return value
	}
	return name + ": " + value
}

// says reports whether a page's lines hold a text, letters compared.
func (p *page) says(s string) bool {
	if p.keys == "" {
		var b strings.Builder
		for _, l := range p.lines {
			b.WriteString(string(keysOf(l.text).keys))
		}
		p.keys = b.String()
	}
	return strings.Contains(p.keys, string(keysOf(s).keys))
}

// notes reads a page's annotations. Nothing here is a reason to fail.
func (r *reader) notes(p *page, ref requests.Page) {
	count, err := r.in.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: ref})
	if err != nil {
		return
	}
	for i := range min(count.Count, maxNotes) {
		got, err := r.in.FPDFPage_GetAnnot(&requests.FPDFPage_GetAnnot{Page: ref, Index: i})
		if err != nil {
			continue
		}
		n := r.note(got.Annotation)
		if n.text = clean.Paragraph(n.named(p)); n.text != "" {
			if rect, err := r.in.FPDFAnnot_GetRect(&requests.FPDFAnnot_GetRect{Annotation: got.Annotation}); err == nil {
				b := rect.Rect
				n.box = p.sheet.box(float64(b.Left), float64(b.Bottom), float64(b.Right), float64(b.Top))
			}
			r.size += len(n.text)
			p.notes = append(p.notes, n)
		}
		_, _ = r.in.FPDFPage_CloseAnnot(&requests.FPDFPage_CloseAnnot{Annotation: got.Annotation})
	}
}

func (r *reader) note(a references.FPDF_ANNOTATION) note {
	kind, err := r.in.FPDFAnnot_GetSubtype(&requests.FPDFAnnot_GetSubtype{Annotation: a})
	if err != nil {
		return note{}
	}
	switch kind.Subtype {
	case enums.FPDF_ANNOT_SUBTYPE_FREETEXT, enums.FPDF_ANNOT_SUBTYPE_WIDGET:
	case enums.FPDF_ANNOT_SUBTYPE_TEXT, enums.FPDF_ANNOT_SUBTYPE_HIGHLIGHT, enums.FPDF_ANNOT_SUBTYPE_UNDERLINE,
		enums.FPDF_ANNOT_SUBTYPE_SQUIGGLY, enums.FPDF_ANNOT_SUBTYPE_STRIKEOUT, enums.FPDF_ANNOT_SUBTYPE_CARET:
	default:
		return note{}
	}
	// What nobody sees is not part of the document.
	if f, err := r.in.FPDFAnnot_GetFlags(&requests.FPDFAnnot_GetFlags{Annotation: a}); err == nil &&
		f.Flags&(enums.FPDF_ANNOT_FLAG_HIDDEN|enums.FPDF_ANNOT_FLAG_NOVIEW) != 0 {
		return note{}
	}
	switch kind.Subtype {
	case enums.FPDF_ANNOT_SUBTYPE_WIDGET:
		name, value := r.field(a)
		return note{kind: rag.Paragraph, name: name, text: value}
	case enums.FPDF_ANNOT_SUBTYPE_FREETEXT:
		return note{kind: rag.Paragraph, text: r.stringOf(a, "Contents")}
	}
	return note{kind: rag.Footnote, text: r.stringOf(a, "Contents")}
}

func (r *reader) stringOf(a references.FPDF_ANNOTATION, key string) string {
	value, err := r.in.FPDFAnnot_GetStringValue(&requests.FPDFAnnot_GetStringValue{Annotation: a, Key: key})
	if err != nil {
		return ""
	}
	return value.Value
}

// field returns a field's name for people and what it holds: the text of a text
// field, the choice in a list, the value of a button or the mark of a box that is
// checked.
func (r *reader) field(a references.FPDF_ANNOTATION) (name, value string) {
	form, ok := r.form()
	if !ok { // no form, or a broken one: its fields may be legible all the same
		if v := r.stringOf(a, "V"); v != "Off" {
			return "", v
		}
		return "", ""
	}
	kind, err := r.in.FPDFAnnot_GetFormFieldType(&requests.FPDFAnnot_GetFormFieldType{FormHandle: form, Annotation: a})
	if err != nil {
		return "", ""
	}
	switch kind.FormFieldType {
	case enums.FPDF_FORMFIELD_TYPE_TEXTFIELD, enums.FPDF_FORMFIELD_TYPE_COMBOBOX:
		flags, err := r.in.FPDFAnnot_GetFormFieldFlags(&requests.FPDFAnnot_GetFormFieldFlags{FormHandle: form, Annotation: a})
		if err != nil || kind.FormFieldType == enums.FPDF_FORMFIELD_TYPE_TEXTFIELD && int(flags.Flags)&password != 0 {
			return "", ""
		}
		v, err := r.in.FPDFAnnot_GetFormFieldValue(&requests.FPDFAnnot_GetFormFieldValue{FormHandle: form, Annotation: a})
		if err != nil || v.FormFieldValue == "" {
			return "", ""
		}
		return r.fieldName(form, a, false), v.FormFieldValue
	case enums.FPDF_FORMFIELD_TYPE_LISTBOX:
		return r.fieldName(form, a, false), strings.Join(r.chosen(form, a), ", ")
	case enums.FPDF_FORMFIELD_TYPE_CHECKBOX, enums.FPDF_FORMFIELD_TYPE_RADIOBUTTON:
		// Its state is the name of the appearance that it shows (ISO 32000-1, 12.7.4.2.3).
		state := r.stringOf(a, "AS")
		switch {
		case state == "" || state == "Off":
			return "", ""
		case !spoken(state) || strings.EqualFold(state, "on") || strings.EqualFold(state, "yes"):
			return r.fieldName(form, a, true), checked
		}
		return r.fieldName(form, a, true), state
	}
	return "", ""
}

// chosen returns the options of a list that are selected.
func (r *reader) chosen(form references.FPDF_FORMHANDLE, a references.FPDF_ANNOTATION) []string {
	count, err := r.in.FPDFAnnot_GetOptionCount(&requests.FPDFAnnot_GetOptionCount{FormHandle: form, Annotation: a})
	if err != nil {
		return nil
	}
	var out []string
	for i := range min(count.OptionCount, maxOptions) {
		selected, err := r.in.FPDFAnnot_IsOptionSelected(&requests.FPDFAnnot_IsOptionSelected{FormHandle: form, Annotation: a, Index: i})
		if err != nil || !selected.IsOptionSelected {
			continue
		}
		label, err := r.in.FPDFAnnot_GetOptionLabel(&requests.FPDFAnnot_GetOptionLabel{FormHandle: form, Annotation: a, Index: i})
		if err == nil && label.OptionLabel != "" {
			out = append(out, label.OptionLabel)
		}
	}
	return out
}

// fieldName returns a field's name for people, and, where own is set and it has
// none, the last part of its own if that is made of words.
func (r *reader) fieldName(form references.FPDF_FORMHANDLE, a references.FPDF_ANNOTATION, own bool) string {
	if alt, err := r.in.FPDFAnnot_GetFormFieldAlternateName(&requests.FPDFAnnot_GetFormFieldAlternateName{FormHandle: form, Annotation: a}); err == nil {
		if s := clean.Line(alt.FormFieldAlternateName); s != "" {
			return s
		}
	}
	if !own {
		return ""
	}
	name, err := r.in.FPDFAnnot_GetFormFieldName(&requests.FPDFAnnot_GetFormFieldName{FormHandle: form, Annotation: a})
	if err != nil {
		return ""
	}
	s := clean.Line(name.FormFieldName)
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		s = s[i+1:]
	}
	if !spoken(s) {
		return ""
	}
	return s
}

// spokenWords matches what a person would say; a name like f1_07[0] or Text12 was
// given by a program.
var (
	spokenWords = regexp.MustCompile(`^\pL[\pL\pM'’-]+([ _/,&-]+[\pL\pN][\pL\pM\pN'’.-]*)*[?:.]?$`)
	unspoken    = regexp.MustCompile(`(?i)^(text|field|check ?box|radio ?button|button|group|list ?box|combo ?box|dropdown|untitled|undefined|choice|subform|topmostsubform|form|page|off|fill)[ _-]*(field|box|button)?[ _-]*[0-9]*$`)
)

func spoken(s string) bool { return spokenWords.MatchString(s) && !unspoken.MatchString(s) }

// form returns the document's form, which is opened when the first field is seen.
// It has to be open before fields can be read by their kind.
func (r *reader) form() (references.FPDF_FORMHANDLE, bool) {
	if r.formTried {
		return r.formHandle, r.formHandle != ""
	}
	r.formTried = true
	r.formHandle = openForm(r.in, r.doc)
	return r.formHandle, r.formHandle != ""
}

// openForm opens the form of a document, "" if it has none. Nobody sits in front of
// it: timers never fire, nothing is repainted, scripts are not in the engine.
func openForm(in pdfium.Pdfium, doc references.FPDF_DOCUMENT) references.FPDF_FORMHANDLE {
	kind, err := in.FPDF_GetFormType(&requests.FPDF_GetFormType{Document: doc})
	if err != nil || kind.FormType == enums.FPDF_FORMTYPE_NONE {
		return ""
	}
	form, err := in.FPDFDOC_InitFormFillEnvironment(&requests.FPDFDOC_InitFormFillEnvironment{Document: doc, FormFillInfo: structs.FPDF_FORMFILLINFO{
		FFI_Invalidate:         func(references.FPDF_PAGE, float64, float64, float64, float64) {},
		FFI_SetCursor:          func(enums.FXCT) {},
		FFI_SetTimer:           func(int, func(int)) int { return 0 },
		FFI_KillTimer:          func(int) {},
		FFI_GetLocalTime:       func() structs.FPDF_SYSTEMTIME { return structs.FPDF_SYSTEMTIME{} },
		FFI_GetPage:            func(references.FPDF_DOCUMENT, int) *references.FPDF_PAGE { return nil },
		FFI_GetRotation:        func(references.FPDF_PAGE) enums.FPDF_PAGE_ROTATION { return enums.FPDF_PAGE_ROTATION_NONE },
		FFI_ExecuteNamedAction: func(string) {},
	}})
	if err != nil {
		return ""
	}
	return form.FormHandle
}
