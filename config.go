package smartretriever

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/follow"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/text/analyze"
	"github.com/smartretriever/smartretriever/text/chunk"
	"github.com/smartretriever/smartretriever/text/enrich"
	"github.com/smartretriever/smartretriever/text/extract"
)

// Embedder turns texts into unit-length vectors and counts their tokens. See
// ingest.Embedder for the contract.
type Embedder interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	CountTokens(text string) int
}

// Config says where the data is and which parts are used. Every field but Dir
// has a useful zero value.
type Config struct {
	// Dir is the data folder; it is made if it does not exist. Several processes
	// may have it open at once.
	Dir string

	// OpenStore opens the store of documents; Close closes it. nil is a SQLite file in
	// Dir. KeepVersions, Logger and Clock are then its opener's business.
	OpenStore func(ctx context.Context) (Store, error)
	// Blobs keeps original files; nil is the folder BlobsDir. It is closed by Close if it
	// has a Close method.
	Blobs Blobs
	// BlobsDir is the folder of original files, which processes with the same store
	// share; "" is one under Dir. It counts for nothing where Blobs is set.
	BlobsDir string
	// PresignOriginals lets OriginalURL give out addresses for downloads; Blobs must be
	// a Presigner.
	PresignOriginals bool

	// Embedder is used for new collections, and for those that were embedded by its
	// model; nil is the built-in bge-small-en-v1.5. It is closed by Close if it has a
	// Close method.
	Embedder Embedder
	// EmbedPatience is how long passages wait for a model that is down or busy before
	// adding fails; 0 does not wait. Waiting is told of each wait; nil logs it.
	EmbedPatience time.Duration
	Waiting       func(err error, wait time.Duration)
	// Models finds the embedders of collections that were made with another model, by
	// the model's id; KindNotFound says that it is not there. It is asked once for a
	// model, and what it returns is shared and closed by Close. nil knows no other but
	// the built-in one.
	Models func(ctx context.Context, id string) (Embedder, error)
	// Generator writes answers; nil quotes the best sentences. It is closed by Close if
	// it has a Close method.
	Generator answer.Generator
	// Reranker puts the best hits in a better order; nil leaves them in the search's.
	// It is closed by Close if it has a Close method.
	Reranker answer.Reranker
	// RerankTop is how many hits are reranked (0: 30), RerankWeight how much the
	// reranker's order counts against the search's, (0,1] (0: 1), and RerankTimeout
	// when the order so far is used (0: 2 s).
	RerankTop     int
	RerankWeight  float64
	RerankTimeout time.Duration
	// RerankTarget says what Reranker is called in charges, and what it costs; zero is
	// a model without a known price.
	RerankTarget meter.Target
	// Meter charges calls of models and holds them to budgets; nil counts tokens and
	// knows no prices but that of the built-in model. It is closed by Close.
	Meter *meter.Meter
	// EmbedTarget says what Embedder is called in charges, and what it costs; zero is
	// a model without a known price.
	EmbedTarget meter.Target
	// Cache keeps embeddings of questions, results and answers; nil is one in
	// process of CacheBytes. It is closed by Close if it has a Close method.
	Cache answer.Cache
	// CacheSettings is part of every key of results in Cache: whatever tells this program's
	// answers from those of others that share Cache, or of itself with other settings, such
	// as a hash of its configuration with its version. Collections, models and what else is
	// said here in code are in the keys anyway.
	CacheSettings string
	// Claims keep processes that share Cache from making the same answer at once; nil are
	// none.
	Claims answer.Claims
	// News tells other processes that jobs have changed, so that they need not wait until they
	// look the next time; nil tells nobody.
	News News
	// CacheBytes bounds the cache in process; 0 is 64 MiB, negative is no cache.
	CacheBytes int64
	// EmbeddingTTL, RetrievalTTL and AnswerTTL bound the age of what is cached;
	// 0 is 24 h, 1 h and 30 min, negative keeps nothing of that layer.
	EmbeddingTTL, RetrievalTTL, AnswerTTL time.Duration

	// Chunker is the default of new collections.
	Chunker rag.ChunkerOptions
	// Enrich says what is found out about documents when they are added. A Keep that is
	// nil is a folder under Dir, unless ForgetWritten is set.
	Enrich        enrich.Config
	ForgetWritten bool
	// Fusion is used where a query names none; zero is z-score, alpha .5.
	Fusion rag.Fusion
	// KeepDuplicates lists chunks of a result that say the same in the same words one
	// by one; otherwise the best of them is a hit and names the others.
	KeepDuplicates bool

	// Index says how chunks are searched; the zero Index is a good choice.
	Index IndexConfig

	// Extract sets limits and isolation of reading files; see extract.Config.
	// CacheDir defaults to a folder under Dir.
	Extract extract.Config
	// MaxFileBytes bounds one document; 0 is 100 MiB.
	MaxFileBytes int64
	// Workers read and cut documents at once; 0 is one a core.
	Workers int

	// OpenSource makes what reads a source of any kind but folder, which is built in;
	// a kind that it does not know, or wrong settings, are KindInvalid. What it returns
	// is closed after use if it has a Close method. nil knows no other kind.
	OpenSource func(ctx context.Context, src rag.Source) (source.Source, error)

	// SyncTimeout bounds one reading of a source by a job; 0 is no bound.
	SyncTimeout time.Duration

	// SearchTimeout and AnswerTimeout bound a search (0: 10 s) and an answer (0: 2 min).
	SearchTimeout, AnswerTimeout time.Duration
	// MinEvidence is how sure the answerer without a language model must be that the
	// passages hold the answer, 0 to 1; below it the question is refused. 0 is
	// extractive.DefaultMinEvidence, less than 0 always quotes something.
	MinEvidence float64

	// Retention is how long a deleted document can be restored before it is purged;
	// 0 purges as soon as possible.
	Retention time.Duration
	// KeepVersions is how many versions of a document are kept, the current one among
	// them; 0 is DefaultKeepVersions. No search finds those before the current one.
	KeepVersions int
	// KeepJobs is how long a job that has ended is remembered; 0 is DefaultKeepJobs.
	KeepJobs time.Duration
	// JobsAtOnce is how many jobs this process works on at a time; 0 is 2.
	JobsAtOnce int
	// NoQueryLog keeps searches and questions out of the store.
	NoQueryLog bool

	Observer *observe.Observer // nil counts nothing
	Logger   *slog.Logger      // nil is silent
	Clock    func() time.Time  // nil is time.Now
}

