package mail

import (
	"bytes"
	"context"
	"regexp"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/plain"
)

// readBody reads a text part.
func readBody(kind string, params map[string]string, content []byte) found {
	if kind == "text/html" || kind == "text/watch-html" || kind == "application/xhtml+xml" {
		return found{body: []Body{{Text: toUTF8(content, htmlCharset(params["charset"], content)), HTML: true}}}
	}
	content, files := takeUU(content)
	text := toUTF8(content, params["charset"])
	text, encrypted := openPGP(text)
	f := found{files: files}
	if encrypted {
		f.encrypted = "PGP"
	}
	switch {
	case strings.EqualFold(params["format"], "flowed"):
		text = reflow(text, strings.EqualFold(params["delsp"], "yes"))
	case kind == "text/enriched" || kind == "text/richtext":
		text = enriched.ReplaceAllString(text, "")
	}
	if strings.TrimSpace(text) != "" {
		f.body = []Body{{Text: text}}
	}
	return f
}

// enriched matches the commands of text/enriched (RFC 1896).
var enriched = regexp.MustCompile(`(?is)<param>.*?</param>|</?[a-z-]{1,60}>`)

var metaCharset = regexp.MustCompile(`(?i)<meta[^>]{1,200}charset\s*=\s*["']?([a-z0-9_-]{1,40})`)

// htmlCharset prefers the part's label to the page's.
func htmlCharset(declared string, content []byte) string {
	if declared == "" {
		if m := metaCharset.FindSubmatch(content[:min(len(content), 4096)]); m != nil {
			return string(m[1])
		}
	}
	return declared
}

// sniffKind tells an HTML body by how it begins.
func sniffKind(text []byte) string {
	head := bytes.ToLower(text[:min(len(text), 200)])
	if bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")) {
		return "text/html"
	}
	return "text/plain"
}

const (
	pgpMessage   = "-----BEGIN PGP MESSAGE-----"
	pgpSigned    = "-----BEGIN PGP SIGNED MESSAGE-----"
	pgpSignature = "-----BEGIN PGP SIGNATURE-----"
	pgpEnd       = "-----END PGP SIGNATURE-----"
)

// openPGP takes the wrapping off a text that is signed in clear (RFC 4880, 7), and
// reports whether the text is encrypted instead.
func openPGP(text string) (clear string, encrypted bool) {
	trimmed := strings.TrimSpace(text)
	if strings.HasPrefix(trimmed, pgpMessage) {
		return "", true
	}
	before, signed, ok := strings.Cut(text, pgpSigned)
	if !ok {
		return text, false
	}
	signed = strings.ReplaceAll(signed, "\r\n", "\n")
	if _, after, ok := strings.Cut(signed, "\n\n"); ok { // "Hash: ..." and the like
		signed = after
	}
	body, signature, ok := strings.Cut(signed, pgpSignature)
	if ok {
		if _, after, ok := strings.Cut(signature, pgpEnd); ok {
			body += after
		}
	}
	return before + strings.ReplaceAll("\n"+body, "\n- ", "\n")[1:], false
}

// reflow joins the lines of a flowed text (RFC 3676): one that ends in a space goes
// on in the next of the same depth of quotation.
func reflow(text string, delete bool) string {
	var b strings.Builder
	b.Grow(len(text))
	depth, flowing := 0, false
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		d := 0
		for d < len(line) && line[d] == '>' {
			d++
		}
		line = strings.TrimPrefix(line[d:], " ")
		signature := line == "-- "
		if flowing && (d != depth || signature) {
			b.WriteByte('\n')
			flowing = false
		}
		if !flowing && d > 0 {
			b.WriteString(strings.Repeat(">", min(d, 50)) + " ")
		}
		depth = d
		flowing = strings.HasSuffix(line, " ") && !signature
		if flowing && delete {
			line = line[:len(line)-1]
		}
		b.WriteString(line)
		if !flowing {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// addPlain adds a plain text; what is quoted (lines that begin with ">") is
// rag.Quote without the outermost mark.
func addPlain(ctx context.Context, b *clean.Builder, text string) error {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var group strings.Builder
	quoting := false
	flush := func() error {
		kind := rag.Paragraph
		if quoting {
			kind = rag.Quote
		}
		err := plain.Split(ctx, b, group.String(), kind)
		group.Reset()
		return err
	}
	for line := range strings.SplitSeq(text, "\n") {
		rest, quote := strings.CutPrefix(line, ">")
		if quote {
			line = strings.TrimPrefix(rest, " ")
		}
		if quote != quoting && strings.TrimSpace(line) != "" {
			if err := flush(); err != nil {
				return err
			}
			quoting = quote
		}
		group.WriteString(line)
		group.WriteByte('\n')
	}
	return flush()
}
