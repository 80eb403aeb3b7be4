package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

func TestSourceColumns(t *testing.T) {
	report, err := store.FormatReport(make([]byte, store.MaxCursor), rag.SyncReport{})
	if err != nil {
		t.Fatal(err)
	}
	var s rag.Source
	if err := store.ParseSource(&s, `{"a":1}`, "{}", `["p"]`, report); err != nil || string(s.Settings) != `{"a":1}` || s.Metadata == nil || len(s.ACL) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	for what, err := range map[string]error{
		"metadata":    store.ParseSource(&s, "{}", "", "", "{}"),
		"access list": store.ParseSource(&s, "{}", "{}", "p", "{}"),
		"report":      store.ParseSource(&s, "{}", "{}", "", ""),
	} {
		if !errors.Is(err, rag.ErrInternal) {
			t.Errorf("damaged %s: %v", what, err)
		}
	}
	if _, err := store.FormatReport(make([]byte, store.MaxCursor+1), rag.SyncReport{}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a long cursor: %v", err)
	}
}

func TestReadings(t *testing.T) {
	now := time.Unix(1000, 0)
	held := rag.Source{Name: "s", Holder: "you", HeldUntil: now.Add(1)}
	for what, c := range map[string]struct {
		got  error
		want error
	}{
		"a free one":            {store.CheckLease(rag.Source{HeldUntil: now.Add(1)}, "", now), nil},
		"one that is held":      {store.CheckLease(held, "", now), rag.ErrConflict},
		"one of another dead":   {store.CheckLease(held, "me", now), rag.ErrConflict},
		"one of a dead holder":  {store.CheckLease(held, "you", now), nil},
		"one that has expired":  {store.CheckLease(held, "", now.Add(1)), nil},
		"the last reading":      {store.CheckReading(3, 3), nil},
		"another reading":       {store.CheckReading(3, 4), rag.ErrConflict},
		"a source that is gone": {store.SourceRemoved(), rag.ErrNotFound},
		"room":                  {store.CheckRoom("s", 0, store.MaxSources-1), nil},
		"a name in use":         {store.CheckRoom("s", 1, store.MaxSources), rag.ErrConflict},
		"one too many":          {store.CheckRoom("s", 0, store.MaxSources), rag.ErrExhausted},
		"the same kind":         {store.CheckKind(rag.Source{Kind: "s3"}, rag.Source{Kind: "s3"}), nil},
		"another kind":          {store.CheckKind(rag.Source{Kind: "s3"}, rag.Source{Kind: "git"}), rag.ErrConflict},
		"a source that is not":  {store.NoSource("s"), rag.ErrNotFound},
		"an item that is not":   {store.NoItem("i"), rag.ErrNotFound},
	} {
		if !errors.Is(c.got, c.want) || c.want == nil && c.got != nil {
			t.Errorf("%s: %v", what, c.got)
		}
	}
}

func TestCut(t *testing.T) {
	whole := strings.Repeat("a", store.MaxReason)
	if got := store.Cut(whole); got != whole {
		t.Errorf("%d bytes are cut to %d", len(whole), len(got))
	}
	for before := range 5 {
		text := strings.Repeat("a", store.MaxReason-before) + "\U0001F600" + "b"
		got := store.Cut(text)
		want := store.MaxReason - before
		if before == 4 {
			want = store.MaxReason
		}
		if len(got) != want || !utf8.ValidString(got) || !strings.HasPrefix(text, got) {
			t.Errorf("a character that begins %d bytes before the end: %d bytes are left", before, len(got))
		}
	}
}
