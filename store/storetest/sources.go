package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

var sourceTests = []test{
	{"create, change and list", createSources},
	{"faults", sourceFaults},
	{"leases", sourceLeases},
	{"items", sourceItems},
	{"drop", dropItems},
	{"documents of two sources", sharedDocuments},
	{"prune", pruneDocuments},
	{"deleted by hand", deletedByHand},
	{"tenants and collections apart", sourcesApart},
	{"delete source", deleteSource},
}

// sourceSpec is a source to be made.
func sourceSpec(c rag.Collection, name string) rag.Source {
	return rag.Source{CollectionID: c.ID, Name: name, Kind: "folder", Settings: json.RawMessage(`{"path":"/files"}`)}
}

// leased is a source that is being read.
func leased(t *testing.T, s Store, c rag.Collection, name string) rag.Source {
	t.Helper()
	_, err := s.CreateSource(t.Context(), sourceSpec(c, name))
	ok(t, "create "+name, err)
	src, err := s.LeaseSource(t.Context(), c.ID, name, "me", "", time.Hour)
	ok(t, "lease "+name, err)
	return src
}

// again is the next reading of a source.
func again(t *testing.T, s Store, src rag.Source) rag.Source {
	t.Helper()
	ok(t, "end", s.EndReading(t.Context(), src.ID, src.Reading, nil, "", rag.SyncReport{}))
	next, err := s.LeaseSource(t.Context(), src.CollectionID, src.Name, "me", "", time.Hour)
	ok(t, "lease", err)
	return next
}

func item(id, externalID, fingerprint string) rag.SourceItem {
	return rag.SourceItem{ID: id, ExternalID: externalID, Fingerprint: fingerprint}
}

func itemIDs(list []rag.SourceItem) string {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return strings.Join(ids, " ")
}

func createSources(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	spec := sourceSpec(c, "papers")
	spec.Metadata, spec.ACL = rag.Metadata{"team": rag.Str("sales")}, []string{"alice", "bob"}
	made, err := s.CreateSource(t.Context(), spec)
	ok(t, "create", err)
	if made.ID == 0 || made.Tenant != "t" || made.Collection != "c" || made.Kind != "folder" || string(made.Settings) != `{"path":"/files"}` ||
		made.Metadata["team"].Text() != "sales" || !slices.Equal(made.ACL, spec.ACL) || made.CreatedAt.IsZero() || !made.LastRun.IsZero() || made.Reading != 0 {
		t.Errorf("made: %+v", made)
	}
	_, err = s.CreateSource(t.Context(), sourceSpec(c, "archive"))
	ok(t, "create another", err)
	list, err := s.Sources(t.Context(), c.ID)
	ok(t, "list", err)
	if len(list) != 2 || list[0].Name != "archive" || fmt.Sprint(list[1]) != fmt.Sprint(made) {
		t.Errorf("listed: %+v", list)
	}

	src := leased(t, s, c, "third")
	ok(t, "items", s.PutItems(t.Context(), src, []rag.SourceItem{item("a", "x:a", "1"), {ID: "b", ExternalID: "x:b", Kind: rag.KindInvalid, Reason: "damaged"}}))
	report := rag.SyncReport{Added: 1, Failed: 1, Failures: []rag.SyncFailure{{Path: "x:b", Kind: rag.KindInvalid, Reason: "damaged"}}}
	ok(t, "end", s.EndReading(t.Context(), src.ID, src.Reading, []byte("cursor"), "", report))
	ended, err := s.Source(t.Context(), c.ID, "third")
	ok(t, "read", err)
	if ended.Items != 2 || ended.Failing != 1 || string(ended.Cursor) != "cursor" || ended.LastSuccess.IsZero() || ended.LastRun.IsZero() || ended.Holder != "" ||
		fmt.Sprint(ended.LastReport) != fmt.Sprint(report) {
		t.Errorf("after a reading: %+v", ended)
	}
	spec = sourceSpec(c, "third")
	spec.Settings = json.RawMessage(`{"path":"/other"}`)
	changed, err := s.ChangeSource(t.Context(), spec)
	ok(t, "change", err)
	if string(changed.Settings) != string(spec.Settings) || changed.Cursor != nil || changed.Items != 2 {
		t.Errorf("changed: %+v", changed)
	}
	i, err := s.SourceItem(t.Context(), changed, "a")
	ok(t, "item", err)
	equal(t, "fingerprint after a change of settings", i.Fingerprint, "")
	spec.Kind = "web"
	wantKind(t, "another kind", second(s.ChangeSource(t.Context(), spec)), rag.KindConflict)
	wantKind(t, "change of none", second(s.ChangeSource(t.Context(), sourceSpec(c, "none"))), rag.KindNotFound)

	all, err := s.AllSources(t.Context())
	ok(t, "list all", err)
	if len(all) != 3 || all[2].Name != "third" || all[0].Tenant != "t" {
		t.Errorf("all: %+v", all)
	}
}

