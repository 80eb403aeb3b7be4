package server

import (
	"errors"
	"net/http"

	"github.com/smartretriever/smartretriever/server/api"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/openai"
	"github.com/smartretriever/smartretriever/server/ui"
	"github.com/smartretriever/smartretriever/server/upload"
)

// New returns the handler for everything that the server offers. The error is
// KindInvalid and names every fault of the configuration.
func New(cfg Config) (http.Handler, error) {
	cfg = cfg.WithDefaults()
	keys, keyFaults := auth.New(cfg.Keys)
	if err := errors.Join(cfg.Validate(), keyFaults); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	registerHealth(mux, cfg)
	files := upload.Limits{File: cfg.MaxUpload, Dir: cfg.TempDir}
	api.Register(mux, api.Config{Service: cfg.Service, Version: cfg.Version, MaxBody: cfg.MaxBody, Upload: files, Beat: cfg.Beat, SourceKinds: cfg.SourceKinds})
	openai.Register(mux, openai.Config{Service: cfg.Service, MaxBody: cfg.MaxBody, Upload: files, Beat: cfg.Beat})
	ui.Register(mux, cfg.Version)

	origin, err := originCheck(cfg.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	var h http.Handler = routed(mux)
	h = identified(cfg, keys, h)
	h = limited(cfg, h)
	h = sameOrigin(cfg, origin, h)
	h = rightHost(cfg, keys.Open(), h)
	h = secured(h)
	h = recovered(h)
	h = logged(cfg, mux, h)
	return h, nil
}
