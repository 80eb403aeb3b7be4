package smartretriever

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/rag"
)

// SwitchMode says when Reembed makes the new generation live.
type SwitchMode string

const (
	SwitchAuto   SwitchMode = "auto"   // if it is not worse, by ReembedOptions.MaxLoss
	SwitchAlways SwitchMode = "always" // whatever the comparison says
	SwitchNever  SwitchMode = "never"  // leave it in the shadow
)

// ReembedOptions say how a collection is moved to another model. The zero value
// moves it to the configured one, if that is not worse.
type ReembedOptions struct {
	// Model is ConfiguredModel, BuiltinModel or a model's id. "" is ConfiguredModel.
	Model string
	// Switch says when the new generation becomes live; "" is SwitchAuto.
	Switch SwitchMode
	// MaxLoss is how much lower the mean nDCG@10 of hybrid search may be with the new
	// model for SwitchAuto, 0 to 1; 0 is DefaultMaxLoss, negative allows none.
	MaxLoss float64
	// AllowCut goes on although chunks are longer than the new model takes, so that
	// it does not see their ends.
	AllowCut bool
	// Judged are questions with known answers, by external ids of documents; nil
	// makes some from the collection's own passages.
	Judged *eval.Dataset
	// Questions is how many logged and how many judged questions are compared at most;
	// 0 is 100, negative compares nothing.
	Questions int
	// DryRun only finds out what there is to do; CompareOnly compares what was built
	// before. Neither embeds a passage nor switches.
	DryRun, CompareOnly bool
	// Batch is how many passages are embedded and stored in one step: what is lost when
	// the process dies. 0 is 128.
	Batch int
	// Planned is told what there is to do before anything is embedded; may be nil. Its
	// error ends the work and is returned.
	Planned func(ReembedPlan) error
	// Progress is told how far the work has come, from one goroutine; may be nil.
	Progress func(ReembedProgress)
}

// DefaultMaxLoss is what SwitchAuto takes for no worse: the difference of two runs of
// one model on other questions is easily as large.
const DefaultMaxLoss = .01

// WithDefaults fills in the zero fields.
func (o ReembedOptions) WithDefaults() ReembedOptions {
	if o.Model == "" {
		o.Model = ConfiguredModel
	}
	if o.Switch == "" {
		o.Switch = SwitchAuto
	}
	if o.MaxLoss == 0 {
		o.MaxLoss = DefaultMaxLoss
	}
	if o.Questions == 0 {
		o.Questions = 100
	}
	if o.Batch == 0 {
		o.Batch = 128
	}
	return o
}

// Validate reports all faults together, as KindInvalid.
func (o ReembedOptions) Validate() error {
	var faults []error
	if !slices.Contains([]SwitchMode{SwitchAuto, SwitchAlways, SwitchNever}, o.Switch) {
		faults = append(faults, fmt.Errorf("switch %q is not known; use auto, always or never", o.Switch))
	}
	if !(o.MaxLoss <= 1) { // so that NaN is refused
		faults = append(faults, fmt.Errorf("the largest loss %g is out of range 0 to 1", o.MaxLoss))
	}
	if o.Batch < 1 || o.Batch > 10_000 {
		faults = append(faults, fmt.Errorf("batch %d is out of range 1 to 10,000", o.Batch))
	}
	if o.Questions > 10_000 {
		faults = append(faults, fmt.Errorf("%d questions are too many; at most 10,000 are compared", o.Questions))
	}
	if o.DryRun && o.CompareOnly {
		faults = append(faults, errors.New("a dry run compares nothing"))
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "reembed")
}

// ReembedStage names a part of the work.
type ReembedStage string

const (
	StageSurvey  ReembedStage = "survey"  // counting what is to be embedded
	StageEmbed   ReembedStage = "embed"   // passages
	StageIndex   ReembedStage = "index"   // the new generation's, in the shadow
	StageCompare ReembedStage = "compare" // questions
	StageSwitch  ReembedStage = "switch"
)

// ReembedProgress says how far a stage has come. Of is 0 where it is not known.
type ReembedProgress struct {
	Stage    ReembedStage
	Done, Of int
	Tokens   int64 // embedded so far, of StageEmbed
	OfTokens int64
}

// ReembedPlan says what there is to do.
type ReembedPlan struct {
	Model    rag.Model `json:"model"`
	Chunks   int       `json:"chunks"`   // of the collection
	Passages int       `json:"passages"` // distinct texts that have no embedding of the model yet
	Tokens   int64     `json:"tokens"`   // of these, as the model counts, without special ones
	Cut      int       `json:"cut"`      // of these, how many the model sees the beginning of only, and the present one whole
}

