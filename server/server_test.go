package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/servertest"
)

// client drives a handler as a caller would.
type client struct {
	t *testing.T
	h http.Handler
}

func newClient(t *testing.T, cfg server.Config) client {
	t.Helper()
	if cfg.Service == nil {
		cfg.Service = servertest.New()
	}
	h, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client{t, h}
}

// do sends body (a string as it is, anything else as JSON) with headers in pairs.
func (c client) do(method, path string, body any, headers ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case io.Reader:
		r = b
	default:
		data, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(data)
	}
	req := httptest.NewRequestWithContext(c.t.Context(), method, path, r)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, req)
	return w
}

// want checks the status and decodes the body into v, if given.
func (c client) want(status int, w *httptest.ResponseRecorder, v any) {
	c.t.Helper()
	if w.Code != status {
		c.t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if v != nil {
		if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
			c.t.Fatalf("%v: %s", err, w.Body)
		}
	}
}
