package indextest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// shop is a server of vectors in memory that does what external.Database says, except for one fault.
type shop struct {
	fault string
	down  atomic.Bool

	mu     sync.Mutex
	spaces map[string]*shopSpace
}

type shopSpace struct {
	space  external.Space
	items  map[rag.ChunkID]external.Item
	extra  []external.Item // of the fault "replace adds"
	hidden bool
	late   map[rag.ChunkID]external.Item // what the searches of the fault "changes are late" see
}

func newShop(fault string) *shop { return &shop{fault: fault, spaces: map[string]*shopSpace{}} }

func (s *shop) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == "restart loses" {
		for _, sp := range s.spaces {
			delete(sp.items, 1)
		}
	}
}

func (s *shop) client(key string) external.Database {
	if s.fault == "processes have their own" {
		s = &shop{fault: s.fault, spaces: map[string]*shopSpace{}}
	}
	return &shopClient{shop: s, key: key}
}

type shopClient struct {
	*shop
	key    string
	closed atomic.Bool
}

// enter says whether a call may begin.
func (c *shopClient) enter(ctx context.Context) error {
	switch {
	case ctx.Err() != nil && c.fault != "contexts are ignored":
		return rag.Wrap(rag.KindUnavailable, ctx.Err(), "shop")
	case c.closed.Load() && c.fault != "closing does nothing":
		return rag.Errorf(rag.KindUnavailable, "shop: closed")
	case c.down.Load() && c.fault == "down is internal":
		return rag.Errorf(rag.KindInternal, "shop: connection refused")
	case c.down.Load():
		return rag.Errorf(rag.KindUnavailable, "shop: connection refused")
	case strings.HasPrefix(c.key, "wrong") && c.fault == "errors tell the key":
		return rag.Errorf(rag.KindUnauthorized, "shop: the key %s is not known", c.key)
	case strings.HasPrefix(c.key, "wrong"):
		return rag.Errorf(rag.KindUnauthorized, "shop: the key is not known")
	}
	return nil
}

func (c *shopClient) Open(ctx context.Context, s external.Space) (external.Table, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sp := c.spaces[s.Name]
	if sp == nil {
		sp = &shopSpace{space: s, items: map[rag.ChunkID]external.Item{}}
		if c.fault == "spaces share their items" {
			for _, other := range c.spaces {
				sp.items = other.items
			}
		}
		c.spaces[s.Name] = sp
	}
	sp.hidden = false
	if sp.space.Dimensions != s.Dimensions && c.fault != "any dimensions" {
		return nil, rag.Errorf(rag.KindConflict, "shop: %s has %d dimensions", s.Name, sp.space.Dimensions)
	}
	return &shopTable{c, s}, nil
}

func (c *shopClient) Spaces(ctx context.Context) ([]string, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name, sp := range c.spaces {
		if !sp.hidden {
			names = append(names, name)
		}
	}
	return names, nil
}

func (c *shopClient) Drop(ctx context.Context, name string) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault == "drop hides" && c.spaces[name] != nil {
		c.spaces[name].hidden = true
		return nil
	}
	delete(c.spaces, name)
	return nil
}

func (c *shopClient) Describe(ctx context.Context) (external.Server, error) {
	return external.Server{Product: "Shop", Version: "1"}, c.enter(ctx)
}

func (c *shopClient) Limits() external.Limits {
	return external.Limits{TopK: 500, Items: 1200, IDs: 300, Bytes: 1 << 20, Words: true}
}

func (c *shopClient) Close() error {
	c.closed.Store(true)
	return nil
}

type shopTable struct {
	*shopClient
	space external.Space
}

