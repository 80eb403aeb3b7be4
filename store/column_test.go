package store_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

func TestMetadataColumn(t *testing.T) {
	for want, m := range map[string]rag.Metadata{
		"{}":                          {},
		`{"n":1.5,"s":"ü \"\\<"}`:     {"s": rag.Str(`ü "\<`), "n": rag.Num(1.5)},
		`{"list":["a","b"],"t":true}`: {"list": rag.Strs("a", "b"), "t": rag.Bool(true)},
	} {
		text := store.FormatMetadata(m)
		got, err := store.ParseMetadata(text)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%v is written as %s and comes back as %v, %v", m, text, got, err)
		}
		if old, err := store.ParseMetadata(want); err != nil || !reflect.DeepEqual(old, m) {
			t.Errorf("%s is read as %v, %v", want, old, err)
		}
	}
	if got := store.FormatMetadata(nil); got != "{}" {
		t.Errorf("no metadata is written as %q", got)
	}
	for _, damaged := range []string{"", "[]", "{", `{"a":{"b":1}}`} {
		if m, err := store.ParseMetadata(damaged); !errors.Is(err, rag.ErrInternal) {
			t.Errorf("%q is read as %v, %v", damaged, m, err)
		}
	}
}

func TestStringsColumn(t *testing.T) {
	for want, list := range map[string][]string{"": nil, `["a"]`: {"a"}, `["","ü\"","a,b"]`: {"", `ü"`, "a,b"}} {
		text := store.FormatStrings(list)
		if got, err := store.ParseStrings(text); text != want || err != nil || !slices.Equal(got, list) {
			t.Errorf("%q is written as %s and comes back as %q, %v", list, text, got, err)
		}
	}
	if got := store.FormatStrings([]string{}); got != "" {
		t.Errorf("an empty list is written as %q", got)
	}
	for _, damaged := range []string{"a", "{}", `[1]`} {
		if list, err := store.ParseStrings(damaged); !errors.Is(err, rag.ErrInternal) {
			t.Errorf("%q is read as %q, %v", damaged, list, err)
		}
	}
}

// TestPrincipalsColumn: who asks with no principals finds what was asked with none,
// however the empty list is written.
func TestPrincipalsColumn(t *testing.T) {
	for want, scopes := range map[string][]rag.Scope{
		"[]":        {{}, {Principals: []string{}}},
		`["a","b"]`: {{Principals: []string{"a", "b"}}},
	} {
		for _, scope := range scopes {
			if got := store.FormatPrincipals(scope); got != want {
				t.Errorf("%#v is written as %s, not %s", scope.Principals, got, want)
			}
		}
	}
	if got := store.FormatList([]rag.JobState{rag.JobQueued}); got != `["queued"]` {
		t.Errorf("a list of states is written as %s", got)
	}
}

func TestFacts(t *testing.T) {
	for _, text := range []rag.Text{{}, {Title: "T", MediaType: "text/plain", Language: "de", Pages: 3, Metadata: rag.Metadata{"a": rag.Bool(false)}, Warnings: []string{"w"}}} {
		whole := text
		whole.Content, whole.Blocks = "content", []rag.Block{{Kind: rag.Paragraph, Span: rag.Span{End: 7}}}
		if got, err := store.ParseFacts(store.FormatFacts(&whole)); err != nil || !reflect.DeepEqual(got, text) {
			t.Errorf("%+v comes back as %+v, %v", text, got, err)
		}
	}
	if _, err := store.ParseFacts("{"); !errors.Is(err, rag.ErrInternal) {
		t.Errorf("damaged facts: %v", err)
	}
}
