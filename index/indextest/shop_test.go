package indextest

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// shop is a server before a Memory, which does what external.Database says, and in which one thing is wrong.
type shop struct {
	fault  string
	down   atomic.Bool
	memory *Memory

	// What faults have to remember, by space; guarded by the memory's lock.
	hidden map[string]bool
	late   map[string]map[rag.ChunkID]external.Item // what the searches of the fault "changes are late" see
	extra  map[string]int                           // how many items the fault "replace adds" has added
}

func newShop(fault string) *shop {
	return &shop{fault: fault, memory: NewMemory(external.Limits{TopK: 500, Items: 1200, IDs: 300, Bytes: 1 << 20, Words: true}),
		hidden: map[string]bool{}, late: map[string]map[rag.ChunkID]external.Item{}, extra: map[string]int{}}
}

func (s *shop) restart() {
	if s.fault == "restart loses" {
		s.memory.Set(func() {
			for _, t := range s.memory.spaces {
				delete(t.items, 1)
			}
		})
	}
}

func (s *shop) client(key string) external.Database {
	if s.fault == "processes have their own" {
		s = newShop(s.fault)
	}
	return &shopClient{shop: s, key: key}
}

type shopClient struct {
	*shop
	key    string
	closed atomic.Bool
}

// enter says whether a call may begin, and goes on with its context.
func (c *shopClient) enter(ctx context.Context) (context.Context, error) {
	switch {
	case ctx.Err() != nil && c.fault == "contexts are ignored":
		return context.WithoutCancel(ctx), nil
	case ctx.Err() != nil:
		return ctx, rag.Wrap(rag.KindUnavailable, ctx.Err(), "shop")
	case c.closed.Load() && c.fault != "closing does nothing":
		return ctx, rag.Errorf(rag.KindUnavailable, "shop: closed")
	case c.down.Load() && c.fault == "down is internal":
		return ctx, rag.Errorf(rag.KindInternal, "shop: connection refused")
	case c.down.Load():
		return ctx, rag.Errorf(rag.KindUnavailable, "shop: connection refused")
	case strings.HasPrefix(c.key, "wrong") && c.fault == "errors tell the key":
		return ctx, rag.Errorf(rag.KindUnauthorized, "shop: the key %s is not known", c.key)
	case strings.HasPrefix(c.key, "wrong"):
		return ctx, rag.Errorf(rag.KindUnauthorized, "shop: the key is not known")
	}
	return ctx, nil
}

func (c *shopClient) Open(ctx context.Context, s external.Space) (external.Table, error) {
	ctx, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	c.memory.Set(func() {
		delete(c.hidden, s.Name)
		if there := c.memory.spaces[s.Name]; there != nil && c.fault == "any dimensions" {
			s.Dimensions = there.space.Dimensions
		}
	})
	table, err := c.memory.Open(ctx, s)
	if err != nil {
		return nil, err
	}
	if c.fault == "spaces share their items" {
		c.memory.Set(func() {
			for _, other := range c.memory.spaces {
				table.(*memoryTable).items = other.items
			}
		})
	}
	return &shopTable{c, table.(*memoryTable)}, nil
}

func (c *shopClient) Spaces(ctx context.Context) ([]string, error) {
	ctx, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	names, err := c.memory.Spaces(ctx)
	c.memory.Set(func() { names = slices.DeleteFunc(names, func(name string) bool { return c.hidden[name] }) })
	return names, err
}

func (c *shopClient) Drop(ctx context.Context, name string) error {
	ctx, err := c.enter(ctx)
	if err != nil {
		return err
	}
	if c.fault == "drop hides" {
		c.memory.Set(func() { c.hidden[name] = true })
		return nil
	}
	return c.memory.Drop(ctx, name)
}

func (c *shopClient) Describe(ctx context.Context) (external.Server, error) {
	ctx, err := c.enter(ctx)
	if err != nil {
		return external.Server{}, err
	}
	return c.memory.Describe(ctx)
}

func (c *shopClient) Limits() external.Limits { return c.memory.Limits() }

func (c *shopClient) Close() error {
	c.closed.Store(true)
	return nil
}

type shopTable struct {
	*shopClient
	table *memoryTable
}

func (t *shopTable) space() string { return t.table.space.Name }

// change says whether a call that changes something may begin.
func (t *shopTable) change(ctx context.Context) (context.Context, error) {
	ctx, err := t.enter(ctx)
	if err != nil {
		return ctx, err
	}
	gone := false
	t.memory.Set(func() {
		gone = t.memory.spaces[t.space()] != t.table
		t.late[t.space()] = maps.Clone(t.table.items)
	})
	if gone && t.fault == "a write makes a space" {
		again, err := t.memory.Open(ctx, t.table.space)
		if err != nil {
			return ctx, err
		}
		t.table = again.(*memoryTable)
	}
	return ctx, nil
}

func (t *shopTable) Upsert(ctx context.Context, items []external.Item) error {
	ctx, err := t.change(ctx)
	if err != nil {
		return err
	}
	if n := slices.IndexFunc(items, func(i external.Item) bool { return len(i.Vector) != t.table.space.Dimensions }); n >= 0 {
		switch t.fault {
		case "wrong dimensions half stored":
			_ = t.table.Upsert(ctx, items[:n])
		case "errors tell texts":
			return rag.Errorf(rag.KindInvalid, "shop: item %q has %d dimensions", items[n].Text, len(items[n].Vector))
		}
	}
	if t.fault == "a thousand items" {
		items = items[:min(len(items), 1000)]
	}
	var put []external.Item
	t.memory.Set(func() {
		for _, i := range items {
			put = append(put, t.wrong(i))
		}
	})
	return t.table.Upsert(ctx, put)
}

