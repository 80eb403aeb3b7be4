package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
	"github.com/smartretriever/smartretriever/server/upload"
)

// Config is what the native API is made of.
type Config struct {
	Service Service
	Version string        // of the program, shown in the description
	MaxBody int64         // bytes of a JSON request; 0 is 32 MiB
	Upload  upload.Limits // of forms with files
	Beat    time.Duration // between comments on a silent event stream; 0 is sse.DefaultBeat
	// SourceKinds are the kinds of sources that may be added; none adds none.
	SourceKinds []string
}

// Router is what handlers are added to: an http.ServeMux is one.
type Router interface {
	HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request))
	ServeHTTP(http.ResponseWriter, *http.Request)
}

type handlers struct {
	svc Service
	cfg Config
	api huma.API
}

// Register adds the API's routes to mux, among them /openapi.json, /openapi.yaml
// and the page /docs. Every route but these three expects an identity in the
// request's context (package auth) and a body that is bounded already.
func Register(mux Router, cfg Config) {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 32 << 20
	}
	cfg.Upload = cfg.Upload.WithDefaults()
	h := &handlers{svc: cfg.Service, cfg: cfg}
	h.api = humago.New(mux, describe(cfg))
	h.registerCollections()
	h.registerUpload()
	h.registerDocuments()
	h.registerSources()
	h.registerVersions()
	h.registerJobs()
	h.registerPages()
	h.registerSearch()
	h.registerQuery()
	h.registerStats()
	h.registerUsage()
	registerDocsPage(mux)
}

func describe(cfg Config) huma.Config {
	c := huma.DefaultConfig("SmartRetriever", cfg.Version)
	c.Info.Description = "Documents in, answers with checkable sources out. Errors are problem documents (RFC 9457)."
	c.Components.Schemas = schemas()
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", Description: "Needed where the server is configured with keys"},
	}
	c.Security = []map[string][]string{{}, {"key": {}}}
	c.DocsPath, c.SchemasPath = "", "" // its page loads scripts from elsewhere; see docs.go
	c.CreateHooks = nil                // these would add $schema members to the bodies
	c.Transformers = []huma.Transformer{asProblem}
	c.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	c.RejectUnknownQueryParameters = false
	c.Tags = []*huma.Tag{
		{Name: "collections", Description: "Named sets of documents that are searched together"},
		{Name: "documents", Description: "What a collection holds"},
		{Name: "sources", Description: "Places that documents come from again and again"},
		{Name: "jobs", Description: "Work that goes on after its request"},
		{Name: "search", Description: "Chunks and answers"},
	}
	return c
}

// operation fills in what all operations have in common.
func (h *handlers) operation(method, path, id, tag, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary,
		MaxBodyBytes:    h.cfg.MaxBody,
		BodyReadTimeout: -1, // the server holds a deadline on every read
		Responses:       map[string]*huma.Response{"default": h.problemResponse()},
	}
}

func (h *handlers) problemResponse() *huma.Response {
	return &huma.Response{
		Description: "A problem document",
		Content:     map[string]*huma.MediaType{problem.MediaType: {Schema: schemaOf[problem.Problem](h)}},
	}
}

// failed turns an error of the Service into what a handler returns, and keeps the
// cause of a failure of ours for the log.
func failed(ctx context.Context, err error) error {
	p := problem.Of(err)
	if p.Status >= http.StatusInternalServerError {
		request.Note(ctx, err)
	}
	return p
}

// stamp returns the problem with the request's id.
func stamp(ctx context.Context, p *problem.Problem) *problem.Problem {
	q := *p
	q.RequestID = request.ID(ctx)
	return &q
}

// output is what the framework sends as JSON.
type output[T any] struct{ Body T }

func reply[T any](ctx context.Context, v T, err error) (*output[T], error) {
	if err != nil {
		return nil, failed(ctx, err)
	}
	return &output[T]{v}, nil
}

// CollectionPath is the path parameter of everything inside a collection.
type CollectionPath struct {
	Name string `path:"name" maxLength:"256" doc:"Collection"`
}

// DocumentPath is that of everything about one document. The types of
// parameters are exported because the framework reads them by reflection.
type DocumentPath struct {
	CollectionPath
	ID rag.DocumentID `path:"id" maxLength:"64" doc:"Document id (UUID)"`
}

// Paging holds the parameters of a listing.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"1024" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Entries of a page"`
	Order  string `query:"order" enum:"asc,desc" default:"asc" doc:"Oldest or newest first"`
}

func (p Paging) options() rag.ListOptions {
	return rag.ListOptions{Cursor: p.Cursor, Limit: p.Limit, Descending: p.Order == "desc"}
}