func sourceFaults(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	for what, change := range map[string]func(*rag.Source){
		"no name":          func(s *rag.Source) { s.Name = "" },
		"bad name":         func(s *rag.Source) { s.Name = "a/b" },
		"no kind":          func(s *rag.Source) { s.Kind = "" },
		"no settings":      func(s *rag.Source) { s.Settings = nil },
		"no object":        func(s *rag.Source) { s.Settings = json.RawMessage(`[]`) },
		"null":             func(s *rag.Source) { s.Settings = json.RawMessage(`null`) },
		"long settings":    func(s *rag.Source) { s.Settings = json.RawMessage(`{"a":"` + strings.Repeat("x", 65<<10) + `"}`) },
		"empty principal":  func(s *rag.Source) { s.ACL = []string{""} },
		"bad metadata key": func(s *rag.Source) { s.Metadata = rag.Metadata{"": rag.Num(1)} },
	} {
		spec := sourceSpec(c, "s")
		change(&spec)
		wantKind(t, what, second(s.CreateSource(t.Context(), spec)), rag.KindInvalid)
	}
	spec := sourceSpec(c, "s")
	_, err := s.CreateSource(t.Context(), spec)
	ok(t, "create", err)
	wantKind(t, "again", second(s.CreateSource(t.Context(), spec)), rag.KindConflict)
	spec.CollectionID += 100
	wantKind(t, "no collection", second(s.CreateSource(t.Context(), spec)), rag.KindNotFound)
	wantKind(t, "none", second(s.Source(t.Context(), c.ID, "none")), rag.KindNotFound)
	src, err := s.LeaseSource(t.Context(), c.ID, "s", "me", "", time.Hour)
	ok(t, "lease", err)
	for what, i := range map[string]rag.SourceItem{
		"no id": item("", "x", ""), "long id": item(strings.Repeat("x", 1025), "x", ""), "NUL": item("a\x00", "x", ""),
		"UTF-8": item("a\xff", "x", ""), "long fingerprint": item("a", "x", strings.Repeat("x", 1025)),
	} {
		wantKind(t, what, s.PutItems(t.Context(), src, []rag.SourceItem{i}), rag.KindInvalid)
	}
	wantKind(t, "no item", second(s.SourceItem(t.Context(), src, "none")), rag.KindNotFound)
	wantKind(t, "long cursor", s.EndReading(t.Context(), src.ID, src.Reading, make([]byte, 1<<20+1), "", rag.SyncReport{}), rag.KindInvalid)
	long := rag.SourceItem{ID: "a", ExternalID: "x", Kind: rag.KindInvalid, Reason: strings.Repeat("ä", 1000)}
	ok(t, "long reason", s.PutItems(t.Context(), src, []rag.SourceItem{long}))
	i, err := s.SourceItem(t.Context(), src, "a")
	ok(t, "item", err)
	if len(i.Reason) > store.MaxReason || !strings.HasPrefix(long.Reason, i.Reason) || len(i.Reason) < 1000 {
		t.Errorf("the reason is kept with %d bytes", len(i.Reason))
	}
}

func sourceLeases(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	_, err := s.CreateSource(t.Context(), sourceSpec(c, "s"))
	ok(t, "create", err)
	lease := func(holder, dead string, ttl time.Duration) (rag.Source, error) {
		return s.LeaseSource(t.Context(), c.ID, "s", holder, dead, ttl)
	}
	first, err := lease("one", "", time.Hour)
	ok(t, "lease", err)
	if first.Reading != 1 || first.Holder != "one" || first.HeldUntil.IsZero() || first.LastRun.IsZero() {
		t.Errorf("leased: %+v", first)
	}
	wantKind(t, "held", second(lease("two", "", time.Hour)), rag.KindConflict)
	wantKind(t, "held by the same", second(lease("one", "", time.Hour)), rag.KindConflict)
	wantKind(t, "another is dead", second(lease("two", "three", time.Hour)), rag.KindConflict)
	ok(t, "renew", s.RenewLease(t.Context(), first.ID, first.Reading, time.Hour))
	taken, err := lease("two", "one", time.Hour)
	ok(t, "the holder is dead", err)
	equal(t, "reading", taken.Reading, 2)
	for what, err := range map[string]error{
		"renew":    s.RenewLease(t.Context(), first.ID, first.Reading, time.Hour),
		"put":      s.PutItems(t.Context(), first, []rag.SourceItem{item("a", "x", "")}),
		"seen":     s.SeenItems(t.Context(), first, []string{"a"}),
		"drop":     second(s.DropItems(t.Context(), first, []string{"a"})),
		"end":      s.EndReading(t.Context(), first.ID, first.Reading, nil, "", rag.SyncReport{}),
		"delete":   s.DeleteSource(t.Context(), first.ID, first.Reading),
		"not held": second(lease("three", "", time.Hour)),
	} {
		wantKind(t, "after the lease was lost: "+what, err, rag.KindConflict)
	}
	ok(t, "renew to the past", s.RenewLease(t.Context(), taken.ID, taken.Reading, -time.Hour))
	third, err := lease("three", "", time.Hour)
	ok(t, "expired", err)
	ok(t, "cursor", s.EndReading(t.Context(), third.ID, third.Reading, []byte("c"), "", rag.SyncReport{}))
	fourth, err := lease("four", "", time.Hour)
	ok(t, "given back", err)
	ok(t, "fail", s.EndReading(t.Context(), fourth.ID, fourth.Reading, []byte("other"), "the site is down", rag.SyncReport{Failed: 3}))
	src, err := s.Source(t.Context(), c.ID, "s")
	ok(t, "read", err)
	if string(src.Cursor) != "c" || src.LastError != "the site is down" || src.LastReport.Failed != 3 || src.Holder != "" {
		t.Errorf("after a failure: %+v", src)
	}
}

