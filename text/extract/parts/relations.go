package parts

import (
	"path"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// Relation says that a part has a role for another part, or, without one, for the
// whole package (ECMA-376 part 2, 8.3).
type Relation struct {
	ID   string // by which markup names it (r:id)
	Kind string // last element of the type's URI, in lower case: "slide", "image"
	Part string // name of the part it leads to
}

// Relations are those of one part, in the order in which they are written.
type Relations []Relation

// First returns the first part of a kind, "" if there is none.
func (rs Relations) First(kind string) string {
	for _, r := range rs {
		if r.Kind == kind {
			return r.Part
		}
	}
	return ""
}

// All returns the parts of a kind.
func (rs Relations) All(kind string) []string {
	var parts []string
	for _, r := range rs {
		if r.Kind == kind {
			parts = append(parts, r.Part)
		}
	}
	return parts
}

// ByID returns the relation that markup names, the zero Relation if there is none.
func (rs Relations) ByID(id string) Relation {
	for _, r := range rs {
		if r.ID == id {
			return r
		}
	}
	return Relation{}
}

// Relations returns those of a part; those of the package for "".
func (p *Package) Relations(part string) Relations {
	if part == "" {
		return p.relations("_rels/.rels", "")
	}
	return p.relations(path.Join(path.Dir(part), "_rels", path.Base(part)+".rels"), path.Dir(part))
}

func (p *Package) relations(part, dir string) Relations {
	var rs Relations
	_ = p.Read(part, func(t *Tokens) error { // without relations the standard names are tried
		for {
			e, err := t.Next()
			if err != nil {
				return Ended(err)
			}
			if !e.Start("relationship") || strings.EqualFold(e.Attr("targetmode"), "external") || len(rs) >= maxRelations {
				continue
			}
			target := e.Attr("target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join(dir, target)
			}
			rs = append(rs, Relation{e.Attr("id"), strings.ToLower(path.Base(e.Attr("type"))), Name(target)})
		}
	})
	return rs
}

// Main returns the name of the part that holds the document: what the package's
// relations say, or else usual; "" if neither is there.
func (p *Package) Main(usual string) string {
	for _, part := range p.Relations("").All("officedocument") {
		if p.Has(part) {
			return part
		}
	}
	if p.Has(usual) {
		return usual
	}
	return ""
}

var propertyKeys = map[string]string{
	"creator": "author", "created": "date", "modified": "modified", "subject": "subject", "keywords": "keywords",
	"description": "description", "language": "language",
}

// Properties returns what an Office file says of itself (docProps/core.xml).
func (p *Package) Properties() (title string, meta rag.Metadata) {
	_ = p.Read("docprops/core.xml", func(t *Tokens) error { // metadata is no reason to fail
		name := ""
		for {
			e, err := t.Next()
			if err != nil {
				return Ended(err)
			}
			switch e.Kind {
			case StartElement:
				name = e.Name
			case EndElement:
				name = ""
			case Characters:
				value := clean.Cut(clean.Line(string(e.Text)), rag.MaxMetadataString)
				if value == "" {
					continue
				}
				if name == "title" {
					title = value
				} else if key, known := propertyKeys[name]; known {
					if meta == nil {
						meta = rag.Metadata{}
					}
					meta[key] = rag.Str(value)
				}
			}
		}
	})
	return title, meta
}
