package remote_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/model/remote"
)

// TestReceipt says of which requests a provider sends a bill.
func TestReceipt(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/busy":
			http.Error(w, "busy", http.StatusTooManyRequests)
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/slow":
			<-release
		}
	}))
	defer srv.Close()
	defer close(release)
	server := func(address string) *remote.Server {
		s, err := remote.NewServer(remote.Config{Part: "p", Noun: "n", BaseURL: address, Model: "m", ConnectTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, tt := range map[string]struct {
		address, method, path string
		taken                 int
	}{
		"answered":         {srv.URL, http.MethodPost, "/ok", 1},
		"refused":          {srv.URL, http.MethodPost, "/busy", 0},
		"cut off":          {srv.URL, http.MethodPost, "/cut", 1},
		"never heard of":   {srv.URL, http.MethodPost, "/slow", 1},
		"not reached":      {closed.URL, http.MethodPost, "/ok", 0},
		"a look at a list": {srv.URL, http.MethodGet, "/ok", 0},
	} {
		for _, own := range []bool{false, true} {
			ctx, receipt := remote.WithReceipt(t.Context())
			if tt.path == "/slow" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
			}
			var q *remote.Request
			if own {
				ctx, q = remote.BeginRequest(ctx, func() int64 { return 5 })
			}
			resp, err := server(tt.address).Do(ctx, tt.method, tt.path, "", nil)
			if err == nil {
				_ = resp.Body.Close()
			}
			if got := receipt.Taken(); got != tt.taken {
				t.Errorf("%s, %v: %d taken, want %d (%v)", name, own, got, tt.taken, err)
			}
			tokens, counted, known := receipt.Tokens()
			if known != (own && tt.taken > 0) || known && (tokens != 5 || counted != 1) {
				t.Errorf("%s, %v: %d tokens, %d counted, %v", name, own, tokens, counted, known)
			}
			q.Report(7)
			if tokens, counted, known = receipt.Tokens(); known && (tokens != 7 || counted != 0) {
				t.Errorf("%s, %v: %d tokens, %d counted after the report", name, own, tokens, counted)
			}
		}
	}
	ctx, receipt := remote.WithReceipt(t.Context())
	remote.Itemise(ctx)
	if tokens, counted, known := receipt.Tokens(); tokens != 0 || counted != 0 || !known {
		t.Errorf("a call that made no request: %d tokens, %d counted, %v", tokens, counted, known)
	}
	if _, q := remote.BeginRequest(t.Context(), nil); q != nil {
		t.Error("a request without a receipt is counted")
	}
}
