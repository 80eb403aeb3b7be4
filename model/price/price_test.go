package price

import (
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func TestBuiltInTable(t *testing.T) {
	table := Default()
	for _, tt := range []struct {
		provider, model   string
		op                rag.Operation
		in, cached, out   int64
		want              string
		currency, pattern string
	}{
		{"openai", "text-embedding-3-small", rag.OpEmbedPassages, 1_000_000, 0, 0, "0.02", "USD", "text-embedding-3-small"},
		{"openai", "gpt-4o-mini", rag.OpChat, 1000, 0, 100, "0.00021", "USD", "gpt-4o-mini"},
		{"openai", "gpt-4o-mini-2024-07-18", rag.OpChat, 1000, 1000, 0, "0.000075", "USD", "gpt-4o-mini-2024-*"},
		{"builtin", "bge-small-en-v1.5", rag.OpEmbedQuestion, 1 << 40, 0, 0, "0", "USD", "*"},
		{SelfHosted, "llama3", rag.OpChat, 1 << 40, 0, 1 << 40, "0", "USD", "*"},
	} {
		p, ok := table.Find(tt.provider, tt.model)
		if !ok || p.Model != tt.pattern || p.Currency != tt.currency || p.Source != BuiltIn || !p.Knows(tt.op) {
			t.Errorf("%s: %+v, %v", tt.model, p, ok)
		}
		if got := p.Cost(tt.op, rag.Consumption{Input: tt.in, Cached: tt.cached, Output: tt.out}).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.model, got, tt.want)
		}
	}
	if p, ok := table.Find("openai", "gpt-4o-audio-preview"); ok || p.Knows(rag.OpChat) || p.Free() {
		t.Errorf("a model that is not listed: %+v", p)
	}
	for _, p := range table.Prices() {
		if p.Provider == "builtin" && !p.Free() {
			t.Errorf("%+v is not free", p)
		}
	}
}

// TestCostIsExact compares with rational numbers: a cost is the exact product,
// rounded up to the next billionth.
func TestCostIsExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		p := Price{Input: Rate(rnd.Int64N(1 << rnd.IntN(38))), CachedInput: Rate(rnd.Int64N(1 << 20)), Output: Rate(rnd.Int64N(1 << 30)), Search: Unset}
		c := rag.Consumption{Input: rnd.Int64N(1 << (1 + rnd.IntN(40))), Output: rnd.Int64N(1 << 20)}
		c.Cached = rnd.Int64N(c.Input + 1)
		exact := new(big.Int)
		for _, part := range [][2]int64{{int64(p.Input), c.Input - c.Cached}, {int64(p.CachedInput), c.Cached}, {int64(p.Output), c.Output}} {
			exact.Add(exact, new(big.Int).Mul(big.NewInt(part[0]), big.NewInt(part[1])))
		}
		want := new(big.Int).Add(exact, big.NewInt(999))
		want.Div(want, big.NewInt(1000))
		if !want.IsInt64() {
			want = big.NewInt(math.MaxInt64)
		}
		if got := p.Cost(rag.OpChat, c); int64(got) != want.Int64() {
			t.Fatalf("%+v of %+v: %d, want %s", c, p, got, want)
		}
	}
	full := Price{Input: maxRate, CachedInput: Unset, Output: maxRate}
	if got := full.Cost(rag.OpChat, rag.Consumption{Input: math.MaxInt64, Output: math.MaxInt64}); got != math.MaxInt64 {
		t.Errorf("more than there can be: %d", got)
	}
	rerank := Unknown("cohere", "r")
	rerank.Search = 2_000_000
	if got := rerank.Cost(rag.OpRerank, rag.Consumption{Input: 1e6, Searches: 3}).String(); got != "0.006" {
		t.Errorf("three searches at 2 for a thousand cost %s", got)
	}
}

