package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/archive/archivetest"
)

// states are the results of one input: "external id: state", sorted.
func states(results []rag.AddResult) []string {
	var out []string
	for _, r := range results {
		out = append(out, r.ExternalID+": "+string(r.State))
	}
	slices.Sort(out)
	return out
}

// runAll runs inputs and returns the results of each, having checked that the last
// one, and only it, is marked as such.
func (m *memory) runAll(t *testing.T, inputs ...rag.Input) [][]rag.AddResult {
	t.Helper()
	out := make([][]rag.AddResult, len(inputs))
	p := m.pipeline()
	p.cfg.MaxBytes = 1 << 20
	err := p.Run(t.Context(), collection, slices.Values(inputs), func(i int, r rag.AddResult) { out[i] = append(out[i], r) })
	if err != nil {
		t.Fatal(err)
	}
	for i, results := range out {
		for j, r := range results {
			if r.More != (j < len(results)-1) {
				t.Errorf("input %d, result %d of %d: more %v", i, j, len(results), r.More)
			}
		}
	}
	return out
}

func file(id string, content []byte) rag.Input {
	return rag.Input{ExternalID: id, Source: "/s/" + id, Name: id, Content: bytes.NewReader(content)}
}

func TestArchivesAreTakenApart(t *testing.T) {
	m := newMemory()
	in := file("a.zip", archivetest.Zip(t, "one.txt", "one", "d/two.txt", "two three", ".hidden/x.txt", "x", "logo.ico", "\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00\x00\x00\x00\x00", "bad.txt", "damaged", "in.zip", string(archivetest.Zip(t, "deep.txt", "four"))))
	in.Metadata, in.ACL, in.Title = rag.Metadata{"team": rag.Str("x")}, []string{"ann"}, "not the members'"
	got := m.runAll(t, in, text("plain", "five"))
	want := []string{"a.zip!/bad.txt: failed", "a.zip!/d/two.txt: added", "a.zip!/in.zip!/deep.txt: added", "a.zip!/logo.ico: skipped", "a.zip!/one.txt: added"}
	if !slices.Equal(states(got[0]), want) || len(got[1]) != 1 {
		t.Errorf("got %q, want %q", states(got[0]), want)
	}
	d := m.docs["a.zip!/d/two.txt"]
	if d.Source != "/s/a.zip!/d/two.txt" || d.Title != "two" || !slices.Equal(d.ACL, in.ACL) || d.Metadata["team"].Text() != "x" || d.Metadata["archive"].Text() != "a.zip" {
		t.Errorf("%+v", d)
	}
	if len(m.docs) != 4 || len(in.Metadata) != 1 {
		t.Errorf("stored: %q; metadata %v", slices.Sorted(maps.Keys(m.docs)), in.Metadata)
	}

	// Nothing of it has changed: nothing is extracted or embedded.
	m.embedded = nil
	in.Content = bytes.NewReader(archivetest.Zip(t, "one.txt", "one", "d/two.txt", "two three", "in.zip", string(archivetest.Zip(t, "deep.txt", "four"))))
	if got := states(m.runAll(t, in)[0]); !slices.Equal(got, []string{"a.zip!/d/two.txt: unchanged", "a.zip!/in.zip!/deep.txt: unchanged", "a.zip!/one.txt: unchanged"}) || len(m.embedded) != 0 {
		t.Errorf("again: %q, embedded %q", got, m.embedded)
	}

	// One is changed, one is gone, one is new. Documents beside the archive stay.
	m.runAll(t, text("a.zip!", "x"), text("a.zip0", "x"))
	in.Content = bytes.NewReader(archivetest.Zip(t, "one.txt", "one and more", "new.txt", "six"))
	if got := states(m.runAll(t, in)[0]); !slices.Equal(got, []string{"a.zip!/d/two.txt: removed", "a.zip!/in.zip!/deep.txt: removed", "a.zip!/new.txt: added", "a.zip!/one.txt: updated"}) {
		t.Errorf("changed: %q", got)
	}
	if got := slices.Sorted(maps.Keys(m.docs)); !slices.Equal(got, []string{"a.zip!", "a.zip!/new.txt", "a.zip!/one.txt", "a.zip0", "plain"}) {
		t.Errorf("stored: %q", got)
	}

	// Whole, it is a document like any other, which gives way to the archive's files.
	in.Content, in.Whole = bytes.NewReader(archivetest.Zip(t, "one.txt", "1")), true
	if got := states(m.runAll(t, in)[0]); !slices.Equal(got, []string{"a.zip: added"}) {
		t.Errorf("whole: %q", got)
	}
	in.Content, in.Whole = bytes.NewReader(archivetest.Zip(t)), false
	if got := states(m.runAll(t, in)[0]); !slices.Equal(got, []string{"a.zip!/new.txt: removed", "a.zip!/one.txt: removed", "a.zip: removed", "a.zip: skipped"}) {
		t.Errorf("emptied: %q", got)
	}
}

