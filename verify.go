package smartretriever

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Verified is what VerifyAll found in one part of what is kept.
type Verified struct {
	Part    string        `json:"part"`              // "store", "originals", "cache", "index"
	Name    string        `json:"name,omitempty"`    // of the index: its collection
	Checked string        `json:"checked,omitempty"` // what was looked at, for people
	Faults  []string      `json:"faults,omitempty"`  // sentences; none is a sound part
	Mended  bool          `json:"mended,omitempty"`  // the faults are gone by now
	Took    time.Duration `json:"took"`              // nanoseconds
}

// VerifyAll finishes the clean-up after deletions, and then compares everything that is kept with the store: that the store's own rows agree, that every
// original is there and belongs to something, and, for each collection of scope's tenant, that its index is whole and holds exactly the chunks that the store
// has, words and vectors, in files, memory and the vector database. Results that are cached of these collections are forgotten: nobody can tell from them what they were made of.
// What was deleted, and is beyond being restored, is then in none of them. tell is called with each part. A damaged or wrong index is
// built again from the store, without embedding anything. It reads everything: minutes for large stores.
func (r *Retriever) VerifyAll(ctx context.Context, scope rag.Scope, tell func(Verified)) error {
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	refused := r.janitor.clean(ctx)
	if refused != nil && rag.KindOf(refused) != rag.KindRefused {
		return fmt.Errorf("clean up after deletions: %w", refused)
	}
	err = verifyPart(Verified{Part: "store", Checked: "rows and their references"}, tell, func(v *Verified) (err error) {
		v.Faults, err = r.store.Verify(ctx)
		return err
	})
	if err != nil {
		return err
	}
	err = verifyPart(Verified{Part: "originals"}, tell, func(v *Verified) (err error) {
		if v.Faults, err = r.verifyOriginals(ctx); err != nil {
			return err
		}
		if refused != nil {
			v.Faults = append(v.Faults, "not all that nothing refers to could be deleted: "+refused.Error())
		}
		strays, files, err := r.strayOriginals(ctx)
		v.Faults, v.Checked = append(v.Faults, strays...), fmt.Sprintf("SHA-256 of each; %d older than an hour, that they belong to something", files)
		return err
	})
	if err != nil {
		return err
	}
	if r.cache != nil {
		err = verifyPart(Verified{Part: "cache"}, tell, func(v *Verified) error { return r.verifyCache(ctx, scope, v) })
		if err != nil {
			return err
		}
	}
	return r.verifyIndexes(ctx, scope, tell)
}

// VerifyIndexes is VerifyAll for the indexes alone.
func (r *Retriever) VerifyIndexes(ctx context.Context, scope rag.Scope, tell func(Verified)) error {
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	return r.verifyIndexes(ctx, scope, tell)
}

// verifyPart does a part and tells what came of it.
func verifyPart(v Verified, tell func(Verified), do func(v *Verified) error) error {
	begun := time.Now()
	if err := do(&v); err != nil {
		return err
	}
	v.Took = time.Since(begun)
	tell(v)
	return nil
}

func (r *Retriever) verifyIndexes(ctx context.Context, scope rag.Scope, tell func(Verified)) error {
	for col, err := range r.eachCollection(ctx, scope.WithDefaults().Tenant) {
		if err != nil {
			return err
		}
		if err := verifyPart(Verified{Part: "index", Name: col.Name}, tell, func(v *Verified) error { return r.verifyIndex(ctx, col, v) }); err != nil {
			return fmt.Errorf("collection %s: %w", col.Name, err)
		}
	}
	return nil
}

// verifyCache forgets what is cached of a tenant's collections. A process that was killed just after a deletion has not.
func (r *Retriever) verifyCache(ctx context.Context, scope rag.Scope, v *Verified) error {
	collections, results := 0, 0
	for col, err := range r.eachCollection(ctx, scope.WithDefaults().Tenant) {
		if err != nil {
			return err
		}
		n, err := r.forgetCached(ctx, col)
		if err != nil {
			v.Faults = append(v.Faults, fmt.Sprintf("what is cached of the collection %s could not be forgotten, and is there until its time is over: %v", col.Name, err))
		}
		collections, results = collections+1, results+n
	}
	v.Checked = fmt.Sprintf("%d results of %d collections forgotten", results, collections)
	return ctx.Err()
}

