package observe_test

import (
	"testing"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

func TestCharges(t *testing.T) {
	o := observe.New(observe.Config{})
	key := rag.ChargeKey{Tenant: "t", Operation: rag.OpChat, Provider: "p", Model: "m", Currency: "USD"}
	o.Charge(rag.Charge{ChargeKey: key, Spent: rag.Consumption{Calls: 2, Failed: 1, Input: 10, Cached: 4, Output: 3, Cost: 1_500_000_000}})
	o.Charge(rag.Charge{ChargeKey: key, Saved: rag.Consumption{Calls: 1, Input: 5, Output: 2, Cost: 250_000_000}})
	key.Operation, key.Currency = rag.OpEmbedQuestion, ""
	o.Charge(rag.Charge{ChargeKey: key, Spent: rag.Consumption{Calls: 1, Input: 7}})
	o.BudgetRefused("team")
	page := scrape(t, o)
	for _, line := range []string{
		`smartretriever_model_calls_total{model="p/m",operation="chat",result="ok"} 1`,
		`smartretriever_model_calls_total{model="p/m",operation="chat",result="failed"} 1`,
		`smartretriever_model_calls_total{model="p/m",operation="chat",result="saved"} 1`,
		`smartretriever_model_tokens_total{kind="cached",model="p/m",operation="chat"} 4`,
		`smartretriever_model_tokens_total{kind="saved",model="p/m",operation="chat"} 7`,
		`smartretriever_model_cost_total{currency="USD",model="p/m",operation="chat"} 1.5`,
		`smartretriever_cost_total{currency="USD"} 1.5`,
		`smartretriever_cost_saved_total{currency="USD"} 0.25`,
		`smartretriever_tokens_total{kind="prompt"} 10`,
		`smartretriever_tokens_total{kind="embedding"} 7`,
		`smartretriever_budget_refusals_total{budget="team"} 1`,
	} {
		wantLine(t, page, line)
	}
	var none *observe.Observer
	none.Charge(rag.Charge{})
	none.BudgetRefused("team")
}
