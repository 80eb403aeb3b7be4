package store_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

func TestDocumentColumns(t *testing.T) {
	var d rag.Document
	if err := store.ParseDocument(&d, `{"a":1}`, `["p"]`); err != nil || !reflect.DeepEqual(d.Metadata["a"], rag.Num(1)) || !slices.Equal(d.ACL, []string{"p"}) {
		t.Errorf("%+v, %v", d, err)
	}
	var c rag.Chunk
	hash := rag.Hash{1, 2, 3}
	if err := store.ParseChunk(&c, hash[:], `["h"]`); err != nil || c.Hash != hash || !slices.Equal(c.Heading, []string{"h"}) {
		t.Errorf("%+v, %v", c, err)
	}
	for what, err := range map[string]error{
		"metadata":     store.ParseDocument(&d, "", ""),
		"access list":  store.ParseDocument(&d, "{}", "p"),
		"short hash":   store.ParseChunk(&c, hash[1:], ""),
		"long hash":    store.ParseChunk(&c, append(hash[:], 0), ""),
		"heading path": store.ParseChunk(&c, hash[:], "h"),
	} {
		if !errors.Is(err, rag.ErrInternal) {
			t.Errorf("damaged %s: %v", what, err)
		}
	}
}

func TestNewDocument(t *testing.T) {
	now := time.Unix(7, 0)
	p := &rag.Put{Chunks: make([]rag.Chunk, 3), Document: rag.Document{Title: "t", Chunks: 9}}
	if d := store.NewDocument(p, now); d.Title != "t" || d.Chunks != 3 || !d.UpdatedAt.Equal(now) || d.State != rag.StateReady || d.Metadata == nil {
		t.Errorf("%+v", d)
	}
	p.Document.State = rag.StateFailed
	if d := store.NewDocument(p, now); d.State != rag.StateFailed {
		t.Errorf("%+v", d)
	}
}

func TestPutAgainstGeneration(t *testing.T) {
	if err := errors.Join(store.CheckLive(&rag.Put{}, 3, "m"), store.CheckLive(&rag.Put{Generation: 3}, 3, "m"), store.CheckNew([]float32{1, 2}, 2)); err != nil {
		t.Error(err)
	}
	for _, err := range []error{store.CheckLive(&rag.Put{Generation: 2}, 3, "m"), store.CheckNew(nil, 2)} {
		if !errors.Is(err, rag.ErrConflict) {
			t.Errorf("%v", err)
		}
	}
	if err := store.CheckNew([]float32{1}, 2); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestChanges(t *testing.T) {
	title, acl := "new", []string{}
	d := rag.Document{Title: "old", Metadata: rag.Metadata{"a": rag.Num(1)}, ACL: []string{"p"}}
	store.ChangeDocument(&d, rag.DocumentChange{})
	if d.Title != "old" || len(d.Metadata) != 1 || len(d.ACL) != 1 {
		t.Errorf("changed by nothing: %+v", d)
	}
	store.ChangeDocument(&d, rag.DocumentChange{Title: &title, Metadata: &rag.Metadata{}, ACL: &acl})
	if d.Title != "new" || len(d.Metadata) != 0 || len(d.ACL) != 0 {
		t.Errorf("%+v", d)
	}
	name, bad := "new", "no name"
	c := rag.Collection{Name: "old", Description: "d"}
	store.ChangeCollection(&c, rag.CollectionChange{Name: &name, Metadata: &rag.Metadata{"a": rag.Num(1)}})
	if c.Name != "new" || c.Description != "d" || len(c.Metadata) != 1 {
		t.Errorf("%+v", c)
	}
	if err := store.CheckCollectionChange(rag.CollectionChange{Name: &name, Metadata: &rag.Metadata{}}); err != nil {
		t.Error(err)
	}
	if err := store.CheckCollectionChange(rag.CollectionChange{Name: &bad}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestNewCollection(t *testing.T) {
	spec := rag.Collection{Name: "c", Generation: rag.Generation{Number: 9}}
	spec.Generation.Chunker.Size = 77
	made, chunker, err := store.NewCollection(spec)
	if err != nil || made.Tenant != rag.DefaultTenant || made.Generation.Number != 1 {
		t.Fatalf("%+v, %v", made, err)
	}
	var read rag.Collection
	if err := store.ParseCollection(&read, "{}", chunker); err != nil || read.Generation.Chunker.Size != 77 || read.Metadata == nil {
		t.Errorf("%+v, %v", read, err)
	}
	// All faults are told.
	_, _, err = store.NewCollection(rag.Collection{Tenant: strings.Repeat("t", 200), Name: ".c", Generation: rag.Generation{Dimensions: 3}})
	if !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), "tenant") || !strings.Contains(err.Error(), ".c") || !strings.Contains(err.Error(), "dimensions") {
		t.Errorf("%v", err)
	}
	for _, err := range []error{store.ParseCollection(&read, "", "{}"), store.ParseCollection(&read, "{}", "")} {
		if !errors.Is(err, rag.ErrInternal) {
			t.Errorf("damaged: %v", err)
		}
	}
}

func TestContainers(t *testing.T) {
	in := rag.MemberMark
	name := "a.zip" + in + "b.zip" + in + "c.txt"
	if got := store.Containers(name); !slices.Equal(got, []string{name, "a.zip" + in + "b.zip", "a.zip"}) {
		t.Errorf("%q", got)
	}
	if got := store.Containers("a/b"); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("%q", got)
	}
}

func TestFeedBounds(t *testing.T) {
	for in, want := range map[int]int{-1: 1000, 0: 1000, 7: 7, 200_000: 100_000} {
		if got := store.FeedLimit(in); got != want {
			t.Errorf("limit %d is %d", in, got)
		}
	}
	for after, conflict := range map[int64]bool{0: false, 4: true, 5: false, 9: false, 10: true} {
		if err := store.CheckFeed(1, after, 5, 9); errors.Is(err, rag.ErrConflict) != conflict || !conflict && err != nil {
			t.Errorf("from %d: %v", after, err)
		}
	}
}

func TestLogged(t *testing.T) {
	l, err := store.NewLogged(rag.QueryRecord{Confidence: math.NaN(), Answer: "a", Hits: []rag.ChunkID{3}, Citations: make([]rag.Citation, 1), Usage: rag.Usage{}})
	if err != nil || l.ID == "" || l.Confidence != 0 || l.HitsJSON != "[3]" || l.Scope.Tenant != rag.DefaultTenant || l.Scope.Collection == "" {
		t.Fatalf("%+v, %v", l, err)
	}
	var r rag.QueryRecord
	if err := store.ParseLogged(&r, 1, `["p"]`, l.HitsJSON, l.CitationsJSON, l.UsageJSON); err != nil || len(r.Citations) != 1 || !slices.Equal(r.Hits, l.Hits) || !slices.Equal(r.Scope.Principals, []string{"p"}) {
		t.Errorf("%+v, %v", r, err)
	}
	bare := l.WithoutAnswer()
	if bare.Answer != "" || bare.CitationsJSON != "[]" || bare.HitsJSON != "[3]" || l.Answer != "a" {
		t.Errorf("%+v of %+v", bare, l)
	}
	if empty, err := store.NewLogged(rag.QueryRecord{ID: "mine"}); err != nil || empty.ID != "mine" || empty.HitsJSON != "[]" || empty.CitationsJSON != "[]" {
		t.Errorf("%+v, %v", empty, err)
	}
	if err := store.ParseLogged(&r, 1, "[]", "{", "[]", "{}"); !errors.Is(err, rag.ErrInternal) {
		t.Errorf("damaged: %v", err)
	}
}