func sourceItems(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	src := leased(t, s, c, "s")
	ok(t, "none", s.PutItems(t.Context(), src, nil))
	ok(t, "put", s.PutItems(t.Context(), src, []rag.SourceItem{item("b", "x:b", "1"), item("a", "x:a", "1"), item("c", "x:c", "1"),
		{ID: "d", ExternalID: "x:d", Kind: rag.KindUnavailable, Reason: "busy"}}))
	list := func(after string, failing bool, limit int) string {
		t.Helper()
		items, err := s.SourceItems(t.Context(), src, after, failing, limit)
		ok(t, "list", err)
		return itemIDs(items)
	}
	equal(t, "all", list("", false, 10), "a b c d")
	equal(t, "after", list("b", false, 1), "c")
	equal(t, "failing", list("", true, 10), "d")
	stale := func(reading int64, limit int) string {
		t.Helper()
		items, err := s.StaleItems(t.Context(), src, reading, limit)
		ok(t, "stale", err)
		return itemIDs(items)
	}
	equal(t, "stale at first", stale(src.Reading, 10), "")
	src = again(t, s, src)
	equal(t, "stale", stale(src.Reading, 10), "a b c d")
	equal(t, "stale, some", stale(src.Reading, 2), "a b")
	ok(t, "seen", s.SeenItems(t.Context(), src, []string{"a", "d", "unknown"}))
	ok(t, "changed", s.PutItems(t.Context(), src, []rag.SourceItem{item("c", "x:c", "2")}))
	equal(t, "stale after", stale(src.Reading, 10), "b")
	d, err := s.SourceItem(t.Context(), src, "d")
	ok(t, "item", err)
	if d.Kind != rag.KindUnavailable || d.Reason != "busy" || d.Reading != src.Reading || d.UpdatedAt.IsZero() {
		t.Errorf("what was seen: %+v", d)
	}
	got, err := s.SourceItem(t.Context(), src, "c")
	ok(t, "item", err)
	equal(t, "fingerprint", got.Fingerprint, "2")
}

func dropItems(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One."), Put(c.ID, "a!/1", "Two."), Put(c.ID, "a!/b!/2", "Three."), Put(c.ID, "a!0", "Four."), Put(c.ID, "aa", "Five."), Put(c.ID, "b", "Six."))
	src := leased(t, s, c, "s")
	ok(t, "put", s.PutItems(t.Context(), src, []rag.SourceItem{item("1", "a", ""), item("2", "b", ""), item("3", "never", "")}))
	deleted, err := s.DropItems(t.Context(), src, []string{"1", "3", "unknown"})
	ok(t, "drop", err)
	slices.Sort(deleted)
	equal(t, "deleted", fmt.Sprint(deleted), "[a a!/1 a!/b!/2]")
	equal(t, "left", fmt.Sprint(externalIDs(allDocuments(t, s, scopeOf(c), rag.ListOptions{}))), "[a!0 aa b]")
	left, err := s.SourceItems(t.Context(), src, "", false, 10)
	ok(t, "items", err)
	equal(t, "items", itemIDs(left), "2")
}

