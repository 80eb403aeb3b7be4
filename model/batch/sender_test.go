package batch_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/smartretriever/smartretriever/model/batch"
)

// TestNothingIsSentAfterAFailure holds that the turn of a request that failed does
// not go to the next one, which would be paid for: many times, as it is a matter of
// who wakes first.
func TestNothingIsSentAfterAFailure(t *testing.T) {
	failed := errors.New("the server is down")
	texts := []string{"a", "b", "c", "d"}
	for range 5000 {
		s := batch.New[int](batch.Config{
			What: "the model", MaxTokens: 10, Texts: 1, Concurrency: 1, Retries: -1,
			CountTokens: func(string) int { return 1 },
		})
		var sent atomic.Int64
		items := s.Items(texts, 0)
		err := s.Send(t.Context(), items, batch.Call[int]{
			Request: func(context.Context, []string) ([]int, error) {
				if sent.Add(1) == 2 {
					return nil, failed
				}
				return []int{1}, nil
			},
		})
		if n := sent.Load(); !errors.Is(err, failed) || n != 2 || !items[0].Done || items[1].Done {
			t.Fatalf("%d requests, %v", n, err)
		}
	}
}

// TestTheFirstFailureIsTold holds that a call says what failed, and not that its
// other requests were ended by it.
func TestTheFirstFailureIsTold(t *testing.T) {
	failed := errors.New("the server is down")
	texts := make([]string, 8)
	for i := range texts {
		texts[i] = strconv.Itoa(i)
	}
	for range 1000 {
		s := batch.New[int](batch.Config{
			What: "the model", MaxTokens: 10, Texts: 1, Concurrency: 4, Retries: -1,
			CountTokens: func(string) int { return 1 },
		})
		err := s.Send(t.Context(), s.Items(texts, 0), batch.Call[int]{
			Request: func(ctx context.Context, texts []string) ([]int, error) {
				if texts[0] == "3" {
					return nil, failed
				}
				<-ctx.Done()
				return nil, ctx.Err()
			},
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
	}
}
