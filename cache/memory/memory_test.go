package memory_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/cache/cachetest"
	"github.com/smartretriever/smartretriever/cache/memory"
)

func TestCache(t *testing.T) {
	cachetest.Run(t, func(t *testing.T, cfg cachetest.Config) cachetest.Fixture {
		var mu sync.Mutex
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		c := memory.New(memory.Config{MaxBytes: cfg.MaxBytes, Clock: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}})
		t.Cleanup(func() { _ = c.Close() })
		return cachetest.Fixture{Cache: c, Advance: func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
		}}
	})
}

// The promised bound counts what an entry costs beside its bytes; it must not
// promise less memory than is used.
func TestEntryCost(t *testing.T) {
	const n, size = 50_000, 100
	c := memory.New(memory.Config{MaxBytes: 1 << 30})
	defer c.Close()
	before := heap()
	value := make([]byte, size)
	for i := range n {
		if err := c.Set(t.Context(), fmt.Sprintf("%020d", i), value, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	used, said := int64(heap()-before), c.Stats().Bytes
	t.Logf("%d bytes an entry beside key and value; the cache counts %d", used/n-size-20, said/n-size-20)
	if used > said*5/4 {
		t.Errorf("the cache says %d bytes and takes %d", said, used)
	}
	runtime.KeepAlive(c)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkGet(b *testing.B) {
	c := memory.New(memory.Config{})
	defer c.Close()
	if err := c.Set(b.Context(), "key", make([]byte, 4096), time.Hour); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := c.Get(b.Context(), "key"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
