package blobtest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func writersAtOnce(t *testing.T, p Place) {
	stores := []Store{p.Open(t), p.Open(t)}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				content := strings.Repeat(fmt.Sprint("content ", i%4), 5000)
				sha, _, err := stores[w%2].Put(t.Context(), strings.NewReader(content), 1<<20)
				if err != nil || sha != digest(content) {
					t.Errorf("put: %s, %v", sha, err)
				}
				if got, err := get(t, stores[w%2], sha); err != nil || got != content {
					t.Errorf("open: %d bytes, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(held(t, stores[0])); n != 4 {
		t.Errorf("%d files", n)
	}
}

// sweepSparesTheNew has a document that is committed just when a sweep has been told
// that there is none.
func sweepSparesTheNew(t *testing.T, p Place) {
	s, other := p.Open(t), p.Open(t)
	for round := range 10 {
		content := fmt.Sprint("content ", round)
		sha := put(t, s, content)
		docs := &documents{refs: map[string]int{}}
		var once sync.Once
		swept, err := s.SweepThese(t.Context(), []string{sha}, func(ctx context.Context, shas []string) ([]string, error) {
			dead, err := docs.unreferenced(ctx, shas)
			once.Do(func() { write(t, other, docs, content) })
			return dead, err
		})
		if err != nil || swept.Files != 0 {
			t.Errorf("swept %+v, %v", swept, err)
		}
		if got, err := get(t, s, sha); err != nil || got != content {
			t.Fatalf("round %d: a committed document has no original: %v", round, err)
		}
	}
}

// documents is what a store of documents knows of originals: how many refer to each.
type documents struct {
	mu   sync.Mutex
	refs map[string]int
}

func (d *documents) add(sha string, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refs[sha] += n; d.refs[sha] == 0 {
		delete(d.refs, sha)
	}
}

func (d *documents) unreferenced(_ context.Context, shas []string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(shas), func(sha string) bool { return d.refs[sha] > 0 }), nil
}

// write adds a document as ingestion does: the original, the transaction, and then
// the original again if a clean-up was quicker.
func write(t testing.TB, s Store, docs *documents, content string) {
	sha, size, err := s.Put(t.Context(), strings.NewReader(content), limit)
	if err != nil {
		t.Errorf("put: %v", err)
		return
	}
	docs.add(sha, 1)
	there, err := s.Keep(t.Context(), sha, size)
	if err == nil && !there {
		_, _, err = s.Put(t.Context(), strings.NewReader(content), limit)
	}
	if err != nil {
		t.Errorf("keep: %v", err)
	}
}

// writersAndSweepers lets documents come and go while several processes clean up. At
// any time a committed document can be read; in the end exactly those are there that a
// document refers to.
func writersAndSweepers(t *testing.T, p Place) {
	const writers, sweepers, rounds = 6, 3, 25
	contents := make([]string, 4)
	var shas []string
	for i := range contents {
		contents[i] = strings.Repeat(fmt.Sprint("content ", i), 100)
		shas = append(shas, digest(contents[i]))
	}
	docs := &documents{refs: map[string]int{}}
	done := make(chan struct{})
	var writing, sweeping sync.WaitGroup
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for w := range writers {
		s, chance := p.Open(t), rand.New(rand.NewPCG(seed, uint64(w)))
		writing.Go(func() {
			for range rounds {
				content := contents[chance.IntN(len(contents))]
				sha := digest(content)
				write(t, s, docs, content)
				for range chance.IntN(3) {
					if err := readAll(t.Context(), s, sha); err != nil {
						t.Errorf("a committed document has no original: %v", err)
					}
				}
				docs.add(sha, -1)
			}
		})
	}
	for w := range sweepers {
		s, chance := p.Open(t), rand.New(rand.NewPCG(seed, uint64(100+w)))
		sweeping.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var err error
				if chance.IntN(2) == 0 {
					_, err = s.Sweep(t.Context(), docs.unreferenced, time.Now())
				} else {
					_, err = s.SweepThese(t.Context(), shas, docs.unreferenced)
				}
				if err != nil {
					t.Errorf("sweep: %v", err)
				}
			}
		})
	}
	writing.Wait()
	close(done)
	sweeping.Wait()
	s := p.Open(t)
	write(t, s, docs, contents[0])
	if _, err := s.Sweep(t.Context(), docs.unreferenced, farFuture()); err != nil {
		t.Error(err)
	}
	if left := held(t, s); len(left) != 1 || left[shas[0]].SHA256 == "" {
		t.Errorf("left: %v", left)
	}
}

func readAll(ctx context.Context, s Store, sha string) error {
	r, _, err := s.Open(ctx, sha)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

// putsDuringSweepsStay has several clean-ups that take everything old from under
// writers: what was put meanwhile stays, though no document refers to it yet.
func putsDuringSweepsStay(t *testing.T, p Place) {
	s := p.Open(t)
	for round := range 5 {
		var contents []string
		for i := range 8 {
			contents = append(contents, fmt.Sprint("content ", i))
			put(t, s, contents[i])
		}
		var shas []string
		for _, c := range contents {
			shas = append(shas, digest(c))
		}
		// Sweeps begin here; what is put from now on is stored again while they run.
		var begun, over sync.WaitGroup
		begun.Add(3)
		for range 3 {
			sweeper := p.Open(t)
			over.Go(func() {
				var once sync.Once
				_, err := sweeper.SweepThese(t.Context(), shas, func(_ context.Context, shas []string) ([]string, error) {
					once.Do(begun.Done)
					return shas, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		begun.Wait()
		for range 2 {
			writer := p.Open(t)
			over.Go(func() {
				for _, c := range contents {
					if _, _, err := writer.Put(t.Context(), strings.NewReader(c), limit); err != nil {
						t.Error(err)
					}
				}
			})
		}
		over.Wait()
		for _, c := range contents {
			if got, err := get(t, s, digest(c)); err != nil || got != c {
				t.Fatalf("round %d: what was put while it was swept is gone: %v", round, err)
			}
		}
	}
}
