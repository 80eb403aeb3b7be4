package backends

import (
	"errors"
	"slices"
	"strconv"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/answer"
	answerllm "github.com/smartretriever/smartretriever/answer/llm"
	"github.com/smartretriever/smartretriever/answer/route"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/rag"
)

// Prices returns the table that is in force: the user's own over the built-in one.
func Prices(cfg config.Config) (price.Table, error) {
	table := price.Default()
	if cfg.Prices.File == "" {
		return table, nil
	}
	mine, err := price.ReadFile(cfg.Prices.File)
	if err != nil {
		return table, rag.Errorf(rag.KindInvalid, "prices.file: %w", err)
	}
	return mine.Over(table), nil
}

// Targets lists the models that cfg names, with their prices: first the embedder,
// then the reranker if there is one, then the language models, those that routing
// and budgets name with them.
func Targets(cfg config.Config, table price.Table) ([]Target, error) {
	out := []Target{{embedTarget(cfg.Embedder, table), []rag.Operation{rag.OpEmbedPassages, rag.OpEmbedQuestion}}}
	if cfg.Rerank.Name != "none" {
		out = append(out, Target{rerankTarget(cfg, table), []rag.Operation{rag.OpRerank}})
	}
	if cfg.LLM.Name == "none" {
		return out, nil
	}
	models := append([]config.ChatModel{cfg.LLM.ChatModel}, cfg.LLM.Fallbacks...)
	if cfg.Routing.Model != "" {
		models = append(models, cheapModel(cfg))
	}
	for _, name := range cheaperModels(cfg) {
		m := cfg.LLM.ChatModel
		m.Model = name
		models = append(models, m)
	}
	for _, m := range models {
		t, err := chatTarget(cfg, table, m)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(other Target) bool { return other.Target == t }) {
			ops := []rag.Operation{rag.OpChat}
			if cfg.WritesEnrichment() {
				ops = append(ops, rag.OpEnrich)
			}
			out = append(out, Target{t, ops})
		}
	}
	return out, nil
}

// Target is a model, its price, and what it is used for.
type Target struct {
	meter.Target
	Operations []rag.Operation
}

func embedTarget(e config.Embedder, table price.Table) meter.Target {
	t := meter.Target{Provider: provider(table, e.Name, e.BaseURL), Model: e.Model}
	if e.Name == "builtin" {
		t.Model = "bge-small-en-v1.5"
	}
	t.Price, _ = table.Find(t.Provider, t.Model)
	return t
}

func rerankTarget(cfg config.Config, table price.Table) meter.Target {
	r := cfg.Rerank
	t := meter.Target{Provider: provider(table, r.Name, r.BaseURL), Model: r.Model}
	if r.Name == "late" { // the embedding model, where it runs in this process
		t.Model = "late"
	}
	t.Price, _ = table.Find(t.Provider, t.Model)
	return t
}

// provider says who is paid for a model: whoever answers at its address, or, where
// none is set, the provider of that name.
func provider(table price.Table, name, address string) string {
	switch {
	case name == "late", name == "onnx":
		return "local"
	case name == "builtin", name == "local":
		return name
	case address != "":
		return table.Provider(address)
	case name == "gemini":
		return "google"
	case name == "ollama": // on this machine
		return price.SelfHosted
	}
	return name
}

// chatTarget is a language model with its price: that of the settings
// llm.price_input and llm.price_output for the one they are beside, and else the
// table's.
func chatTarget(cfg config.Config, table price.Table, m config.ChatModel) (meter.Target, error) {
	t := meter.Target{Provider: provider(table, m.Name, m.BaseURL), Model: m.Model}
	t.Price, _ = table.Find(t.Provider, m.Model)
	l := cfg.LLM
	given := l.PriceInput > 0 || l.PriceOutput > 0 || cfg.IsSet("llm.price_input") || cfg.IsSet("llm.price_output")
	if !given || m.Name != l.Name || m.Model != l.Model || m.BaseURL != l.BaseURL {
		return t, nil
	}
	p := price.Unknown(t.Provider, m.Model)
	p.Currency, p.Source = l.Currency, "llm.price_input, llm.price_output"
	for _, f := range []struct {
		name  string
		value float64
		into  *price.Rate
	}{{"llm.price_input", l.PriceInput, &p.Input}, {"llm.price_output", l.PriceOutput, &p.Output}} {
		rate, err := price.ParseRate(strconv.FormatFloat(f.value, 'f', -1, 64))
		if err != nil {
			return t, rag.Errorf(rag.KindInvalid, "%s: %w", f.name, err)
		}
		*f.into = rate
	}
	t.Price = p
	return t, nil
}

