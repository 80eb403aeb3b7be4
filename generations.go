package smartretriever

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Generations lists the generations of scope's collection by number: the live one,
// one that is being built, if any, and the one that was live before, if it is kept.
func (r *Retriever) Generations(ctx context.Context, scope rag.Scope) ([]rag.GenerationInfo, error) {
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return nil, err
	}
	defer leave()
	return r.store.Generations(ctx, col.ID)
}

// SwitchGeneration makes a generation of scope's collection live; 0 is the previous
// one, and so switches back. Documents that came since it was complete are embedded
// with its model first, and progress (which may be nil) is told. Searches see the
// old generation or the new one, in every process, and nothing between.
//
// KindNotFound says that there is no such generation, KindConflict that its model is
// not here and something has to be embedded.
func (r *Retriever) SwitchGeneration(ctx context.Context, scope rag.Scope, number int, progress func(ReembedProgress)) (rag.Collection, error) {
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return rag.Collection{}, err
	}
	defer leave()
	list, err := r.store.Generations(ctx, col.ID)
	if err != nil {
		return rag.Collection{}, err
	}
	i := slices.IndexFunc(list, func(g rag.GenerationInfo) bool {
		return g.Number == number || number == 0 && g.State == rag.GenerationPrevious
	})
	switch {
	case i < 0 && number == 0:
		return rag.Collection{}, rag.Errorf(rag.KindNotFound, "collection %q has no previous generation to switch back to", col.Name)
	case i < 0:
		return rag.Collection{}, rag.Errorf(rag.KindNotFound, "collection %q has no generation %d", col.Name, number)
	}
	col.Generation = list[i].Generation
	b := builder{r: r, col: col, progress: progress}
	if list[i].Missing > 0 {
		if b.embed, err = r.modelOf(ctx, col); err != nil {
			return rag.Collection{}, err
		}
	}
	return b.switchTo(ctx)
}

// DropGeneration removes a generation of scope's collection that is not live; 0 is
// the one that is being built or, if none is, the previous one. Its embeddings, as
// far as nothing else needs them, are purged soon after.
func (r *Retriever) DropGeneration(ctx context.Context, scope rag.Scope, number int) (rag.GenerationInfo, error) {
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return rag.GenerationInfo{}, err
	}
	defer leave()
	list, err := r.store.Generations(ctx, col.ID)
	if err != nil {
		return rag.GenerationInfo{}, err
	}
	g, ok := dropped(list, number)
	if !ok {
		return g, rag.Errorf(rag.KindNotFound, "collection %q has no generation to drop: only the live one is there", col.Name)
	}
	if err := r.store.DropGeneration(ctx, col.ID, g.Number); err != nil {
		return g, err
	}
	err = r.follow.DropGeneration(ctx, col.ID, g.Number)
	r.janitor.wake(0)
	return g, err
}

// dropped returns the generation that number means.
func dropped(list []rag.GenerationInfo, number int) (rag.GenerationInfo, bool) {
	for _, state := range []rag.GenerationState{rag.GenerationBuilding, rag.GenerationPrevious, rag.GenerationLive} {
		for _, g := range list {
			if g.State == state && (g.Number == number || number == 0 && state != rag.GenerationLive) {
				return g, true
			}
		}
	}
	return rag.GenerationInfo{Generation: rag.Generation{Number: number}}, number != 0
}

// switchTo makes the builder's generation live. What came since it was complete is
// embedded first, as often as something comes.
func (b *builder) switchTo(ctx context.Context) (rag.Collection, error) {
	before, err := b.r.store.Generations(ctx, b.col.ID)
	if err != nil {
		return rag.Collection{}, err
	}
	var switched rag.Collection
	if err := b.complete(ctx); err != nil {
		return switched, err
	}
	b.tell(StageSwitch, 0, 0)
	var late []rag.Unembedded // embedded within the switch
	for round := range maxRounds {
		var last func(context.Context, []rag.Unembedded) ([]rag.Embedding, error)
		if round >= hopefulRounds {
			last = func(ctx context.Context, chunks []rag.Unembedded) ([]rag.Embedding, error) {
				late = distinct(chunks, map[rag.Hash]bool{})
				return b.last(ctx, late)
			}
		}
		switched, err = b.r.store.SwitchGeneration(ctx, b.col.ID, b.col.Generation.Number, b.checked, last)
		if !errors.Is(err, rag.ErrConflict) {
			break
		}
		if err := b.pass(ctx); err != nil { // documents were quicker
			return switched, err
		}
	}
	if errors.Is(err, rag.ErrConflict) {
		err = b.tooSlow()
	}
	if err != nil {
		return switched, err
	}
	if len(late) > 0 {
		b.count(late)
	}
	b.r.follow.Notify(switched.ID, switched.Seq)
	after, err := b.r.store.Generations(ctx, b.col.ID)
	if err != nil {
		return switched, err
	}
	return switched, b.forget(ctx, before, after)
}

// hopefulRounds is how often the switch is tried in the hope that no document comes
// just then. After that the last ones are embedded while nobody can write.
const hopefulRounds = 3

// lastTimeout bounds for how long: less than writers wait for their turn.
const lastTimeout = 5 * time.Second

// last embeds the last passages that the generation lacks. It tells nobody: whoever is
// told might want to write.
func (b *builder) last(ctx context.Context, chunks []rag.Unembedded) ([]rag.Embedding, error) {
	ctx, cancel := context.WithTimeout(ctx, lastTimeout)
	defer cancel()
	return b.vectors(ctx, chunks)
}

// forget closes what this process has of generations that the switch has dropped.
func (b *builder) forget(ctx context.Context, before, after []rag.GenerationInfo) error {
	for _, g := range before {
		if slices.ContainsFunc(after, func(h rag.GenerationInfo) bool { return h.Number == g.Number }) {
			continue
		}
		if err := b.r.follow.DropGeneration(ctx, b.col.ID, g.Number); err != nil {
			return err
		}
		b.r.janitor.wake(0)
	}
	return nil
}
