package trie_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert/trie"
)

func TestTrie(t *testing.T) {
	tr := trie.New(2, 10)
	words := []string{"a", "ab", "abcd", "b", "\x00\xff"}
	for i, w := range words {
		if !tr.Add(0, w, int32(i)) || tr.Add(0, w, 9) {
			t.Errorf("%q was not new, or new twice", w)
		}
	}
	if !tr.Add(1, "a", 7) {
		t.Error("another root has the entries of the first")
	}
	for text, want := range map[string]struct {
		id     int32
		length int
	}{"": {0, 0}, "abc": {1, 2}, "abcde": {2, 4}, "x": {0, 0}, "\x00\xff\xff": {4, 2}} {
		if id, n := tr.Longest(0, []byte(text)); n != want.length || n > 0 && id != want.id {
			t.Errorf("%q starts with entry %d of %d bytes", text, id, n)
		}
	}
	node, ok := tr.Next(1, 'a')
	if !ok || tr.ID(node) != 7 {
		t.Error("the second root has no a")
	}
	if _, ok := tr.Next(node, 'b'); ok {
		t.Error("the second root has ab")
	}
}

// Many entries, so that the table grows, are found against a map.
func TestMany(t *testing.T) {
	tr, all := trie.New(1, 0), map[string]int32{}
	for i := range int32(40_000) {
		w := strings.Repeat(fmt.Sprint(i*7919%100_003), 2)
		if _, twice := all[w]; tr.Add(0, w, i) == twice {
			t.Fatalf("%q: added twice or not at all", w)
		} else if !twice {
			all[w] = i
		}
	}
	for w, want := range all {
		if id, n := tr.Longest(0, []byte(w)); id != want || n != len(w) {
			t.Fatalf("%q is entry %d of %d bytes", w, id, n)
		}
	}
}
