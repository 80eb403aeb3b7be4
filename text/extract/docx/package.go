package docx

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// pack is the zip container with what has been spent of its limits.
type pack struct {
	ctx      context.Context
	parts    map[string]*zip.File // by lower-case name without leading slash
	budget   int64                // bytes that may still be unpacked
	elements int                  // that may still be met
	faults   map[string]bool      // parts that turned out damaged
	warnings []string
}

func newPackage(ctx context.Context, archive *zip.Reader, packed int) *pack {
	p := &pack{
		ctx: ctx, parts: make(map[string]*zip.File, len(archive.File)), faults: map[string]bool{},
		budget: min(maxTotal, max(freeBytes, int64(packed)*maxRatio)), elements: maxElements,
	}
	for _, f := range archive.File {
		name := partName(f.Name)
		if _, twice := p.parts[name]; !twice {
			p.parts[name] = f
		}
	}
	return p
}

func partName(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

func (p *pack) checksum(part string) (uint32, bool) {
	f, ok := p.parts[part]
	if !ok {
		return 0, false
	}
	return f.CRC32, true
}

// damaged reports whether reading the part failed.
func (p *pack) damaged(part string) bool { return p.faults[part] }

// read opens a part and calls walk with its tokens. A part that does not exist
// is empty. Damage ends the part with a warning, and what came before it counts;
// an error of walk itself, such as a limit, is returned.
func (p *pack) read(part string, walk func(*tokens) error) error {
	f, ok := p.parts[part]
	if !ok {
		return nil
	}
	if f.UncompressedSize64 > maxPart {
		return rag.Errorf(rag.KindExhausted, "its part %s expands to more than %d MiB", part, maxPart>>20)
	}
	r, err := f.Open()
	if err != nil {
		p.fault(part, err)
		return nil
	}
	defer r.Close()
	t := newTokens(p, part, r)
	err = walk(t)
	if d := (*damage)(nil); errors.As(err, &d) {
		p.fault(part, d.err)
		return nil
	}
	return err
}

func (p *pack) fault(part string, err error) {
	p.faults[part] = true
	p.warnings = append(p.warnings, clean.Line(part+" is damaged and was read as far as possible: "+err.Error()))
}

// main returns the name of the part that holds the document.
func (p *pack) main() (string, error) {
	for _, r := range p.relationsOf("_rels/.rels", "") {
		if r.kind == "officedocument" {
			if _, ok := p.parts[r.part]; ok {
				return r.part, nil
			}
		}
	}
	if _, ok := p.parts["word/document.xml"]; ok {
		return "word/document.xml", nil
	}
	return "", rag.Errorf(rag.KindInvalid, "the container holds no Word document")
}

// relation says that a part has a role for another part.
type relation struct{ kind, part string }

type relations []relation

func (rs relations) first(kind string) string {
	for _, r := range rs {
		if r.kind == kind {
			return r.part
		}
	}
	return ""
}

func (rs relations) all(kind string) []string {
	var parts []string
	for _, r := range rs {
		if r.kind == kind {
			parts = append(parts, r.part)
		}
	}
	return parts
}

func (p *pack) relations(part string) relations {
	return p.relationsOf(path.Join(path.Dir(part), "_rels", path.Base(part)+".rels"), path.Dir(part))
}

func (p *pack) relationsOf(part, dir string) relations {
	var rs relations
	_ = p.read(part, func(t *tokens) error { // without relations the standard names are tried
		for {
			e, err := t.next()
			if err != nil {
				return ended(err)
			}
			if !e.start("relationship") || strings.EqualFold(e.attr("targetmode"), "external") || len(rs) >= maxRelations {
				continue
			}
			target := e.attr("target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join(dir, target)
			}
			rs = append(rs, relation{strings.ToLower(path.Base(e.attr("type"))), partName(target)})
		}
	})
	return rs
}

// properties returns what the file says of itself (docProps/core.xml).
func (p *pack) properties() (title string, meta rag.Metadata) {
	names := map[string]string{"creator": "author", "created": "date", "modified": "modified", "subject": "subject", "keywords": "keywords", "description": "description", "language": "language"}
	_ = p.read("docprops/core.xml", func(t *tokens) error { // metadata is no reason to fail
		name := ""
		for {
			e, err := t.next()
			if err != nil {
				return ended(err)
			}
			switch e.kind {
			case startElement:
				name = e.name
			case endElement:
				name = ""
			case characters:
				value := clean.Cut(clean.Line(string(e.text)), rag.MaxMetadataString)
				if value == "" {
					continue
				}
				if name == "title" {
					title = value
				} else if key, known := names[name]; known {
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

// ended turns the end of a part into success.
func ended(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
