package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/text/clean"
)

// fingerprint is what is kept of an item between two readings: a digest of its
// content and of the settings it depends on, the date that a sitemap gave, and the
// validators to ask for it with.
type fingerprint struct {
	content, listed, modified, etag string
}

func (f fingerprint) String() string {
	return strings.Join([]string{f.content, f.listed, f.modified, f.etag}, "\t")
}

// readFingerprint undoes String; a fingerprint of another form is a zero one.
func readFingerprint(s string) fingerprint {
	p := strings.SplitN(s, "\t", 4)
	if len(p) != 4 {
		return fingerprint{}
	}
	return fingerprint{p[0], p[1], p[2], p[3]}
}

// saltMark is how much of a fingerprint's content names the settings.
const saltMark = 4

// sum is fingerprint.content: the salt's beginning, and a digest of the content.
func (s *Source) sum(body []byte) string {
	h := sha256.Sum256(body)
	return s.salt[:saltMark] + base64.RawURLEncoding.EncodeToString(h[:12])
}

// ours reports whether a fingerprint was made under settings that make the same
// items.
func (s *Source) ours(f fingerprint) bool { return strings.HasPrefix(f.content, s.salt[:saltMark]) }

// input makes the document of an answer.
func (s *Source) input(id *url.URL, resp *fetch.Response, html bool) rag.Input {
	m := fetch.Metadata(s.set.Metadata)
	for k, v := range map[string]string{"url": id.String(), "site": id.Hostname()} {
		if _, given := m[k]; !given {
			m[k] = rag.Str(v)
		}
	}
	body := resp.Body
	if html {
		body = resp.Page()
	}
	from := resp.URL.String()
	if len(from) > 2*maxURL {
		from = id.String()
	}
	return rag.Input{
		Source: from, Name: fileName(resp, html), Content: bytes.NewReader(body), MainContent: html && !s.set.WholePage,
		Metadata: m, ACL: s.set.ACL, ModifiedAt: resp.Modified(),
	}
}

// endings are those of files whose type is told by the header alone.
var endings = map[string]string{
	"application/pdf": ".pdf", "application/msword": ".doc", "application/vnd.ms-excel": ".xls", "application/vnd.ms-powerpoint": ".ppt",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   ".docx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         ".xlsx",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
	"application/vnd.oasis.opendocument.text":                                   ".odt",
	"application/vnd.oasis.opendocument.spreadsheet":                            ".ods",
	"application/vnd.oasis.opendocument.presentation":                           ".odp",
	"application/epub+zip": ".epub", "application/rtf": ".rtf", "text/rtf": ".rtf", "text/markdown": ".md", "text/x-markdown": ".md",
	"text/csv": ".csv", "text/plain": ".txt", "message/rfc822": ".eml", "application/json": ".json", "application/xml": ".xml", "text/xml": ".xml",
}

// fileName names the document as its format may be told from: what the server
// calls the file, or the last part of the address.
func fileName(resp *fetch.Response, html bool) string {
	name := ""
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		name = path.Base(strings.ReplaceAll(params["filename"], `\`, "/"))
	}
	if name == "" || name == "." || name == "/" {
		name = path.Base(resp.URL.Path)
	}
	if name = clean.Line(name); name == "" || name == "." || name == "/" {
		name = resp.URL.Hostname()
	}
	ending := path.Ext(name)
	if len(name) > 200 {
		name = strings.ToValidUTF8(name[:200], "")
	}
	switch {
	case html:
		if e := strings.ToLower(ending); e != ".html" && e != ".htm" && e != ".xhtml" {
			name += ".html"
		}
	case ending == "" || len(ending) > 10 || strings.ContainsAny(ending, " ") || name == resp.URL.Hostname():
		name += endings[mediaType(resp.Header)]
	}
	return name
}

// unwanted are endings that tell what a link leads to, so that it need not be
// asked for.
var unwanted = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".svg": "image/svg+xml",
	".ico": "image/x-icon", ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript",
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".wav": "audio/wav", ".flac": "audio/flac",
	".m4a": "audio/mp4", ".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime", ".avi": "video/x-msvideo", ".mkv": "video/x-matroska",
	".zip": "application/zip", ".gz": "application/gzip", ".tgz": "application/gzip", ".bz2": "application/x-bzip2", ".xz": "application/x-xz", ".7z": "application/x-7z-compressed",
	".rar": "application/vnd.rar", ".tar": "application/x-tar", ".iso": "application/x-iso9660-image", ".dmg": "application/x-apple-diskimage", ".exe": "application/x-msdownload",
	".msi": "application/x-msi", ".deb": "application/x-debian-package", ".rpm": "application/x-rpm", ".apk": "application/vnd.android.package-archive",
}

// worthAsking reports whether a link of a site may lead to an item.
func (s *Source) worthAsking(u *url.URL) bool {
	t, known := unwanted[extension(u)]
	return !known || s.keeps(t)
}

// keeps reports whether documents of a type are items of a site.
func (s *Source) keeps(mediaType string) bool {
	for _, t := range s.set.MediaTypes {
		if strings.HasPrefix(mediaType, strings.ToLower(t)) {
			return true
		}
	}
	return false
}

// wants reports by its header whether an answer within a site is an item.
func (s *Source) wants(h http.Header) bool {
	switch t := mediaType(h); t {
	case "", "text/html", "application/xhtml+xml":
		return true
	case "application/octet-stream", "binary/octet-stream", "application/x-download", "application/force-download":
		return true // said by servers that do not know; the content decides
	default:
		return s.keeps(t)
	}
}