// wrong returns what the shop keeps of an item.
func (t *shopTable) wrong(i external.Item) external.Item {
	if t.fault == "ids of 53 bits" {
		i.ID = rag.ChunkID(float64(i.ID))
	}
	i.Tags = t.kept(i.Tags)
	old, there := t.table.items[i.ID]
	switch {
	case there && t.fault == "replace keeps tags":
		i.Tags = append(slices.Clone(old.Tags), i.Tags...)
	case there && t.fault == "replace keeps vectors":
		i.Vector = old.Vector
	case there && t.fault == "replace adds":
		t.extra[t.space()]++
	case there && t.fault == "fields come from several writers" && old.Document != i.Document:
		i.Vector = old.Vector
	}
	return i
}

// kept returns tags as the shop keeps them.
func (t *shopTable) kept(tags []external.Tag) []external.Tag {
	tags = slices.Clone(tags)
	for n, tag := range tags {
		switch t.fault {
		case "tags of 53 bits":
			tags[n] = external.Tag(float64(tag))
		case "tags without sign":
			tags[n] = max(tag, -tag)
		}
	}
	return tags
}

func (t *shopTable) Delete(ctx context.Context, ids []rag.ChunkID) error {
	ctx, err := t.change(ctx)
	if err != nil {
		return err
	}
	if t.fault == "delete forgets the last" && len(ids) > 0 {
		ids = ids[:len(ids)-1]
	}
	return t.table.Delete(ctx, ids)
}

func (t *shopTable) DeleteWhere(ctx context.Context, where external.Condition) error {
	ctx, err := t.change(ctx)
	if err != nil || t.fault == "delete where does nothing" {
		return err
	}
	return t.table.DeleteWhere(ctx, t.understood(where))
}

// understood returns what the shop takes a condition for.
func (t *shopTable) understood(c external.Condition) external.Condition {
	all := func(list []external.Condition) (out []external.Condition) {
		for _, sub := range list {
			out = append(out, t.understood(sub))
		}
		return out
	}
	switch {
	case len(c.Has) > 0:
		if t.fault == "a hundred tags" {
			c.Has = c.Has[:min(100, len(c.Has))]
		}
		return external.Condition{Has: t.kept(c.Has)}
	case len(c.All) > 0, len(c.Any) > 0 && t.fault == "any is all":
		return external.Condition{All: all(slices.Concat(c.All, c.Any))}
	case len(c.Any) > 0:
		return external.Condition{Any: all(c.Any)}
	case c.Not != nil && t.fault == "not is ignored":
		return external.Condition{}
	case c.Not != nil:
		return not(t.understood(*c.Not))
	}
	return c
}

func (t *shopTable) Search(ctx context.Context, q external.Query) (external.Result, error) {
	ctx, err := t.enter(ctx)
	if err != nil {
		return external.Result{}, err
	}
	q.Where = t.understood(q.Where)
	res, err := t.table.Search(ctx, q)
	if err != nil {
		return res, err
	}
	t.memory.Set(func() { t.spoil(&res, q) })
	return res, nil
}

// spoil makes a result one of the shop's.
func (t *shopTable) spoil(res *external.Result, q external.Query) {
	items := t.table.items
	switch t.fault {
	case "changes are late":
		*res = searchItems(t.late[t.space()], q)
	case "every tenth is missed":
		items = maps.Clone(items)
		maps.DeleteFunc(items, func(id rag.ChunkID, _ external.Item) bool { return id%10 == 0 })
		*res = searchItems(items, q)
	case "filters after the search":
		where := q.Where
		q.Where = external.Condition{}
		*res = searchItems(items, q)
		res.Vector = slices.DeleteFunc(res.Vector, func(h rag.Scored) bool { return !where.Match(h.ChunkID, items[h.ChunkID].Tags) })
	case "words are all needed":
		res.Keyword = slices.DeleteFunc(res.Keyword, func(h rag.Scored) bool {
			words := strings.Fields(items[h.ChunkID].Text)
			return slices.ContainsFunc(strings.Fields(q.Text), func(w string) bool { return !slices.Contains(words, w) })
		})
	case "the worst first":
		slices.Reverse(res.Vector)
	case "scores are distances":
		for n := range res.Vector {
			res.Vector[n].Score = 1 - res.Vector[n].Score
		}
	case "scores from 0 to 1":
		for n := range res.Vector {
			res.Vector[n].Score = (1 + res.Vector[n].Score) / 2
		}
	}
}

func (t *shopTable) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	ctx, err := t.enter(ctx)
	switch {
	case err != nil:
		return nil, err
	case t.fault == "pages begin at after":
		after--
	case t.fault == "ids as text":
		ids, err := t.table.IDs(ctx, after, 1<<20)
		slices.SortFunc(ids, func(a, b rag.ChunkID) int {
			return strings.Compare(strconv.FormatInt(int64(a), 10), strconv.FormatInt(int64(b), 10))
		})
		return ids[:min(limit, len(ids))], err
	}
	return t.table.IDs(ctx, after, limit)
}

func (t *shopTable) Count(ctx context.Context) (int64, error) {
	ctx, err := t.enter(ctx)
	if err != nil {
		return 0, err
	}
	n, err := t.table.Count(ctx)
	t.memory.Set(func() { n += int64(t.extra[t.space()]) })
	return n, err
}
