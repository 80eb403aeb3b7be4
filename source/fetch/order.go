package fetch

import (
	"context"
	"sync"
)

// InOrder calls do for the elements of in, several at once, and use with the
// results in the order of in, one after the other. At most width results wait or
// are being made. It ends at the first error of use, or when ctx ends, with that
// error, and after every do has returned.
func InOrder[In, Out any](ctx context.Context, in []In, width int, do func(context.Context, In) Out, use func(In, Out) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	width = max(width, 1)
	results := make([]chan Out, width) // a ring
	for i := range results {
		results[i] = make(chan Out, 1)
	}
	started := 0
	for i := range in {
		for ; started < len(in) && started < i+width; started++ {
			item, to := in[started], results[started%width]
			running.Go(func() { to <- do(ctx, item) })
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var out Out
		select {
		case out = <-results[i%width]:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := use(in[i], out); err != nil {
			return err
		}
	}
	return nil
}