func TestArchivesSayWhatIsWrong(t *testing.T) {
	m := newMemory()
	whole := archivetest.Zip(t, "one.txt", strings.Repeat("one ", 20), "two.txt", "two")
	m.runAll(t, file("cut.zip", whole))
	got := m.runAll(t,
		file("empty.zip", archivetest.Zip(t)),
		file("none.zip", archivetest.Zip(t, "a.txt", "damaged", "b.txt", "damaged")),
		file("left.zip", archivetest.Zip(t, "a.bin", "\x00\x01\x02\x00")),
		file("cut.zip", whole[:len(whole)-40]),
		file("mixed.zip", archivetest.Zip(t, "a.txt", "damaged", "b.bin", "\x00\x01\x02\x00")),
	)
	for i, want := range []struct {
		state rag.AddState
		says  string
		n     int
	}{
		{rag.Skipped, "holds no files", 1},
		{rag.Failed, "none of the 2 files of the archive could be read; the first: is damaged", 3},
		{rag.Skipped, "none of the 1 files", 2},
		{rag.Failed, "directory is missing", 1},
		{rag.Failed, "none of the 2 files", 3},
	} {
		last := got[i][len(got[i])-1]
		if len(got[i]) != want.n || last.State != want.state || last.Err == nil || !strings.Contains(last.Err.Error(), want.says) || strings.Contains(last.ExternalID, "!") {
			t.Errorf("%d results, the last %s of %s: %v; want %+v", len(got[i]), last.State, last.ExternalID, last.Err, want)
		}
	}
	if len(m.docs) != 2 {
		t.Errorf("%q: a damaged archive is no reason to delete", slices.Sorted(maps.Keys(m.docs)))
	}
}

func TestArchiveWithoutAName(t *testing.T) {
	m := newMemory()
	in := rag.Input{Content: bytes.NewReader(archivetest.Zip(t, "a.txt", "x"))}
	got := m.runAll(t, in)[0]
	if len(got) != 1 || !strings.HasPrefix(got[0].ExternalID, "archive-") || !strings.HasSuffix(got[0].ExternalID, "!/a.txt") || got[0].Source != "" {
		t.Errorf("%+v", got)
	}
}

func TestMayReplace(t *testing.T) {
	m := newMemory()
	mine := file("a.zip", archivetest.Zip(t, "closed.txt", "one", "gone.txt", "two"))
	mine.ACL = []string{"ann"}
	m.runAll(t, mine)
	theirs := file("a.zip", archivetest.Zip(t, "closed.txt", "other", "new.txt", "three"))
	theirs.MayReplace = func(d rag.Document) error {
		if len(d.ACL) > 0 {
			return rag.Errorf(rag.KindConflict, "in use")
		}
		return nil
	}
	if got := states(m.runAll(t, theirs)[0]); !slices.Equal(got, []string{"a.zip!/closed.txt: failed", "a.zip!/new.txt: added"}) || len(m.docs) != 3 {
		t.Errorf("%q, %d documents", got, len(m.docs))
	}
}

// TestManyArchivesAtOnce has every worker take archives apart at the same time.
func TestManyArchivesAtOnce(t *testing.T) {
	m := newMemory()
	var inputs []rag.Input
	for i := range 30 {
		var pairs []string
		for j := range 40 {
			pairs = append(pairs, fmt.Sprintf("%d.txt", j), fmt.Sprintf("word%d", i*j%17))
		}
		inputs = append(inputs, file(fmt.Sprintf("%d.zip", i), archivetest.Zip(t, pairs...)))
	}
	for i, results := range m.runAll(t, inputs...) {
		if len(results) != 40 {
			t.Errorf("archive %d: %d results", i, len(results))
		}
	}
	if len(m.docs) != 1200 {
		t.Errorf("%d documents", len(m.docs))
	}
}

func TestEstimateOfArchives(t *testing.T) {
	m := newMemory()
	in := file("a.zip", archivetest.Zip(t, "one.txt", "one", "two.txt", "two three", "bad.txt", "damaged"))
	var got []rag.DocumentEstimate
	p := m.pipeline()
	if _, err := p.Estimate(t.Context(), collection, slices.Values([]rag.Input{in, file("b.zip", archivetest.Zip(t))}), func(i int, e rag.DocumentEstimate) {
		if i == 0 {
			got = append(got, e)
		} else if e.More || e.State != rag.Skipped {
			t.Errorf("the empty archive: %+v", e)
		}
	}); err != nil {
		t.Fatal(err)
	}
	fresh := 0
	for i, e := range got {
		fresh += e.NewChunks
		if e.More != (i < 2) {
			t.Errorf("%d: more %v", i, e.More)
		}
	}
	if len(got) != 3 || fresh != 3 || len(m.docs) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestArchiveIsCutOff holds a run that ends within an archive to reporting what is
// stored, with nothing marked as the last.
func TestArchiveIsCutOff(t *testing.T) {
	m := newMemory()
	var pairs []string
	for j := range 500 {
		pairs = append(pairs, fmt.Sprintf("%d.txt", j), fmt.Sprintf("word%d", j))
	}
	ctx, cancel := context.WithCancel(t.Context())
	reported := map[string]bool{}
	p := m.pipeline()
	p.cfg.Batch, p.cfg.MaxBytes = 4, 1<<20
	err := p.Run(ctx, collection, slices.Values([]rag.Input{file("a.zip", archivetest.Zip(t, pairs...))}), func(_ int, r rag.AddResult) {
		reported[r.ExternalID] = true
		if !r.More {
			t.Errorf("%s is said to be the last", r.ExternalID)
		}
		if len(reported) == 20 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	for id := range m.docs {
		if !reported[id] {
			t.Errorf("%s is stored and was not reported", id)
		}
	}
}
