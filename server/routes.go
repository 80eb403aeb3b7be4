package server

import (
	"net/http"

	"github.com/smartretriever/smartretriever/server/problem"
)

// routed is the mux with answers of our own shape where no route fits.
func routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		// The mux's own answer tells not found from a method that is not
		// allowed, with the Allow header.
		probe := &probe{header: http.Header{}}
		h.ServeHTTP(probe, r)
		if probe.status == http.StatusMethodNotAllowed {
			w.Header()["Allow"] = probe.header["Allow"]
			refuse(w, r, problem.New(probe.status, "The method "+r.Method+" is not allowed here; allowed: "+probe.header.Get("Allow")))
			return
		}
		refuse(w, r, problem.New(http.StatusNotFound, "There is nothing at this path. See /docs."))
	})
}

// probe keeps status and header of a response and drops its body.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(status int)      { p.status = status }
