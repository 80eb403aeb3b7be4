package docx

import (
	"strconv"

	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const maxEntries = 1000 // of a list in a form; Word allows 25

// formField returns what a field of a form shows beside the text in its runs
// (ECMA-376 part 1, 17.16.17): whether a box is checked, and the chosen entry of a
// list. The start of its data (ffData) was just read.
func formField(t *parts.Tokens) (string, error) {
	var entries []string
	box, checked, decided, chosen := false, false, false, 0
	err := t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "checkbox":
			box = true
		case "default":
			if box && !decided {
				checked = e.On()
			}
		case "checked":
			checked, decided = e.On(), true
		case "listentry":
			if len(entries) < maxEntries {
				entries = append(entries, e.Attr("val"))
			}
		case "result":
			if n, err := strconv.Atoi(e.Attr("val")); err == nil {
				chosen = n
			}
		}
		return nil
	})
	switch {
	case box && checked:
		return "☒", err
	case box:
		return "☐", err
	case chosen >= 0 && chosen < len(entries):
		return entries[chosen], err
	}
	return "", err
}
