package cli

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/auth"
)

func (a *app) serveCommand() *cobra.Command {
	var addr string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the page, the HTTP API and the OpenAI-compatible API",
		Long: `Serves everything over HTTP until it is stopped: a page for the browser to add files
and ask questions, the native API under /api/v1 (described at /docs), and the API of
OpenAI's clients under /v1.

Without server.keys in the configuration it listens on loopback addresses only. Ctrl-C
lets running requests finish; a second Ctrl-C ends at once.`,
		Example: `  smartretriever serve
  smartretriever serve --addr 127.0.0.1:9000
  SMARTRETRIEVER_SERVER_KEYS='[{name: team, key: ...}]' smartretriever serve --addr :8000`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(c, changed(c.Flags(), "addr", "server.addr")...); err != nil {
				return err
			}
			return a.serve(c.Context())
		},
	}
	c.Flags().StringVar(&addr, "addr", "", "`host:port` to listen on (default 127.0.0.1:8000); port 0 takes a free one")
	return c
}

func (a *app) serve(ctx context.Context) error {
	log := a.logger(false)
	obs := observe.New(observe.Config{Logger: log, Version: a.program.Version})
	r, err := a.program.Open(ctx, a.cfg, Deps{Logger: log, Observer: obs})
	if err != nil {
		return err
	}
	defer func() {
		if err := r.Close(); err != nil {
			log.Error("close", "error", err)
		}
	}()
	if err := r.WorkJobs(); err != nil {
		return err
	}
	scope := a.scope(nil)
	obs.Totals(func(ctx context.Context) (rag.Stats, error) { return r.Stats(ctx, scope) })
	defer obs.Totals(nil)
	obs.Replicas(r.Replicas)
	defer obs.Replicas(nil)

	cfg := serverConfig(a.cfg, withDefaults{r, a.cfg}, log, obs, a.program.Version)
	handler, err := server.New(cfg)
	if err != nil {
		return err
	}
	// The first search should not wait for its index, nor the start for the index.
	warming, stop := context.WithCancel(ctx) // and looking for sources to be read, meanwhile
	var warm sync.WaitGroup
	warm.Go(func() {
		if err := r.Warm(warming, scope); err != nil && warming.Err() == nil && rag.KindOf(err) != rag.KindNotFound {
			log.Warn("the index could not be loaded ahead", "error", err)
		}
	})
	if every := a.cfg.Sources.SyncEvery; every > 0 {
		warm.Go(func() { r.SyncSources(warming, every) })
	}
	defer warm.Wait()
	defer stop()
	return server.Serve(ctx, a.cfg.Server.Addr, handler, cfg, func(at net.Addr) {
		log.Info("listening", "address", at.String(), "data", a.cfg.Data, "version", a.program.Version)
		if a.flags.json {
			a.out.jsonLine(map[string]string{"event": "listening", "address": at.String(), "url": "http://" + at.String()})
			return
		}
		a.err.line("SmartRetriever listens on %s", a.err.bold("http://"+at.String()))
		if a.err.terminal {
			a.err.line("%s", a.err.dim("data in "+a.cfg.Data+"; Ctrl-C stops"))
		}
	})
}

// serverConfig is the server's configuration from ours.
func serverConfig(c config.Config, svc server.Service, log *slog.Logger, obs *observe.Observer, version string) server.Config {
	keys := make([]auth.Key, len(c.Server.Keys))
	for i, k := range c.Server.Keys {
		keys[i] = auth.Key{Name: k.Name, Secret: k.Key.Reveal(), SHA256: k.SHA256, Tenant: k.Tenant, Principals: k.Principals, Admin: k.Admin}
	}
	return server.Config{
		Service: svc, Logger: log, Version: version,
		Metrics: obs.MetricsHandler(), PublicMetrics: c.Server.PublicMetrics,
		OnRequest: func(i server.RequestInfo) { obs.HTTPRequest(i.Method, i.Route, i.Status, i.Bytes, i.Duration) },
		Keys:      keys, AllowedHosts: c.Server.AllowedHosts, AllowedOrigins: c.Server.CORSOrigins,
		SourceKinds: c.Sources.APIKinds,
		MaxUpload:   int64(c.Limits.FileSize), MaxForm: int64(c.Server.MaxForm), ShutdownTimeout: c.Server.ShutdownGrace,
	}
}

// withDefaults fills in what a request leaves open from the configuration.
type withDefaults struct {
	Retriever
	cfg config.Config
}

func (w withDefaults) Search(ctx context.Context, scope rag.Scope, q rag.Query) (rag.SearchResult, error) {
	if q.K == 0 {
		q.K = w.cfg.Retrieval.K
	}
	if q.Mode == "" {
		q.Mode = rag.Mode(w.cfg.Retrieval.Mode)
	}
	return w.Retriever.Search(ctx, scope, q)
}

func (w withDefaults) Query(ctx context.Context, scope rag.Scope, q rag.Question) (rag.Answer, error) {
	return w.Retriever.Query(ctx, scope, w.question(q))
}

func (w withDefaults) QueryStream(ctx context.Context, scope rag.Scope, q rag.Question, on func(rag.Event) error) (rag.Answer, error) {
	return w.Retriever.QueryStream(ctx, scope, w.question(q), on)
}

func (w withDefaults) question(q rag.Question) rag.Question {
	if q.K == 0 {
		q.K = w.cfg.Answer.K
	}
	if q.Mode == "" {
		q.Mode = rag.Mode(w.cfg.Retrieval.Mode)
	}
	return q
}
