package smartretriever

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/smartretriever/smartretriever/answer"
	cachememory "github.com/smartretriever/smartretriever/cache/memory"
	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/follow"
	"github.com/smartretriever/smartretriever/index/outbox"
	"github.com/smartretriever/smartretriever/index/query"
	"github.com/smartretriever/smartretriever/ingest"
	"github.com/smartretriever/smartretriever/ingest/jobs"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/syncer"
	"github.com/smartretriever/smartretriever/text/analyze"
	"github.com/smartretriever/smartretriever/text/chunk"
	"github.com/smartretriever/smartretriever/text/extract"
)

// What lies in a data folder.
const (
	databaseFile = "smartretriever.db"
	blobsDir     = "blobs"
	indexDir     = "index"   // snapshots of indexes: may be deleted at any time
	cacheDir     = "cache"   // compiled extractors: may be deleted at any time
	writtenDir   = "written" // what language models wrote about passages: may be deleted, and is paid for again then
)

// Retriever is an open data folder. Its methods are goroutine-safe. Each call
// names a rag.Scope; its zero value is the default tenant's default collection.
type Retriever struct {
	cfg     Config
	store   Store
	blobs   Blobs
	follow  *follow.Follower
	vectors *outbox.Connection // nil without a vector database
	embed   Embedder           // as configured, metered
	meter   *meter.Meter
	models  *models
	extract *extract.Extractor
	ingest  *ingest.Pipeline
	answers *pipelines
	cache   answer.Cache // nil without one
	log     *queryLog
	janitor *janitor
	syncer  *syncer.Syncer

	runner *jobs.Runner // nil until there is a job; guarded by mu

	// calls counts running calls for Close; mu guards all below and runner.
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
	// closers are closed last to first.
	closers []io.Closer
}

// Open opens the data folder, makes it if it does not exist, and brings its
// store to this version's schema. It does not load indexes: each is opened by
// the first search of its collection, or by Warm.
func Open(ctx context.Context, cfg Config) (_ *Retriever, err error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &Retriever{cfg: cfg}
	defer func() {
		if err != nil {
			r.closeParts()
		}
	}()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, rag.Wrap(rag.KindUnavailable, err, "make the data folder")
	}
	if err := r.openStore(ctx); err != nil {
		return nil, err
	}
	if err := r.openBlobs(); err != nil {
		return nil, err
	}
	if err := r.openMeter(); err != nil {
		return nil, err
	}
	if err := r.openModel(); err != nil {
		return nil, err
	}
	if err := r.openExtractor(); err != nil {
		return nil, err
	}
	if err := r.openPipelines(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Retriever) path(name string) string { return filepath.Join(r.cfg.Dir, name) }

// owned remembers what Close has to close.
func (r *Retriever) owned(c io.Closer) { r.closers = append(r.closers, c) }

func (r *Retriever) openModel() error {
	r.embed = r.cfg.Embedder
	if r.embed == nil {
		builtin, err := bert.New(bert.Config{})
		if err != nil {
			return err
		}
		r.embed = builtin
	}
	for _, part := range []any{r.embed, r.cfg.Generator, r.cfg.Reranker} {
		if c, ok := part.(io.Closer); ok {
			r.owned(c)
		}
	}
	r.embed = r.metered(r.embed)
	r.models = newModels(r.cfg, r.embed, r.meteredLocal)
	r.owned(r.models)
	return nil
}

func (r *Retriever) openExtractor() (err error) {
	cfg := r.cfg.Extract
	if cfg.CacheDir == "" {
		cfg.CacheDir = r.path(cacheDir)
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = r.cfg.MaxFileBytes
	}
	if r.extract, err = extract.New(cfg); err != nil {
		return err
	}
	r.owned(r.extract)
	return nil
}

func (r *Retriever) openFollower() error {
	settings, err := r.cfg.Index.engine(1)
	if err != nil {
		return err
	}
	backend, err := r.cfg.Index.backend(settings)
	if err != nil {
		return err
	}
	if db := r.cfg.Index.Database; db != nil {
		if r.vectors, err = outbox.New(outbox.Config{Database: db, Spaces: r.store, Name: r.cfg.Index.Vectors, Prefix: r.cfg.Index.DatabasePrefix, Words: r.cfg.Index.DatabaseWords, SearchTimeout: r.cfg.Index.DatabaseTimeout, Logger: r.cfg.Logger}); err != nil {
			return err
		}
		r.owned(r.vectors)
		backend = follow.NewBackend(r.vectors.Create, r.vectors.Open)
	}
	rebuildAt, err := r.cfg.Index.rebuildAt()
	if err != nil {
		return err
	}
	r.follow, err = follow.New(follow.Config{
		Feed: r.store, StoreID: r.store.ID(), Dir: r.path(indexDir), Backend: backend, CompactAt: rebuildAt, Logger: r.cfg.Logger,
		Index: func(c rag.Collection) engine.Config {
			cfg, err := r.cfg.Index.engine(c.Generation.Dimensions)
			if err != nil {
				r.cfg.Logger.Error("settings of an index", "collection", c.Name, "error", err) // the settings were checked: the dimensions are at fault, and opening says so
			}
			return cfg
		},
	})
	if err != nil {
		return err
	}
	r.owned(r.follow)
	r.hearOthers()
	return nil
}

