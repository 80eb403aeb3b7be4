//go:build unix

package kernel

import (
	"os"
	"sync"
	"syscall"
	"testing"
)

// edge is a side of readable memory.
type edge int

const (
	atStart edge = iota
	atEnd
)

var (
	guards   sync.Mutex
	reusable = map[int][][]byte{} // by size, between two pages that nobody may touch
)

// guarded returns n bytes that begin or end where memory that can be read does: one
// byte too far and the program crashes. They are good until the test ends.
func guarded(t testing.TB, at edge, n int) []byte {
	page := os.Getpagesize()
	size := max(1, (n+page-1)/page) * page
	memory := takeGuarded(t, size, page)
	t.Cleanup(func() {
		guards.Lock()
		defer guards.Unlock()
		reusable[size] = append(reusable[size], memory)
	})
	if at == atStart {
		return memory[:n:n]
	}
	return memory[size-n:]
}

func takeGuarded(t testing.TB, size, page int) []byte {
	guards.Lock()
	defer guards.Unlock()
	if free := reusable[size]; len(free) > 0 {
		reusable[size] = free[:len(free)-1]
		return free[len(free)-1]
	}
	all, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	for _, guard := range [][]byte{all[:page], all[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return all[page : page+size : page+size]
}
