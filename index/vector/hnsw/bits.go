package hnsw

import "sync/atomic"

// bits is a set of slots that goroutines change and read at the same time.
type bits []uint32

func newBits(n int) bits { return make(bits, (n+31)/32) }

func (b bits) has(id uint32) bool {
	return atomic.LoadUint32(&b[id>>5])>>(id&31)&1 != 0
}

// set adds id and reports whether it was not there.
func (b bits) set(id uint32) bool {
	m := uint32(1) << (id & 31)
	return atomic.OrUint32(&b[id>>5], m)&m == 0
}

func (b bits) clear(id uint32) {
	atomic.AndUint32(&b[id>>5], ^(uint32(1) << (id & 31)))
}
