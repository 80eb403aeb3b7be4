package odf

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// metaKeys are the elements of office:meta (OpenDocument part 3, 4.3). The creator is
// who saved the file last, and its author only if no one else is named.
var metaKeys = map[string]string{
	"initial-creator": "author", "creation-date": "date", "date": "modified", "subject": "subject",
	"keyword": "keywords", "description": "description", "language": "language",
}

// meta reads what the document says of itself.
func (d *document) meta(t *parts.Tokens) error {
	creator := ""
	set := func(key, value string) {
		if value == "" {
			return
		}
		if d.metadata == nil {
			d.metadata = rag.Metadata{}
		}
		d.metadata[key] = rag.Str(clean.Cut(value, rag.MaxMetadataString))
	}
	var keywords []string
	err := t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		name := e.Name
		key := metaKeys[name]
		if key == "" && name != "title" && name != "creator" {
			return nil // a container, or of no interest
		}
		value, err := short(t)
		if err != nil {
			return err
		}
		switch {
		case name == "title":
			d.title = value
		case name == "creator":
			creator = value
		case name == "keyword":
			if value != "" && len(keywords) < 100 {
				keywords = append(keywords, value)
			}
		default:
			set(key, value)
			if key == "language" {
				d.language = primary(value)
			}
		}
		return nil
	})
	set("keywords", strings.Join(keywords, ", "))
	if _, said := d.metadata["author"]; !said {
		set("author", creator)
	}
	return err
}

// primary returns the language of a tag such as "en-GB" if it has a two-letter code.
func primary(tag string) string {
	code, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if len(code) != 2 || code[0] < 'a' || code[0] > 'z' || code[1] < 'a' || code[1] > 'z' {
		return ""
	}
	return code
}

// short reads an element to its end and returns what a line of metadata may hold of it.
func short(t *parts.Tokens) (string, error) { return t.Line(rag.MaxMetadataString) }
