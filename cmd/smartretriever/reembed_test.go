package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// withTiny adds the model "tiny" and documents.
func withTiny(t *testing.T, documents int) program {
	t.Helper()
	p := newProgram(t)
	p.ok("models", "add", tinyModel(t), "--name", "tiny", "--force")
	for i := range documents {
		p.write(fmt.Sprintf("docs/note%d.md", i), noteText(i))
	}
	p.ok("add", "docs")
	return p
}

func noteText(i int) string {
	return fmt.Sprintf("# Note %d\n\nThe parcel zq%d was left beside the mill. The porter carried it to room k%d in the rain.\n", i, i, i*3)
}

type reembedded struct {
	Unchanged, Switched bool
	Embedded            int
	Reason              string
	Old, New            rag.Generation
	Plan                struct{ Chunks, Passages, Tokens, Cut int }
	Cost                *float64
	Comparison          *rag.GenerationComparison
}

type generationList struct{ Generations []rag.GenerationInfo }

func (p program) generations() string {
	p.t.Helper()
	text := ""
	for _, g := range get[generationList](p, "reembed", "--status").Generations {
		model, _, _ := strings.Cut(g.Model, "-")
		text += fmt.Sprintf("%d %s %s %d; ", g.Number, g.State, model, g.Missing)
	}
	return text
}

func TestReembed(t *testing.T) {
	t.Parallel()
	p := withTiny(t, 12)
	p.ok("search", "where is the parcel")
	plan := get[reembedded](p, "reembed", "--model", "tiny", "--dry-run")
	if plan.Plan.Passages != 12 || plan.Plan.Tokens < 100 || plan.Embedded != 0 || plan.Cost == nil || *plan.Cost != 0 {
		t.Errorf("dry run: %+v", plan)
	}
	if out := p.ok("reembed", "--model", "tiny", "-n"); !strings.Contains(out, "12 passages to embed") || !strings.Contains(out, "no cost") {
		t.Errorf("dry run:\n%s", out)
	}
	if text := p.generations(); text != "1 live bge 0; " {
		t.Errorf("after a dry run: %s", text)
	}
	built := get[reembedded](p, "reembed", "--model", "tiny", "--no-switch")
	if built.Switched || built.Embedded != 12 || built.Comparison == nil || built.Comparison.Asked != 1 || built.Comparison.Judged != 12 {
		t.Errorf("built: %+v", built)
	}
	if text := p.generations(); text != "1 live bge 0; 2 building tiny 0; " {
		t.Errorf("built: %s", text)
	}
	out := p.ok("reembed", "--compare-only")
	for _, says := range []string{"1 logged question and 12 questions made from passages", "overlap@10", "nDCG@10", "hybrid", "vector"} {
		if !strings.Contains(out, says) {
			t.Errorf("comparison without %q:\n%s", says, out)
		}
	}
	if out := p.ok("reembed", "--status"); !strings.Contains(out, "building") || !strings.Contains(out, "nDCG@10") {
		t.Errorf("status:\n%s", out)
	}

	// Its weights are random: vectors find nothing, and it is not switched to by itself.
	p.write("judged/queries.jsonl", `{"_id":"q1","text":"zq3 parcel"}`+"\n"+`{"_id":"q2","text":"room k21"}`+"\n")
	p.write("judged/qrels/test.tsv", "q1\t"+p.path("docs/note3.md")+"\t1\nq2\t"+p.path("docs/note7.md")+"\t1\n")
	judged := get[reembedded](p, "reembed", "--compare-only", "--questions", "judged")
	if c := judged.Comparison; c == nil || c.JudgedBy != "file" || c.Judged != 2 || c.Hybrid.NDCG.Old < .9 {
		t.Errorf("judged: %+v", judged)
	}

	p.serve(func(s served) { // a server follows without a restart
		find := func(when string) {
			t.Helper()
			for _, mode := range []string{"hybrid", "vector"} {
				res := post[struct {
					Hits     []struct{ Document struct{ Source string } }
					Degraded []string
				}](s, "search", fmt.Sprintf(`{"query":"parcel zq5 left beside the mill","mode":%q,"k":12}`, mode))
				if len(res.Hits) != 12 || len(res.Degraded) != 0 {
					t.Errorf("%s, %s: %+v", when, mode, res)
				}
			}
		}
		model := func() string {
			body := string(s.call("GET", "/api/v1/collections/default", "", nil))
			_, after, _ := strings.Cut(body, `"model":"`)
			name, _, _ := strings.Cut(after, `"`)
			return name
		}
		find("before")
		if out := p.ok("reembed", "--model", "tiny", "--switch"); !strings.Contains(out, "Switched") {
			t.Errorf("switch:\n%s", out)
		}
		find("after the switch")
		if name := model(); name != "tiny" {
			t.Errorf("the server says %q", name)
		}
		up := s.upload(map[string]string{"late.md": "# Late\n\nThe lighthouse was painted turquoise."})
		if len(up.Documents) != 1 || up.Documents[0].State != rag.Added {
			t.Errorf("upload after the switch: %+v", up)
		}
		if text := p.generations(); text != "1 previous bge 1; 2 live tiny 0; " {
			t.Errorf("switched: %s", text)
		}
		p.ok("rm", "docs/note11.md")
		back := get[struct{ Embedded int }](p, "reembed", "--back")
		if back.Embedded != 1 {
			t.Errorf("back: %+v", back)
		}
		find("after switching back")
		if found := s.finds("turquoise"); len(found) != 1 {
			t.Errorf("what came meanwhile: %q", found)
		}
	})
	if text := p.generations(); text != "1 live bge 0; 2 previous tiny 0; " {
		t.Errorf("back: %s", text)
	}
	if r := p.run("", "reembed", "--drop"); r.code != 2 || !strings.Contains(r.err, "--yes") {
		t.Errorf("drop without a word: %+v", r)
	}
	if out := p.ok("reembed", "--drop", "--yes"); !strings.Contains(out, "generation 2, tiny") {
		t.Errorf("drop:\n%s", out)
	}
	if text := p.generations(); text != "1 live bge 0; " {
		t.Errorf("dropped: %s", text)
	}
	files, err := filepath.Glob(filepath.Join(p.data, "index", "*-2.index"))
	if err != nil || len(files) != 0 {
		t.Errorf("index files of the dropped generation: %q, %v", files, err)
	}
	if d := get[doctor](p, "doctor"); !d.Healthy {
		t.Errorf("doctor: %+v", d)
	}
	if same := get[reembedded](p, "reembed", "--model", "builtin"); !same.Unchanged {
		t.Errorf("the same model: %+v", same)
	}
	if out := p.ok("reembed", "--model", "configured"); !strings.Contains(out, "nothing to do") {
		t.Errorf("the same model:\n%s", out)
	}
}