func TestLayers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prices.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`
as_of: 2026-02-03
currency: EUR
hosts: {llm.example.com: openai, "*.corp.example": corp, "*.example": other, "b.corp.example": b}
prices:
  - {provider: openai, models: ["gpt-*"], input: 1.000001, output: "2"}
  - {provider: openai, models: [gpt-4o], input: 7, output: 8, currency: USD, as_of: 2026-02-04}
`)
	mine, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table := mine.Over(Default())
	for model, want := range map[string]string{"gpt-4o": "7 USD 2026-02-04", "gpt-4o-mini": "1.000001 EUR 2026-02-03", "GPT-5": "1.000001 EUR 2026-02-03"} {
		p, _ := table.Find("openai", model)
		if got := p.Input.String() + " " + p.Currency + " " + p.AsOf; got != want {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
	if p, ok := table.Find("openai", "text-embedding-3-small"); !ok || p.Source != BuiltIn {
		t.Errorf("what the upper table leaves out: %+v", p)
	}
	for address, want := range map[string]string{
		"https://api.openai.com/v1": "openai", "https://llm.example.com/v1": "openai", "https://a.corp.example:8443": "corp", "https://b.corp.example": "b", "https://c.example": "other",
		"https://me.openai.azure.com/openai": "azure", "http://localhost:11434/v1": SelfHosted, "http://127.0.0.1:1": SelfHosted,
		"http://10.1.2.3/v1": SelfHosted, "http://[::1]:80/v1": SelfHosted, "http://ollama:11434/v1": SelfHosted,
		"https://openrouter.ai/api/v1": "openrouter.ai", "": "unknown", "://": "unknown", "https://8.8.8.8/v1": "8.8.8.8",
	} {
		if got := table.Provider(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	counts := map[string]int{}
	for _, p := range table.Prices() {
		counts[p.Provider+"/"+p.Model]++
	}
	if counts["openai/gpt-4o"] != 1 || counts["openai/gpt-4o-mini"] != 1 {
		t.Errorf("in force: %v", counts)
	}
	for text, says := range map[string]string{
		"prices: [{provider: p, models: [m], input: 1}]":                                           "currency",
		"as_of: 2026-01-01\ncurrency: USD\nprices: [{provider: p, models: [m]}]":                   "no price",
		"as_of: 2026-01-01\ncurrency: USD\nprices: [{provider: p, models: [m], input: 1e3}]":       "decimal",
		"as_of: 2026-01-01\ncurrency: USD\nprices: [{provider: p, models: [m], input: -1}]":        "decimal",
		"as_of: 2026-01-01\ncurrency: USD\nprices: [{provider: p, models: [m], input: 0.1234567}]": "6 decimals",
		"as_of: 2026-01-01\ncurrency: USD\nprices: [{provider: p, models: [m], input: 2000000}]":   "more than",
		"as_of: 2026-01-01\ncurrency: USD\nprices: [{provider: p, input: 1}]":                      "models",
		"as_of: soon\ncurrency: USD\nprices: [{provider: p, models: [m], input: 1}]":               "as_of",
		"as_of: 2026-01-01\ncurrency: USD\nprices: [{provider: p, models: [m], inputs: 1}]":        "inputs",
		"hosts: {\"a/b\": c}": "host",
		"][":                  "prices",
	} {
		write(text)
		if _, err := ReadFile(path); rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ReadFile(path + "x"); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("no file: %v", err)
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"a", "A", true}, {"a*", "abc", true}, {"a*c", "abc", true}, {"a*c", "ac", true}, {"a*c", "acb", false},
		{"*b*", "abc", true}, {"a*b*c", "acb", false}, {"ab*ba", "aba", false}, {"a**c", "abc", true}, {"", "a", false},
	} {
		if got := matches(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q, %q: %v", tt.pattern, tt.name, got)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("as_of: 2026-01-01\ncurrency: USD\nhosts: {a: b}\nprices: [{provider: p, models: ['*'], input: 1.5}]"))
	f.Add([]byte("prices: [{provider: &a p, models: *a}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := parse(data, "fuzz")
		if err != nil {
			if rag.KindOf(err) != rag.KindInvalid {
				t.Errorf("kind %s", rag.KindOf(err))
			}
			return
		}
		for _, p := range table.Prices() {
			if got, ok := table.Find(p.Provider, strings.ReplaceAll(p.Model, "*", "")); !ok || got.Provider != p.Provider {
				t.Errorf("%+v is not found", p)
			}
			if p.Cost(rag.OpChat, rag.Consumption{Input: 1, Output: 1}) < 0 || p.Currency == "" || p.AsOf == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}
