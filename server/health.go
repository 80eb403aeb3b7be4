package server

import (
	"encoding/json"
	"net/http"

	"github.com/smartretriever/smartretriever/rag"
)

// Ready is the body of GET /ready.
type Ready struct {
	Status string  `json:"status"` // ready, degraded (something not needed is down) or unavailable
	Checks []Check `json:"checks"`
}

// Check is the state of one dependency.
type Check struct {
	Name   string  `json:"name"`
	OK     bool    `json:"ok"`
	Needed bool    `json:"needed"`
	Detail string  `json:"detail,omitempty"`
	TookMS float64 `json:"took_ms"`
}

func registerHealth(mux *http.ServeMux, cfg Config) {
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok", "version": cfg.Version})
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {
		// The probes are open to all, so what a fault says of our machines is
		// for an open server only.
		body, status := readiness(cfg.Service.Health(r.Context()), len(cfg.Keys) == 0)
		writeJSON(w, status, body)
	})
	if cfg.Metrics != nil {
		mux.Handle("GET /metrics", cfg.Metrics)
	}
}

func readiness(checks []rag.Health, detailed bool) (Ready, int) {
	out := Ready{Status: "ready", Checks: make([]Check, len(checks))}
	status := http.StatusOK
	for i, h := range checks {
		out.Checks[i] = Check{Name: h.Name, OK: h.OK, Needed: h.Needed, TookMS: float64(h.Took.Microseconds()) / 1000}
		if detailed {
			out.Checks[i].Detail = h.Detail
		}
		switch {
		case h.OK:
		case h.Needed:
			out.Status, status = "unavailable", http.StatusServiceUnavailable
		case status == http.StatusOK:
			out.Status = "degraded"
		}
	}
	return out, status
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // plain values; the client is gone if this fails
}
