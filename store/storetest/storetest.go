// Package storetest is the suite that every document store passes. It says in
// tests what the comments of package sqlite say in words: a store that passes it
// can take the place of another.
//
// The suite needs nothing but an empty store for each test. What only one kind of
// store can do or suffer (files, processes that die, faults of a driver) is tested
// beside that store.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Store is all that a document store provides. Nothing but this suite needs all
// of it: the pipelines, the indexes and the servers each declare their part.
type Store interface {
	ID() string
	Ping(ctx context.Context) error
	Close() error

	CreateCollection(ctx context.Context, spec rag.Collection) (rag.Collection, error)
	Collection(ctx context.Context, tenant, name string) (rag.Collection, error)
	CollectionByID(ctx context.Context, id int64) (rag.Collection, error)
	Collections(ctx context.Context, tenant string, opt rag.ListOptions) (rag.Page[rag.Collection], error)
	UpdateCollection(ctx context.Context, tenant, name string, change rag.CollectionChange) (rag.Collection, error)
	DeleteCollection(ctx context.Context, tenant, name string) error

	FindDocument(ctx context.Context, collectionID int64, externalID string) (rag.Document, error)
	DocumentsUnder(ctx context.Context, collectionID int64, prefix, after string, limit int) ([]rag.Document, error)
	MissingEmbeddings(ctx context.Context, tenant, model string, hashes []rag.Hash) ([]rag.Hash, error)
	PutDocuments(ctx context.Context, puts []rag.Put) ([]rag.PutResult, error)

	Document(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, error)
	DocumentByExternalID(ctx context.Context, scope rag.Scope, externalID string) (rag.Document, error)
	Documents(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Document], error)
	Text(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.Text, error)
	DocumentChunks(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Chunk, error)
	UpdateDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID, change rag.DocumentChange) (rag.Document, error)
	DeleteDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error
	RestoreDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error
	Purge(ctx context.Context, olderThan time.Time) (store.PurgeReport, error)
	UnreferencedBlobs(ctx context.Context, shas []string) ([]string, error)
	LiveBlobs(ctx context.Context, fn func(sha string) error) error

	Chunks(ctx context.Context, collectionID int64, ids []rag.ChunkID) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error)
	Quote(ctx context.Context, collectionID int64, id rag.DocumentID, version int, span rag.Span) (string, error)
	Blocks(ctx context.Context, collectionID int64, id rag.DocumentID, version int) ([]rag.Block, error)
	ChunkAt(ctx context.Context, collectionID int64, id rag.DocumentID, version, offset int) (rag.Chunk, error)
	ChunksAfter(ctx context.Context, collectionID int64, after rag.ChunkID, limit int) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error)

	Generations(ctx context.Context, collectionID int64) ([]rag.GenerationInfo, error)
	StartGeneration(ctx context.Context, collectionID int64, model string, dimensions int) (rag.Generation, error)
	Unembedded(ctx context.Context, collectionID int64, model string, after rag.ChunkID, limit int) ([]rag.Unembedded, error)
	PutEmbeddings(ctx context.Context, collectionID int64, number int, embeddings []rag.Embedding) (stored int, err error)
	PutComparison(ctx context.Context, collectionID int64, number int, comparison *rag.GenerationComparison) error
	Embedded(ctx context.Context, collectionID int64, number int, after rag.ChunkID) (last rag.ChunkID, err error)
	SwitchGeneration(ctx context.Context, collectionID int64, number int, checked rag.ChunkID, last func(context.Context, []rag.Unembedded) ([]rag.Embedding, error)) (rag.Collection, error)
	DropGeneration(ctx context.Context, collectionID int64, number int) error

	Snapshot(ctx context.Context, collectionID int64, generation int, fn func(rag.Record) error) (seq int64, err error)
	Records(ctx context.Context, collectionID int64, generation int, ids []rag.ChunkID) ([]rag.Record, error)
	Changes(ctx context.Context, collectionID int64, afterSeq int64, limit int) ([]rag.Change, error)
	LastSeq(ctx context.Context, collectionID int64) (int64, error)
	FeedStart(ctx context.Context, collectionID int64) (int64, error)
	DataVersion(ctx context.Context) (int64, error)

	RecordQuery(ctx context.Context, r rag.QueryRecord) error
	RecordQueries(ctx context.Context, records []rag.QueryRecord) error
	Queries(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.QueryRecord], error)
	Stats(ctx context.Context, scope rag.Scope) (rag.Stats, error)

	Charge(ctx context.Context, charges []rag.Charge) error
	Reserve(ctx context.Context, h rag.Hold) ([]rag.Standing, error)
	Settle(ctx context.Context, id string, charges []rag.Charge) error
	Lapse(ctx context.Context) (int, error)
	Standings(ctx context.Context, limits []rag.Limit) ([]rag.Standing, error)
	Usage(ctx context.Context, q rag.UsageQuery) (rag.Spending, error)

	CreateSource(ctx context.Context, src rag.Source) (rag.Source, error)
	ChangeSource(ctx context.Context, src rag.Source) (rag.Source, error)
	Source(ctx context.Context, collectionID int64, name string) (rag.Source, error)
	Sources(ctx context.Context, collectionID int64) ([]rag.Source, error)
	AllSources(ctx context.Context) ([]rag.Source, error)
	DeleteSource(ctx context.Context, id, reading int64) error
	LeaseSource(ctx context.Context, collectionID int64, name, holder, dead string, ttl time.Duration) (rag.Source, error)
	RenewLease(ctx context.Context, id, reading int64, ttl time.Duration) error
	EndReading(ctx context.Context, id, reading int64, cursor []byte, failure string, report rag.SyncReport) error
	SourceItem(ctx context.Context, src rag.Source, id string) (rag.SourceItem, error)
	SourceItems(ctx context.Context, src rag.Source, after string, failing bool, limit int) ([]rag.SourceItem, error)
	StaleItems(ctx context.Context, src rag.Source, reading int64, limit int) ([]rag.SourceItem, error)
	PutItems(ctx context.Context, src rag.Source, items []rag.SourceItem) error
	SeenItems(ctx context.Context, src rag.Source, ids []string) error
	DropItems(ctx context.Context, src rag.Source, ids []string) (deleted []string, err error)
	PruneDocuments(ctx context.Context, src rag.Source, externalID string, keep []string) (deleted []string, err error)

	Space(ctx context.Context, name string) (rag.Space, error)
	Spaces(ctx context.Context) ([]rag.Space, error)
	LeaseSpace(ctx context.Context, name string, collectionID int64, generation int, ttl time.Duration) (rag.Space, error)
	AdvanceSpace(ctx context.Context, space rag.Space, ttl time.Duration) error
	DropSpace(ctx context.Context, name string) error

	Versions(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Version, error)
	ForgetVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID) (int, error)

	CreateJob(ctx context.Context, spec rag.Job, items []rag.JobItem) (rag.Job, error)
	Job(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	Jobs(ctx context.Context, scope rag.Scope, q rag.JobQuery) (rag.Page[rag.Job], error)
	JobItems(ctx context.Context, scope rag.Scope, id rag.JobID, states []rag.AddState, opt rag.ListOptions) (rag.Page[rag.JobItem], error)
	CancelJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	RetryJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	DeleteJob(ctx context.Context, scope rag.Scope, id rag.JobID) error
	PurgeJobs(ctx context.Context, olderThan time.Time) (int, error)
	ClaimJob(ctx context.Context, holder string, lease time.Duration) (job rag.Job, ok bool, err error)
	HoldJob(ctx context.Context, id rag.JobID, holder string, lease time.Duration, progress rag.Progress) (cancel bool, err error)
	WaitingJobItems(ctx context.Context, id rag.JobID, after, limit int) ([]rag.JobItem, error)
	PutJobItems(ctx context.Context, id rag.JobID, holder string, items []rag.JobItem) error
	FinishJob(ctx context.Context, id rag.JobID, holder string, state rag.JobState, message string, notBefore time.Time, progress rag.Progress) error

	Verify(ctx context.Context) ([]string, error)
}

// Run runs the suite. open makes an empty store that the test's end closes. After
// every test the store's own invariants are verified.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"collections", collectionTests},
		{"put", putTests},
		{"read", readTests},
		{"list", listTests},
		{"delete", deleteTests},
		{"feed", feedTests},
		{"generations", generationTests},
		{"log", logTests},
		{"ledger", ledgerTests},
		{"sources", sourceTests},
		{"spaces", spaceTests},
		{"jobs", jobTests},
		{"together", togetherTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					s := open(t)
					test.run(t, s)
					Sound(t, s)
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*testing.T, Store)
}

// Sound fails the test if the store's invariants are violated.
func Sound(t *testing.T, s Store) {
	t.Helper()
	faults, err := s.Verify(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Errorf("verify: %v", err)
	}
	for _, f := range faults {
		t.Errorf("violated: %s", f)
	}
}
