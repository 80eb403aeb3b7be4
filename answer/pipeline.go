package answer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Config holds a pipeline's parts and settings.
type Config struct {
	Index Searcher
	// Highlight returns the words of a text that a query matches by; nil marks none.
	Highlight func(q rag.Query, text string) []rag.Span
	Chunks    Chunks
	Embed     Embedder
	Generate  Generator
	Fallback  Generator    // answers when Generate is unavailable; nil: the error is returned
	Rerank    Reranker     // puts the best hits in a better order; nil: the search's order stays
	Cache     Cache        // nil: nothing is cached
	Claims    Claims       // of the processes that share Cache; nil: it is this one's own
	Record    Recorder     // nil: no query log
	Meter     *meter.Meter // counts what cached results spare; nil counts nothing. The parts that call models are metered by themselves
	Observe   *observe.Observer
	Logger    *slog.Logger     // nil discards
	Clock     func() time.Time // nil is time.Now

	SearchTimeout time.Duration // whole search; 0 is 10 s
	AnswerTimeout time.Duration // whole answer; 0 is 2 min
	RetrievalTTL  time.Duration // of cached results; 0 is 1 h, negative none
	AnswerTTL     time.Duration // of cached answers; 0 is 30 min, negative none
	Fusion        rag.Fusion    // where a query names none; zero is z-score, alpha .5
	RerankTop     int           // hits that are reranked; 0 is 30
	RerankWeight  float64       // of the reranker's order against the search's, (0,1]; 0 is 1
	RerankTimeout time.Duration // after which the order so far is used; 0 is 2 s
	// KeepDuplicates lists chunks that say the same in the same words one by one,
	// whatever a query says.
	KeepDuplicates bool
	Settings       string // part of every cache key: whatever else changes results
}

// WithDefaults returns the configuration with its zero fields filled in.
func (c Config) WithDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.SearchTimeout == 0 {
		c.SearchTimeout = 10 * time.Second
	}
	if c.AnswerTimeout == 0 {
		c.AnswerTimeout = 2 * time.Minute
	}
	if c.RetrievalTTL == 0 {
		c.RetrievalTTL = time.Hour
	}
	if c.AnswerTTL == 0 {
		c.AnswerTTL = 30 * time.Minute
	}
	if c.RerankTop == 0 {
		c.RerankTop = defaultRerankTop
	}
	if c.RerankWeight == 0 {
		c.RerankWeight = 1
	}
	if c.RerankTimeout == 0 {
		c.RerankTimeout = defaultRerankTimeout
	}
	return c
}

// Pipeline searches and answers. What is asked for several times at once is made once. It is
// goroutine-safe.
type Pipeline struct {
	cfg      Config
	searches flights[made[rag.SearchResult]]
	answers  flights[made[rag.Answer]]
}

// New returns a pipeline over the parts in cfg.
func New(cfg Config) *Pipeline { return &Pipeline{cfg: cfg.WithDefaults()} }

// run is the record of one search or answer while it is made.
type run struct {
	cfg      *Config
	name     string
	begun    time.Time
	trace    rag.Trace
	degraded []string
}

func (p *Pipeline) begin(name string) *run {
	return &run{cfg: &p.cfg, name: name, begun: p.cfg.Clock(), trace: rag.Trace{ID: newID(), Stages: []rag.Stage{}}}
}

// stage notes that a stage which began at since has ended.
func (r *run) stage(name string, since time.Time, in, out int, note string) {
	took := r.cfg.Clock().Sub(since)
	r.trace.Stages = append(r.trace.Stages, rag.Stage{Name: name, Took: took, In: in, Out: out, Note: note})
	r.cfg.Observe.Stage(r.name, name, took)
}

// degrade notes a part that was down and done without.
func (r *run) degrade(part string, err error) {
	r.degraded = append(r.degraded, part)
	r.cfg.Observe.Error(rag.KindOf(err), part)
	r.cfg.Logger.Warn("done without a part that failed", "part", part, "kind", rag.KindOf(err), "error", err)
}

// lacking notes, once, that the index answered without all of its vectors.
func (r *run) lacking(found rag.IndexResult) {
	if found.Degraded != "" && !slices.Contains(r.degraded, "vectors") {
		r.degrade("vectors", rag.Errorf(rag.KindUnavailable, "%s", found.Degraded))
	}
}

// end closes the trace.
func (r *run) end() rag.Trace {
	r.trace.Took = r.cfg.Clock().Sub(r.begun)
	return r.trace
}

func newID() string {
	var b [12]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// record hands a finished search or answer to the query log and the metrics.
func (p *Pipeline) record(ctx context.Context, rec rag.QueryRecord, degraded bool) {
	p.cfg.Observe.Query(rec.Kind, rec.Took, rec.Refused, rec.Cached, degraded)
	if p.cfg.Record == nil {
		return
	}
	if err := p.cfg.Record.RecordQuery(context.WithoutCancel(ctx), rec); err != nil {
		p.cfg.Observe.Error(rag.KindOf(err), "query_log")
		p.cfg.Logger.Warn("query not logged", "error", err)
	}
}