// cheapModel is the model that answers simple questions: of llm's server, or of one
// of its own with its own key, since a key goes to the address that it was given for.
func cheapModel(cfg config.Config) config.ChatModel {
	m := cfg.LLM.ChatModel
	m.Model = cfg.Routing.Model
	if cfg.Routing.BaseURL != "" {
		m.BaseURL, m.APIKey = cfg.Routing.BaseURL, cfg.Routing.APIKey
	}
	return m
}

// cheaperModels lists the models that budgets name, each once.
func cheaperModels(cfg config.Config) []string {
	var out []string
	for _, b := range cfg.Budgets {
		if b.CheaperModel != "" && !slices.Contains(out, b.CheaperModel) {
			out = append(out, b.CheaperModel)
		}
	}
	return out
}

// openMeter makes the meter with the budgets of cfg, and tells the Retriever what
// its embedder costs.
func openMeter(cfg config.Config, deps Deps, c *root.Config) (price.Table, error) {
	table, err := Prices(cfg)
	if err != nil {
		return table, err
	}
	targets, err := Targets(cfg, table)
	if err != nil {
		return table, err
	}
	budgets := make([]meter.Budget, len(cfg.Budgets))
	var faults []error
	for i, b := range cfg.Budgets {
		budgets[i], err = budgetOf(b)
		faults = append(faults, err, checkPrices(budgets[i], targets))
	}
	if err := errors.Join(faults...); err != nil {
		return table, rag.Wrap(rag.KindInvalid, err, "budgets")
	}
	c.EmbedTarget = targets[0].Target
	c.Meter, err = meter.New(meter.Config{Budgets: budgets, Observe: deps.Observer, Logger: deps.Logger, Clock: deps.Clock})
	return table, err
}

func budgetOf(b config.Budget) (meter.Budget, error) {
	out := meter.Budget{
		Name: b.Name, Tenant: b.Tenant, Key: b.Key, Month: b.Per == "month", Currency: b.Currency, Tokens: int64(b.Tokens),
		WarnAt: b.WarnAt, CheaperAt: b.CheaperAt, CheaperModel: b.CheaperModel,
	}
	for _, op := range b.Operations {
		out.Operations = append(out.Operations, rag.Operation(op))
	}
	if out.Currency == "" {
		out.Currency = "USD"
	}
	if b.Money == "" {
		return out, out.Validate()
	}
	var err error
	if out.Money, err = rag.ParseMoney(b.Money); err != nil {
		return out, err
	}
	return out, out.Validate()
}

// checkPrices refuses a budget in money that could not see what it bounds: a model
// whose price is not known, or is in another currency.
func checkPrices(b meter.Budget, targets []Target) error {
	if b.Money == 0 {
		return nil
	}
	var faults []error
	for _, t := range targets {
		counts := len(b.Operations) == 0 || slices.ContainsFunc(t.Operations, func(op rag.Operation) bool { return slices.Contains(b.Operations, op) })
		switch {
		case !counts || t.Price.Free():
		case !t.Price.Knows(t.Operations[0]):
			faults = append(faults, rag.Errorf(rag.KindInvalid, "budget %q bounds money, and what %s of %s costs is not known; give its price in prices.file", b.Name, t.Model, t.Provider))
		case t.Price.Currency != b.Currency:
			faults = append(faults, rag.Errorf(rag.KindInvalid, "budget %q is in %s, and the price of %s of %s in %s", b.Name, b.Currency, t.Model, t.Provider, t.Price.Currency))
		}
	}
	return errors.Join(faults...)
}

// routed has a cheaper model answer what is simple.
func routed(cfg config.Config, good *answerllm.Generator, cheap func() (*answerllm.Generator, error)) (answer.Generator, error) {
	r := cfg.Routing
	if r.Model == "" {
		return good, nil
	}
	simple, err := cheap()
	if err != nil {
		return nil, err
	}
	rules := route.Rules{
		MaxWords: r.MaxWords, MaxSubquestions: r.MaxSubquestions, MaxHistory: r.MaxHistory, MinConfidence: r.MinConfidence, HardWords: r.HardWords,
	}
	// In the configuration 0 is none; in the library it is the default.
	if rules.MaxHistory == 0 {
		rules.MaxHistory = -1
	}
	if rules.MinConfidence == 0 {
		rules.MinConfidence = -1
	}
	always := route.Route(r.Always)
	if r.Always == "auto" {
		always = ""
	}
	return route.New(simple, good, rules, always), nil
}
