package server

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/openai"
	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
)

// refuse answers with an error in the shape that the caller expects: a problem
// document, or OpenAI's below /v1/.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if strings.HasPrefix(r.URL.Path, openai.Prefix) {
		openai.WriteError(w, err)
		return
	}
	p := *problem.Of(err)
	p.RequestID = request.ID(r.Context())
	p.Write(w)
}

// secured sets the headers that every response has. Pages and files tighten them.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

// rightHost is the answer to DNS rebinding: a page that has its own name resolve
// to 127.0.0.1 still sends that name as Host. It is asked of an open server and
// of connections that came in over loopback.
func rightHost(cfg Config, open bool, next http.Handler) http.Handler {
	if !open {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && loopback(local.String()) && !allowedHost(r.Host, cfg.AllowedHosts) {
			refuse(w, r, problem.New(http.StatusMisdirectedRequest,
				"This server answers on loopback to the name localhost only. Configure allowed hosts, or keys, to use another name."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func allowedHost(host string, allowed []string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || loopback(name) ||
		slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, name) })
}

// loopback reports whether an address, with or without port, is a loopback one.
func loopback(addr string) bool {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return ap.Addr().Unmap().IsLoopback()
	}
	a, err := netip.ParseAddr(strings.Trim(addr, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}

func originCheck(allowed []string) (*http.CrossOriginProtection, error) {
	c := http.NewCrossOriginProtection()
	for _, o := range allowed {
		if err := c.AddTrustedOrigin(o); err != nil {
			return nil, rag.Wrap(rag.KindInvalid, err, "server configuration: allowed origin")
		}
	}
	return c, nil
}

// sameOrigin refuses writes that a page of another origin makes, and tells
// browsers which other origins may use the API.
func sameOrigin(cfg Config, check *http.CrossOriginProtection, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" && slices.Contains(cfg.AllowedOrigins, origin) {
			h := w.Header()
			h.Add("Vary", "Origin")
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", requestIDHeader)
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, "+requestIDHeader+", "+auth.PrincipalsHeader+", "+auth.TenantHeader)
				h.Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		if err := check.Check(r); err != nil {
			refuse(w, r, problem.New(http.StatusForbidden, "A page of another origin may not write here."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// identified puts who asks into the context, for the routes that need to know.
func identified(cfg Config, keys *auth.Authenticator, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if public(cfg, r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		id, err := keys.Identify(r)
		if errors.Is(err, auth.ErrNoKey) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="smartretriever"`)
			err = problem.New(http.StatusUnauthorized, err.Error())
		}
		if err == nil && r.URL.Path == "/metrics" {
			err = id.RequireAdmin("reading metrics")
		}
		if err != nil {
			refuse(w, r, err)
			return
		}
		request.From(r.Context()).Tenant = id.Tenant
		ctx := rag.WithAccount(auth.With(r.Context(), id), rag.Account{Tenant: id.Tenant, Key: id.Name})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// public are the paths that hold nobody's data.
func public(cfg Config, path string) bool {
	switch path {
	case "/", "/health", "/ready", "/openapi.json", "/openapi.yaml", "/openapi-3.0.json", "/openapi-3.0.yaml", "/docs", "/favicon.ico":
		return true
	case "/metrics":
		return cfg.PublicMetrics
	}
	return strings.HasPrefix(path, "/docs/") || strings.HasPrefix(path, "/ui/") || path == "/ui"
}

// limited bounds the body in size and in time. The time limit is renewed with
// every piece that arrives and taken away at the end: left in place it would end
// the request itself, as the connection is watched while the handler works.
func limited(cfg Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			limit := cfg.MaxBody
			if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "multipart/form-data" {
				limit = cfg.MaxForm
			}
			if r.ContentLength > limit {
				w.Header().Set("Connection", "close")
				refuse(w, r, &http.MaxBytesError{Limit: limit})
				return
			}
			now := time.Now()
			r.Body = http.MaxBytesReader(w, &timedBody{
				ReadCloser: r.Body, rc: http.NewResponseController(w), wait: cfg.ReadTimeout, end: now.Add(cfg.BodyTimeout),
			}, limit)
		}
		next.ServeHTTP(w, r)
	})
}

type timedBody struct {
	io.ReadCloser
	rc   *http.ResponseController
	wait time.Duration
	end  time.Time
	done bool
}

func (b *timedBody) Read(p []byte) (int, error) {
	if !b.done {
		deadline := time.Now().Add(b.wait)
		if deadline.After(b.end) {
			deadline = b.end
		}
		_ = b.rc.SetReadDeadline(deadline) // not every writer has deadlines; tests' have none
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && !b.done {
		b.done = true
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}
