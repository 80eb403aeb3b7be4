package smartretriever_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
)

// distant is a store as on a server: it tells of changes, warns, and has replicas.
type distant struct {
	*sqlite.Store

	asked    chan struct{} // for changes
	mu       sync.Mutex
	tell     func(collectionID, seq int64)
	steps    []string
	warnings []string
	states   []rag.ReplicaState
	err      error
}

func (d *distant) did(step string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.steps = append(d.steps, step)
}

func (d *distant) Notifications(fn func(collectionID, seq int64)) (stop func()) {
	d.tell = fn
	return func() { d.did("stopped telling") }
}

func (d *distant) Changes(ctx context.Context, collectionID, after int64, limit int) ([]rag.Change, error) {
	select {
	case d.asked <- struct{}{}:
	default:
	}
	return d.Store.Changes(ctx, collectionID, after, limit)
}

// DataVersion says that nothing changes: who is not told does not look.
func (d *distant) DataVersion(context.Context) (int64, error) { return 1, nil }

func (d *distant) Warnings() []string { return d.warnings }

func (d *distant) Replication(context.Context) ([]rag.ReplicaState, error) { return d.states, d.err }

func (d *distant) Close() error {
	d.did("closed")
	return d.Store.Close()
}

// openDistant opens a retriever on a distant store, whose file another process has open too.
func openDistant(t *testing.T) (r *smartretriever.Retriever, d *distant, other *smartretriever.Retriever) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "smartretriever.db")
	place := func(c *smartretriever.Config) {
		c.OpenStore = func(ctx context.Context) (smartretriever.Store, error) {
			return sqlite.Open(ctx, sqlite.Config{Path: path})
		}
	}
	other = open(t, t.TempDir(), place)
	r = open(t, t.TempDir(), func(c *smartretriever.Config) {
		c.OpenStore = func(ctx context.Context) (smartretriever.Store, error) {
			s, err := sqlite.Open(ctx, sqlite.Config{Path: path})
			d = &distant{Store: s, asked: make(chan struct{}, 1)}
			return d, err
		}
	})
	return r, d, other
}

func hand(t *testing.T, r *smartretriever.Retriever, id, text string) rag.AddResult {
	t.Helper()
	res, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: id, Title: id, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestOtherProcessesAreHeard: an open index looks at what another process has written when
// the store tells of it, and is told nothing when it is closed.
func TestOtherProcessesAreHeard(t *testing.T) {
	t.Parallel()
	r, d, other := openDistant(t)
	hand(t, other, "tower", towerText)
	if res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "tower", K: 5}); err != nil || len(res.Hits) != 1 {
		t.Fatal(len(res.Hits), err)
	}
	col, err := d.Collection(t.Context(), "", "default")
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []struct {
		name string
		id   func(seq int64) (int64, int64)
	}{
		{"a change", func(seq int64) (int64, int64) { return col.ID, seq }},
		{"anything may have changed", func(int64) (int64, int64) { return 0, 0 }},
	} {
		res := hand(t, other, told.name, bridgeText)
		select {
		case <-d.asked: // before it was told
		default:
		}
		d.tell(told.id(res.Seq))
		select {
		case <-d.asked:
		case <-time.After(5 * time.Minute):
			t.Fatalf("%s: the index does not look", told.name)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	d.tell(0, 0) // a last word that was on its way
	if i := slices.Index(d.steps, "stopped telling"); i < 0 || d.steps[len(d.steps)-1] != "closed" {
		t.Errorf("%q", d.steps)
	}
}

// TestHealthOfReplicas: what is wrong with replicas, or with the set-up, is shown, and
// nothing that is needed is missing.
func TestHealthOfReplicas(t *testing.T) {
	t.Parallel()
	r, d, _ := openDistant(t)
	health := func(name string) (h rag.Health, found bool) {
		for _, h := range r.Health(t.Context()) {
			if h.Needed && !h.OK {
				t.Errorf("%+v", h)
			}
			if h.Name == name {
				return h, true
			}
		}
		return h, false
	}
	for _, name := range []string{"replicas", "store set-up"} {
		if h, found := health(name); found {
			t.Errorf("without replicas and warnings: %+v", h)
		}
	}
	d.warnings = []string{"the role is a superuser", "no TLS"}
	if h, _ := health("store set-up"); h.OK || h.Detail != "the role is a superuser; no TLS" {
		t.Errorf("%+v", h)
	}
	for want, states := range map[string][]rag.ReplicaState{
		"a:1 has everything": {{Name: "a:1"}},
		"a:1 is 12ms behind (42 bytes); b:1 has everything":     {{Name: "a:1", Bytes: 42, Delay: 12_345_678}, {Name: "b:1"}},
		"a:1 does not answer: gone; b:1 has everything":         {{Name: "a:1", Bytes: -1, Aside: true, Err: errors.New("gone")}, {Name: "b:1"}},
		"a:1 has everything, and failed a moment ago":           {{Name: "a:1", Aside: true}},
		"a:1 is 1m0s behind (7 bytes), and failed a moment ago": {{Name: "a:1", Bytes: 7, Delay: time.Minute, Aside: true}},
	} {
		d.states = states
		h, _ := health("replicas")
		if h.Detail != want || h.OK != !slices.ContainsFunc(states, func(s rag.ReplicaState) bool { return s.Err != nil || s.Aside }) {
			t.Errorf("%+v, want %q", h, want)
		}
		if got, err := r.Replicas(t.Context()); err != nil || len(got) != len(states) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	d.err = errors.New("the primary is away")
	if h, _ := health("replicas"); h.OK || h.Detail != "the primary is away" {
		t.Errorf("%+v", h)
	}
}
