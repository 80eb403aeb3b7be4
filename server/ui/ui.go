// Package ui is the page in the browser: add files, ask, and follow a citation to
// the passage that it quotes.
//
// It is two HTML templates, one style sheet and one script, all embedded and all
// our own; the page loads nothing from elsewhere, and the Content-Security-Policy
// forbids it to. The page holds no data itself: the script reads the native API
// with the key, if one is needed, that the user types in and that stays in the
// browser's tab. Whatever comes from a document reaches the page as text and never
// as markup.
package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"path"
	"strconv"
)

var (
	//go:embed templates/*.html
	templateFiles embed.FS
	//go:embed static
	staticFiles embed.FS

	pages = template.Must(template.ParseFS(templateFiles, "templates/*.html"))
)

// page is what the templates are filled with.
type page struct {
	Version    string // of the program
	Collection string
	Document   string // id
}

// policy forbids everything that the page does not need: inline scripts and
// styles, frames, plugins, and every other origin.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Register adds the pages to mux.
func Register(mux *http.ServeMux, version string) {
	mux.Handle("GET /{$}", http.RedirectHandler("/ui/", http.StatusFound))
	mux.Handle("GET /ui", http.RedirectHandler("/ui/", http.StatusFound))
	mux.Handle("GET /favicon.ico", http.RedirectHandler("/ui/icon.svg", http.StatusFound))
	mux.HandleFunc("GET /ui/{$}", func(w http.ResponseWriter, r *http.Request) {
		render(w, "index.html", page{Version: version})
	})
	mux.HandleFunc("GET /ui/collections/{name}/documents/{id}", func(w http.ResponseWriter, r *http.Request) {
		render(w, "document.html", page{Version: version, Collection: r.PathValue("name"), Document: r.PathValue("id")})
	})
	for name, mediaType := range map[string]string{
		"app.js": "text/javascript; charset=utf-8", "style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		mux.HandleFunc("GET /ui/"+name, static(name, mediaType))
	}
}

func render(w http.ResponseWriter, name string, p page) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, p); err != nil {
		panic(err) // our own templates with plain strings
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-cache")
	_, _ = w.Write(b.Bytes()) // the client is gone if this fails
}

// static serves an embedded file, which browsers keep and ask about by its hash.
func static(name, mediaType string) http.HandlerFunc {
	content, err := staticFiles.ReadFile(path.Join("static", name))
	if err != nil {
		panic(err) // not embedded: the program was built wrong
	}
	sum := sha256.Sum256(content)
	tag := strconv.Quote(hex.EncodeToString(sum[:8]))
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("ETag", tag)
		h.Set("Cache-Control", "no-cache")
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", mediaType)
		_, _ = w.Write(content) // the client is gone if this fails
	}
}
