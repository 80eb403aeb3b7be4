package rest

import (
	"encoding/json"
	"net/http"
	"testing"
)

func TestPath(t *testing.T) {
	v, err := decode([]byte(`{"a":{"b":[{"c":1},{"c":2},{"d":null}],"x.y":"dotted"},"n":null,"l":[["p","q"],["r"]],"t":true}`))
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"a.b[*].c": "[1,2]", "$.a.b[0].c": "[1]", "a.b[-1]": `[{"d":null}]`, "a.b[7]": "[]", "a.b.c": "[]", `a["x.y"]`: `["dotted"]`, "n": "[]", "l[*][*]": `["p","q","r"]`,
		"l.*[0]": `["p","r"]`, "t": "[true]", "missing.x": "[]", "l[0]": `[["p","q"]]`,
	} {
		p, err := parsePath(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		got, err := json.Marshal(append([]any{}, p.all(v)...))
		if err != nil || string(got) != want {
			t.Errorf("%s finds %s, not %s", in, got, want)
		}
	}
	for _, bad := range []string{"a.", "a..b", "a[", "a[x]", `a["b]`, `a["b"`, "[]", "a[1"} {
		if p, err := parsePath(bad); err == nil {
			t.Errorf("%s is taken as %v", bad, p)
		}
	}
	p, err := parsePath("l[*]")
	if err != nil || p.text(v) != "p\n\nq\n\nr" {
		t.Errorf("%q, %v", p.text(v), err)
	}
}

func FuzzPath(f *testing.F) {
	f.Add(`a.b[*]["c"][-1]`, `{"a":{"b":[{"c":[1]}]}}`)
	f.Add("$[*]", `[1,[2]]`)
	f.Fuzz(func(t *testing.T, s, doc string) {
		p, err := parsePath(s)
		if err != nil {
			return
		}
		if v, err := decode([]byte(doc)); err == nil {
			for _, found := range p.all(v) {
				if found == nil {
					t.Error("a null is found")
				}
			}
			p.text(v)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	f.Add("https://example.org/{id}?x={n}", "a/../b?c#d")
	f.Add("/x/{id}/", "..")
	f.Fuzz(func(t *testing.T, s, value string) {
		tmpl, err := parseTemplate(s)
		if err != nil {
			return
		}
		if out, err := tmpl.fill(map[string]any{"id": value, "n": value}); err == nil && len(tmpl.paths) == 0 && out != s {
			t.Errorf("%q is %q", s, out)
		}
	})
}

func TestNextLink(t *testing.T) {
	for in, want := range map[string]string{
		`<a>; rel="next"`: "a", `<a>; rel=prev, <b>; REL=Next`: "b", `<a,b>; title="x, <c>; rel=next"; rel="next"`: "a,b", `<a>; rel="nextish"`: "", `a; rel=next`: "", `<a; rel=next`: "", "": "",
	} {
		if got := nextLink(http.Header{"Link": {in}}); got != want {
			t.Errorf("%s is %q", in, got)
		}
	}
}
