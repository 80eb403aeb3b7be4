package indextest

import (
	"os/exec"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// RestartDaemon ends a server that one of scripts/*-server.sh has started in a folder, and starts it again at the same address, on the same disk. It is for
// tests of the packages right under index.
func RestartDaemon(t testing.TB, folder string) {
	t.Helper()
	if out, err := exec.Command("../../scripts/daemon.sh", "restart", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// FindsByWords reports where a text does not find the items that it should, and these only.
func FindsByWords(t testing.TB, table external.Table, texts map[string][]rag.ChunkID) {
	t.Helper()
	for text, want := range texts {
		res, err := table.Search(t.Context(), external.Query{Text: text, K: 10})
		var got []rag.ChunkID
		for _, h := range res.Keyword {
			got = append(got, h.ChunkID)
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v (%v)", text, got, want, err)
		}
	}
}