func (r *Retriever) openPipelines() error {
	if err := r.openFollower(); err != nil {
		return err
	}
	enrichments, err := r.enrichments()
	if err != nil {
		return err
	}
	r.ingest = ingest.New(ingest.Config{
		Store: r.store, Blobs: r.blobs, Extract: r.extract,
		Embed: func(ctx context.Context, col rag.Collection) (ingest.Embedder, error) {
			e, err := r.modelOf(ctx, col)
			if err != nil {
				return nil, err
			}
			return r.patient(e), nil
		},
		Chunker: func(opt rag.ChunkerOptions, e ingest.Embedder, leave int) (ingest.Chunker, error) {
			return chunk.NewLeaving(opt, e, leave)
		},
		Enrich: enrichments, MaxBytes: r.cfg.MaxFileBytes, Workers: r.cfg.Workers, Clock: r.cfg.Clock, Done: r.cfg.Observer.Document,
	})

	cache := r.cfg.Cache
	if c, ok := cache.(io.Closer); ok {
		r.owned(c)
	}
	if cache == nil && r.cfg.CacheBytes > 0 {
		inProcess := cachememory.New(cachememory.Config{MaxBytes: r.cfg.CacheBytes})
		r.owned(inProcess)
		cache = inProcess
	}
	r.cache = cache
	wrap := r.wrapQuestions(cache)
	quoting, err := r.quoting(wrap(r.embed))
	if err != nil {
		return err
	}
	generate, fallback := r.cfg.Generator, answer.Generator(quoting)
	if generate == nil {
		generate, fallback = quoting, nil
	}
	r.syncer = syncer.New(syncer.Config{Store: r.store, MaxBytes: r.cfg.MaxFileBytes, Clock: r.cfg.Clock, Settings: r.ingest.Settings})
	r.janitor = startJanitor(r)
	r.owned(r.janitor)
	var record answer.Recorder
	if !r.cfg.NoQueryLog {
		r.log = startQueryLog(r.store, r.cfg.Observer, r.cfg.Logger)
		r.owned(r.log)
		record = r.log
	}
	rerank := r.meteredReranker()
	words := analyze.For(r.cfg.Index.Language)
	highlight := func(q rag.Query, text string) []rag.Span { return query.Highlight(words, q.Text, q.Operators, text) }
	r.answers = &pipelines{wrap: wrap, byModel: map[string]*answer.Pipeline{}, make: func(questions Embedder) *answer.Pipeline {
		return answer.New(answer.Config{
			Index: searcher{r.follow}, Highlight: highlight, Chunks: r.store, Embed: questions, Generate: generate, Fallback: fallback, Cache: cache, Claims: r.cfg.Claims, Record: record, Meter: r.meter,
			Observe: r.cfg.Observer, Logger: r.cfg.Logger, Clock: r.cfg.Clock,
			SearchTimeout: r.cfg.SearchTimeout, AnswerTimeout: r.cfg.AnswerTimeout,
			RetrievalTTL: r.cfg.RetrievalTTL, AnswerTTL: r.cfg.AnswerTTL, Fusion: r.cfg.Fusion,
			KeepDuplicates: r.cfg.KeepDuplicates, Rerank: rerank, RerankTop: r.cfg.RerankTop, RerankWeight: r.cfg.RerankWeight, RerankTimeout: r.cfg.RerankTimeout,
			// Ids of collections and numbers of changes are a store's own.
			Settings: r.store.ID() + " " + r.cfg.CacheSettings + " " + r.settings(questions, generate),
		})
	}}
	return nil
}

// settings are what results depend on beside the request: part of cache keys.
func (r *Retriever) settings(questions Embedder, generate answer.Generator) string {
	reranker := ""
	if r.cfg.Reranker != nil {
		reranker = fmt.Sprintf(" %s %d %v", r.cfg.Reranker.Name(), r.cfg.RerankTop, r.cfg.RerankWeight)
	}
	index := r.cfg.Index
	index.Database = nil // its name tells it apart; what is in it is not for keys that other processes share
	return fmt.Sprintf("%s %s %T %v%s %v %v", questions.Model().ID, r.embed.Model().ID, generate, r.cfg.MinEvidence, reranker, index, r.cfg.KeepDuplicates)
}

// searcher lets the answering pipeline ask the follower.
type searcher struct{ *follow.Follower }

func (s searcher) Search(ctx context.Context, col rag.Collection, q rag.IndexQuery, minSeq int64) (rag.IndexResult, error) {
	return s.Searcher(col, minSeq).Search(ctx, q)
}

// enter begins a call; the returned function ends it.
func (r *Retriever) enter() (leave func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, rag.Errorf(rag.KindUnavailable, "the retriever is closed")
	}
	r.calls.Add(1)
	return r.calls.Done, nil
}

// enterCollection is enter, with scope's collection.
func (r *Retriever) enterCollection(ctx context.Context, scope rag.Scope) (rag.Collection, func(), error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Collection{}, nil, err
	}
	scope = scope.WithDefaults()
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if err != nil {
		leave()
		return rag.Collection{}, nil, err
	}
	return col, leave, nil
}

// Close waits for running calls, finishes what the janitor and the query log have
// to do, saves the index snapshots and closes the store. It may be called again.
func (r *Retriever) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.mu.Unlock()
	r.calls.Wait()
	return r.closeParts()
}

func (r *Retriever) closeParts() error {
	var first error
	for i := len(r.closers) - 1; i >= 0; i-- {
		if err := r.closers[i].Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
