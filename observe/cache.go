package observe

import "github.com/prometheus/client_golang/prometheus"

// cacheMetrics are of caches that other processes share.
type cacheMetrics struct {
	used, max, full, keys, evicted, expired prometheus.Gauge
	up                                      *prometheus.GaugeVec
	faults                                  *prometheus.CounterVec

	nodes, reasons *labels
}

func newCacheMetrics(reg *prometheus.Registry) *cacheMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	m := &cacheMetrics{
		used:    gauge("cache_server_memory_bytes", "Memory that the servers of the shared cache use."),
		max:     gauge("cache_server_memory_max_bytes", "Memory that the servers of the shared cache may use; 0 is no bound."),
		full:    gauge("cache_server_full_ratio", "Part of its memory that the fullest server of the shared cache uses."),
		keys:    gauge("cache_server_keys", "Keys in the shared cache, of anybody."),
		evicted: gauge("cache_server_evicted_keys", "Keys that had to go for lack of memory since the servers of the shared cache started."),
		expired: gauge("cache_server_expired_keys", "Keys whose time was over since the servers of the shared cache started."),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "cache_node_up",
			Help: "0 while a node of the shared cache does not answer and is done without, 1 when it does again."}, []string{"node"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "cache_faults_total",
			Help: "Operations of the shared cache that were done without: failed, not tried because its node is away, refused as its memory is full, or a value that was damaged."}, []string{"what"}),
		nodes:   openSet(32),
		reasons: closedSet("failed", "away", "full", "damaged"),
	}
	reg.MustRegister(m.up, m.faults)
	return m
}

// CacheServer is what the servers of a shared cache say of themselves, added up.
type CacheServer struct {
	Servers         int
	Used, Max       int64   // bytes of memory; Max 0 is no bound
	Full            float64 // used part of Max, of the fullest server, 0 to 1
	Keys            int64
	Evicted         int64 // keys, for lack of memory, since the servers started
	Expired         int64 // keys, since the servers started
	Version, Policy string
}

// CacheServer sets the gauges of the servers of the shared cache.
func (o *Observer) CacheServer(s CacheServer) {
	if o == nil {
		return
	}
	m := o.metrics.shared
	m.used.Set(float64(s.Used))
	m.max.Set(float64(s.Max))
	m.full.Set(s.Full)
	m.keys.Set(float64(s.Keys))
	m.evicted.Set(float64(s.Evicted))
	m.expired.Set(float64(s.Expired))
}

// CacheNode tells that a node of the shared cache stopped to answer, or does again. "" is
// all of them.
func (o *Observer) CacheNode(address string, up bool) {
	if o == nil {
		return
	}
	if address == "" {
		address = "all"
	}
	v := 0.0
	if up {
		v = 1
	}
	o.metrics.shared.up.WithLabelValues(o.metrics.shared.nodes.of(address)).Set(v)
}

// CacheNodeGone tells that the shared cache is without a node of which CacheNode has told:
// it is not needed any more, and nothing is said of it.
func (o *Observer) CacheNodeGone(address string) {
	if o == nil {
		return
	}
	m := o.metrics.shared
	m.up.DeleteLabelValues(m.nodes.of(address))
	m.nodes.drop(address)
}

// CacheFault counts an operation of the shared cache that was done without: "failed",
// "away" when it was not tried, "full", or "damaged".
func (o *Observer) CacheFault(what string) {
	if o == nil {
		return
	}
	o.metrics.shared.faults.WithLabelValues(o.metrics.shared.reasons.of(what)).Inc()
}
