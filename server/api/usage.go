package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
)

// Spending is what models were paid.
type Spending struct {
	Since   string     `json:"since,omitempty" doc:"First day, UTC"`
	Until   string     `json:"until,omitempty" doc:"Last day, UTC"`
	GroupBy []string   `json:"group_by" nullable:"false"`
	Rows    []UsageRow `json:"rows" nullable:"false" doc:"One for each group and currency"`
	Open    []UsageRow `json:"open" nullable:"false" doc:"Set aside for calls that run; not in rows"`
}

// UsageRow is one group. Money of different currencies is in different rows.
type UsageRow struct {
	Day       string        `json:"day,omitempty" doc:"UTC"`
	Provider  string        `json:"provider,omitempty"`
	Model     string        `json:"model,omitempty"`
	Key       *string       `json:"key,omitempty" doc:"Name of the API key; empty for the command line and an open server"`
	Operation rag.Operation `json:"operation,omitempty" enum:"embed_passages,embed_question,chat,rerank"`
	Currency  string        `json:"currency,omitempty"`
	Spent     Consumption   `json:"spent"`
	Saved     Consumption   `json:"saved" doc:"Not spent, since a result was there already"`
}

// Consumption counts calls of models.
type Consumption struct {
	Calls     int64  `json:"calls"`
	Failed    int64  `json:"failed" doc:"Of these, that ended with an error and were charged all the same"`
	Estimated int64  `json:"estimated" doc:"Of these, whose tokens the server did not report"`
	Unpriced  int64  `json:"unpriced" doc:"Of these, of a model without a known price; their cost is not counted"`
	Input     int64  `json:"input_tokens"`
	Cached    int64  `json:"cached_tokens" doc:"Of the input, what the provider had kept and charges less for"`
	Output    int64  `json:"output_tokens"`
	Searches  int64  `json:"searches" doc:"Of rerankers that are paid by the search"`
	Cost      Amount `json:"cost" doc:"Exact, with up to nine decimals"`
}

// Amount is money as a decimal number, written without rounding.
type Amount rag.Money

// MarshalJSON writes a number.
func (a Amount) MarshalJSON() ([]byte, error) { return rag.Money(a).MarshalJSON() }

// Schema describes it.
func (Amount) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Description: "Exact, with up to nine decimals"}
}

func consumptionOf(c rag.Consumption) Consumption {
	return Consumption{c.Calls, c.Failed, c.Estimated, c.Unpriced, c.Input, c.Cached, c.Output, c.Searches, Amount(c.Cost)}
}

func usageRowsOf(rows []rag.UsageRow, byKey bool) []UsageRow {
	out := make([]UsageRow, len(rows))
	for i, r := range rows {
		out[i] = UsageRow{
			Day: r.Day, Provider: r.Provider, Model: r.Model, Operation: r.Operation, Currency: r.Currency,
			Spent: consumptionOf(r.Spent), Saved: consumptionOf(r.Saved),
		}
		if byKey {
			out[i].Key = &r.Key
		}
	}
	return out
}

func (h *handlers) registerUsage() {
	op := h.operation(http.MethodGet, "/api/v1/usage", "getUsage", "search", "What models were paid")
	op.Description = "Of the caller's tenant. An admin key sees all of it, other keys what they have spent themselves."
	huma.Register(h.api, op, h.usage)
}

func (h *handlers) usage(ctx context.Context, in *struct {
	Since string   `query:"since" format:"date" doc:"First day, UTC"`
	Until string   `query:"until" format:"date" doc:"Last day, UTC"`
	By    []string `query:"by" maxItems:"4" enum:"day,model,key,operation" doc:"What to group by, separated by commas"`
}) (*output[Spending], error) {
	id := auth.From(ctx)
	q := rag.UsageQuery{Key: id.Name, OneKey: !id.Admin, Since: in.Since, Until: in.Until, GroupBy: in.By}
	s, err := h.svc.Usage(ctx, id.Manage(""), q)
	byKey := false
	for _, g := range in.By {
		byKey = byKey || g == "key"
	}
	return reply(ctx, Spending{
		Since: in.Since, Until: in.Until, GroupBy: list(in.By), Rows: usageRowsOf(s.Rows, byKey), Open: usageRowsOf(s.Open, byKey),
	}, err)
}