// IndexConfig says how the indexes of collections are made. Changing anything but RebuildAt, ShardBy, the bounds of merging, and Type without FAISS, builds them again from the store.
type IndexConfig struct {
	// Vectors says what searches vectors: "builtin" (also ""), "faiss", FAISS, in programs built with the tag faiss, or the name of Database. Filters and access
	// lists are the built-in engine's in any case.
	Vectors string
	// Database is a vector database that keeps the vectors, nil for none; Vectors is then its name, of lower-case letters, digits and dashes. It is closed by
	// Close. DatabasePrefix begins the names of what is made there; "" is "sr". DatabaseWords has it search words too, which not all can.
	Database       external.Database
	DatabasePrefix string
	DatabaseWords  bool
	// DatabaseTimeout bounds one try of a search in it; 0 is 3 s.
	DatabaseTimeout time.Duration
	// RebuildAt is the time of day, as "03:00" (also "") by the clock of the machine's zone, or "never", at which what FAISS keeps of deleted vectors leaves memory;
	// files never have it. Beyond a fifth of an index that happens at any time of day.
	RebuildAt string

	Type string // "auto" (also ""), "flat", "ivf" or "hnsw"; see engine.Config
	// HNSWM and HNSWEfConstruction are M and efConstruction of graphs; 0 is 16 and 200.
	HNSWM, HNSWEfConstruction int
	Storage                   string // "float32" (also ""), "float16" or "int8"; see vector.Storage
	Language                  string // of words, a code of analyze.Languages; "auto" (also "") goes by script
	// TitleWeight and HeadingWeight say how often words of titles and headings count; 0 is 2 and 1.
	TitleWeight, HeadingWeight int
	K1                         float64 // of BM25; 0 is 1.2
	B                          float64 // of BM25; 0 is .75, negative is none

	// ShardBy is a metadata key whose values name the shards of an index, "" for none; see engine.Config.
	ShardBy string
	// Memory is the size in bytes of changes that are kept in memory (0: 64 MiB), MergeSize that of files which are merged in the background (0: 16 GiB), and
	// MergeRate the bytes a second that this may write (0: no bound), all for each collection.
	Memory, MergeSize, MergeRate int64
}

// engine returns the settings as the engine takes them, for vectors of dims dimensions.
func (c IndexConfig) engine(dims int) (engine.Config, error) {
	e := engine.Config{Dimensions: dims, Analyzer: analyze.For(c.Language), Type: c.Type, TitleWeight: c.TitleWeight, HeadingWeight: c.HeadingWeight, GraphM: c.HNSWM, GraphEfConstruction: c.HNSWEfConstruction, K1: c.K1, B: c.B,
		ShardBy: c.ShardBy, FlushBytes: c.Memory, MergeBytes: c.MergeSize, MergeBytesPerSecond: c.MergeRate}
	if c.Language != "" && c.Language != "auto" && !slices.Contains(analyze.Languages(), c.Language) {
		return e, fmt.Errorf("language %q of the index is unknown; known are auto, %s", c.Language, strings.Join(analyze.Languages(), ", "))
	}
	if c.Storage != "" {
		var err error
		if e.Storage, err = vector.ParseStorage(c.Storage); err != nil {
			return e, fmt.Errorf("storage of the index: %w", err)
		}
	}
	return e, e.Validate()
}

