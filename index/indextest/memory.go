package indextest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// Memory is a vector database in this process that compares every vector, and counts words if its limits say that it can, for tests: it can be made to fail.
type Memory struct {
	mu     sync.Mutex
	spaces map[string]*memoryTable
	limits external.Limits

	// Down is what every call answers with, Fail is asked before a change of n items: an error leaves half of them changed. Both are changed through Set.
	Down error
	Fail func(op string, n int) error

	upserts int
}

// NewMemory returns an empty database with these limits.
func NewMemory(limits external.Limits) *Memory {
	return &Memory{spaces: map[string]*memoryTable{}, limits: limits}
}

// Set changes the database while it is used.
func (d *Memory) Set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// Upserts returns how many items were put in.
func (d *Memory) Upserts() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.upserts
}

// Names lists the spaces by name.
func (d *Memory) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.spaces))
}

// Items returns the items of a space, as they are kept, to be looked at or, within Set, changed.
func (d *Memory) Items(space string) map[rag.ChunkID]external.Item {
	return d.spaces[space].items
}

// Held returns the ids in all spaces together, ascending.
func (d *Memory) Held() (ids []rag.ChunkID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.spaces {
		ids = slices.AppendSeq(ids, maps.Keys(s.items))
	}
	slices.Sort(ids)
	return ids
}

// Wipe takes away everything.
func (d *Memory) Wipe() { d.Set(func() { clear(d.spaces) }) }

func (d *Memory) enter(ctx context.Context) (leave func(), err error) {
	d.mu.Lock()
	if d.Down != nil {
		err = d.Down
	} else if ctx.Err() != nil {
		err = rag.Wrap(rag.KindOf(ctx.Err()), ctx.Err(), "memory")
	}
	if err != nil {
		d.mu.Unlock()
		return nil, err
	}
	return d.mu.Unlock, nil
}

// Open makes a space where there is none.
func (d *Memory) Open(ctx context.Context, s external.Space) (external.Table, error) {
	leave, err := d.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	t := d.spaces[s.Name]
	if t == nil {
		t = &memoryTable{db: d, space: s, items: map[rag.ChunkID]external.Item{}}
		d.spaces[s.Name] = t
	}
	if t.space.Dimensions != s.Dimensions {
		return nil, rag.Errorf(rag.KindConflict, "space %s has %d dimensions", s.Name, t.space.Dimensions)
	}
	return t, nil
}

// Spaces lists the names of spaces.
func (d *Memory) Spaces(ctx context.Context) ([]string, error) {
	leave, err := d.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Collect(maps.Keys(d.spaces)), nil
}

// Drop removes a space.
func (d *Memory) Drop(ctx context.Context, name string) error {
	leave, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	delete(d.spaces, name)
	return nil
}

// Describe says what it is.
func (d *Memory) Describe(ctx context.Context) (external.Server, error) {
	leave, err := d.enter(ctx)
	if err != nil {
		return external.Server{}, err
	}
	defer leave()
	return external.Server{Product: "Memory", Version: "1"}, nil
}

// Limits are those it was made with.
func (d *Memory) Limits() external.Limits { return d.limits }

// Close does nothing.
func (d *Memory) Close() error { return nil }

type memoryTable struct {
	db    *Memory
	space external.Space
	items map[rag.ChunkID]external.Item
}

func (t *memoryTable) enter(ctx context.Context) (func(), error) {
	leave, err := t.db.enter(ctx)
	if err == nil && t.db.spaces[t.space.Name] != t {
		leave()
		return nil, rag.Errorf(rag.KindNotFound, "space %s was dropped", t.space.Name)
	}
	return leave, err
}

// part returns how many of n items are changed, and what the call answers.
func (t *memoryTable) part(op string, n int) (int, error) {
	if t.db.Fail != nil {
		if err := t.db.Fail(op, n); err != nil {
			return n / 2, err
		}
	}
	return n, nil
}

func (t *memoryTable) Upsert(ctx context.Context, items []external.Item) error {
	leave, err := t.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for _, it := range items {
		if err := t.fits(it.Vector); err != nil {
			return err
		}
	}
	n, err := t.part("upsert", len(items))
	for _, it := range items[:n] {
		t.items[it.ID] = it
		t.db.upserts++
	}
	return err
}

func (t *memoryTable) Delete(ctx context.Context, ids []rag.ChunkID) error {
	leave, err := t.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	n, err := t.part("delete", len(ids))
	for _, id := range ids[:n] {
		delete(t.items, id)
	}
	return err
}

func (t *memoryTable) DeleteWhere(ctx context.Context, where external.Condition) error {
	leave, err := t.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := t.part("delete where", 0); err != nil {
		return err
	}
	maps.DeleteFunc(t.items, func(id rag.ChunkID, it external.Item) bool { return where.Match(id, it.Tags) })
	return nil
}

// fits reports a vector of other dimensions.
func (t *memoryTable) fits(v []float32) error {
	if len(v) != t.space.Dimensions {
		return rag.Errorf(rag.KindInvalid, "a vector has %d dimensions, and space %s %d", len(v), t.space.Name, t.space.Dimensions)
	}
	return nil
}

func (t *memoryTable) Search(ctx context.Context, q external.Query) (external.Result, error) {
	leave, err := t.enter(ctx)
	if err != nil {
		return external.Result{}, err
	}
	defer leave()
	if q.Vector != nil {
		if err := t.fits(q.Vector); err != nil {
			return external.Result{}, err
		}
	}
	return searchItems(t.items, q), nil
}

// searchItems looks at every item.
func searchItems(items map[rag.ChunkID]external.Item, q external.Query) (res external.Result) {
	wanted := strings.Fields(strings.ToLower(q.Text))
	for id, it := range items {
		if !q.Where.Match(id, it.Tags) {
			continue
		}
		words := strings.Fields(strings.ToLower(it.Text))
		if n := len(slices.DeleteFunc(words, func(w string) bool { return !slices.Contains(wanted, w) })); n > 0 {
			res.Keyword = append(res.Keyword, rag.Scored{ChunkID: id, DocumentID: it.Document, Score: float32(n)})
		}
		if q.Vector == nil {
			continue
		}
		var dot float32 // of unit vectors, as which they have to come
		for i, x := range q.Vector {
			dot += x * it.Vector[i]
		}
		res.Vector = append(res.Vector, rag.Scored{ChunkID: id, DocumentID: it.Document, Score: dot})
	}
	slices.SortFunc(res.Vector, inOrder)
	slices.SortFunc(res.Keyword, inOrder)
	res.Vector, res.Keyword = res.Vector[:min(len(res.Vector), q.K)], res.Keyword[:min(len(res.Keyword), q.K)]
	return res
}

func (t *memoryTable) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	leave, err := t.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	ids := slices.Sorted(maps.Keys(t.items))
	at, there := slices.BinarySearch(ids, after)
	if there {
		at++
	}
	return ids[at:min(at+limit, len(ids))], nil
}

func (t *memoryTable) Count(ctx context.Context) (int64, error) {
	leave, err := t.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	return int64(len(t.items)), nil
}