// ReembedResult says what was done.
type ReembedResult struct {
	Plan ReembedPlan `json:"plan"`
	// Unchanged says that the collection has the model already: nothing was done.
	Unchanged  bool                      `json:"unchanged"`
	Old        rag.Generation            `json:"old"`
	New        rag.Generation            `json:"new"`      // Number is 0 after a dry run of one that was not begun
	Embedded   int                       `json:"embedded"` // passages, in this run
	Tokens     int64                     `json:"tokens"`   // of these
	Comparison *rag.GenerationComparison `json:"comparison,omitempty"`
	Switched   bool                      `json:"switched"`
	Reason     string                    `json:"reason"` // why it was switched, or not
	Took       time.Duration             `json:"took_ns"`
}

// Reembed moves scope's collection to another embedding model: it embeds every
// passage with it while the old model serves, compares the two on the collection's
// own questions, and makes the new generation live in one step. The old one is kept,
// so that SwitchGeneration can switch back.
//
// What was embedded is stored batch by batch: after an error, a cancelled ctx or the
// death of the process, the same call goes on where it stopped. Documents that come,
// change or go meanwhile are in both generations, or in none.
//
// Errors: KindNotFound where there is no such collection or model; KindRefused where
// chunks are longer than the model takes and AllowCut is not set; KindConflict where
// another generation is being built, or another process builds this one; the errors
// of the embedder and of the store.
func (r *Retriever) Reembed(ctx context.Context, scope rag.Scope, opt ReembedOptions) (ReembedResult, error) {
	leave, err := r.enter()
	if err != nil {
		return ReembedResult{}, err
	}
	defer leave()
	opt = opt.WithDefaults()
	if err := opt.Validate(); err != nil {
		return ReembedResult{}, err
	}
	begun := r.cfg.Clock()
	scope = scope.WithDefaults()
	res, err := r.reembed(rag.ChargedTo(ctx, scope.Tenant), scope, opt)
	res.Took = r.cfg.Clock().Sub(begun)
	return res, err
}

// reembed is the line of stages: find, survey, build, compare, switch.
func (r *Retriever) reembed(ctx context.Context, scope rag.Scope, opt ReembedOptions) (ReembedResult, error) {
	var res ReembedResult
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if err != nil {
		return res, err
	}
	embed, err := r.models.named(ctx, opt.Model)
	if err != nil {
		return res, rag.Errorf(rag.KindOf(err), "model: %w", err)
	}
	model := embed.Model()
	res.Plan.Model, res.Old, res.New = model, col.Generation, rag.Generation{Model: model.ID, Dimensions: model.Dimensions, Chunker: col.Generation.Chunker}
	if col.Generation.Model == model.ID {
		res.Unchanged, res.New, res.Plan.Chunks = true, col.Generation, col.Chunks
		res.Reason = fmt.Sprintf("collection %q has the model %s already", col.Name, model.ID)
		return res, nil
	}
	target, err := r.target(ctx, col, model)
	if err != nil {
		return res, err
	}
	res.New.Number = target

	b := builder{r: r, col: col, embed: embed, batch: opt.Batch, progress: opt.Progress}
	b.col.Generation = res.New
	if res.Plan, err = b.survey(ctx, r.oldModel(ctx, col)); err != nil || opt.DryRun {
		res.Reason = "a dry run"
		return res, err
	}
	if opt.CompareOnly {
		if target == 0 || res.Plan.Passages > 0 {
			return res, rag.Errorf(rag.KindConflict, "there is no complete generation of model %s to compare with: %d of %d chunks have no embedding", model.ID, res.Plan.Passages, res.Plan.Chunks)
		}
	} else if err := b.build(ctx, &res, opt); err != nil {
		return res, err
	}
	if res.Comparison, err = r.compare(ctx, &b, col, opt); err != nil {
		return res, err
	}
	now, why := decide(res.Comparison, opt)
	if res.Reason = why; opt.CompareOnly || !now {
		return res, nil
	}
	embedded, tokens := b.embedded, b.tokens
	_, err = b.switchTo(ctx)
	res.Embedded += b.embedded - embedded
	res.Tokens += b.tokens - tokens
	res.Switched = err == nil
	return res, err
}

// target returns the number of the generation that has the model, 0 if there is
// none yet.
func (r *Retriever) target(ctx context.Context, col rag.Collection, model rag.Model) (int, error) {
	list, err := r.store.Generations(ctx, col.ID)
	if err != nil {
		return 0, err
	}
	for _, g := range list {
		if g.Model == model.ID {
			return g.Number, nil
		}
	}
	for _, g := range list {
		if g.State == rag.GenerationBuilding {
			return 0, rag.Errorf(rag.KindConflict, "generation %d of collection %q is being built with the model %s: finish it with that model, or drop it first", g.Number, col.Name, g.Model)
		}
	}
	return 0, nil
}

