package bpe

import (
	"hash/maphash"
	"math/bits"
)

// table finds the rank of a token by its bytes: open addressing with linear
// probing, at most half full. A slot has 32 bits of the hash beside the rank, so
// that what is not a token, which is most of what merging asks for, seldom costs
// a look at the text.
type table struct {
	text    []byte
	begins  []uint32
	slots   []uint64 // hash<<32 | rank+1; 0 is empty
	seed    maphash.Seed
	longest int
}

func newTable(text []byte, begins []uint32) *table {
	n := len(begins) - 1
	t := &table{text: text, begins: begins, slots: make([]uint64, 1<<bits.Len(uint(2*n-1))), seed: maphash.MakeSeed()}
	for rank := range n {
		token := text[begins[rank]:begins[rank+1]]
		t.longest = max(t.longest, len(token))
		hash := maphash.Bytes(t.seed, token)
		at := t.home(hash)
		for t.slots[at] != 0 {
			at = (at + 1) & (len(t.slots) - 1)
		}
		t.slots[at] = hash&^(1<<32-1) | uint64(rank+1)
	}
	return t
}

func (t *table) home(hash uint64) int { return int(hash) & (len(t.slots) - 1) }

// rank returns the rank of a token, and whether s is one.
func (t *table) rank(s string) (uint32, bool) {
	if len(s) > t.longest {
		return 0, false
	}
	hash := maphash.String(t.seed, s)
	for at := t.home(hash); ; at = (at + 1) & (len(t.slots) - 1) {
		slot := t.slots[at]
		if slot == 0 {
			return 0, false
		}
		if slot>>32 == hash>>32 {
			rank := uint32(slot) - 1
			if string(t.text[t.begins[rank]:t.begins[rank+1]]) == s {
				return rank, true
			}
		}
	}
}
