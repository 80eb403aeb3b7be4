package backends_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

// budgeted opens a Retriever whose models are the provider's, with budgets, at a
// time that tests set.
func budgeted(t *testing.T, change func(*config.Config)) (r *root.Retriever, p *provider, now *time.Time) {
	t.Helper()
	p = newProvider(t)
	api := httptest.NewServer(p)
	t.Cleanup(api.Close)
	c := paid(t, t.TempDir(), api.URL)
	c.LLM.MaxTokens = 16
	c.Cache.Name = "none"
	change(&c)
	now = new(time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC))
	cfg, err := backends.Open(c, backends.Deps{Clock: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	r, err = root.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, p, now
}

// total is what the provider bills, and the tokens it has counted, for all or one
// model.
func (p *provider) total(model string) (cost rag.Money, tokens int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, b := range p.bill {
		if model == "" || at.model == model {
			cost += rag.Money(b.cost)
			tokens += b.input + b.output
		}
	}
	return cost, tokens
}

func addMill(t *testing.T, r *root.Retriever) {
	t.Helper()
	if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: "mill", Text: "The mill turns. owner-us"}); err != nil {
		t.Fatal(err)
	}
}

// exceeded returns the budget that refused.
func exceeded(t *testing.T, err error) *rag.Exceeded {
	t.Helper()
	over, is := errors.AsType[*rag.Exceeded](err)
	if !is || rag.KindOf(err) != rag.KindExhausted {
		t.Fatalf("got %v, want a budget without room", err)
	}
	return over
}

// TestBudgetOrder uses a budget up: first there is a warning, then the cheaper
// model writes, then the question is refused; the bill stays within it, and the
// next day all is as before.
func TestBudgetOrder(t *testing.T) {
	r, p, now := budgeted(t, func(c *config.Config) {
		c.Budgets = []config.Budget{{Name: "all", Money: "0.0006", WarnAt: .5, CheaperAt: .75, CheaperModel: "small"}}
	})
	addMill(t, r)
	const usual, warned, cheaper = 1, 2, 3
	phase := 0
	var refused error
	seen := map[int]int{}
	for range 200 {
		a, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "What turns asker-us?"})
		if err != nil {
			refused = err
			break
		}
		at := usual
		swapped := slices.Contains(a.Degraded, "cheaper_model")
		noted := slices.ContainsFunc(a.Trace.Stages, func(s rag.Stage) bool { return s.Name == "budget" && strings.HasPrefix(s.Note, "small: ") })
		switch {
		case swapped:
			at = cheaper
		case len(a.Warnings) > 0:
			at = warned
		}
		if at < phase || swapped != noted || swapped && len(a.Warnings) == 0 {
			t.Errorf("phase %d after %d: %+v", at, phase, a)
		}
		phase = at
		seen[at]++
		if cost := rag.Money(a.Usage.Cost * 1e9); cost <= 0 || a.Usage.Currency != "USD" {
			t.Errorf("usage %+v", a.Usage)
		}
	}
	over := exceeded(t, refused)
	if over.Standing.Budget != "all" || !over.RetryAt().Equal(time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)) || !strings.Contains(refused.Error(), "0.0006 USD") {
		t.Errorf("refused with %v", refused)
	}
	if seen[usual] == 0 || seen[warned] == 0 || seen[cheaper] == 0 {
		t.Errorf("answers by phase: %v", seen)
	}
	cost, _ := p.total("")
	if small, _ := p.total("small"); cost > 600_000 || small == 0 {
		t.Errorf("the bill is %s, %s of it for the cheaper model", cost, small)
	}
	*now = now.AddDate(0, 0, 1)
	a, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "What turns asker-us?"})
	if err != nil || len(a.Warnings)+len(a.Degraded) > 0 {
		t.Errorf("the next day: %+v, %v", a, err)
	}
}

