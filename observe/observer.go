package observe

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartretriever/smartretriever/rag"
)

// Config is what an Observer needs. The zero value counts and does not log.
type Config struct {
	Logger   *slog.Logger         // nil discards
	Registry *prometheus.Registry // nil makes a new one with the Go and process collectors
	Version  string               // of the program, for smartretriever_build_info; "" is "unknown"
}

// Observer takes events. All methods are safe for concurrent use, do not block
// on I/O other than the logger's own, and do nothing on a nil Observer.
type Observer struct {
	log     *slog.Logger
	reg     *prometheus.Registry
	metrics *metrics
}

// New makes an Observer. Registering in a Registry that already holds the
// metrics of an Observer panics, because that is a mistake in the program.
func New(cfg Config) *Observer {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Registry == nil {
		cfg.Registry = newRegistry()
	}
	if cfg.Version == "" {
		cfg.Version = "unknown"
	}
	return &Observer{log: cfg.Logger, reg: cfg.Registry, metrics: newMetrics(cfg.Registry, cfg.Version)}
}

// Logger returns the logger that the Observer writes to, a discarding one for a
// nil Observer.
func (o *Observer) Logger() *slog.Logger {
	if o == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.log
}

// Stage records how long one stage of a pipeline took. pipeline is "ingest",
// "search" or "answer"; stage is the name that also stands in rag.Stage.
func (o *Observer) Stage(pipeline, stage string, d time.Duration) {
	if o == nil {
		return
	}
	m := o.metrics
	m.stageSeconds.WithLabelValues(m.pipelines.of(pipeline), m.stages.of(stage)).Observe(d.Seconds())
}

// Cache counts one look into a cache layer ("embedding", "retrieval", "answer").
func (o *Observer) Cache(layer string, hit bool) {
	if o == nil {
		return
	}
	result := "miss"
	if hit {
		result = "hit"
	}
	o.metrics.cache.WithLabelValues(o.metrics.layers.of(layer), result).Inc()
}

// Document counts the verdict on one input and writes a line for it: Warn when
// it failed, Debug when it was unchanged, Info otherwise.
func (o *Observer) Document(res rag.AddResult) {
	if o == nil {
		return
	}
	m := o.metrics
	m.documents.WithLabelValues(m.states.of(string(res.State))).Inc()
	m.documentSeconds.Observe(res.Took.Seconds())
	add(m.documentBytes, float64(res.Bytes))
	if res.State == rag.Added || res.State == rag.Updated {
		add(m.chunks, float64(res.Chunks))
		add(m.chunksEmbedded, float64(res.Embedded))
	}

	level := slog.LevelInfo
	switch res.State {
	case rag.Failed:
		level = slog.LevelWarn
	case rag.Unchanged:
		level = slog.LevelDebug
	}
	ctx := context.Background()
	if !o.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("state", string(res.State)),
		slog.String("id", string(res.ID)),
		slog.String("external_id", res.ExternalID),
		slog.Int("version", res.Version),
		slog.Int("chunks", res.Chunks),
		slog.Int("embedded", res.Embedded),
		slog.Int64("bytes", res.Bytes),
		slog.Duration("took", res.Took.Round(time.Microsecond)),
	}
	if len(res.Warnings) > 0 {
		attrs = append(attrs, slog.Int("warnings", len(res.Warnings)), slog.String("warning", res.Warnings[0]))
	}
	if res.Err != nil {
		attrs = append(attrs, slog.String("kind", string(rag.KindOf(res.Err))), slog.String("error", res.Err.Error()))
	}
	o.log.LogAttrs(ctx, level, "document", attrs...)
}

// Source tells that a source was read, whether to its end or not.
func (o *Observer) Source(kind string, sum rag.SyncReport, err error) {
	if o == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = o.metrics.errorKinds.of(string(rag.KindOf(err)))
	}
	kind = o.metrics.sourceKinds.of(kind)
	o.metrics.sourceReadings.WithLabelValues(kind, result).Inc()
	o.metrics.sourceSeconds.WithLabelValues(kind).Observe(sum.Took.Seconds())
	for state, n := range map[rag.AddState]int{rag.Added: sum.Added, rag.Updated: sum.Updated, rag.Unchanged: sum.Unchanged, rag.Skipped: sum.Skipped,
		rag.Removed: sum.Deleted, rag.Failed: sum.Failed} {
		add(o.metrics.sourceDocuments.WithLabelValues(kind, string(state)), float64(n))
	}
}

// Query counts one finished search or question. kind is "search" or "query";
// degraded says that a part was down and done without.
func (o *Observer) Query(kind string, took time.Duration, refused, cached, degraded bool) {
	if o == nil {
		return
	}
	m := o.metrics
	k := m.queryKinds.of(kind)
	m.querySeconds.WithLabelValues(k).Observe(took.Seconds())
	m.queries.WithLabelValues(k, yesNo(refused), yesNo(cached), yesNo(degraded)).Inc()
}

// Error counts an error by its kind. where names the part that met it, such as
// "ingest", "answer", "llm" or "http". It does not log: who handles the error does.
func (o *Observer) Error(kind rag.Kind, where string) {
	if o == nil || kind == "" {
		return
	}
	o.metrics.errors.WithLabelValues(o.metrics.errorKinds.of(string(kind)), o.metrics.places.of(where)).Inc()
}

// Tokens counts n tokens of a kind: "embedding", "prompt" or "completion".
func (o *Observer) Tokens(kind string, n int) {
	if o == nil {
		return
	}
	add(o.metrics.tokens.WithLabelValues(o.metrics.tokenKinds.of(kind)), float64(n))
}

// Cost adds money spent, in the currency of the configured prices.
func (o *Observer) Cost(amount float64, currency string) {
	if o == nil {
		return
	}
	if currency == "" {
		currency = "unspecified"
	}
	add(o.metrics.cost.WithLabelValues(o.metrics.currencies.of(currency)), amount)
}

// CitationsDropped counts citations that were left out of an answer because the
// words read back from the store did not match.
func (o *Observer) CitationsDropped(n int) {
	if o == nil {
		return
	}
	add(o.metrics.citationsDropped, float64(n))
}

// HTTPRequest counts one answered request. route is the pattern that was matched
// ("/api/v1/collections/{name}"), never the path itself; "" is "unmatched". bytes
// are those of the response body. It does not log: the server does, with the
// request's id.
func (o *Observer) HTTPRequest(method, route string, status int, bytes int64, d time.Duration) {
	if o == nil {
		return
	}
	if route == "" {
		route = "unmatched"
	}
	m := o.metrics
	method, route = m.methods.of(method), m.routes.of(route)
	m.httpRequests.WithLabelValues(method, route, statusLabel(status)).Inc()
	m.httpSeconds.WithLabelValues(method, route).Observe(d.Seconds())
	add(m.httpBytes.WithLabelValues(route), float64(bytes))
}

// adder is a counter.
type adder interface{ Add(float64) }

// add adds v where it is a positive finite number: a counter panics at less, and
// a wrong figure from a provider must not stop an answer.
func add(c adder, v float64) {
	if v > 0 && !math.IsInf(v, 0) {
		c.Add(v)
	}
}

func yesNo(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
