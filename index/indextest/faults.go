package indextest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// Fan returns items with the ids from 1 and the tag 1, whose vectors of three dimensions turn further and further away from the first axis. Each text is words and a
// number, or, without words, "".
func Fan(n int, words string) (items []external.Item) {
	for i := range n {
		angle := float64(i) / 10
		items = append(items, external.Item{ID: rag.ChunkID(i + 1), Document: "d", Vector: []float32{float32(math.Cos(angle)), float32(math.Sin(angle)), 0}, Tags: []external.Tag{1}})
		if words != "" {
			items[i].Text = fmt.Sprint(words, " ", i)
		}
	}
	return items
}

// CheckFault empties a table, makes a call while something is wrong, and returns its error, which has to be of a kind and to hold nothing of what is private. The call
// leaves so many items, and ends well when it is made again, after the server had a part of it.
func CheckFault(t testing.TB, table external.Table, inject func(), call func() error, kind rag.Kind, left int64, private ...string) error {
	t.Helper()
	if err := table.DeleteWhere(t.Context(), external.Condition{}); err != nil {
		t.Fatal(err)
	}
	inject()
	failed := call()
	if rag.KindOf(failed) != kind {
		t.Fatalf("%v (%s), want %s", failed, rag.KindOf(failed), kind)
	}
	for _, p := range private {
		if strings.Contains(fmt.Sprintf("%v %+v", failed, failed), p) {
			t.Errorf("the error tells what it must not: %v", failed)
		}
	}
	if n, err := table.Count(t.Context()); err != nil || n != left {
		t.Errorf("%d items are there (%v), want %d", n, err, left)
	}
	if err := call(); err != nil {
		t.Errorf("again: %v", err)
	}
	return failed
}
