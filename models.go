package smartretriever

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/model/embed/cached"
	"github.com/smartretriever/smartretriever/model/embed/patient"
	"github.com/smartretriever/smartretriever/model/embed/single"
	"github.com/smartretriever/smartretriever/rag"
)

// Names by which Reembed knows two models without their ids.
const (
	ConfiguredModel = "configured" // Config.Embedder
	BuiltinModel    = "builtin"    // bge-small-en-v1.5
)

// models finds embedders by the ids of their models: the configured one, the
// built-in one, and those that Config.Models knows. A collection is embedded and
// searched with the model that it was made with, whichever is configured. Each is
// opened when it is first needed, and shared. Goroutine-safe.
type models struct {
	configured Embedder
	metered    func(Embedder) Embedder                                // what others are wrapped in
	find       func(ctx context.Context, id string) (Embedder, error) // nil knows none
	now        func() time.Time

	mu    sync.Mutex
	slots map[string]*modelSlot
}

// modelSlot is the place of one model. Its lock is held while the model is opened.
type modelSlot struct {
	mu       sync.Mutex
	embedder Embedder
	opened   Embedder  // inside embedder: what is to be closed
	err      error     // why it could not be opened
	again    time.Time // when it is tried again
}

// modelRetry is how long a model that cannot be opened, as its file is damaged, is
// left alone: reading it costs more than a search. One that is not there is looked
// for every time.
const modelRetry = 10 * time.Second

func newModels(cfg Config, configured Embedder, metered func(Embedder) Embedder) *models {
	return &models{configured: configured, metered: metered, find: cfg.Models, now: cfg.Clock, slots: map[string]*modelSlot{}}
}

// of returns the embedder of a model. KindNotFound says that there is none here.
func (m *models) of(ctx context.Context, id string) (Embedder, error) {
	if id == m.configured.Model().ID {
		return m.configured, nil
	}
	m.mu.Lock()
	slot := m.slots[id]
	if slot == nil {
		slot = &modelSlot{}
		m.slots[id] = slot
	}
	m.mu.Unlock()

	slot.mu.Lock()
	defer slot.mu.Unlock()
	if slot.embedder != nil || (slot.err != nil && m.now().Before(slot.again)) {
		return slot.embedder, slot.err
	}
	if slot.opened, slot.err = m.open(ctx, id); slot.err == nil {
		slot.embedder = m.metered(slot.opened)
	}
	slot.again = m.now()
	if slot.err != nil && ctx.Err() == nil && !errors.Is(slot.err, rag.ErrNotFound) {
		slot.again = slot.again.Add(modelRetry)
	}
	return slot.embedder, slot.err
}

func (m *models) open(ctx context.Context, id string) (Embedder, error) {
	e, err := m.search(ctx, id)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, rag.Errorf(rag.KindNotFound, "there is no model %q", id)
	}
	if got := e.Model().ID; got != id {
		return nil, errors.Join(rag.Errorf(rag.KindInvalid, "model %q is kept under the name %q", got, id), closeEmbedder(e))
	}
	return e, nil
}

func (m *models) search(ctx context.Context, id string) (Embedder, error) {
	inside, err := builtinID()
	if err != nil {
		return nil, err
	}
	switch {
	case id == inside:
		return bert.New(bert.Config{})
	case m.find == nil || id == "":
		return nil, rag.Errorf(rag.KindNotFound, "there is no model %q", id)
	}
	return m.find(ctx, id)
}

// named is of for what a person says: ConfiguredModel, BuiltinModel, or an id.
func (m *models) named(ctx context.Context, name string) (Embedder, error) {
	switch name {
	case "", ConfiguredModel:
		return m.configured, nil
	case BuiltinModel:
		id, err := builtinID()
		if err != nil {
			return nil, err
		}
		return m.of(ctx, id)
	}
	return m.of(ctx, name)
}

// builtinID is the id of the model inside the program.
var builtinID = sync.OnceValues(func() (string, error) {
	f, err := weightfile.Parse(weights.BGESmallEnV15())
	if err != nil {
		return "", err
	}
	return f.Model.Name, nil
})

// Close closes what was opened here; the configured embedder is its owner's.
func (m *models) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, s := range m.slots {
		if s.opened != nil {
			errs = append(errs, closeEmbedder(s.opened))
		}
	}
	return errors.Join(errs...)
}

func closeEmbedder(e Embedder) error {
	if c, ok := e.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// modelOf returns the embedder of a collection, and KindConflict, with what can be
// done, where its model is not here.
func (r *Retriever) modelOf(ctx context.Context, col rag.Collection) (Embedder, error) {
	e, err := r.models.of(ctx, col.Generation.Model)
	switch {
	case err == nil && e.Model().Dimensions != col.Generation.Dimensions:
		return nil, rag.Errorf(rag.KindConflict, "collection %q was embedded by %s with %d dimensions, and the model has %d now: name the other model differently, and see 'reembed'",
			col.Name, col.Generation.Model, col.Generation.Dimensions, e.Model().Dimensions)
	case err == nil:
		return e, nil
	case ctx.Err() != nil:
		return nil, err
	case col.Generation.Model == "":
		return nil, rag.Errorf(rag.KindConflict, "collection %q has no embedding model: search it with mode keyword, or give it one with 'reembed'", col.Name)
	}
	return nil, rag.Errorf(rag.KindConflict, "collection %q was embedded by %s, which is not here, and %s is configured (%w): bring or configure that model, search with mode keyword, or move the collection to another model with 'reembed'",
		col.Name, col.Generation.Model, r.embed.Model().ID, err)
}

// patient wraps an embedder for passages: they wait while the model is down.
func (r *Retriever) patient(e Embedder) Embedder {
	told := r.cfg.Waiting
	if told == nil {
		told = func(err error, wait time.Duration) {
			r.cfg.Logger.Warn("waiting for the embedding model", "wait", wait.Round(time.Millisecond), "error", err)
		}
	}
	return patient.New(e, patient.Config{Patience: r.cfg.EmbedPatience, Waiting: told})
}

// pipelines holds the answering pipeline of each model.
type pipelines struct {
	make func(questions Embedder) *answer.Pipeline
	wrap func(Embedder) Embedder // caches questions

	mu      sync.Mutex
	byModel map[string]*answer.Pipeline
}

func (p *pipelines) of(e Embedder) *answer.Pipeline {
	id := e.Model().ID
	p.mu.Lock()
	defer p.mu.Unlock()
	made := p.byModel[id]
	if made == nil {
		made = p.make(p.wrap(e))
		p.byModel[id] = made
	}
	return made
}

// wrapQuestions returns what gives embedders a cache for questions, and has the same
// question at the same moment embedded once.
func (r *Retriever) wrapQuestions(cache answer.Cache) func(Embedder) Embedder {
	return func(e Embedder) Embedder {
		e = single.New(e, r.cfg.Observer)
		if cache == nil || r.cfg.EmbeddingTTL <= 0 {
			return e
		}
		return cached.New(e, cache, r.cfg.EmbeddingTTL, r.cfg.Observer)
	}
}