// A question costs its embedding, too: without it, a hybrid search goes on by
// keywords, and one by vectors says why it cannot.
func TestSearchWithoutTheEmbeddingBudget(t *testing.T) {
	r, p, _ := budgeted(t, func(c *config.Config) {
		c.Budgets = []config.Budget{{Name: "questions", Tokens: 30, Operations: []string{"embed_question"}, Per: "month"}}
	})
	addMill(t, r)
	var res rag.SearchResult
	var err error
	for range 30 {
		if res, err = r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "mill asker-us"}); err != nil || len(res.Hits) != 1 {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if !slices.Contains(res.Degraded, "embedder") || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], `"questions" is used up`) {
		t.Errorf("degraded %v, warnings %q", res.Degraded, res.Warnings)
	}
	_, err = r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "mill asker-us", Mode: rag.ModeVector})
	if over := exceeded(t, err); !over.RetryAt().Equal(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("begins anew at %s", over.RetryAt())
	}
	if _, tokens := p.total("embed"); tokens > 30+10 { // and the document
		t.Errorf("%d tokens were embedded", tokens)
	}
}

// TestIngestionGoesOnTheNextDay has a budget end in the middle of an ingestion.
// What was paid for is stored: in the end each text was embedded once.
func TestIngestionGoesOnTheNextDay(t *testing.T) {
	r, p, now := budgeted(t, func(c *config.Config) {
		c.Budgets = []config.Budget{{Name: "ingestion", Tokens: 150, Operations: []string{"embed_passages"}}}
	})
	add := func() (stored int, err error) {
		for i := range 20 {
			text := fmt.Sprintf("House number %d has a mill that turns when the wind blows. owner-us", i)
			res, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: fmt.Sprint(i), Title: "t", Text: text})
			if err != nil {
				return stored, err
			}
			if res.State == rag.Added {
				stored++
			}
		}
		return stored, nil
	}
	all := 0
	for day := 0; ; day++ {
		stored, err := add()
		all += stored
		if err == nil {
			break
		}
		if over := exceeded(t, err); over.Standing.Budget != "ingestion" || stored == 0 || day > 10 {
			t.Fatalf("day %d: %d stored, %v", day, stored, err)
		}
		*now = now.AddDate(0, 0, 1)
	}
	_, tokens := p.total("embed")
	words := len(strings.Fields("t House number 1 has a mill that turns when the wind blows. owner-us"))
	if all != 20 || tokens != int64(20*words) {
		t.Errorf("%d stored, %d tokens embedded, want %d", all, tokens, 20*words)
	}
}