// oldModel returns the embedder of a collection as it is, nil if it is not here: a
// collection can be moved away from a model that was lost.
func (r *Retriever) oldModel(ctx context.Context, col rag.Collection) Embedder {
	old, err := r.modelOf(ctx, col)
	if err != nil {
		return nil
	}
	return old
}

// decide says whether the new generation is to become live, and why.
func decide(c *rag.GenerationComparison, opt ReembedOptions) (bool, string) {
	switch {
	case opt.CompareOnly:
		return false, "compared only"
	case opt.Switch == SwitchNever:
		return false, "it was asked not to"
	case opt.Switch == SwitchAlways:
		return true, "it was asked to"
	case c == nil || c.Hybrid.NDCG == nil:
		return true, "there is nothing to compare"
	}
	limit := max(0, opt.MaxLoss)
	if d := c.Hybrid.NDCG.Diff; d < -limit {
		return false, fmt.Sprintf("nDCG@10 would fall by %.3f, and at most %.3f is allowed", -d, limit)
	}
	return true, fmt.Sprintf("nDCG@10 does not fall by more than %.3f", limit)
}

// builder embeds what a generation lacks. Its collection is as of the generation to
// be built.
type builder struct {
	r        *Retriever
	col      rag.Collection
	embed    Embedder
	batch    int
	progress func(ReembedProgress)

	embedded int   // passages
	tokens   int64 // of these
	of       int
	ofTokens int64
	checked  rag.ChunkID // up to which all chunks are known to have their embedding
	already  int         // batches in a row that somebody else had stored
}

func (b *builder) tell(stage ReembedStage, done, of int) {
	if b.progress == nil {
		return
	}
	p := ReembedProgress{Stage: stage, Done: done, Of: of}
	if stage == StageEmbed {
		p.Tokens, p.OfTokens = b.tokens, b.ofTokens
	}
	b.progress(p)
}

// surveyPage is how many chunks are looked at in one read.
const surveyPage = 1024

// special is how many tokens a model adds to a text.
const special = 2

// survey counts what there is to embed. old is the present model, nil if it is not
// here.
func (b *builder) survey(ctx context.Context, old Embedder) (ReembedPlan, error) {
	model := b.embed.Model()
	plan := ReembedPlan{Model: model, Chunks: b.col.Chunks}
	seen := map[rag.Hash]bool{}
	for after := rag.ChunkID(0); ; {
		page, err := b.r.store.Unembedded(ctx, b.col.ID, model.ID, after, surveyPage)
		if err != nil {
			return plan, err
		}
		if len(page) == 0 {
			b.of, b.ofTokens = plan.Passages, plan.Tokens
			return plan, nil
		}
		after = page[len(page)-1].ChunkID
		page = distinct(page, seen)
		counts := count(b.embed, page)
		for i, n := range counts {
			plan.Passages++
			plan.Tokens += int64(n)
			if n+special > model.MaxTokens && (old == nil || old.CountTokens(page[i].Text)+special <= old.Model().MaxTokens) {
				plan.Cut++
			}
		}
		b.tell(StageSurvey, plan.Passages, 0)
	}
}

// distinct returns the texts whose hash was not seen before, and notes them.
func distinct(page []rag.Unembedded, seen map[rag.Hash]bool) []rag.Unembedded {
	out := page[:0]
	for _, p := range page {
		if !seen[p.Hash] {
			seen[p.Hash] = true
			out = append(out, p)
		}
	}
	return out
}

// count counts the tokens of texts, on all cores.
func count(e Embedder, page []rag.Unembedded) []int {
	counts := make([]int, len(page))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	const some = 64
	for from := 0; from < len(page); from += some {
		group.Go(func() error {
			for i := from; i < min(from+some, len(page)); i++ {
				counts[i] = e.CountTokens(page[i].Text)
			}
			return nil
		})
	}
	_ = group.Wait() // counting cannot fail
	return counts
}

// build starts the generation, if it is not there yet, and embeds what it lacks.
func (b *builder) build(ctx context.Context, res *ReembedResult, opt ReembedOptions) error {
	if res.Plan.Cut > 0 && !opt.AllowCut {
		return rag.Errorf(rag.KindRefused, "%d of %d passages are longer than the %d tokens that %s takes, and it would not see their ends: allow that, or add the documents to a collection with smaller chunks",
			res.Plan.Cut, res.Plan.Passages, res.Plan.Model.MaxTokens, res.Plan.Model.ID)
	}
	if opt.Planned != nil {
		if err := opt.Planned(res.Plan); err != nil {
			return err
		}
	}
	if res.New.Number == 0 {
		started, err := b.r.store.StartGeneration(ctx, b.col.ID, res.New.Model, res.New.Dimensions)
		if err != nil {
			return err
		}
		res.New, b.col.Generation = started, started
	}
	err := b.complete(ctx)
	res.Embedded, res.Tokens = b.embedded, b.tokens
	return err
}

