package jsondoc_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/text/clean"
)

// TestRealRecords reads 5,183 abstracts as JSON Lines: every title and every text
// is there, in order.
func TestRealRecords(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "retrieval", "scifact", "corpus.jsonl"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	text := extract(t, string(content))
	if len(text.Warnings) > 0 {
		t.Errorf("%q", text.Warnings)
	}
	at, records := 0, 0
	for line := range strings.SplitSeq(strings.TrimSpace(string(content)), "\n") {
		var record struct{ Title, Text string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{clean.Line(record.Title), clean.Paragraph(record.Text)} {
			i := strings.Index(text.Content[at:], want)
			if i < 0 {
				t.Fatalf("record %d: %.60q is missing", records, want)
			}
			at += i + len(want)
		}
		records++
	}
	t.Logf("%d records, %d blocks", records, len(text.Blocks))
}
