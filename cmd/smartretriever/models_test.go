package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tinyModel is an archive with a model of random weights (see the fixture test of
// model/bert/convert).
func tinyModel(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "tiny-model.zip"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

type model struct {
	Name       string `json:"name"`
	Builtin    bool   `json:"builtin"`
	InUse      bool   `json:"in_use"`
	Dimensions int    `json:"dimensions"`
	Pooling    string `json:"pooling"`
	Error      string `json:"error"`
}

// TestModels brings a model, works with it, and takes it away again.
func TestModels(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	tiny := tinyModel(t)
	if r := p.run("", "models", "add", tiny, "--name", "tiny", "--max-tokens", "2"); r.code != 2 || !strings.Contains(r.err, "3 are the least") {
		t.Errorf("too few tokens: %+v", r)
	}
	added := decode[model](t, p.ok("models", "add", tiny, "--name", "tiny", "--force", "--json"))
	if len(added) != 1 || added[0].Name != "tiny" || added[0].Dimensions != 64 || added[0].Pooling != "mean" {
		t.Fatalf("added %+v", added)
	}
	p.ok("models", "add", tiny, "--name", "tiny", "--force") // the same again
	if r := p.run("", "models", "add", tiny, "--name", "tiny", "--force", "--query-prefix", "q: "); r.code == 0 || !strings.Contains(r.err, "another name") {
		t.Errorf("another model of the name: %+v", r)
	}

	use := []string{"--set", "embedder.name=local", "--set", "embedder.model=tiny"}
	list := decode[model](t, p.ok(append([]string{"models", "ls", "--json"}, use...)...))
	if len(list) != 2 || !list[0].Builtin || list[0].InUse || list[1].Name != "tiny" || !list[1].InUse {
		t.Errorf("lists %+v", list)
	}
	if out := p.ok("models"); !strings.Contains(out, "inside the program  in use") || !strings.Contains(out, "tiny") {
		t.Errorf("lists:\n%s", out)
	}
	p.ok("models", "bench", "tiny", "--seconds", "0.1", "--json")

	// A collection is searched with the model it was made with, whichever is configured.
	p.write("a.md", "The old mill stands under the stone bridge.")
	p.ok(append([]string{"add", "a.md", "-c", "small"}, use...)...)
	if out := p.ok(append([]string{"search", "mill", "-c", "small", "--mode", "vector"}, use...)...); !strings.Contains(out, "stone bridge") {
		t.Errorf("finds:\n%s", out)
	}
	if out := p.ok("search", "mill", "-c", "small", "--mode", "keyword"); !strings.Contains(out, "stone bridge") {
		t.Errorf("finds by keyword:\n%s", out)
	}
	if out := p.ok("search", "mill", "-c", "small", "--mode", "vector"); !strings.Contains(out, "stone bridge") {
		t.Errorf("finds with another model configured:\n%s", out)
	}
	cut := append([]string{"--set", "embedder.dimensions=32"}, use...)
	p.ok(append([]string{"add", "a.md", "-c", "cut"}, cut...)...)
	for _, name := range []string{"small", "cut"} {
		p.ok("add", "a.md", "-c", name, "--meta", "n=2")
		p.ok("search", "mill", "-c", name, "--mode", "vector")
	}
	for _, c := range decode[struct {
		Name       string
		Generation struct {
			Model      string
			Dimensions int
		}
	}](t, p.ok("collections", "--json")) {
		want := map[string]string{"small": "tiny", "cut": "tiny-32d"}[c.Name]
		if c.Generation.Model != want || c.Generation.Dimensions != map[string]int{"small": 64, "cut": 32}[c.Name] {
			t.Errorf("collection %+v", c)
		}
	}

	// Damage is found, and the rest still works.
	path := filepath.Join(p.data, "models", "tiny.model")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := p.run("", "models", "verify"); r.code != 1 || !strings.Contains(r.out, "ok  bge-small") || !strings.Contains(r.out, "fail  tiny: ") {
		t.Errorf("verify: %+v", r)
	}
	if r := p.run("", append([]string{"search", "mill", "-c", "small"}, use...)...); r.code == 0 || strings.Contains(r.err, "panic") {
		t.Errorf("search with a damaged model: %+v", r)
	}
	without := func(when string) {
		t.Helper()
		for _, args := range [][]string{{"search", "mill", "-c", "small"}, {"search", "mill", "-c", "small", "--mode", "vector"}, {"add", "a.md", "-c", "small", "--meta", "n=3"}} {
			r := p.run("", args...)
			if r.code == 0 || !strings.Contains(r.err, "tiny") || !strings.Contains(r.err, "bge-small") || !strings.Contains(r.err, "reembed") {
				t.Errorf("%s, %v: %+v", when, args, r)
			}
		}
		if out := p.ok("search", "mill", "-c", "small", "--mode", "keyword"); !strings.Contains(out, "stone bridge") {
			t.Errorf("%s, finds by keyword:\n%s", when, out)
		}
	}
	without("damaged")

	if r := p.run("", "models", "rm", "tiny"); r.code != 2 || !strings.Contains(r.err, "--yes") {
		t.Errorf("remove without a word: %+v", r)
	}
	if out := p.ok("models", "rm", "tiny", "--yes", "--json"); !strings.Contains(out, `"small"`) {
		t.Errorf("removed without naming the collection: %s", out)
	}
	without("removed")
	if r := p.run("", "models", "rm", "tiny", "--yes"); r.code != 3 {
		t.Errorf("removed twice: %+v", r)
	}
	if r := p.run("", append([]string{"search", "mill"}, use...)...); r.code != 3 || !strings.Contains(r.err, "models ls") {
		t.Errorf("search with a model that is gone: %+v", r)
	}
}

// TestModelsRefused names what is wrong with what is no model.
func TestModelsRefused(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("text.safetensors", "this is no model")
	p.write("empty/readme.txt", "nothing here")
	for _, tt := range []struct {
		code int
		args string
		says string
	}{
		{3, "models add missing", "missing"},
		{2, "models add text.safetensors", "text.safetensors"},
		{2, "models add empty", "empty"},
		{2, "models add x --name ../y", "name of a model"},
		{2, "models bench --seconds 0", "--seconds"},
		{3, "models verify none", "none"},
		{2, "models rm ../x --yes", "name of a model"},
		{2, "search x --set embedder.name=local", "embedder.model"},
		{2, "search x --set embedder.model=tiny", "embedder.name"},
	} {
		r := p.run("", strings.Fields(tt.args)...)
		if r.code != tt.code || !strings.Contains(r.err, tt.says) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", tt.args, r.code, tt.code, tt.says, r.out, r.err)
		}
	}
}
