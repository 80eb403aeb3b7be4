package wordpiece

// trie finds the longest entry that a word starts with. Its edges live in one
// open-addressed hash table keyed by (node, byte), which is built in a few
// milliseconds and read with one probe a byte.
type trie struct {
	edges []edge
	shift uint
	ids   []int32 // by node: the entry that ends there, or -1
}

type edge struct {
	key  uint32 // node<<8 | byte, plus one: zero is an empty place
	node uint32
}

// Words are looked up from the first root, continuing pieces from the second.
const (
	rootStart    = uint32(0)
	rootContinue = uint32(1)
)

// init makes room for entries of the given number of bytes together. At most one
// node comes with each byte.
func (t *trie) init(bytes int) {
	t.resize(15)
	t.ids = append(make([]int32, 0, bytes/2+2), -1, -1)
}

func (t *trie) resize(bits uint) {
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
func (t *trie) place(key uint32) *edge {
	mask := uint32(len(t.edges) - 1)
	for i := key * 0x9E3779B1 >> t.shift; ; i++ {
		e := &t.edges[i&mask]
		if e.key == key || e.key == 0 {
			return e
		}
	}
}

// add enters a word and reports whether it is new.
func (t *trie) add(root uint32, word string, id int32) bool {
	node := root
	for i := range len(word) {
		e := t.place(node<<8 + uint32(word[i]) + 1)
		if e.key == 0 {
			if 2*len(t.ids) > len(t.edges) {
				t.resize(33 - t.shift)
				e = t.place(node<<8 + uint32(word[i]) + 1)
			}
			*e = edge{node<<8 + uint32(word[i]) + 1, uint32(len(t.ids))}
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

// longest returns the longest entry that word starts with, and its length in
// bytes: 0 where there is none.
func (t *trie) longest(root uint32, word []byte) (id int32, length int) {
	node := root
	for i, b := range word {
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
