package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// modelMetrics are of the calls of models behind an API.
type modelMetrics struct {
	waiting, inFlight, rate *prometheus.GaugeVec
	waited                  *prometheus.HistogramVec
	limited, hedges         *prometheus.CounterVec

	parts, models, reasons, outcomes *labels
}

func newModelMetrics(reg *prometheus.Registry) *modelMetrics {
	gauges := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, []string{"part", "model"})
		reg.MustRegister(g)
		return g
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	m := &modelMetrics{
		waiting:  gauges("model_requests_waiting", "Requests to a model's server that wait for their turn."),
		inFlight: gauges("model_requests_in_flight", "Requests to a model's server that are under way."),
		rate:     gauges("model_requests_per_minute", "Requests that a model's server is sent at most in a minute; 0 is no bound."),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: "model_wait_seconds",
			Help: "Time that a request to a model's server waited for its turn.", Buckets: slowBuckets}, []string{"part"}),
		limited: counters("model_limited_total", "Requests to a model's server that met a limit: refused by the server, not begun, given up while waiting, or not counted together with other processes.", "part", "what"),
		hedges:  counters("hedged_requests_total", "Questions that were sent to the embedding model a second time, by which answer was first.", "first"),

		parts:    openSet(8),
		models:   openSet(16),
		reasons:  closedSet("refused", "not_begun", "gave_up", "unshared"),
		outcomes: closedSet("original", "hedge", "none"),
	}
	reg.MustRegister(m.waited)
	return m
}

// ModelLoad sets how many requests to a model's server wait and are under way, and
// how many it is sent in a minute at most, 0 for no bound. part is the part of the
// program that calls, "embedder" or "llm".
func (o *Observer) ModelLoad(part, model string, waiting, inFlight int, perMinute float64) {
	if o == nil {
		return
	}
	m := o.metrics.remote
	part, model = m.parts.of(part), m.models.of(model)
	m.waiting.WithLabelValues(part, model).Set(float64(waiting))
	m.inFlight.WithLabelValues(part, model).Set(float64(inFlight))
	m.rate.WithLabelValues(part, model).Set(perMinute)
}

// ModelWaited records how long a request to a model's server waited for its turn.
func (o *Observer) ModelWaited(part string, d time.Duration) {
	if o == nil {
		return
	}
	o.metrics.remote.waited.WithLabelValues(o.metrics.remote.parts.of(part)).Observe(d.Seconds())
}

// ModelLimited counts a request that met a limit: "refused" by the server,
// "not_begun" because its turn would have come too late, "gave_up" waiting, or
// "unshared": kept to this process's own limit only, as that of all could not be asked.
func (o *Observer) ModelLimited(part, what string) {
	if o == nil {
		return
	}
	m := o.metrics.remote
	m.limited.WithLabelValues(m.parts.of(part), m.reasons.of(what)).Inc()
}

// Hedged counts a question that was sent to the embedding model a second time, by
// which answer came first: of the "original", of the "hedge", or "none".
func (o *Observer) Hedged(first string) {
	if o == nil {
		return
	}
	m := o.metrics.remote
	m.hedges.WithLabelValues(m.outcomes.of(first)).Inc()
}
