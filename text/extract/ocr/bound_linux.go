package ocr

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxMemory = 2 << 30          // address space: a page of the largest size takes 0.5 GB
	grace     = 10 * time.Second // of processor time beyond the time limit
)

// bound limits a running program's memory and processor time, against pictures that
// are made to fill one, and against outliving a parent that was killed. The program
// has read nothing yet.
func bound(pid int, timeout time.Duration) {
	seconds := uint64((timeout + grace) / time.Second)
	for what, most := range map[int]uint64{unix.RLIMIT_AS: maxMemory, unix.RLIMIT_CPU: seconds, unix.RLIMIT_CORE: 0} {
		_ = unix.Prlimit(pid, what, &unix.Rlimit{Cur: most, Max: most}, nil) // it may have ended
	}
}
