package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
)

// SyncedSource is a place that documents come from again and again.
type SyncedSource struct {
	Name        string         `json:"name"`
	Kind        string         `json:"kind" doc:"folder, web, feed, ..."`
	Settings    map[string]any `json:"settings" doc:"The kind's own, without secrets"`
	Metadata    rag.Metadata   `json:"metadata" doc:"Laid over that of each document"`
	ACL         []string       `json:"acl" nullable:"false" doc:"Of documents whose own the source does not know"`
	CreatedAt   time.Time      `json:"created_at"`
	Running     bool           `json:"running" doc:"Whether it is being read"`
	LastRun     *time.Time     `json:"last_run" doc:"When the last reading began; null before the first"`
	LastSuccess *time.Time     `json:"last_success" doc:"When the last one that succeeded ended; null before"`
	LastError   *string        `json:"last_error" doc:"Why the last reading did not succeed; null if it did"`
	LastReport  SyncReport     `json:"last_report"`
	Items       int            `json:"items"`
	Failing     int            `json:"failing" doc:"Items that could not be read the last time"`
}

// SyncReport sums up a reading of a source. Counts are of documents.
type SyncReport struct {
	Added     int           `json:"added"`
	Updated   int           `json:"updated"`
	Unchanged int           `json:"unchanged"`
	Skipped   int           `json:"skipped"`
	Deleted   int           `json:"deleted"`
	Failed    int           `json:"failed"`
	Bytes     int64         `json:"bytes"`
	Complete  bool          `json:"complete" doc:"Whether everything was seen, so that what is gone was deleted"`
	TookMS    int64         `json:"took_ms"`
	Failures  []SyncFailure `json:"failures" nullable:"false" doc:"The first 20"`
}

// SyncFailure is an item that could not be read or stored.
type SyncFailure struct {
	Path   string   `json:"path"`
	Kind   rag.Kind `json:"kind"`
	Reason string   `json:"reason"`
}

// SourceList holds the sources of a collection by name.
type SourceList struct {
	Sources []SyncedSource `json:"sources" nullable:"false"`
}

// NewSource is the body that adds a source.
type NewSource struct {
	Name     string         `json:"name" minLength:"1" maxLength:"128" doc:"Letters, digits, dots, dashes and underscores. The source of that name takes the settings over"`
	Kind     string         `json:"kind" minLength:"1" maxLength:"64"`
	Settings map[string]any `json:"settings" doc:"The kind's own; secrets are named, not given"`
	Metadata rag.Metadata   `json:"metadata,omitempty"`
	ACL      []string       `json:"acl,omitempty" maxItems:"256"`
}

// RemovedSource says what went with a source.
type RemovedSource struct {
	Documents int `json:"documents" doc:"Documents that were deleted"`
}

// SourcePath is the path of everything about one source.
type SourcePath struct {
	CollectionPath
	Source string `path:"source" maxLength:"128" doc:"Source"`
}

func syncedSource(s rag.Source) SyncedSource {
	out := SyncedSource{Name: s.Name, Kind: s.Kind, Settings: map[string]any{}, Metadata: s.Metadata, ACL: s.ACL, CreatedAt: s.CreatedAt,
		Running: s.Holder != "" && time.Now().Before(s.HeldUntil), LastReport: reportOf(s.LastReport), Items: s.Items, Failing: s.Failing}
	if err := json.Unmarshal(s.Settings, &out.Settings); err != nil {
		out.Settings = map[string]any{} // the store holds objects only
	}
	if out.Metadata == nil {
		out.Metadata = rag.Metadata{}
	}
	if out.ACL == nil {
		out.ACL = []string{}
	}
	for to, at := range map[**time.Time]time.Time{&out.LastRun: s.LastRun, &out.LastSuccess: s.LastSuccess} {
		if !at.IsZero() {
			*to = &at
		}
	}
	if s.LastError != "" {
		out.LastError = &s.LastError
	}
	return out
}

func reportOf(r rag.SyncReport) SyncReport {
	out := SyncReport{Added: r.Added, Updated: r.Updated, Unchanged: r.Unchanged, Skipped: r.Skipped, Deleted: r.Deleted, Failed: r.Failed,
		Bytes: r.Bytes, Complete: r.Complete, TookMS: r.Took.Milliseconds(), Failures: []SyncFailure{}}
	for _, f := range r.Failures {
		out.Failures = append(out.Failures, SyncFailure(f))
	}
	return out
}

const sourcesRoute, sourceRoute = collectionRoute + "/sources", collectionRoute + "/sources/{source}"

