package api

import (
	"context"
	"io"
	"iter"

	"github.com/smartretriever/smartretriever/rag"
)

// Service is what the native API needs. The root package's Retriever is one; its
// documentation says what each method promises.
type Service interface {
	CreateCollection(ctx context.Context, scope rag.Scope, spec rag.Collection) (rag.Collection, error)
	Collection(ctx context.Context, scope rag.Scope) (rag.Collection, error)
	Collections(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Collection], error)
	UpdateCollection(ctx context.Context, scope rag.Scope, change rag.CollectionChange) (rag.Collection, error)
	DeleteCollection(ctx context.Context, scope rag.Scope) error

	AddDocument(ctx context.Context, scope rag.Scope, in rag.Input) (rag.AddResult, error)
	AddDocuments(ctx context.Context, scope rag.Scope, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error
	Document(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, error)
	FindDocument(ctx context.Context, scope rag.Scope, externalID string) (rag.Document, error)
	Documents(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Document], error)
	Text(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.Text, error)
	Chunks(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Chunk, error)
	Original(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, io.ReadCloser, error)
	OriginalURL(ctx context.Context, scope rag.Scope, id rag.DocumentID, fileName func(rag.Document) string) (string, error)
	PagePicture(ctx context.Context, scope rag.Scope, id rag.DocumentID, req rag.PageRequest) (rag.Picture, error)
	UpdateDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID, change rag.DocumentChange) (rag.Document, error)
	DeleteDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error

	AddSource(ctx context.Context, scope rag.Scope, spec rag.Source) (rag.Source, error)
	Sources(ctx context.Context, scope rag.Scope) ([]rag.Source, error)
	Source(ctx context.Context, scope rag.Scope, name string) (rag.Source, error)
	RemoveSource(ctx context.Context, scope rag.Scope, name string, documents bool) (int, error)
	StartSync(ctx context.Context, scope rag.Scope, name string, opt rag.SyncOptions) (rag.Job, error)

	Versions(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Version, error)
	CompareVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID, from, to int) (rag.Comparison, error)
	RestoreVersion(ctx context.Context, scope rag.Scope, id rag.DocumentID, version int) (rag.AddResult, error)
	ForgetVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID) (int, error)

	SubmitDocuments(ctx context.Context, scope rag.Scope, inputs iter.Seq[rag.Input]) (rag.Job, error)
	Job(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	Jobs(ctx context.Context, scope rag.Scope, q rag.JobQuery) (rag.Page[rag.Job], error)
	JobItems(ctx context.Context, scope rag.Scope, id rag.JobID, states []rag.AddState, opt rag.ListOptions) (rag.Page[rag.JobItem], error)
	CancelJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	RetryJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	DeleteJob(ctx context.Context, scope rag.Scope, id rag.JobID) error

	Search(ctx context.Context, scope rag.Scope, q rag.Query) (rag.SearchResult, error)
	Query(ctx context.Context, scope rag.Scope, q rag.Question) (rag.Answer, error)
	QueryStream(ctx context.Context, scope rag.Scope, q rag.Question, on func(rag.Event) error) (rag.Answer, error)

	Model() rag.Model
	Stats(ctx context.Context, scope rag.Scope) (rag.Stats, error)
	Usage(ctx context.Context, scope rag.Scope, q rag.UsageQuery) (rag.Spending, error)
}
