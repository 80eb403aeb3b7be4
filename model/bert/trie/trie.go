// Package trie holds the vocabularies of tokenizers, one entry a path of bytes.
//
// Its edges live in one open-addressed hash table keyed by node and byte, which is
// built in milliseconds and read with one probe a byte. A Trie is built by one
// goroutine and may then be read by many.
package trie

// MaxBytes bounds the bytes of all entries together: at most one node comes with
// each, and nodes are numbered in 24 bits.
const MaxBytes = 8 << 20

// Trie maps texts to the numbers of entries. Entries lie under roots, which are
// the nodes 0, 1 and so on.
type Trie struct {
	edges []edge
	shift uint
	ids   []int32 // by node: the entry that ends there, or -1
}

type edge struct {
	key  uint32 // node<<8 | byte, plus one: zero is an empty place
	node uint32
}

// New returns an empty trie with so many roots, with room for entries of the given
// number of bytes together, of which there must not come more than MaxBytes.
func New(roots, bytes int) *Trie {
	t := &Trie{ids: make([]int32, roots, bytes/2+roots)}
	for i := range t.ids {
		t.ids[i] = -1
	}
	t.resize(15)
	return t
}

func (t *Trie) resize(bits uint) {
	old := t.edges
	t.edges = make([]edge, 1<<bits)
	t.shift = 32 - bits
	for _, e := range old {
		if e.key != 0 {
			*t.place(e.key) = e
		}
	}
}

// place returns the edge of that key, or the empty place where it belongs.
func (t *Trie) place(key uint32) *edge {
	mask := uint32(len(t.edges) - 1)
	for i := key * 0x9E3779B1 >> t.shift; ; i++ {
		e := &t.edges[i&mask]
		if e.key == key || e.key == 0 {
			return e
		}
	}
}

// Add enters a text and reports whether it is new. The number is 0 or more.
func (t *Trie) Add(root uint32, text string, id int32) bool {
	node := root
	for i := range len(text) {
		key := node<<8 + uint32(text[i]) + 1
		e := t.place(key)
		if e.key == 0 {
			if 2*len(t.ids) > len(t.edges) {
				t.resize(33 - t.shift)
				e = t.place(key)
			}
			*e = edge{key, uint32(len(t.ids))}
			t.ids = append(t.ids, -1)
		}
		node = e.node
	}
	if t.ids[node] >= 0 {
		return false
	}
	t.ids[node] = id
	return true
}

// Next returns the node that a byte leads to, and whether there is one.
func (t *Trie) Next(node uint32, b byte) (uint32, bool) {
	e := t.place(node<<8 + uint32(b) + 1)
	return e.node, e.key != 0
}

// ID returns the number of the entry that ends at a node, or -1.
func (t *Trie) ID(node uint32) int32 { return t.ids[node] }

// Longest returns the longest entry that text starts with, and its length in
// bytes: 0 where there is none.
func (t *Trie) Longest(root uint32, text []byte) (id int32, length int) {
	node := root
	for i, b := range text {
		e := t.place(node<<8 + uint32(b) + 1)
		if e.key == 0 {
			break
		}
		node = e.node
		if t.ids[node] >= 0 {
			id, length = t.ids[node], i+1
		}
	}
	return id, length
}