func (h *handlers) registerSources() {
	huma.Register(h.api, h.operation(http.MethodGet, sourcesRoute, "listSources", "sources", "List sources by name"), h.listSources)
	add := h.operation(http.MethodPost, sourcesRoute, "addSource", "sources", "Add a source, or change its settings")
	add.Description = "For administrators, and only of the kinds in sources.api_kinds of the configuration: a source reads what the server can read. Nothing is read yet."
	add.DefaultStatus = http.StatusCreated
	huma.Register(h.api, add, h.addSource)
	huma.Register(h.api, h.operation(http.MethodGet, sourceRoute, "getSource", "sources", "Get a source, and how its last reading went"), h.getSource)
	sync := h.operation(http.MethodPost, sourceRoute+"/sync", "syncSource", "sources", "Read a source by a job")
	sync.Description = "Answers with the job that does it, which is the one that waits or runs already if there is one. Sources are read one at a time."
	sync.DefaultStatus = http.StatusAccepted
	huma.Register(h.api, sync, h.syncSource)
	huma.Register(h.api, h.operation(http.MethodDelete, sourceRoute, "removeSource", "sources", "Forget a source, with or without its documents"), h.removeSource)
}

// manage is the scope of a request that is for administrators.
func manage(ctx context.Context, collection, doing string) (rag.Scope, error) {
	id := auth.From(ctx)
	return id.Manage(collection), id.RequireAdmin(doing)
}

func (h *handlers) listSources(ctx context.Context, in *CollectionPath) (*output[SourceList], error) {
	scope, err := manage(ctx, in.Name, "looking at sources")
	if err != nil {
		return nil, failed(ctx, err)
	}
	list, err := h.svc.Sources(ctx, scope)
	out := SourceList{Sources: make([]SyncedSource, len(list))}
	for i, s := range list {
		out.Sources[i] = syncedSource(s)
	}
	return reply(ctx, out, err)
}

func (h *handlers) addSource(ctx context.Context, in *struct {
	CollectionPath
	Body NewSource
}) (*output[SyncedSource], error) {
	scope, err := manage(ctx, in.Name, "adding a source")
	if err == nil && !slices.Contains(h.cfg.SourceKinds, in.Body.Kind) {
		err = rag.Errorf(rag.KindRefused, "sources of kind %q cannot be added over HTTP here; sources.api_kinds allows %s", in.Body.Kind, orNone(h.cfg.SourceKinds))
	}
	if err == nil {
		err = in.Body.Metadata.Validate()
	}
	if err != nil {
		return nil, failed(ctx, err)
	}
	settings, err := json.Marshal(in.Body.Settings)
	if err != nil {
		return nil, failed(ctx, rag.Wrap(rag.KindInvalid, err, "settings"))
	}
	s, err := h.svc.AddSource(ctx, scope, rag.Source{Name: in.Body.Name, Kind: in.Body.Kind, Settings: settings, Metadata: in.Body.Metadata, ACL: in.Body.ACL})
	return reply(ctx, syncedSource(s), err)
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func (h *handlers) getSource(ctx context.Context, in *SourcePath) (*output[SyncedSource], error) {
	scope, err := manage(ctx, in.Name, "looking at sources")
	if err != nil {
		return nil, failed(ctx, err)
	}
	s, err := h.svc.Source(ctx, scope, in.Source)
	return reply(ctx, syncedSource(s), err)
}

func (h *handlers) syncSource(ctx context.Context, in *struct {
	SourcePath
	Again      bool `query:"again" doc:"Also read what failed before, and what was deleted by hand"`
	Force      bool `query:"force" doc:"Also read what has not changed, and read and cut its documents again; passages that stay the same are not embedded again"`
	AllowEmpty bool `query:"allow_empty" doc:"Delete everything if the source is empty all at once"`
}) (*output[Job], error) {
	scope, err := manage(ctx, in.Name, "reading a source")
	if err != nil {
		return nil, failed(ctx, err)
	}
	job, err := h.svc.StartSync(ctx, scope, in.Source, rag.SyncOptions{Again: in.Again, Force: in.Force, AllowEmpty: in.AllowEmpty})
	return reply(ctx, jobOf(job), err)
}

func (h *handlers) removeSource(ctx context.Context, in *struct {
	SourcePath
	Documents string `query:"documents" required:"true" enum:"keep,delete" doc:"What becomes of its documents; those that another source has stay in any case"`
}) (*output[RemovedSource], error) {
	scope, err := manage(ctx, in.Name, "removing a source")
	if err != nil {
		return nil, failed(ctx, err)
	}
	n, err := h.svc.RemoveSource(ctx, scope, in.Source, in.Documents == "delete")
	return reply(ctx, RemovedSource{n}, err)
}
