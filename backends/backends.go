// Package backends turns the names in a configuration into constructed parts: the
// store, the embedding model, the cache, the language model. It is the only
// package that imports them all, and the place where the next one gets its line.
package backends

import (
	"io"
	"log/slog"
	"path/filepath"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/local"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
)

// Deps are what parts are given besides their settings.
type Deps struct {
	Logger   *slog.Logger
	Observer *observe.Observer
	// Waiting is told when passages wait for an embedding model that is down; nil logs it.
	Waiting func(err error, wait time.Duration)
	// Worker is the command that starts this program as a reader of files (its verb
	// extract-worker). Empty reads files in this process.
	Worker []string
	// Version of this program. Results that another one has put into a shared cache are not found.
	Version string
	Clock   func() time.Time // nil is time.Now

	shared remote.Booker // counts calls of models together with other processes; nil does not
}

// Open returns the configuration of a Retriever with the parts that cfg names. An
// unknown name is KindInvalid. What it opens is closed by the Retriever.
func Open(cfg config.Config, deps Deps) (_ root.Config, err error) {
	c := root.Config{
		Dir:     cfg.Data,
		Chunker: chunkerOptions(cfg.Chunker),
		Fusion:  rag.Fusion{Method: cfg.Retrieval.Fusion, Alpha: cfg.Retrieval.Alpha, RRFK: cfg.Retrieval.RRFK},
		Index: root.IndexConfig{Vectors: cfg.Index.Vectors, RebuildAt: cfg.Index.RebuildAt, Type: cfg.Index.Type, TitleWeight: cfg.Index.Title, HeadingWeight: cfg.Index.Heading, HNSWM: cfg.Index.M, HNSWEfConstruction: cfg.Index.Ef, Storage: cfg.Index.Storage, Language: cfg.Index.Language, K1: cfg.Index.K1, B: noB(cfg.Index.B),
			ShardBy: cfg.Index.ShardBy, Memory: int64(cfg.Index.Memory), MergeSize: int64(cfg.Index.MergeSize), MergeRate: int64(cfg.Index.MergeRate)},
		KeepDuplicates: cfg.Retrieval.KeepDuplicates,

		MaxFileBytes:  int64(cfg.Limits.FileSize),
		Workers:       cfg.Limits.Workers,
		SearchTimeout: cfg.Retrieval.Timeout,
		AnswerTimeout: cfg.Answer.Timeout,
		MinEvidence:   minEvidence(cfg.Answer.MinEvidence),
		Retention:     cfg.Delete.Retention,
		KeepVersions:  cfg.Versions.Keep,
		KeepJobs:      cfg.Jobs.Keep,
		JobsAtOnce:    cfg.Jobs.Parallel,
		NoQueryLog:    !cfg.QueryLog.Enabled,
		Extract: extract.Config{
			MaxBytes: int64(cfg.Limits.FileSize), Timeout: cfg.Limits.ExtractTimeout, MemoryLimit: int64(cfg.Limits.ExtractMemory),
			Workers: cfg.Limits.Workers, Command: deps.Worker,
			NoOCR: cfg.Extract.OCR == "off", OCRPages: cfg.Extract.OCRPages,
			OCR: ocr.Config{Program: cfg.Extract.OCRProgram, Languages: cfg.Extract.OCRLanguages, Data: cfg.Extract.OCRData, Timeout: cfg.Extract.OCRTimeout},
		},
		OpenSource:    sourceOpener(cfg.Sources, filepath.Join(cfg.Data, "sources"), deps),
		SyncTimeout:   cfg.Sources.Timeout,
		EmbedPatience: cfg.Embedder.Patience,
		Waiting:       deps.Waiting,
		Observer:      deps.Observer,
		Logger:        deps.Logger,
		Clock:         deps.Clock,
	}
	defer func() {
		if err != nil {
			closeParts(c)
		}
	}()
	if err := openStore(cfg, deps, &c); err != nil {
		return root.Config{}, err
	}
	if err := openVectors(cfg, deps, &c); err != nil {
		return root.Config{}, err
	}
	if err := openBlobs(cfg, deps, &c); err != nil {
		return root.Config{}, err
	}
	if deps.shared, err = openCache(cfg, deps, &c); err != nil {
		return root.Config{}, err
	}
	if err := openEmbedder(cfg, deps, &c); err != nil {
		return root.Config{}, err
	}
	table, err := openMeter(cfg, deps, &c)
	if err != nil {
		return root.Config{}, err
	}
	if err := openReranker(cfg, table, deps, &c); err != nil {
		return root.Config{}, err
	}
	c.Models = modelFinder(cfg)
	c.Enrich, c.ForgetWritten = enrichment(cfg.Enrich), !cfg.Enrich.Keep
	return c, openLLM(cfg, table, deps, &c)
}

// closeParts closes what a Retriever would have closed that is not made now.
func closeParts(c root.Config) {
	for _, part := range []any{c.Embedder, c.Reranker, c.Generator, c.Cache, c.Blobs, c.Index.Database} {
		if p, ok := part.(io.Closer); ok {
			_ = p.Close()
		}
	}
}

// chunkerOptions leaves out what is the default anyway, so that it is not stored.
func chunkerOptions(c config.Chunker) rag.ChunkerOptions {
	o := rag.ChunkerOptions{
		Name: c.Name, Unit: c.Unit, Size: c.Size, Overlap: c.Overlap, Parent: c.Parent,
		Min: c.Min, Break: c.Break, Percentile: c.Percentile, Window: c.Window,
	}
	if o.Unit == "tokens" {
		o.Unit = ""
	}
	return o
}

func unknown(setting, name string) error {
	return rag.Errorf(rag.KindInvalid, "%s: %q is not known", setting, name)
}

// Models returns the library of local models of a data folder.
func Models(data string) local.Library { return local.In(filepath.Join(data, "models")) }

func openEmbedder(cfg config.Config, deps Deps, c *root.Config) error {
	var weights []byte
	switch cfg.Embedder.Name {
	case "builtin":
	case "local":
		var err error
		if weights, err = Models(cfg.Data).Load(cfg.Embedder.Model); err != nil {
			return rag.Errorf(rag.KindOf(err), "embedder.model: %w", err)
		}
	case "onnx":
		return openONNX(cfg.Embedder, c)
	default:
		return openEmbeddingAPI(cfg.Embedder, deps, c)
	}
	e, err := OpenWeights(weights, cfg.Embedder.Dimensions, cfg.Embedder.Threads)
	if err != nil {
		return rag.Errorf(rag.KindOf(err), "embedder: %w", err)
	}
	c.Embedder = e
	return nil
}

// noB turns a setting of 0 into the root's word for none.
func noB(b float64) float64 {
	if b == 0 {
		return -1
	}
	return b
}

// minEvidence is the library's form of the setting: its zero value is the default,
// and below zero nothing is refused.
func minEvidence(setting float64) float64 {
	if setting == 0 {
		return -1
	}
	return setting
}
