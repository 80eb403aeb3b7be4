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
	Kind       string `json:"kind"`
	Builtin    bool   `json:"builtin"`
	InUse      bool   `json:"in_use"`
	Dimensions int    `json:"dimensions"`
	Pooling    string `json:"pooling"`
	Type       string `json:"type"`
	Bytes      int64  `json:"bytes"`
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
	if len(added) != 1 || added[0].Name != "tiny" || added[0].Dimensions != 64 || added[0].Pooling != "mean" || added[0].Type != "int8" {
		t.Fatalf("added %+v", added)
	}
	p.ok("models", "add", tiny, "--name", "tiny", "--force") // the same again
	if r := p.run("", "models", "add", tiny, "--name", "tiny", "--force", "--query-prefix", "q: "); r.code == 0 || !strings.Contains(r.err, "another name") {
		t.Errorf("another model of the name: %+v", r)
	}

	plain := decode[model](t, p.ok("models", "add", tiny, "--type", "float32", "--force", "--json"))
	if len(plain) != 1 || !strings.Contains(plain[0].Name, "-float32-") || plain[0].Type != "float32" || plain[0].Bytes < 2*added[0].Bytes {
		t.Fatalf("added %+v beside %+v", plain, added)
	}
	p.ok("models", "bench", plain[0].Name, "--seconds", "0.1", "--json")
	p.ok("models", "rm", plain[0].Name, "--yes")

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

// TestRerankerModel brings a cross-encoder of random weights.
func TestRerankerModel(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	path, err := filepath.Abs(filepath.Join("testdata", "tiny-reranker.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if r := p.run("", "models", "add", path, "--name", "order", "--pooling", "mean"); r.code != 2 || !strings.Contains(r.err, "scores pairs") {
		t.Errorf("with a pooling: %+v", r)
	}
	if out := p.ok("models", "add", path, "--name", "order", "--force"); !strings.Contains(out, "a reranker of 2 layers") || !strings.Contains(out, "rerank.model=order") {
		t.Errorf("added:\n%s", out)
	}
	list := decode[model](t, p.ok("models", "ls", "--json"))
	if len(list) != 2 || list[0].Kind != "embedder" || list[1].Kind != "reranker" {
		t.Errorf("lists %+v", list)
	}
	if out := p.ok("models"); !strings.Contains(out, "order  reranker") {
		t.Errorf("lists:\n%s", out)
	}
	p.ok("models", "bench", "order", "--seconds", "0.1")
	if r := p.run("", "search", "mill", "--set", "embedder.name=local", "--set", "embedder.model=order"); r.code != 2 || !strings.Contains(r.err, "rerank.model") {
		t.Errorf("as embedder: %+v", r)
	}
}

// TestStaticModel works with a table of word vectors like with any other model.
func TestStaticModel(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	tiny, err := filepath.Abs(filepath.Join("testdata", "tiny-static.zip"))
	if err != nil {
		t.Fatal(err)
	}
	added := decode[model](t, p.ok("models", "add", tiny, "--name", "table", "--force", "--json"))
	if len(added) != 1 || added[0].Dimensions != 10 || added[0].Pooling != "mean" {
		t.Fatalf("added %+v", added)
	}
	if out := p.ok("models", "bench", "table", "--seconds", "0.1", "--json"); !strings.Contains(out, `"kernel":"table"`) {
		t.Errorf("measured: %s", out)
	}
	use := []string{"--set", "embedder.name=local", "--set", "embedder.model=table"}
	p.write("a.md", "The old mill stands under the stone bridge.")
	p.ok(append([]string{"add", "a.md", "-c", "words"}, use...)...)
	if out := p.ok(append([]string{"search", "bridge", "-c", "words", "--mode", "vector"}, use...)...); !strings.Contains(out, "stone bridge") {
		t.Errorf("finds:\n%s", out)
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
		{2, "models add x --type int4", "int4"},
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
