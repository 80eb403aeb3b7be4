package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// planned is a line of add --dry-run --json; the last is the estimate.
type planned struct {
	Event, Action, Path                   string
	Documents, Unchanged, Skipped, Failed int
	Chunks, New_Chunks                    int
	Tokens                                int64
	Cost                                  *float64
	Embed_ms                              *int64
	Types                                 []struct {
		Type                         string
		Documents, Unchanged, Chunks int
	}
}

func (p program) dryRun(args ...string) (files map[string]planned, sum planned) {
	p.t.Helper()
	files = map[string]planned{}
	for _, e := range decode[planned](p.t, p.ok(append([]string{"add", "--dry-run", "--json"}, args...)...)) {
		if e.Event == "estimate" {
			sum = e
			continue
		}
		files[strings.TrimPrefix(e.Path, p.dir+"/")] = e
	}
	return files, sum
}

// TestDryRun holds the estimate to what add then does, and to storing nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	if err := os.CopyFS(p.path("docs"), os.DirFS(samples)); err != nil {
		t.Fatal(err)
	}
	p.write("docs/empty.txt", " ")
	files, sum := p.dryRun("docs")
	if p.setting("STORE_NAME") == "postgres" { // which is there already: folders beside it are made, and empty
		err := filepath.WalkDir(p.data, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				t.Errorf("the dry run has left %s", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	} else if entries, err := os.ReadDir(p.data); err != nil || len(entries) != 1 {
		t.Errorf("the dry run has left something in the data folder: %v, %v", entries, err)
	}
	if files["docs/empty.txt"].Action != "skip" || sum.Skipped != 1 || sum.Tokens == 0 || sum.Cost == nil || *sum.Cost != 0 || sum.Embed_ms == nil || len(sum.Types) < 3 {
		t.Errorf("estimate %+v", sum)
	}
	_, added := p.add(0, "docs")
	if added.Added != sum.Documents || added.Chunks != sum.Chunks || added.Embedded != sum.New_Chunks {
		t.Errorf("estimated %+v, became %+v", sum, added)
	}
	// What was charged is what was estimated.
	spent := get[rag.Spending](p, "usage", "--by", "operation")
	if len(spent.Rows) != 1 || spent.Rows[0].Operation != rag.OpEmbedPassages || spent.Rows[0].Spent.Input != sum.Tokens {
		t.Errorf("estimated %d tokens, charged %+v", sum.Tokens, spent.Rows)
	}
	if _, again := p.dryRun("docs"); again.Unchanged != added.Added || again.Documents != 0 || again.Tokens != 0 {
		t.Errorf("of what is there: %+v", again)
	}
	const faq = "docs/support-faq.html"
	p.write(faq, strings.Replace(sample(t, "support-faq.html"), "by two degrees at most", "by three degrees at most", 1))
	files, sum = p.dryRun("docs")
	if files[faq].Action != "update" || sum.Documents != 1 || sum.New_Chunks != 1 || files[faq].Chunks < 2 {
		t.Errorf("after a change: %+v %+v", files[faq], sum)
	}
	if out := p.ok("add", "--dry-run", "docs"); !strings.Contains(out, "update  "+p.path(faq)+"\n") || !strings.Contains(out, "\ntotal ") {
		t.Errorf("for people:\n%s", out)
	}
}

func TestUsageAndPrices(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "# Mill\n\nThe mill turns slowly.")
	p.ok("add", "a.md")
	p.ok("ask", "What turns?")
	ops := map[rag.Operation]int64{}
	for _, r := range get[rag.Spending](p, "usage", "--by", "operation,model,key,day").Rows {
		ops[r.Operation] += r.Spent.Input
		if r.Provider != "builtin" || r.Day == "" || r.Spent.Cost != 0 || r.Spent.Unpriced != 0 {
			t.Errorf("row %+v", r)
		}
	}
	if ops[rag.OpEmbedPassages] == 0 || ops[rag.OpEmbedQuestion] == 0 {
		t.Errorf("operations %v", ops)
	}
	if out := p.ok("usage"); !strings.Contains(out, "builtin/bge-small-en-v1.5") {
		t.Errorf("usage:\n%s", out)
	}
	if rows := get[rag.Spending](p, "usage", "--tenant", "other").Rows; len(rows) != 0 {
		t.Errorf("another tenant has %+v", rows)
	}
	if out := p.ok("prices", "ls"); !strings.Contains(out, "gpt-4o-mini") || !strings.Contains(out, "0.075") || !strings.Contains(out, "USD 20") {
		t.Errorf("prices ls:\n%s", out)
	}
	unknown := []string{"prices", "check", "--set", "embedder.name=openai", "--set", "embedder.model=new", "--set", "embedder.base_url=https://llm.example.com/v1"}
	if r := p.run("", unknown...); r.code != 1 || !strings.Contains(r.out, "llm.example.com/new") {
		t.Errorf("a model without a price: %+v", r)
	}
	p.write("prices.yaml", "as_of: 2026-01-02\ncurrency: EUR\nprices: [{provider: llm.example.com, models: ['*'], embedding: 0.5}]\n")
	if out := p.ok(append(unknown, "--set", "prices.file="+p.path("prices.yaml"))...); !strings.Contains(out, "0.5 EUR, as of 2026-01-02") {
		t.Errorf("with a price:\n%s", out)
	}
	p.write("config.yaml", "embedder: {name: openai, model: new, base_url: 'https://llm.example.com/v1', dimensions: 4}\nbudgets: [{name: team, money: 5.00}]\n")
	if r := p.run("", "search", "mill", "--config", p.path("config.yaml")); r.code != 2 || !strings.Contains(r.err, `budget "team"`) || !strings.Contains(r.err, "prices.file") {
		t.Errorf("a budget that cannot see what it bounds: %+v", r)
	}
}

// TestBudgetOfTheCommand uses budgets in tokens up, which hold the built-in model
// too: a search goes on by keywords, and what cannot be done ends with code 5.
func TestBudgetOfTheCommand(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "The mill turns slowly at night.")
	p.write("b.md", "The ferry sails at noon, and the harbour is quiet until then.")
	p.write("c.yaml", "budgets:\n  - {name: questions, tokens: 6, operations: [embed_question]}\n  - {name: files, tokens: 12, operations: [embed_passages]}\n")
	with := func(args ...string) []string { return append(args, "--config", p.path("c.yaml")) }
	p.ok(with("add", "a.md")...)
	if r := p.run("", with("add", "b.md")...); r.code != 5 || !strings.Contains(r.err, `budget "files" is used up`) {
		t.Errorf("add: %+v", r)
	}
	if r := p.run("", with("search", "mill at night")...); r.code != 0 || strings.Contains(r.err, "embedder") {
		t.Errorf("search: %+v", r)
	}
	if r := p.run("", with("search", "the slow mill at night")...); r.code != 0 || !strings.Contains(r.out, "mill") || !strings.Contains(r.err, `budget "questions" is used up`) {
		t.Errorf("search without the budget: %+v", r)
	}
	if r := p.run("", with("search", "the slow mill at night", "--mode", "vector")...); r.code != 5 || !strings.Contains(r.err, "begins anew at") {
		t.Errorf("search by vectors without the budget: %+v", r)
	}
	p.ok("add", "b.md") // without budgets
}
