package smartretriever_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/cache/redis"
	"github.com/smartretriever/smartretriever/rag"
)

var _ smartretriever.News = (*redis.News)(nil)

// hub tells news within the process.
type hub struct {
	mu        sync.Mutex
	told      []string
	listeners map[chan struct{}]string
}

func (h *hub) Tell(_ context.Context, what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, what)
	for ch, wanted := range h.listeners {
		if wanted == what {
			select {
			case ch <- struct{}{}:
			default:
			}
		}
	}
}

func (h *hub) Listen(what string) (<-chan struct{}, func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := make(chan struct{}, 1)
	if h.listeners == nil {
		h.listeners = map[chan struct{}]string{}
	}
	h.listeners[ch] = what
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.listeners, ch)
	}
}

// listened returns what is listened for.
func (h *hub) listened() (all []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, what := range h.listeners {
		all = append(all, what)
	}
	return all
}

// TestJobsAreNews follows a job by what is told of it alone.
func TestJobsAreNews(t *testing.T) {
	h := &hub{}
	r := open(t, t.TempDir(), func(c *smartretriever.Config) { c.News = h })
	if err := r.WorkJobs(); err != nil {
		t.Fatal(err)
	}
	if all := h.listened(); !slices.Equal(all, []string{"new"}) {
		t.Errorf("who works on jobs listens for %q", all)
	}
	job, err := r.SubmitDocuments(t.Context(), rag.Scope{}, slices.Values([]rag.Input{{ExternalID: "tower", Text: towerText}}))
	if err != nil {
		t.Fatal(err)
	}
	changed, end := r.JobChanges(job.ID)
	defer end()
	for !job.State.Ended() {
		if job, err = r.Job(t.Context(), rag.Scope{}, job.ID); err != nil {
			t.Fatal(err)
		}
		if job.State.Ended() {
			break
		}
		select {
		case <-changed:
		case <-time.After(5 * time.Minute):
			t.Fatal("nothing is told of the end of the job")
		}
	}
	end()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told[0] != "new" || !slices.Contains(h.told, string(job.ID)) {
		t.Errorf("told is %q", h.told)
	}
	if len(h.listeners) != 0 {
		t.Errorf("%d still listen after Close", len(h.listeners))
	}
}

func TestWithoutNews(t *testing.T) {
	r := open(t, t.TempDir(), func(*smartretriever.Config) {})
	changed, end := r.JobChanges("any")
	end()
	select {
	case <-changed:
		t.Error("somebody told something")
	default:
	}
}
