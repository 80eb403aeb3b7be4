package store

import (
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// HeldSpace is a space with the lease of its turn.
type HeldSpace struct {
	rag.Space
	Held  bool      // somebody has a turn, and has not given it back
	Until time.Time // when it is over by itself
}

// NoSpace says, as KindNotFound, that there is no such space.
func NoSpace(name string) error {
	return rag.Errorf(rag.KindNotFound, "there is no space %s", name)
}

// CheckTurn reports why no turn of writing to a space, as that of a collection's generation,
// can begin now: the generation is no more (KindNotFound), the space is another one's
// (KindInvalid), or another turn is going on (KindConflict).
func CheckTurn(h HeldSpace, collectionID int64, generation int, now time.Time) error {
	switch {
	case h.Gone:
		return rag.Errorf(rag.KindNotFound, "the generation of space %s is no more", h.Name)
	case h.Collection != collectionID || h.Generation != generation:
		return rag.Errorf(rag.KindInvalid, "space %s is of generation %d of collection %d", h.Name, h.Generation, h.Collection)
	case h.Held && now.Before(h.Until):
		return rag.Errorf(rag.KindConflict, "space %s is being written by another process or call", h.Name)
	}
	return nil
}

// CheckWriter reports, as KindConflict, that the turn of who writes to a space has been
// given back, or followed by another. A lease that is over ends no turn by itself.
func CheckWriter(h HeldSpace, turn int64) error {
	if h.Turn != turn || !h.Held {
		return rag.Errorf(rag.KindConflict, "another process has begun to write space %s", h.Name)
	}
	return nil
}
