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
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/metered"
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
// then the language model, then those that routing and budgets name.
func Targets(cfg config.Config, table price.Table) ([]meter.Target, error) {
	out := []meter.Target{embedTarget(cfg.Embedder, table)}
	if cfg.LLM.Name == "none" {
		return out, nil
	}
	usual, err := chatTarget(cfg, table, cfg.LLM.BaseURL, cfg.LLM.Model)
	if err != nil {
		return nil, err
	}
	out = append(out, usual)
	further := func(address, model string) error {
		t, err := chatTarget(cfg, table, address, model)
		if err == nil && !slices.Contains(out, t) {
			out = append(out, t)
		}
		return err
	}
	if cfg.Routing.Model != "" {
		if err := further(routeAddress(cfg), cfg.Routing.Model); err != nil {
			return nil, err
		}
	}
	for _, name := range cheaperModels(cfg) {
		if err := further(cfg.LLM.BaseURL, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func embedTarget(e config.Embedder, table price.Table) meter.Target {
	t := meter.Target{Provider: e.Name, Model: e.Model}
	switch e.Name {
	case "builtin":
		t.Model = "bge-small-en-v1.5"
	case "local":
	default:
		t.Provider = table.Provider(e.BaseURL)
	}
	t.Price, _ = table.Find(t.Provider, t.Model)
	return t
}

// chatTarget is a language model with its price: that of the settings
// llm.price_input and llm.price_output for the one they are beside, and else the
// table's.
func chatTarget(cfg config.Config, table price.Table, address, model string) (meter.Target, error) {
	t := meter.Target{Provider: table.Provider(address), Model: model}
	t.Price, _ = table.Find(t.Provider, model)
	l := cfg.LLM
	given := l.PriceInput > 0 || l.PriceOutput > 0 || cfg.IsSet("llm.price_input") || cfg.IsSet("llm.price_output")
	if !given || model != l.Model || address != l.BaseURL {
		return t, nil
	}
	p := price.Unknown(t.Provider, model)
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

func routeAddress(cfg config.Config) string {
	if cfg.Routing.BaseURL != "" {
		return cfg.Routing.BaseURL
	}
	return cfg.LLM.BaseURL
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
	c.EmbedTarget = targets[0]
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
func checkPrices(b meter.Budget, targets []meter.Target) error {
	if b.Money == 0 {
		return nil
	}
	var faults []error
	for i, t := range targets {
		op := rag.OpChat
		if i == 0 {
			op = rag.OpEmbedPassages
		}
		counts := len(b.Operations) == 0 || slices.Contains(b.Operations, op) || i == 0 && slices.Contains(b.Operations, rag.OpEmbedQuestion)
		switch {
		case !counts || t.Price.Free():
		case !t.Price.Knows(op):
			faults = append(faults, rag.Errorf(rag.KindInvalid, "budget %q bounds money, and what %s of %s costs is not known; give its price in prices.file", b.Name, t.Model, t.Provider))
		case t.Price.Currency != b.Currency:
			faults = append(faults, rag.Errorf(rag.KindInvalid, "budget %q is in %s, and the price of %s of %s in %s", b.Name, b.Currency, t.Model, t.Provider, t.Price.Currency))
		}
	}
	return errors.Join(faults...)
}

// thrifty has the models that budgets name write in usual's place when they are
// due. open makes the model of that name at the server of the settings llm.
func thrifty(cfg config.Config, table price.Table, c *root.Config, usual llm.Model, open func(name string) (llm.Model, error)) (llm.Model, error) {
	cheaper := map[string]llm.Model{}
	for _, name := range cheaperModels(cfg) {
		m, err := open(name)
		if err != nil {
			return nil, err
		}
		cheaper[name] = m
	}
	target, err := chatTarget(cfg, table, cfg.LLM.BaseURL, cfg.LLM.Model)
	if err != nil {
		return nil, err
	}
	return metered.Thrifty(usual, c.Meter, target, cheaper), nil
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
