package ivf

import (
	"context"
	"sync"
	"sync/atomic"
)

// parallel calls work for the ranges of step numbers that 0 to n-1 fall into, on some
// goroutines; thread tells them apart. It ends early with ctx, and returns its error.
// A panic of work becomes one of the caller, who may know that the data is damaged.
func parallel(ctx context.Context, threads, n, step int, work func(thread, from, to int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var panicked any
	for thread := range max(1, min(threads, (n+step-1)/step)) {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					once.Do(func() { panicked = p })
				}
			}()
			for ctx.Err() == nil {
				to := int(next.Add(int64(step)))
				from := to - step
				if from >= n {
					return
				}
				work(thread, from, min(to, n))
			}
		})
	}
	wg.Wait()
	if panicked != nil {
		panic(panicked)
	}
	return ctx.Err()
}
