package smartretriever_test

import (
	"strings"
	"testing"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
)

// TestHistory changes a document, compares its versions and brings the first one back.
func TestHistory(t *testing.T) {
	r := open(t, t.TempDir(), func(c *smartretriever.Config) { c.KeepVersions = 3 })
	ctx, scope := t.Context(), rag.Scope{}
	version := func(text string) rag.AddResult {
		return add(t, r, scope, rag.Input{
			ExternalID: "rule", Name: "rule.md", Source: "rule.md", Content: strings.NewReader(text), Metadata: rag.Metadata{"owner": rag.Str("ops")}, ACL: []string{"staff"},
		})
	}
	scope.Principals = []string{"staff"}
	first := version("# Old rule\n\nThe gate opens at seven.\n\nVisitors sign in.")
	version("# New rule\n\nThe gate opens at eight.\n\nVisitors sign in.")
	id := first.ID
	c, err := r.CompareVersions(ctx, scope, id, 1, 0)
	if err != nil || c.From != 1 || c.To != 2 || c.Added != 2 || c.Removed != 2 || !strings.Contains(c.Diff, "-The gate opens at seven.\n") || !strings.Contains(c.Diff, "+The gate opens at eight.\n") {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := r.Versions(ctx, rag.Scope{Principals: []string{"guest"}}, id); rag.KindOf(err) != rag.KindNotFound {
		t.Errorf("a guest sees the history: %v", err)
	}
	gate := func(want, not string) {
		t.Helper()
		hits := search(t, r, scope, rag.Query{Text: "When does the gate open?", K: 5})
		if len(hits) == 0 {
			t.Fatal("nothing is found")
		}
		for _, h := range hits {
			if !strings.Contains(h.Text, want) || strings.Contains(h.Text, not) {
				t.Errorf("found %q", h.Text)
			}
		}
	}
	gate("eight", "seven")

	res, err := r.RestoreVersion(ctx, scope, id, 1)
	if err != nil || res.State != rag.Updated || res.Version != 3 || res.ID != id {
		t.Fatalf("%+v, %v", res, err)
	}
	gate("seven", "eight")
	doc, err := r.Document(ctx, scope, id)
	if err != nil || doc.Title != "Old rule" || doc.Metadata["owner"].Text() != "ops" || len(doc.ACL) != 1 || doc.MediaType != "text/markdown" {
		t.Errorf("restored: %+v, %v", doc, err)
	}
	same, err := r.CompareVersions(ctx, scope, id, 1, 3)
	if err != nil || same.Diff != "" || same.Added+same.Removed != 0 {
		t.Errorf("%+v, %v", same, err)
	}

	// A fourth version pushes the first one out.
	version("The gate is closed.")
	all, err := r.Versions(ctx, scope, id)
	if err != nil || len(all) != 3 || all[0].Version != 2 || !all[2].Current || all[2].Version != 4 || all[1].Current {
		t.Errorf("%+v, %v", all, err)
	}
	for _, v := range []int{1, 4, 9} {
		if _, err := r.RestoreVersion(ctx, scope, id, v); err == nil {
			t.Errorf("version %d was restored", v)
		}
	}
	if n, err := r.ForgetVersions(ctx, scope, id); err != nil || n != 2 {
		t.Errorf("%d versions were forgotten, %v", n, err)
	}
	if all, err := r.Versions(ctx, scope, id); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}