// backend returns what makes indexes with the settings of e.
func (c IndexConfig) backend(e engine.Config) (follow.Backend, error) {
	switch c.Vectors {
	case "", "builtin":
		if c.Database != nil {
			return follow.Backend{}, errors.New("vectors of the index: a database needs a name other than builtin")
		}
		return follow.Builtin(), nil
	case "faiss":
		if c.Database != nil {
			return follow.Backend{}, errors.New("vectors of the index: FAISS is in the program, and needs no database")
		}
		if e.Storage != 0 && e.Storage != vector.Float32 {
			return follow.Backend{}, fmt.Errorf("storage of the index: %s; FAISS keeps float32", c.Storage)
		}
		return faissBackend(e)
	}
	if c.Database != nil {
		return follow.Backend{}, nil // openFollower connects it with the store
	}
	return follow.Backend{}, fmt.Errorf("vectors of the index: %q is unknown; known are builtin, faiss, and the name of a vector database that is given", c.Vectors)
}

// rebuildAt returns the time of day since midnight.
func (c IndexConfig) rebuildAt() (time.Duration, error) {
	switch c.RebuildAt {
	case "":
		return 3 * time.Hour, nil
	case "never":
		return follow.Never, nil
	}
	at, err := time.Parse("15:04", c.RebuildAt)
	if err != nil {
		return 0, fmt.Errorf("the hour at which indexes are rebuilt: %q is neither a time of day, as 03:00, nor never", c.RebuildAt)
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

// WithDefaults returns the configuration with its zero fields filled in, but for
// parts, which Open makes.
func (c Config) WithDefaults() Config {
	if c.CacheBytes == 0 {
		c.CacheBytes = 64 << 20
	}
	if c.EmbeddingTTL == 0 {
		c.EmbeddingTTL = 24 * time.Hour
	}
	if c.MaxFileBytes == 0 {
		c.MaxFileBytes = 100 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

// Validate reports all faults together, as KindInvalid.
func (c Config) Validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("a data folder is needed (Dir)"))
	}
	if _, ok := c.Blobs.(Presigner); c.PresignOriginals && !ok {
		faults = append(faults, errors.New("addresses of originals cannot be given out for where they are kept (PresignOriginals)"))
	}
	if e, err := c.Index.engine(1); err != nil {
		faults = append(faults, err)
	} else if _, err := c.Index.backend(e); err != nil {
		faults = append(faults, err)
	}
	if _, err := c.Index.rebuildAt(); err != nil {
		faults = append(faults, err)
	}
	if c.MaxFileBytes < 0 {
		faults = append(faults, errors.New("the largest file must not be negative (MaxFileBytes)"))
	}
	if c.RerankTop < 0 || c.RerankTop > rag.MaxK {
		faults = append(faults, fmt.Errorf("%d hits to rerank are out of range 0 to %d (RerankTop)", c.RerankTop, rag.MaxK))
	}
	if c.EmbedPatience < 0 {
		faults = append(faults, errors.New("the patience with the embedding model must not be negative (EmbedPatience)"))
	}
	if !(c.RerankWeight >= 0 && c.RerankWeight <= 1) {
		faults = append(faults, fmt.Errorf("the reranker's weight %v is out of range 0 to 1 (RerankWeight)", c.RerankWeight))
	}
	if c.KeepVersions < 0 {
		faults = append(faults, errors.New("the number of versions that are kept must not be negative (KeepVersions)"))
	}
	if c.KeepJobs < 0 {
		faults = append(faults, errors.New("the time for which jobs are remembered must not be negative (KeepJobs)"))
	}
	if c.JobsAtOnce < 0 {
		faults = append(faults, errors.New("the number of jobs worked on at once must not be negative (JobsAtOnce)"))
	}
	if c.Retention < 0 {
		faults = append(faults, errors.New("the retention must not be negative (Retention)"))
	}
	most := chunk.DefaultMaxTokens
	if c.Embedder != nil {
		most = c.Embedder.Model().MaxTokens
	}
	if err := chunk.Check(c.Chunker, most); err != nil {
		faults = append(faults, err)
	}
	if _, err := enrich.New(c.Enrich); err != nil {
		faults = append(faults, err)
	}
	if len(faults) == 0 {
		return nil
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "configuration")
}
