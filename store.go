package smartretriever

import (
	"cmp"
	"context"
	"time"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/index/follow"
	"github.com/smartretriever/smartretriever/index/outbox"
	"github.com/smartretriever/smartretriever/ingest"
	"github.com/smartretriever/smartretriever/ingest/jobs"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/syncer"
	"github.com/smartretriever/smartretriever/store"
	"github.com/smartretriever/smartretriever/store/sqlite"
)

// Store is the one truth of a Retriever: documents, chunks, embeddings, the change feed, jobs, sources, the ledger and the query log. The
// packages of folder store have one each, whose comments say what the methods promise; package storetest is the suite that one has to pass.
// Goroutine-safe; any number of processes may have the same one open. What one may be able to do besides, as package postgres's can (Health, Notifications,
// Warnings, Replication), is used where it is there.
type Store interface {
	ingest.Store
	answer.Chunks
	follow.Feed
	meter.Ledger
	syncer.Store
	jobs.Store
	outbox.Spaces

	ID() string
	Ping(ctx context.Context) error
	Verify(ctx context.Context) ([]string, error)
	Close() error

	CreateCollection(ctx context.Context, spec rag.Collection) (rag.Collection, error)
	Collection(ctx context.Context, tenant, name string) (rag.Collection, error)
	Collections(ctx context.Context, tenant string, opt rag.ListOptions) (rag.Page[rag.Collection], error)
	UpdateCollection(ctx context.Context, tenant, name string, change rag.CollectionChange) (rag.Collection, error)
	DeleteCollection(ctx context.Context, tenant, name string) error

	Document(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, error)
	DocumentByExternalID(ctx context.Context, scope rag.Scope, externalID string) (rag.Document, error)
	Documents(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Document], error)
	Text(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.Text, error)
	DocumentChunks(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Chunk, error)
	ChunksAfter(ctx context.Context, collectionID int64, after rag.ChunkID, limit int) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error)
	UpdateDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID, change rag.DocumentChange) (rag.Document, error)
	RestoreDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error
	Versions(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Version, error)
	ForgetVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID) (int, error)

	Purge(ctx context.Context, olderThan time.Time) (store.PurgeReport, error)
	UnreferencedBlobs(ctx context.Context, shas []string) ([]string, error)
	LiveBlobs(ctx context.Context, fn func(sha string) error) error
	LooseOriginals(ctx context.Context, limit int) ([]string, error)
	DropLooseOriginals(ctx context.Context, shas []string) error

	Generations(ctx context.Context, collectionID int64) ([]rag.GenerationInfo, error)
	StartGeneration(ctx context.Context, collectionID int64, model string, dimensions int) (rag.Generation, error)
	Unembedded(ctx context.Context, collectionID int64, model string, after rag.ChunkID, limit int) ([]rag.Unembedded, error)
	PutEmbeddings(ctx context.Context, collectionID int64, number int, embeddings []rag.Embedding) (stored int, err error)
	PutComparison(ctx context.Context, collectionID int64, number int, comparison *rag.GenerationComparison) error
	Embedded(ctx context.Context, collectionID int64, number int, after rag.ChunkID) (last rag.ChunkID, err error)
	SwitchGeneration(ctx context.Context, collectionID int64, number int, checked rag.ChunkID, last func(context.Context, []rag.Unembedded) ([]rag.Embedding, error)) (rag.Collection, error)
	DropGeneration(ctx context.Context, collectionID int64, number int) error

	RecordQueries(ctx context.Context, records []rag.QueryRecord) error
	Queries(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.QueryRecord], error)
	Stats(ctx context.Context, scope rag.Scope) (rag.Stats, error)
	Usage(ctx context.Context, q rag.UsageQuery) (rag.Spending, error)

	CreateSource(ctx context.Context, src rag.Source) (rag.Source, error)
	ChangeSource(ctx context.Context, src rag.Source) (rag.Source, error)
	Sources(ctx context.Context, collectionID int64) ([]rag.Source, error)
	AllSources(ctx context.Context) ([]rag.Source, error)

	CreateJob(ctx context.Context, spec rag.Job, items []rag.JobItem) (rag.Job, error)
	Job(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	Jobs(ctx context.Context, scope rag.Scope, q rag.JobQuery) (rag.Page[rag.Job], error)
	JobItems(ctx context.Context, scope rag.Scope, id rag.JobID, states []rag.AddState, opt rag.ListOptions) (rag.Page[rag.JobItem], error)
	CancelJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	RetryJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	DeleteJob(ctx context.Context, scope rag.Scope, id rag.JobID) error
	PurgeJobs(ctx context.Context, olderThan time.Time) (int, error)
}

var _ Store = (*sqlite.Store)(nil)

// openStore opens the store that is configured, or the file in the data folder.
func (r *Retriever) openStore(ctx context.Context) (err error) {
	if r.cfg.OpenStore != nil {
		r.store, err = r.cfg.OpenStore(ctx)
	} else {
		r.store, err = sqliteStore(ctx, r.path(databaseFile), r.cfg)
	}
	if err != nil {
		return err
	}
	r.owned(r.store)
	return nil
}

func sqliteStore(ctx context.Context, path string, cfg Config) (Store, error) {
	s, err := sqlite.Open(ctx, sqlite.Config{Path: path, KeepVersions: cmp.Or(cfg.KeepVersions, DefaultKeepVersions), Logger: cfg.Logger, Clock: cfg.Clock})
	if err != nil {
		return nil, err // not a Store that holds a nil pointer
	}
	return s, nil
}

// storeHealth describes the store: a checker for itself, else by whether it answers.
func (r *Retriever) storeHealth(ctx context.Context) (string, error) {
	if c, ok := r.store.(checker); ok {
		h := c.Health(ctx)
		if !h.OK {
			return h.Detail, rag.Errorf(rag.KindUnavailable, "%s", h.Detail)
		}
		return h.Detail, nil
	}
	return "sqlite", r.store.Ping(ctx)
}
