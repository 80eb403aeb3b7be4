package observe

import "github.com/smartretriever/smartretriever/rag"

// Charge counts what a call of a model took, or saved.
func (o *Observer) Charge(c rag.Charge) {
	if o == nil {
		return
	}
	m := o.metrics
	op, model := m.operations.of(string(c.Operation)), m.models.of(c.Provider+"/"+c.Model)
	add(m.modelCalls.WithLabelValues(op, model, "ok"), float64(c.Spent.Calls-c.Spent.Failed))
	add(m.modelCalls.WithLabelValues(op, model, "failed"), float64(c.Spent.Failed))
	add(m.modelCalls.WithLabelValues(op, model, "saved"), float64(c.Saved.Calls))
	add(m.modelTokens.WithLabelValues(op, model, "input"), float64(c.Spent.Input))
	add(m.modelTokens.WithLabelValues(op, model, "cached"), float64(c.Spent.Cached))
	add(m.modelTokens.WithLabelValues(op, model, "output"), float64(c.Spent.Output))
	add(m.modelTokens.WithLabelValues(op, model, "saved"), float64(c.Saved.Tokens()))
	switch c.Operation {
	case rag.OpEmbedPassages, rag.OpEmbedQuestion:
		o.Tokens("embedding", int(c.Spent.Input))
	case rag.OpChat, rag.OpEnrich:
		o.Tokens("prompt", int(c.Spent.Input))
		o.Tokens("completion", int(c.Spent.Output))
	}
	if c.Currency == "" {
		return
	}
	currency := m.currencies.of(c.Currency)
	o.Cost(c.Spent.Cost.Float(), c.Currency)
	add(m.modelCost.WithLabelValues(op, model, currency), c.Spent.Cost.Float())
	add(m.costSaved.WithLabelValues(currency), c.Saved.Cost.Float())
}

// BudgetRefused counts a call that a budget had no room for.
func (o *Observer) BudgetRefused(budget string) {
	if o == nil {
		return
	}
	o.metrics.budgetRefused.WithLabelValues(o.metrics.budgets.of(budget)).Inc()
}
