package observe

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/smartretriever/smartretriever/rag"
)

// namespace begins the name of every metric.
const namespace = "smartretriever"

// Buckets in seconds. Stages of a search take tens of microseconds to tens of
// milliseconds; documents and generated answers take up to minutes.
var (
	fastBuckets   = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
	sourceBuckets = []float64{.01, .1, 1, 10, 60, 600, 3600, 6 * 3600}
	slowBuckets   = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}
)

// metrics holds the collectors and the label sets that bound them.
type metrics struct {
	stageSeconds     *prometheus.HistogramVec
	cache            *prometheus.CounterVec
	documents        *prometheus.CounterVec
	documentSeconds  prometheus.Histogram
	documentBytes    prometheus.Counter
	chunks           prometheus.Counter
	chunksEmbedded   prometheus.Counter
	queries          *prometheus.CounterVec
	querySeconds     *prometheus.HistogramVec
	errors           *prometheus.CounterVec
	tokens           *prometheus.CounterVec
	cost             *prometheus.CounterVec
	citationsDropped prometheus.Counter
	httpRequests     *prometheus.CounterVec
	httpSeconds      *prometheus.HistogramVec
	httpBytes        *prometheus.CounterVec
	sourceReadings   *prometheus.CounterVec
	sourceSeconds    *prometheus.HistogramVec
	sourceDocuments  *prometheus.CounterVec
	totals           *totals
	replicas         *replicas
	remote           *modelMetrics
	shared           *cacheMetrics

	modelCalls, modelTokens, modelCost, costSaved, budgetRefused *prometheus.CounterVec
	operations, models, budgets                                  *labels

	pipelines, stages, layers, states, queryKinds *labels
	errorKinds, places, tokenKinds, currencies    *labels
	methods, routes, sourceKinds                  *labels
}

func newRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

func newMetrics(reg *prometheus.Registry, version string) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	histograms := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
		reg.MustRegister(h)
		return h
	}
	m := &metrics{
		stageSeconds: histograms("stage_duration_seconds", "Time of one stage of a pipeline.", fastBuckets, "pipeline", "stage"),
		cache:        counters("cache_requests_total", "Looks into a cache layer.", "layer", "result"),
		documents:    counters("documents_processed_total", "Documents handed in, by verdict.", "state"),
		documentSeconds: histograms("document_duration_seconds", "Time to read, cut, embed and store one document.",
			slowBuckets).WithLabelValues().(prometheus.Histogram),
		documentBytes:    counter("document_bytes_total", "Bytes of original files read."),
		chunks:           counter("chunks_stored_total", "Chunks of documents that were added or updated."),
		chunksEmbedded:   counter("chunks_embedded_total", "Chunks whose embedding was computed rather than reused."),
		queries:          counters("queries_total", "Finished searches and questions.", "kind", "refused", "cached", "degraded"),
		querySeconds:     histograms("query_duration_seconds", "Time of one search or question.", slowBuckets, "kind"),
		errors:           counters("errors_total", "Errors by kind and by the part that met them.", "kind", "where"),
		tokens:           counters("tokens_total", "Tokens by use.", "kind"),
		cost:             counters("cost_total", "Money spent on models, in the configured currency.", "currency"),
		citationsDropped: counter("citations_dropped_total", "Citations left out because they did not match their source."),
		httpRequests:     counters("http_requests_total", "Answered HTTP requests.", "method", "route", "status"),
		httpSeconds:      histograms("http_request_duration_seconds", "Time of one HTTP request.", slowBuckets, "method", "route"),
		httpBytes:        counters("http_response_bytes_total", "Bytes of HTTP response bodies.", "route"),

		sourceReadings:  counters("source_readings_total", "Readings of sources, by how they ended.", "kind", "result"),
		sourceSeconds:   histograms("source_reading_duration_seconds", "Time of one reading of a source.", sourceBuckets, "kind"),
		sourceDocuments: counters("source_documents_total", "What became of documents of sources.", "kind", "state"),
		sourceKinds:     openSet(16),

		modelCalls:    counters("model_calls_total", "Calls of models that were charged, and that were spared.", "operation", "model", "result"),
		modelTokens:   counters("model_tokens_total", "Tokens of models; cached is a part of input.", "operation", "model", "kind"),
		modelCost:     counters("model_cost_total", "Money spent on models.", "operation", "model", "currency"),
		costSaved:     counters("cost_saved_total", "Money not spent since a result was there already.", "currency"),
		budgetRefused: counters("budget_refusals_total", "Calls of models that a budget had no room for.", "budget"),
		operations:    closedSet(string(rag.OpEmbedPassages), string(rag.OpEmbedQuestion), string(rag.OpChat), string(rag.OpRerank), string(rag.OpEnrich)),
		models:        openSet(64),
		budgets:       openSet(256),

		pipelines:  closedSet("ingest", "search", "answer"),
		stages:     openSet(64),
		layers:     openSet(8),
		states:     closedSet(string(rag.Added), string(rag.Updated), string(rag.Unchanged), string(rag.Failed), string(rag.Skipped), string(rag.Removed)),
		queryKinds: closedSet("search", "query"),
		errorKinds: closedSet(string(rag.KindInvalid), string(rag.KindNotFound), string(rag.KindConflict), string(rag.KindUnauthorized),
			string(rag.KindRefused), string(rag.KindExhausted), string(rag.KindUnavailable), string(rag.KindInternal)),
		places:     openSet(64),
		tokenKinds: closedSet("embedding", "prompt", "completion"),
		currencies: openSet(8),
		methods: closedSet(http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
			http.MethodDelete, http.MethodOptions),
		routes: openSet(256),
	}
	unread := func() { m.errors.WithLabelValues(string(rag.KindUnavailable), "metrics").Inc() }
	m.totals, m.replicas = newTotals(unread), newReplicas(unread)
	reg.MustRegister(m.totals, m.replicas)
	m.remote = newModelMetrics(reg)
	m.shared = newCacheMetrics(reg)
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info",
		Help:        "1, with the version of the program as label.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()}})
	info.Set(1)
	reg.MustRegister(info)
	return m
}

// MetricsHandler serves the registry in the Prometheus text formats. On a nil
// Observer it answers 404.
func (o *Observer) MetricsHandler() http.Handler {
	if o == nil {
		return http.NotFoundHandler()
	}
	return promhttp.HandlerFor(o.reg, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
	})
}