// maxRounds bounds how often what came meanwhile is embedded before giving up. A
// round takes as long as embedding what came during the one before, so many are
// needed only where documents come faster than they can be embedded.
const maxRounds = 1000

// complete embeds what the generation lacks until it lacks nothing, and brings its
// index up to date, in the shadow.
func (b *builder) complete(ctx context.Context) error {
	for range maxRounds {
		if err := b.pass(ctx); err != nil {
			return err
		}
		b.tell(StageIndex, 0, 0)
		err := b.r.follow.OpenShadow(ctx, b.col)
		if !errors.Is(err, rag.ErrConflict) {
			return err
		}
	}
	return b.tooSlow()
}

func (b *builder) tooSlow() error {
	return rag.Errorf(rag.KindUnavailable, "documents come faster to collection %q than model %s embeds them; try again when fewer come", b.col.Name, b.col.Generation.Model)
}

// pass goes over the chunks that were not looked at yet, in the order of their ids,
// and embeds those that have no embedding.
func (b *builder) pass(ctx context.Context) error {
	if b.col.Generation.Model == "" {
		return nil // searched by keyword alone
	}
	size := b.batch
	if size == 0 {
		size = ReembedOptions{}.WithDefaults().Batch
	}
	for after := b.checked; ; {
		page, err := b.r.store.Unembedded(ctx, b.col.ID, b.col.Generation.Model, after, size)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			last, err := b.r.store.Embedded(ctx, b.col.ID, b.col.Generation.Number, b.checked)
			if errors.Is(err, rag.ErrConflict) {
				after = b.checked // more has come just now
				continue
			}
			b.checked = max(b.checked, last)
			return err
		}
		after = page[len(page)-1].ChunkID
		if err := b.embedPage(ctx, distinct(page, map[rag.Hash]bool{})); err != nil {
			return err
		}
	}
}

func (b *builder) embedPage(ctx context.Context, page []rag.Unembedded) error {
	embeddings, err := b.vectors(ctx, page)
	if err != nil {
		return err
	}
	stored, err := b.r.store.PutEmbeddings(ctx, b.col.ID, b.col.Generation.Number, embeddings)
	if errors.Is(err, rag.ErrNotFound) {
		return rag.Errorf(rag.KindConflict, "generation %d of collection %q was dropped while it was being built", b.col.Generation.Number, b.col.Name)
	}
	if err != nil {
		return err
	}
	b.count(page)
	return b.alone(ctx, stored, embeddings)
}

// vectors embeds a page.
func (b *builder) vectors(ctx context.Context, page []rag.Unembedded) ([]rag.Embedding, error) {
	if b.embed == nil {
		// It lacked nothing when it was looked at: documents have come since.
		var err error
		if b.embed, err = b.r.modelOf(ctx, b.col); err != nil {
			return nil, err
		}
	}
	texts := make([]string, len(page))
	for i, p := range page {
		texts[i] = p.Text
	}
	vectors, err := b.r.patient(b.embed).Embed(ctx, rag.PassageText, texts)
	if err != nil {
		return nil, rag.Wrap(rag.KindOf(err), err, "embed with "+b.col.Generation.Model)
	}
	if len(vectors) != len(page) {
		return nil, rag.Errorf(rag.KindInternal, "the embedder returned %d vectors for %d texts", len(vectors), len(page))
	}
	embeddings := make([]rag.Embedding, len(page))
	for i, p := range page {
		embeddings[i] = rag.Embedding{Hash: p.Hash, Vector: vectors[i]}
	}
	return embeddings, nil
}

// count notes that a page is embedded.
func (b *builder) count(page []rag.Unembedded) {
	b.embedded += len(page)
	for _, n := range count(b.embed, page) {
		b.tokens += int64(n)
	}
	b.of, b.ofTokens = max(b.of, b.embedded), max(b.ofTokens, b.tokens)
	b.tell(StageEmbed, b.embedded, b.of)
}

// alone finds out that another process builds the same generation: what was embedded
// here it has stored meanwhile, twice in a row. One of them is enough.
func (b *builder) alone(ctx context.Context, stored int, embeddings []rag.Embedding) error {
	if stored > 0 {
		b.already = 0
		return nil
	}
	hashes := make([]rag.Hash, len(embeddings))
	for i, e := range embeddings {
		hashes[i] = e.Hash
	}
	missing, err := b.r.store.MissingEmbeddings(ctx, b.col.Tenant, b.col.Generation.Model, hashes)
	if err != nil || len(missing) > 0 { // their chunks are gone
		return err
	}
	if b.already++; b.already < 2 {
		return nil
	}
	return rag.Errorf(rag.KindConflict, "another process is building generation %d of collection %q: let it finish, or stop it", b.col.Generation.Number, b.col.Name)
}