// TestProcessesShareABudget has two Retrievers on one data folder, as two processes
// would have, ask at once with more than the budget holds.
func TestProcessesShareABudget(t *testing.T) {
	p := newProvider(t)
	api := httptest.NewServer(p)
	t.Cleanup(api.Close)
	c := paid(t, t.TempDir(), api.URL)
	c.LLM.MaxTokens = 16
	c.Cache.Name = "none"
	c.Budgets = []config.Budget{{Name: "shared", Money: "0.0005"}}
	var both []*root.Retriever
	for range 2 {
		r := openPaid(t, c)
		t.Cleanup(func() { _ = r.Close() }) // what it has to say is said by the other tests
		both = append(both, r)
	}
	addMill(t, both[0])
	var wg sync.WaitGroup
	var mu sync.Mutex
	answered, refused := 0, 0
	for i := range 40 {
		wg.Go(func() {
			_, err := both[i%2].Query(context.Background(), rag.Scope{}, rag.Question{Text: fmt.Sprintf("What turns %d asker-us?", i)})
			mu.Lock()
			defer mu.Unlock()
			switch _, over := errors.AsType[*rag.Exceeded](err); {
			case err == nil:
				answered++
			case over:
				refused++
			default:
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	cost, _ := p.total("")
	if answered == 0 || refused == 0 || cost > 500_000 {
		t.Errorf("%d answered, %d refused, the bill is %s", answered, refused, cost)
	}
	t.Logf("%d answered, %d refused, the bill is %s of 0.0005 USD", answered, refused, cost)
}

// TestKeysHaveTheirOwn gives every key a budget of its own.
func TestKeysHaveTheirOwn(t *testing.T) {
	r, _, _ := budgeted(t, func(c *config.Config) {
		c.Budgets = []config.Budget{{Name: "each", Tenant: "*", Key: "*", Tokens: 40, Operations: []string{"embed_question"}}}
	})
	addMill(t, r)
	for _, key := range []string{"anna", "bert"} {
		ctx := rag.WithAccount(t.Context(), rag.Account{Key: key})
		n := 0
		for ; n < 50; n++ {
			if _, err := r.Search(ctx, rag.Scope{}, rag.Query{Text: "mill asker-us", Mode: rag.ModeVector}); err != nil {
				exceeded(t, err)
				break
			}
		}
		if n == 0 || n == 50 {
			t.Errorf("%s: %d searches", key, n)
		}
	}
}

func TestRoutedModels(t *testing.T) {
	r, p, _ := budgeted(t, func(c *config.Config) {
		c.Routing.Model, c.Routing.MinConfidence = "small", 0 // the double's vectors say little
	})
	addMill(t, r)
	for question, want := range map[string]struct{ model, note string }{
		"What turns asker-us?":       {"small", "cheap: "},
		"Why does it turn asker-us?": {"chat", `good: the question says "why"`},
	} {
		before, _ := p.total(want.model)
		a, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: question})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(a.Trace.Stages, func(s rag.Stage) bool { return s.Name == "route" })
		if i < 0 || !strings.HasPrefix(a.Trace.Stages[i].Note, want.note) {
			t.Errorf("%s: trace %+v", question, a.Trace.Stages)
		}
		if after, _ := p.total(want.model); after == before || a.Usage.Model != want.model {
			t.Errorf("%s: %s did not answer, usage %+v", question, want.model, a.Usage)
		}
	}
}

func TestBudgetsThatCannotBeHeld(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*config.Config)
		says   string
	}{
		"no price": {func(c *config.Config) { c.LLM.Model = "unlisted" }, "unlisted"},
		"currency": {func(c *config.Config) { c.Budgets[0].Currency = "EUR" }, "in EUR"},
		"cheaper":  {func(c *config.Config) { c.Budgets[0].CheaperModel = "unlisted" }, "unlisted"},
		"table":    {func(c *config.Config) { c.Prices.File += "x" }, "prices.file"},
		"rate":     {func(c *config.Config) { c.LLM.PriceInput = .1234567 }, "llm.price_input"},
	} {
		c := paid(t, t.TempDir(), "http://127.0.0.1:1")
		c.Budgets = []config.Budget{{Name: "b", Money: "1"}}
		tt.change(&c)
		if _, err := backends.Open(c, backends.Deps{}); rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := paid(t, t.TempDir(), "http://127.0.0.1:1")
	c.LLM.Model, c.LLM.PriceInput, c.LLM.PriceOutput = "unlisted", .1, .2
	c.Budgets = []config.Budget{{Name: "b", Money: "1"}}
	if _, err := backends.Open(c, backends.Deps{}); err != nil {
		t.Errorf("with a price beside the model: %v", err)
	}
	table, err := backends.Prices(c)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := backends.Targets(c, table)
	if err != nil || len(targets) != 2 || targets[1].Price.Input.String() != "0.1" || targets[1].Price.Output.String() != "0.2" || targets[0].Price.Embedding.String() != "0.02" {
		t.Errorf("prices %+v, %v", targets, err)
	}
}

// A fallback that costs nothing answers when the budget of the usual model is gone,
// and a reranker's work is charged.
func TestFreeFallbackAndReranker(t *testing.T) {
	r, p, _ := budgeted(t, func(c *config.Config) {
		c.Budgets = []config.Budget{{Name: "none", Money: "0.000000001", Operations: []string{"chat"}}}
		local := c.LLM.ChatModel
		local.Model = "own"
		c.LLM.Fallbacks = []config.ChatModel{local}
		c.Rerank.Name = "late"
		text := priceList + "  - {provider: double, models: [own], input: 0, output: 0}\n"
		if err := os.WriteFile(c.Prices.File, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	addMill(t, r)
	if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: "other", Text: "A mill stands there. owner-us"}); err != nil {
		t.Fatal(err)
	}
	a, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "What turns asker-us?"})
	if err != nil || len(a.Degraded) != 1 || !strings.Contains(a.Degraded[0], "chat") || len(a.Warnings) != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, tokens := p.total("chat"); tokens != 0 {
		t.Errorf("the usual model has taken %d tokens", tokens)
	}
	s, err := r.Usage(t.Context(), rag.Scope{}, rag.UsageQuery{GroupBy: []string{"operation", "model"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, row := range s.Rows {
		seen[string(row.Operation)+" "+row.Provider+"/"+row.Model] = row.Spent.Tokens() > 0 && row.Spent.Unpriced == 0
	}
	if !seen["rerank local/late"] || !seen["chat double/own"] || seen["chat double/chat"] {
		t.Errorf("usage %v", seen)
	}
}
