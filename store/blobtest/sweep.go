package blobtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

// all finds that no document refers to anything.
func all(_ context.Context, shas []string) ([]string, error) { return shas, nil }

// farFuture is later than the age of anything, by whatever clock.
func farFuture() time.Time { return time.Now().Add(time.Hour) }

// but returns what finds that documents refer to the given digests only, and notes
// what it was asked.
func but(asked *[]string, live ...string) func(context.Context, []string) ([]string, error) {
	return func(_ context.Context, shas []string) ([]string, error) {
		*asked = append(*asked, shas...)
		return slices.DeleteFunc(slices.Clone(shas), func(sha string) bool { return slices.Contains(live, sha) }), nil
	}
}

func sweep(t *testing.T, p Place) {
	s := p.Open(t)
	live, dead, again := put(t, s, "live"), put(t, s, "dead!"), put(t, s, "again")
	last := time.Time{}
	for _, info := range held(t, s) {
		if info.Modified.After(last) {
			last = info.Modified
		}
	}
	young, at := later(t, s, "young ", last)
	put(t, s, "again") // which makes it young
	var asked []string
	swept, err := s.Sweep(t.Context(), but(&asked, live), at)
	if err != nil || swept != (blob.Swept{Files: 1, Bytes: 5}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	slices.Sort(asked)
	if want := sorted(live, dead); !slices.Equal(slices.Compact(asked), want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
	for sha, there := range map[string]bool{live: true, dead: false, young: true, again: true} {
		if _, err := get(t, s, sha); (err == nil) != there || err != nil && !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("%s: %v", sha, err)
		}
	}
	// When they are old, they go as well.
	if swept, err := s.Sweep(t.Context(), but(&asked, live), farFuture()); err != nil || swept.Files != 2 {
		t.Errorf("swept %+v, %v", swept, err)
	}
	if left := held(t, s); len(left) != 1 || left[live].Size != 4 {
		t.Errorf("left: %v", left)
	}
	// And what went can come back.
	put(t, s, "dead!")
	if got, err := get(t, s, dead); err != nil || got != "dead!" {
		t.Errorf("put again: %q, %v", got, err)
	}
}

func sorted(s ...string) []string {
	slices.Sort(s)
	return s
}

func sweepThese(t *testing.T, p Place) {
	s := p.Open(t)
	live, dead, other := put(t, s, "live"), put(t, s, "dead!"), put(t, s, "other")
	var asked []string
	swept, err := s.SweepThese(t.Context(), []string{live, dead, digest("never put")}, but(&asked, live))
	if err != nil || swept != (blob.Swept{Files: 1, Bytes: 5}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	if slices.Contains(asked, other) {
		t.Error("asked about what it was not given")
	}
	if left := held(t, s); len(left) != 2 || left[dead].Size != 0 {
		t.Errorf("left: %v", left)
	}
	if swept, err := s.SweepThese(t.Context(), nil, all); err != nil || swept != (blob.Swept{}) {
		t.Errorf("none: %+v, %v", swept, err)
	}
}

func sweepAsksInBatches(t *testing.T, p Place) {
	s := p.Open(t)
	const n = 520
	live := map[string]bool{}
	for i := range n {
		if sha := put(t, s, fmt.Sprint("content ", i)); i%2 == 0 {
			live[sha] = true
		}
	}
	most := 0
	swept, err := s.Sweep(t.Context(), func(_ context.Context, shas []string) ([]string, error) {
		most = max(most, len(shas))
		return slices.DeleteFunc(slices.Clone(shas), func(sha string) bool { return live[sha] }), nil
	}, farFuture())
	if err != nil || swept.Files != n/2 || most > 500 {
		t.Errorf("swept %+v in batches of up to %d, %v", swept, most, err)
	}
	left := held(t, s)
	for sha := range live {
		if left[sha].SHA256 == "" {
			t.Errorf("%s is gone", sha)
		}
	}
	if len(left) != len(live) {
		t.Errorf("%d are left", len(left))
	}
}

// sweepFails has a store of documents that cannot be asked: nothing goes, neither
// when it fails at once nor when it fails while the sweep is under way.
func sweepFails(t *testing.T, p Place) {
	s := p.Open(t)
	sha := put(t, s, "content")
	broken := errors.New("store down")
	for after := range 3 {
		asks, failed := 0, false
		fail := func(_ context.Context, shas []string) ([]string, error) {
			if asks++; asks > after {
				failed = true
				return nil, broken
			}
			return shas, nil
		}
		_, err := s.SweepThese(t.Context(), []string{sha}, fail)
		if failed != errors.Is(err, broken) {
			t.Errorf("after %d answers: %v", after, err)
		}
		if !failed {
			break // it asks no more often than that
		}
		if got, err := get(t, s, sha); err != nil || got != "content" {
			t.Errorf("after %d answers it is gone: %v", after, err)
		}
		if there, err := s.Keep(t.Context(), sha, 7); err != nil || !there {
			t.Errorf("after %d answers it is not kept: %v", after, err)
		}
		if _, err := s.Sweep(t.Context(), func(context.Context, []string) ([]string, error) { return nil, broken }, farFuture()); !errors.Is(err, broken) {
			t.Errorf("a store that is down: %v", err)
		}
	}
	put(t, s, "content")
	if _, err := s.SweepThese(t.Context(), []string{sha}, func(context.Context, []string) ([]string, error) { return []string{"../secret"}, nil }); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a store that answers nonsense: %v", err)
	}
}
