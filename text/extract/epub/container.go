package epub

import (
	"context"
	"net/url"
	"path"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/html"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// resolve returns the part that a reference leads to from a folder, without the
// fragment; "" for one that leads out of the book.
func resolve(dir, href string) string {
	href, _, _ = strings.Cut(href, "#")
	if decoded, err := url.PathUnescape(href); err == nil {
		href = decoded
	}
	if href == "" || strings.Contains(href, "://") {
		return ""
	}
	return parts.Name(path.Join(dir, href))
}

// packageDocument returns the part that describes the book: what the container names,
// or else the first that looks like it.
func (b *book) packageDocument() (string, error) {
	found := ""
	err := b.pkg.Read("meta-inf/container.xml", func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Start("rootfile") && found == "" {
				if part := resolve("", e.Attr("full-path")); b.pkg.Has(part) {
					found = part
				}
			}
		}
	})
	if err != nil || found != "" {
		return found, err
	}
	for _, part := range b.pkg.Names() {
		if strings.HasSuffix(part, ".opf") {
			return part, nil
		}
	}
	return "", rag.Errorf(rag.KindInvalid, "the container holds no EPUB book")
}

// obfuscations are the algorithms that hide fonts, which are of no interest here.
var obfuscations = map[string]bool{
	"http://www.idpf.org/2008/embedding": true,
	"http://ns.adobe.com/pdf/enc#RC":     true,
}

// readEncryption notes which parts are encrypted (EPUB 3.3, 4.2.6.3.2).
func (b *book) readEncryption() error {
	b.locked = map[string]bool{}
	return b.pkg.Read("meta-inf/encryption.xml", func(t *parts.Tokens) error {
		algorithm := ""
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			switch {
			case e.Start("encrypteddata"):
				algorithm = ""
			case e.Start("keyinfo"), e.Start("encryptedkey"):
				if err := t.Skip(); err != nil {
					return err
				}
			case e.Start("encryptionmethod"):
				algorithm = e.Attr("algorithm")
			case e.Start("cipherreference"):
				if part := resolve("", e.Attr("uri")); !obfuscations[algorithm] && len(b.locked) < maxItems {
					b.locked[part] = true
				}
			}
		}
	})
}

// readPackage reads the package document (EPUB 3.3, 5): metadata, files, reading order.
func (b *book) readPackage(ctx context.Context, part string) error {
	b.dir = path.Dir(part)
	b.items = map[string]item{}
	values := map[string][]string{}
	err := b.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind != parts.StartElement {
				continue
			}
			switch e.Name {
			case "title", "creator", "date", "publisher", "subject", "description", "language":
				value, err := t.Line(rag.MaxMetadataString)
				if err != nil {
					return err
				}
				if value != "" && len(values[e.Name]) < 100 {
					values[e.Name] = append(values[e.Name], value)
				}
			case "meta":
				if e.Attr("property") == "dcterms:modified" {
					value, err := t.Line(100)
					if err != nil {
						return err
					}
					values["modified"] = append(values["modified"], value)
				}
			case "item":
				if len(b.items) < maxItems {
					b.items[e.Attr("id")] = item{
						part: resolve(b.dir, e.Attr("href")), kind: strings.ToLower(e.Attr("media-type")),
						nav: strings.Contains(" "+e.Attr("properties")+" ", " nav "),
					}
				}
			case "spine":
				b.ncx = e.Attr("toc")
			case "itemref":
				if len(b.order) < maxItems {
					b.order = append(b.order, e.Attr("idref"))
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if len(b.items) == 0 {
		return rag.Errorf(rag.KindInvalid, "the EPUB is damaged: its package document %s lists no files", part)
	}
	return b.describe(ctx, values)
}

// describe makes title and metadata of the values of the package document.
func (b *book) describe(ctx context.Context, values map[string][]string) error {
	set := func(key, value string) {
		if value == "" {
			return
		}
		if b.metadata == nil {
			b.metadata = rag.Metadata{}
		}
		b.metadata[key] = rag.Str(clean.Cut(value, rag.MaxMetadataString))
	}
	first := func(name string) string {
		if all := values[name]; len(all) > 0 {
			return all[0]
		}
		return ""
	}
	b.title = first("title")
	b.language = primary(first("language"))
	for _, name := range []string{"date", "publisher", "language", "modified"} {
		set(name, first(name))
	}
	set("author", strings.Join(values["creator"], ", "))
	set("subject", strings.Join(values["subject"], ", "))
	description := first("description")
	if strings.ContainsAny(description, "<&") { // publishers write it in HTML
		var plain clean.Builder
		if err := html.Append(ctx, &plain, description); err != nil {
			return err
		}
		description = clean.Line(plain.Text().Content)
	}
	set("description", description)
	return nil
}

// primary returns the language of a tag such as "en-GB" if it has a two-letter code.
func primary(tag string) string {
	code, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if len(code) != 2 || code[0] < 'a' || code[0] > 'z' || code[1] < 'a' || code[1] > 'z' {
		return ""
	}
	return code
}
