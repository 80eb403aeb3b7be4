package api

import (
	_ "embed"
	"net/http"
)

// The page is our own because the usual viewers load their scripts from
// elsewhere, and this server is made to run where there is no elsewhere.
var (
	//go:embed docs/docs.html
	docsHTML []byte
	//go:embed docs/docs.js
	docsJS []byte
	//go:embed docs/docs.css
	docsCSS []byte
)

func registerDocsPage(mux Router) {
	for path, file := range map[string]struct {
		mediaType string
		content   []byte
	}{
		"GET /docs":          {"text/html; charset=utf-8", docsHTML},
		"GET /docs/docs.js":  {"text/javascript; charset=utf-8", docsJS},
		"GET /docs/docs.css": {"text/css; charset=utf-8", docsCSS},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file.mediaType)
			_, _ = w.Write(file.content) // the client is gone if this fails
		})
	}
}
