package transfer_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/store/blob"
	"github.com/smartretriever/smartretriever/store/transfer"
)

// Originals are copied once; what the source lacks, or has damaged, is named and does not
// arrive as something else.
func TestCopyOriginals(t *testing.T) {
	folder := t.TempDir()
	open := func(dir string) *blob.Store {
		s, err := blob.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	from, to := open(folder), open(t.TempDir())
	var shas []string
	for _, content := range []string{"sound", "damaged", "gone", "there already"} {
		sha, _, err := from.Put(t.Context(), strings.NewReader(content), 100)
		if err != nil {
			t.Fatal(err)
		}
		shas = append(shas, sha)
	}
	file := func(i int) string { return filepath.Join(folder, shas[i][:2], shas[i][2:]) }
	if err := os.WriteFile(file(1), []byte("demaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file(2)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := to.Put(t.Context(), strings.NewReader("there already"), 100); err != nil {
		t.Fatal(err)
	}
	live := func(_ context.Context, fn func(string) error) error {
		for _, sha := range shas {
			if err := fn(sha); err != nil {
				return err
			}
		}
		return nil
	}
	for _, copied := range []int{1, 0} {
		report, err := transfer.CopyOriginals(t.Context(), live, from, to, func(transfer.OriginalsReport) {})
		if err != nil {
			t.Fatal(err)
		}
		if report.Files != 4 || report.Copied != copied || !slices.Equal(report.Missing, shas[1:3]) {
			t.Errorf("%+v", report)
		}
	}
	for i, want := range []bool{true, false, false, true} {
		content, _, err := to.Open(t.Context(), shas[i])
		if (err == nil) != want {
			t.Errorf("original %d: %v", i, err)
		}
		if err == nil {
			content.Close()
		}
	}
}
