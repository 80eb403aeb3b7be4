package fb2

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const maxLine = rag.MaxMetadataString

// keys are the elements of the description that are kept, by the element around them.
var keys = map[string]map[string]string{
	"title-info":    {"date": "date", "lang": "language", "keywords": "keywords", "annotation": "description", "genre": "subject"},
	"document-info": {"date": "modified"},
	"publish-info":  {"publisher": "publisher"},
}

// description reads what the book says of itself.
func (d *book) description(t *parts.Tokens) error {
	within := ""
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch {
		case keys[e.Name] != nil:
			within = e.Name
			return nil
		case e.Name == "src-title-info" || e.Name == "custom-info" || e.Name == "output":
			return t.Skip()
		case within == "title-info" && e.Name == "author":
			return d.author(t)
		case within == "title-info" && e.Name == "book-title":
			title, err := t.Line(maxLine)
			d.title = title
			return err
		}
		key := keys[within][e.Name]
		if key == "" {
			return nil
		}
		stated := e.Attr("value") // a date in ISO 8601, beside the one for people
		value, err := t.Line(maxLine)
		if key == "date" || key == "modified" {
			if stated != "" {
				value = clean.Line(clean.Cut(stated, maxLine))
			}
		}
		if d.said[key] == "" {
			d.said[key] = value
		} else if key == "subject" && len(d.said[key]) < maxLine {
			d.said[key] += ", " + value
		}
		return err
	})
}

// author reads a name in its parts, or the nickname where there are none.
func (d *book) author(t *parts.Tokens) error {
	var names []string
	nick := ""
	err := t.Within(func(e parts.Token) (err error) {
		if e.Kind != parts.StartElement {
			return nil
		}
		value := ""
		switch e.Name {
		case "first-name", "middle-name", "last-name":
			if value, err = t.Line(200); value != "" {
				names = append(names, value)
			}
		case "nickname":
			nick, err = t.Line(200)
		default:
			err = t.Skip()
		}
		return err
	})
	if len(names) == 0 && nick != "" {
		names = []string{nick}
	}
	if len(names) > 0 && len(d.authors) < 50 {
		d.authors = append(d.authors, strings.Join(names[:min(len(names), 5)], " "))
	}
	return err
}

// metadata returns what was said as metadata, nil if nothing was.
func (d *book) metadata() rag.Metadata {
	meta := rag.Metadata{}
	for key, value := range d.said {
		if value != "" {
			meta[key] = rag.Str(clean.Cut(value, maxLine))
		}
	}
	if len(d.authors) > 0 {
		meta["author"] = rag.Str(clean.Cut(strings.Join(d.authors, ", "), maxLine))
	}
	if len(meta) == 0 {
		return nil
	}
	return meta
}

// primary returns the language of a tag such as "en-GB" if it has a two-letter code.
func primary(tag string) string {
	code, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if len(code) != 2 || code[0] < 'a' || code[0] > 'z' || code[1] < 'a' || code[1] > 'z' {
		return ""
	}
	return code
}
