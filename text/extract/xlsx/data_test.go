package xlsx_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/numfmt"
	"github.com/smartretriever/smartretriever/text/extract/xlsx"
)

var documents = filepath.Join("..", "..", "..", "..", "shared", "data", "documents")

// TestRealWorkbooks reads the real workbooks: each ends as text or as a container
// that is none, and those with an expected text come as near to it as they have to.
func TestRealWorkbooks(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(documents, "manifest.tsv"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	var scores, macros []float64
	files, read := 0, 0
	for line := range strings.Lines(string(manifest)) {
		row := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(row) < 9 || !strings.HasPrefix(row[0], "xlsx/") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(documents, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		files++
		text, err := xlsx.Extract(t.Context(), content, xlsx.Options{Limit: 32 << 20})
		if err != nil {
			if !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("%s: %v (%s)", row[0], err, rag.KindOf(err))
			}
			continue
		}
		read++
		if fault := extracttest.Fault(text); fault != "" {
			t.Errorf("%s: %s", row[0], fault)
		}
		if row[8] == "" {
			continue
		}
		want, err := os.ReadFile(filepath.Join(documents, row[8]))
		if err != nil {
			t.Fatal(err)
		}
		f1 := extracttest.F1(text.Content, extracttest.Readable(string(want)))
		t.Logf("%.4f %s", f1, row[0])
		if strings.HasSuffix(row[0], ".xlsm") {
			macros = append(macros, f1)
		} else {
			scores = append(scores, f1)
		}
	}
	t.Logf("%d of %d files read", read, files)
	if read < 157 {
		t.Errorf("%d of %d files were read, want 157", read, files)
	}
	atLeast(t, "XLSX", scores, 0.86)
	atLeast(t, "XLSM", macros, 0.90)
}

func atLeast(t *testing.T, what string, scores []float64, bar float64) {
	t.Helper()
	sum := 0.0
	for _, s := range scores {
		sum += s
	}
	mean := sum / float64(max(1, len(scores)))
	t.Logf("%s: mean F1 %.4f of %d", what, mean, len(scores))
	if mean < bar {
		t.Errorf("%s: mean F1 is %.4f of %d files, want %.2f", what, mean, len(scores), bar)
	}
}

// TestNumberFormats formats the numbers of a workbook that says how Excel shows them.
func TestNumberFormats(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(documents, "xlsx", "poi", "NumberFormatTests.xlsx"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	text, err := xlsx.Extract(t.Context(), content, xlsx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(text.Content, "| Result (expected) |")
	bare := func(s string) string { return strings.Join(strings.Fields(s), "") } // blanks only place a number
	same, all := 0, 0
	for line := range strings.Lines(table) {
		row := strings.Split(strings.Trim(line, "|\n"), "|")
		if len(row) < 3 {
			continue
		}
		want, code := strings.TrimSpace(row[0]), strings.TrimSpace(row[1])
		v, err := strconv.ParseFloat(strings.TrimSpace(row[2]), 64)
		if err != nil || code == "" || strings.Contains(code, "/") {
			continue // fractions there are set in ways that no workbook uses: "#-#-#:#/#"
		}
		all++
		if got := numfmt.Parse(code).Number(v, false); bare(got) == bare(want) {
			same++
		} else {
			t.Logf("%q of %v: got %q, want %q", code, v, got, want)
		}
	}
	t.Logf("%d of %d numbers are written as Excel does", same, all)
	if all < 80 || same < all {
		t.Errorf("%d of %d numbers are written as Excel does, want all", same, all)
	}
}