// eachCollection lists a tenant's collections.
func (r *Retriever) eachCollection(ctx context.Context, tenant string) func(yield func(rag.Collection, error) bool) {
	return func(yield func(rag.Collection, error) bool) {
		for opt := (rag.ListOptions{}); ; {
			page, err := r.store.Collections(ctx, tenant, opt)
			if err != nil {
				yield(rag.Collection{}, err)
				return
			}
			for _, c := range page.Items {
				if !yield(c, nil) {
					return
				}
			}
			if opt.Cursor = page.Next; opt.Cursor == "" {
				return
			}
		}
	}
}

// strayOriginals lists originals that nothing refers to and that are too old to be of documents which are being added, and counts all that are so old.
func (r *Retriever) strayOriginals(ctx context.Context) (strays []string, files int, err error) {
	// A sweep that is told that everything is referred to deletes nothing, and asks about everything.
	_, err = r.blobs.Sweep(ctx, func(ctx context.Context, shas []string) ([]string, error) {
		files += len(shas)
		loose, err := r.store.UnreferencedBlobs(ctx, shas)
		for _, sha := range loose {
			strays = append(strays, fmt.Sprintf("the original %s belongs to no document", sha))
		}
		return nil, err
	}, time.Now().Add(-strayAge))
	return strays, files, err
}

// verifyIndex compares an index with its checksums and its vector database, and its chunks with the store's. One that is wrong is built again.
func (r *Retriever) verifyIndex(ctx context.Context, col rag.Collection, v *Verified) error {
	found, mended, err := r.follow.Verify(ctx, col)
	if err != nil {
		return err
	}
	if found != nil {
		v.Faults, v.Mended = append(v.Faults, found.Error()), mended
	}
	gone, lacking, chunks, err := r.compareIndex(ctx, col)
	if err != nil {
		return err
	}
	v.Checked = fmt.Sprintf("%d chunks", chunks)
	if gone+lacking == 0 {
		return nil
	}
	v.Faults = append(v.Faults, fmt.Sprintf("the index lacks %d chunks, and has %d that are gone", lacking, gone))
	_, err = r.follow.Rebuild(ctx, col)
	v.Mended = err == nil
	if rag.KindOf(err) == rag.KindConflict {
		return nil // another process has it open, and can be told to
	}
	return err
}

// compareIndex counts the chunks of a collection, those that only the index has, and those that only the store has. As both change while they are read, what
// differs counts when it differs three times.
func (r *Retriever) compareIndex(ctx context.Context, col rag.Collection) (gone, lacking, chunks int, err error) {
	var onlyIndex, onlyStore []rag.ChunkID
	for try := range 3 {
		held, err := r.follow.Held(ctx, col)
		if err != nil {
			return 0, 0, 0, err
		}
		stored, err := r.liveChunks(ctx, col)
		if err != nil {
			return 0, 0, 0, err
		}
		chunks = len(stored)
		i, s := without(held, stored), without(stored, held)
		if try > 0 {
			i, s = intersection(i, onlyIndex), intersection(s, onlyStore)
		}
		onlyIndex, onlyStore = i, s
		if len(i)+len(s) == 0 {
			break
		}
	}
	return len(onlyIndex), len(onlyStore), chunks, nil
}

// liveChunks returns the ids of a collection's chunks in the store, ascending.
func (r *Retriever) liveChunks(ctx context.Context, col rag.Collection) (ids []rag.ChunkID, err error) {
	const page = 1000
	for after := rag.ChunkID(0); ; after = ids[len(ids)-1] {
		chunks, _, err := r.store.ChunksAfter(ctx, col.ID, after, page)
		if err != nil {
			return nil, err
		}
		for _, c := range chunks {
			ids = append(ids, c.ID)
		}
		if len(chunks) == 0 {
			return ids, nil
		}
	}
}

// without returns the elements of a that are not in b; both are ascending.
func without(a, b []rag.ChunkID) (out []rag.ChunkID) {
	for _, id := range a {
		if _, ok := slices.BinarySearch(b, id); !ok {
			out = append(out, id)
		}
	}
	return out
}

// intersection returns the elements of a that are in b; both are ascending.
func intersection(a, b []rag.ChunkID) (out []rag.ChunkID) {
	for _, id := range a {
		if _, ok := slices.BinarySearch(b, id); ok {
			out = append(out, id)
		}
	}
	return out
}