// with runs fn on the space, alone.
func (t *shopTable) with(ctx context.Context, fn func(*shopSpace) error) error {
	if err := t.enter(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	sp := t.spaces[t.space.Name]
	if sp == nil && t.fault == "a write makes a space" {
		sp = &shopSpace{space: t.space, items: map[rag.ChunkID]external.Item{}}
		t.spaces[t.space.Name] = sp
	}
	if sp == nil {
		return rag.Errorf(rag.KindNotFound, "shop: there is no space %s", t.space.Name)
	}
	return fn(sp)
}

func (t *shopTable) Upsert(ctx context.Context, items []external.Item) error {
	return t.with(ctx, func(sp *shopSpace) error {
		sp.remember()
		for n, i := range items {
			if len(i.Vector) != t.space.Dimensions {
				if t.fault == "wrong dimensions half stored" {
					t.put(sp, items[:n])
				}
				if t.fault == "errors tell texts" {
					return rag.Errorf(rag.KindInvalid, "shop: item %q has %d dimensions", i.Text, len(i.Vector))
				}
				return rag.Errorf(rag.KindInvalid, "shop: item %d has %d dimensions", i.ID, len(i.Vector))
			}
		}
		if t.fault == "a thousand items" {
			items = items[:min(len(items), 1000)]
		}
		t.put(sp, items)
		return nil
	})
}

func (t *shopTable) put(sp *shopSpace, items []external.Item) {
	for _, i := range items {
		if t.fault == "ids of 53 bits" {
			i.ID = rag.ChunkID(float64(i.ID))
		}
		old, there := sp.items[i.ID]
		i.Tags = t.kept(i.Tags)
		switch {
		case there && t.fault == "replace keeps tags":
			i.Tags = append(slices.Clone(old.Tags), i.Tags...)
		case there && t.fault == "replace keeps vectors":
			i.Vector = old.Vector
		case there && t.fault == "replace adds":
			sp.extra = append(sp.extra, old)
		case there && t.fault == "fields come from several writers" && old.Document != i.Document:
			i.Vector = old.Vector
		}
		sp.items[i.ID] = i
	}
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

// remember keeps what searches of the fault "changes are late" see: the items before the last change.
func (sp *shopSpace) remember() {
	sp.late = map[rag.ChunkID]external.Item{}
	for id, i := range sp.items {
		sp.late[id] = i
	}
}

func (t *shopTable) Delete(ctx context.Context, ids []rag.ChunkID) error {
	return t.with(ctx, func(sp *shopSpace) error {
		sp.remember()
		if t.fault == "delete forgets the last" && len(ids) > 0 {
			ids = ids[:len(ids)-1]
		}
		for _, id := range ids {
			delete(sp.items, id)
		}
		return nil
	})
}

func (t *shopTable) DeleteWhere(ctx context.Context, where external.Condition) error {
	return t.with(ctx, func(sp *shopSpace) error {
		sp.remember()
		for id, i := range sp.items {
			if t.fault != "delete where does nothing" && t.match(where, i) {
				delete(sp.items, id)
			}
		}
		return nil
	})
}

func (t *shopTable) match(c external.Condition, i external.Item) bool {
	switch {
	case len(c.Has) > 0:
		if t.fault == "a hundred tags" {
			c.Has = c.Has[:min(100, len(c.Has))]
		}
		return external.Condition{Has: t.kept(c.Has)}.Match(i.ID, i.Tags)
	case len(c.All) > 0, len(c.Any) > 0 && t.fault == "any is all":
		return !slices.ContainsFunc(slices.Concat(c.All, c.Any), func(sub external.Condition) bool { return !t.match(sub, i) })
	case len(c.Any) > 0:
		return slices.ContainsFunc(c.Any, func(sub external.Condition) bool { return t.match(sub, i) })
	case c.Not != nil:
		return t.fault == "not is ignored" || !t.match(*c.Not, i)
	}
	return c.Match(i.ID, i.Tags)
}

func (t *shopTable) Search(ctx context.Context, q external.Query) (external.Result, error) {
	var res external.Result
	err := t.with(ctx, func(sp *shopSpace) error {
		if q.Vector != nil && len(q.Vector) != t.space.Dimensions {
			return rag.Errorf(rag.KindInvalid, "shop: the query has %d dimensions", len(q.Vector))
		}
		items := sp.items
		if t.fault == "changes are late" {
			items = sp.late
		}
		all := sp.extra
		for _, i := range items {
			all = append(all, i)
		}
		if q.Vector != nil {
			res.Vector = t.best(all, q, func(i external.Item) float64 { return cosine(q.Vector, i.Vector) })
		}
		if q.Text != "" {
			res.Keyword = t.best(all, q, func(i external.Item) float64 { return t.words(q.Text, i.Text) })
		}
		return nil
	})
	return res, err
}

const unfound = -2 // below every score

func (t *shopTable) words(query, text string) float64 {
	n, words := 0, strings.Fields(query)
	for _, w := range words {
		if slices.Contains(strings.Fields(text), w) {
			n++
		}
	}
	if n == 0 || n < len(words) && t.fault == "words are all needed" {
		return unfound
	}
	return float64(n)
}

func (t *shopTable) best(all []external.Item, q external.Query, score func(external.Item) float64) []rag.Scored {
	var out []rag.Scored
	for _, i := range all {
		s := score(i)
		if s == unfound || t.fault != "filters after the search" && !t.match(q.Where, i) || t.fault == "every tenth is missed" && i.ID%10 == 0 {
			continue
		}
		out = append(out, rag.Scored{ChunkID: i.ID, DocumentID: i.Document, Score: float32(s)})
	}
	slices.SortFunc(out, inOrder)
	if t.fault == "the worst first" {
		slices.Reverse(out)
	}
	out = out[:min(q.K, len(out))]
	if t.fault == "filters after the search" {
		out = slices.DeleteFunc(out, func(h rag.Scored) bool {
			return !slices.ContainsFunc(all, func(i external.Item) bool { return i.ID == h.ChunkID && t.match(q.Where, i) })
		})
	}
	for n := range out {
		switch t.fault {
		case "scores are distances":
			out[n].Score = 1 - out[n].Score
		case "scores from 0 to 1":
			out[n].Score = (1 + out[n].Score) / 2
		}
	}
	return out
}

func (t *shopTable) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	var ids []rag.ChunkID
	err := t.with(ctx, func(sp *shopSpace) error {
		for id := range sp.items {
			if id > after || id == after && t.fault == "pages begin at after" {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		if t.fault == "ids as text" {
			slices.SortFunc(ids, func(a, b rag.ChunkID) int {
				return strings.Compare(strconv.FormatInt(int64(a), 10), strconv.FormatInt(int64(b), 10))
			})
		}
		ids = ids[:min(limit, len(ids))]
		return nil
	})
	return ids, err
}

func (t *shopTable) Count(ctx context.Context) (n int64, err error) {
	err = t.with(ctx, func(sp *shopSpace) error {
		n = int64(len(sp.items) + len(sp.extra))
		return nil
	})
	return n, err
}
