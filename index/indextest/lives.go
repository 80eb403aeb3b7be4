package indextest

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/section/faultfs"
	"github.com/smartretriever/smartretriever/rag"
)

// Lives runs life with one seed after the other until so many steps were made, each of them of a life's length. Seed 0 draws the first one. A life that fails
// says how to run it again with the flags -history.seed and -history.steps.
func Lives(t *testing.T, seed uint64, steps, length int, life func(t *testing.T, seed uint64, steps int)) {
	t.Helper()
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	for ; steps > 0; steps -= length {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { life(t, seed, length) })
		if t.Failed() {
			t.Fatalf("run again with -history.seed %d -history.steps %d", seed, length)
		}
		seed++
	}
}

// OnFullDisk is an index on a disk that may be full: what fails is tried again without the fault, as a follower does.
type OnFullDisk struct {
	Index
	FS *faultfs.FS
}

// Apply tries again once there is room.
func (d OnFullDisk) Apply(puts []rag.Record, deletes []rag.ChunkID, seq int64) error {
	err := d.Index.Apply(puts, deletes, seq)
	for try := 0; try < 3 && errors.Is(err, syscall.ENOSPC); try++ { // a write in the background may still fail on the full disk
		d.FS.SetFault(nil)
		if d.Seq() == seq {
			return nil // it was seen before what follows it failed
		}
		err = d.Index.Apply(puts, deletes, seq)
	}
	return err
}