func sharedDocuments(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One."), Put(c.ID, "a!/1", "Two."), Put(c.ID, "a!/2", "Three."))
	one, two := leased(t, s, c, "one"), leased(t, s, c, "two")
	ok(t, "put", s.PutItems(t.Context(), one, []rag.SourceItem{item("i", "a", "")}))
	ok(t, "put", s.PutItems(t.Context(), two, []rag.SourceItem{item("k", "a", ""), item("m", "a!/2", "")}))
	deleted, err := s.DropItems(t.Context(), one, []string{"i"})
	ok(t, "drop", err)
	equal(t, "while another has it", len(deleted), 0)
	deleted, err = s.DropItems(t.Context(), two, []string{"k"})
	ok(t, "drop", err)
	slices.Sort(deleted)
	equal(t, "the last one", fmt.Sprint(deleted), "[a a!/1]")
	deleted, err = s.DropItems(t.Context(), two, []string{"m"})
	ok(t, "drop", err)
	equal(t, "what was another's own", fmt.Sprint(deleted), "[a!/2]")
}

func pruneDocuments(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One."), Put(c.ID, "a!/1", "Two."), Put(c.ID, "a!/2", "Three."), Put(c.ID, "a!/3", "Four."))
	src := leased(t, s, c, "s")
	ok(t, "put", s.PutItems(t.Context(), src, []rag.SourceItem{item("i", "a", ""), item("own", "a!/3", "")}))
	deleted, err := s.PruneDocuments(t.Context(), src, "a", []string{"a!/1"})
	ok(t, "prune", err)
	slices.Sort(deleted)
	equal(t, "pruned", fmt.Sprint(deleted), "[a a!/2]")
	deleted, err = s.PruneDocuments(t.Context(), src, "a", []string{"a!/1"})
	ok(t, "again", err)
	equal(t, "pruned again", len(deleted), 0)
}

func deletedByHand(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	doc := mustPut(t, s, Put(c.ID, "a", "One."))[0].Document
	src := leased(t, s, c, "s")
	ok(t, "put", s.PutItems(t.Context(), src, []rag.SourceItem{item("i", "a", "1")}))
	removed := func() string {
		t.Helper()
		i, err := s.SourceItem(t.Context(), src, "i")
		ok(t, "item", err)
		return i.Removed
	}
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), doc.ID))
	equal(t, "removed", removed(), doc.SHA256)
	ok(t, "seen", s.SeenItems(t.Context(), src, []string{"i"}))
	equal(t, "removed, seen again", removed(), doc.SHA256)
	ok(t, "restore", s.RestoreDocument(t.Context(), scopeOf(c), doc.ID))
	equal(t, "restored", removed(), "")
}

func sourcesApart(t *testing.T, s Store) {
	a, b := makeCollection(t, s, "a", "c"), makeCollection(t, s, "b", "c")
	mustPut(t, s, Put(a.ID, "x", "One."))
	mustPut(t, s, Put(b.ID, "x", "One."))
	one, two := leased(t, s, a, "s"), leased(t, s, b, "s")
	ok(t, "put", s.PutItems(t.Context(), one, []rag.SourceItem{item("i", "x", "")}))
	ok(t, "put", s.PutItems(t.Context(), two, []rag.SourceItem{item("i", "x", ""), item("k", "y", "")}))
	deleted, err := s.DropItems(t.Context(), one, []string{"i", "k"})
	ok(t, "drop", err)
	equal(t, "deleted", fmt.Sprint(deleted), "[x]")
	equal(t, "the other's documents", len(allDocuments(t, s, scopeOf(b), rag.ListOptions{})), 1)
	items, err := s.SourceItems(t.Context(), two, "", false, 10)
	ok(t, "items", err)
	equal(t, "the other's items", itemIDs(items), "i k")
	ok(t, "delete collection", s.DeleteCollection(t.Context(), "b", "c"))
	all, err := s.AllSources(t.Context())
	ok(t, "all", err)
	equal(t, "sources", len(all), 1)
	items, err = s.SourceItems(t.Context(), two, "", false, 10)
	ok(t, "items", err)
	equal(t, "items of a deleted collection", len(items), 0)
	wantKind(t, "a reading of a deleted collection", s.PutItems(t.Context(), two, []rag.SourceItem{item("i", "x", "")}), rag.KindNotFound)
}

func deleteSource(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "x", "One."))
	src := leased(t, s, c, "s")
	ok(t, "put", s.PutItems(t.Context(), src, []rag.SourceItem{item("i", "x", "")}))
	ok(t, "delete", s.DeleteSource(t.Context(), src.ID, src.Reading))
	wantKind(t, "read", second(s.Source(t.Context(), c.ID, "s")), rag.KindNotFound)
	wantKind(t, "its reading", s.RenewLease(t.Context(), src.ID, src.Reading, time.Hour), rag.KindNotFound)
	equal(t, "its documents stay", len(allDocuments(t, s, scopeOf(c), rag.ListOptions{})), 1)
	made := leased(t, s, c, "s")
	if made.ID == src.ID || made.Items != 0 {
		t.Errorf("made again: %+v", made)
	}
}
