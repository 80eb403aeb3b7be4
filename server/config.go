package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/api"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/openai"
)

// Service is everything that the server asks of what is behind it.
type Service interface {
	api.Service
	openai.Service
	// Health checks every dependency, bounded in time.
	Health(ctx context.Context) []rag.Health
}

// Config is what a server is made of. Only Service is needed.
type Config struct {
	Service Service
	Logger  *slog.Logger // nil is slog's discarding logger
	Version string       // of the program; "" is "dev"

	Metrics       http.Handler      // of GET /metrics; nil answers 404
	PublicMetrics bool              // lets GET /metrics through without a key
	OnRequest     func(RequestInfo) // told of every finished request; may be nil

	Keys           []auth.Key // none: an open server
	AllowedHosts   []string   // names that requests over loopback may be addressed to, beside loopback's own; without port
	AllowedOrigins []string   // other origins whose pages may use the API, like https://app.example.org

	SourceKinds []string // kinds of sources that administrators may add; none adds none

	MaxBody   int64  // bytes of a request that is not a form; 0 is 32 MiB
	MaxUpload int64  // bytes of one uploaded file; 0 is 100 MiB
	MaxForm   int64  // bytes of a form with files; 0 is 1 GiB
	TempDir   string // for uploads on their way; "" is the system's

	ReadHeaderTimeout time.Duration // 0 is 10 s
	ReadTimeout       time.Duration // longest wait for the next bytes of a body; 0 is 30 s
	BodyTimeout       time.Duration // longest time a body may take in all; 0 is 30 min
	WriteTimeout      time.Duration // longest wait for a client to take what was written; 0 is 60 s
	IdleTimeout       time.Duration // of a connection between requests; 0 is 2 min
	ShutdownTimeout   time.Duration // for running requests when the server ends; 0 is 20 s
	MaxConnections    int           // open at once, more wait; 0 is 4,096
	Beat              time.Duration // between comments on a silent event stream; 0 is 15 s
}

// RequestInfo describes a finished request, for metrics.
type RequestInfo struct {
	Method   string
	Route    string // the pattern that matched, "" if none did; never the path
	Status   int
	Bytes    int64 // of the response's body
	Duration time.Duration
	Tenant   string // "" where nobody was asked who they are
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.OnRequest == nil {
		c.OnRequest = func(RequestInfo) {}
	}
	orBytes(&c.MaxBody, 32<<20)
	orBytes(&c.MaxUpload, 100<<20)
	orBytes(&c.MaxForm, 1<<30)
	orTime(&c.ReadHeaderTimeout, 10*time.Second)
	orTime(&c.ReadTimeout, 30*time.Second)
	orTime(&c.BodyTimeout, 30*time.Minute)
	orTime(&c.WriteTimeout, time.Minute)
	orTime(&c.IdleTimeout, 2*time.Minute)
	orTime(&c.ShutdownTimeout, 20*time.Second)
	orTime(&c.Beat, 15*time.Second)
	if c.MaxConnections == 0 {
		c.MaxConnections = 4096
	}
	return c
}

func orBytes(n *int64, def int64) {
	if *n == 0 {
		*n = def
	}
}

func orTime(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

// Validate reports all faults together, as KindInvalid. Keys are checked by New.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.Service == nil {
		fault("Service is missing")
	}
	for name, n := range map[string]int64{"MaxBody": c.MaxBody, "MaxUpload": c.MaxUpload, "MaxForm": c.MaxForm, "MaxConnections": int64(c.MaxConnections)} {
		if n < 0 {
			fault("%s is negative", name)
		}
	}
	for name, d := range map[string]time.Duration{
		"ReadHeaderTimeout": c.ReadHeaderTimeout, "ReadTimeout": c.ReadTimeout, "BodyTimeout": c.BodyTimeout, "WriteTimeout": c.WriteTimeout,
		"IdleTimeout": c.IdleTimeout, "ShutdownTimeout": c.ShutdownTimeout, "Beat": c.Beat,
	} {
		if d < 0 {
			fault("%s is negative", name)
		}
	}
	for _, h := range c.AllowedHosts {
		if h == "" || strings.ContainsAny(h, "/ *") {
			fault("allowed host %q must be a plain name without scheme and port", h)
		}
	}
	for _, o := range c.AllowedOrigins {
		if u, err := url.Parse(o); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" || u.RawQuery != "" {
			fault("allowed origin %q must look like https://app.example.org", o)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return rag.Errorf(rag.KindInvalid, "server configuration: %w", errors.Join(faults...))
}