// TestReembedRefused names what cannot be.
func TestReembedRefused(t *testing.T) {
	t.Parallel()
	p := withTiny(t, 3)
	p.ok("models", "add", tinyModel(t), "--name", "short", "--force", "--max-tokens", "12")
	p.ok("models", "add", tinyModel(t), "--name", "broken", "--force", "--query-prefix", "q: ")
	path := filepath.Join(p.data, "models", "broken.model")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	p.write("other/queries.jsonl", `{"_id":"q1","text":"x"}`)
	p.write("other/qrels/test.tsv", "q1\telsewhere\t1\n")
	for _, tt := range []struct {
		code int
		args string
		says string
	}{
		{2, "", "--model"},
		{2, "--model tiny --switch --no-switch", "exclude"},
		{2, "--model tiny --back", "--back"},
		{2, "--status --drop", "one of"},
		{2, "--status --yes", "--drop"},
		{2, "--model tiny --max-loss 2", "--max-loss"},
		{2, "--model tiny --limit 0", "--limit"},
		{2, "--model tiny now", "now"},
		{3, "--model nowhere", "nowhere"},
		{3, "--model ../tiny", "../tiny"},
		{3, "--model tiny -c nowhere", "nowhere"},
		{3, "--status -c nowhere", "nowhere"},
		{3, "--model tiny --questions nowhere", "nowhere"},
		{3, "--back", "previous"},
		{3, "--drop --yes", "only the live one"},
		{3, "--compare-only", "one generation"},
		{2, "--model broken", "broken"},
		{4, "--model short", "--allow-cut"},
		{2, "--model tiny --questions other", "none of the documents"},
		{1, "--model short --allow-cut", "tiny"}, // which the one before has built
	} {
		r := p.run("", append([]string{"reembed"}, strings.Fields(tt.args)...)...)
		if r.code != tt.code || !strings.Contains(r.err, tt.says) {
			t.Errorf("reembed %s: exit code %d, want %d and %q\n%s%s", tt.args, r.code, tt.code, tt.says, r.out, r.err)
		}
	}
	p.ok("reembed", "--drop", "--yes")
	if r := p.run("", "reembed", "--model", "short", "--allow-cut", "--switch", "--json"); r.code != 0 || !strings.Contains(r.out, `"cut": 3`) {
		t.Errorf("with passages cut: %+v", r)
	}
}
