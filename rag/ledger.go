package rag

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Operation is what a model was called for.
type Operation string

const (
	OpEmbedPassages Operation = "embed_passages"
	OpEmbedQuestion Operation = "embed_question"
	OpChat          Operation = "chat"
	OpRerank        Operation = "rerank"
	OpEnrich        Operation = "enrich" // a chat model that says something about a document or a passage
)

// Operations lists all of them.
func Operations() []Operation {
	return []Operation{OpEmbedPassages, OpEmbedQuestion, OpChat, OpRerank, OpEnrich}
}

// DayOf returns the UTC day of a moment, as the ledger writes it: 2026-01-31. Days
// compare as text.
func DayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// ChargeKey is what a ledger keeps apart: calls that agree in all of it are one
// row, so that its size does not grow with the number of calls.
type ChargeKey struct {
	Tenant    string    `json:"tenant"`
	Key       string    `json:"key"` // name of the API key, "" for none
	Day       string    `json:"day"` // UTC
	Operation Operation `json:"operation"`
	Provider  string    `json:"provider"`
	Model     string    `json:"model"`
	Currency  string    `json:"currency"` // of Cost; "" where nothing is paid
}

// Consumption counts what calls of models took. Everything is a whole number.
type Consumption struct {
	Calls     int64 `json:"calls"`
	Failed    int64 `json:"failed"`    // of these, that ended with an error and were charged all the same
	Estimated int64 `json:"estimated"` // of these, whose tokens were counted here since the server did not report them
	Unpriced  int64 `json:"unpriced"`  // of these, of a model without a known price: their cost is not in Cost
	Input     int64 `json:"input_tokens"`
	Cached    int64 `json:"cached_tokens"` // the part of Input that the provider had kept and charges less for
	Output    int64 `json:"output_tokens"`
	Searches  int64 `json:"searches"` // of rerankers that are paid by the search
	Cost      Money `json:"cost"`
}

// Tokens returns the tokens read and written.
func (c Consumption) Tokens() int64 { return c.Input + c.Output }

// Plus returns the sum.
func (c Consumption) Plus(d Consumption) Consumption {
	return Consumption{
		c.Calls + d.Calls, c.Failed + d.Failed, c.Estimated + d.Estimated, c.Unpriced + d.Unpriced,
		c.Input + d.Input, c.Cached + d.Cached, c.Output + d.Output, c.Searches + d.Searches, c.Cost.Plus(d.Cost),
	}
}

// Charge is an entry of the ledger: what was spent, and what was not because a
// result was there already (Saved, at the price that it had cost).
type Charge struct {
	ChargeKey
	Spent Consumption `json:"spent"`
	Saved Consumption `json:"saved"`
}

// Hold sets aside the most that a call may take, before it is made.
type Hold struct {
	ID      string // random, unique
	Charge  Charge // Spent is what is set aside
	Limits  []Limit
	Expires time.Time // when a hold that nobody has settled is charged in full
}

// Limit bounds what a part of the ledger may come to. Money limits bound what was
// spent in their currency, token limits all tokens read and written.
type Limit struct {
	Budget     string      // name, for people
	AnyTenant  bool        // Tenant does not count
	Tenant     string      //
	AnyKey     bool        // Key does not count
	Key        string      //
	Operations []Operation // empty: all
	From, To   string      // days, both within
	Currency   string      // of a limit in money; "" bounds tokens
	Most       int64       // billionths of the currency, or tokens
}

// Applies reports whether a charge counts towards the limit.
func (l *Limit) Applies(k ChargeKey) bool {
	return (len(l.Operations) == 0 || slices.Contains(l.Operations, k.Operation)) &&
		(l.AnyTenant || l.Tenant == k.Tenant) && (l.AnyKey || l.Key == k.Key) &&
		l.From <= k.Day && k.Day <= l.To && (l.Currency == "" || l.Currency == k.Currency)
}

// Amount returns what c adds to the limit.
func (l *Limit) Amount(c Consumption) int64 {
	if l.Currency == "" {
		return c.Tokens()
	}
	return int64(c.Cost)
}

// Standing is how much of a limit is taken: by what was spent, and by what running
// calls have set aside.
type Standing struct {
	Limit
	Spent int64
	Held  int64
}

// Left returns what may still be set aside, less than 0 where the limit was
// passed.
func (s *Standing) Left() int64 { return s.Most - s.Spent - s.Held }

// Resets returns the moment at which the limit's days are over.
func (l *Limit) Resets() time.Time {
	t, err := time.Parse(time.DateOnly, l.To)
	if err != nil {
		return time.Time{}
	}
	return t.AddDate(0, 0, 1)
}

// Exceeded is the cause of an error of KindExhausted where a limit had no room.
type Exceeded struct {
	Standing Standing
	Wanted   int64
}

// Error says which limit, how much of it is taken, and until when.
func (e *Exceeded) Error() string {
	s := &e.Standing
	unit := func(n int64) string { return Money(n).String() + " " + s.Currency }
	if s.Currency == "" {
		unit = func(n int64) string { return strconv.FormatInt(n, 10) + " tokens" }
	}
	var b strings.Builder
	b.WriteString("budget " + strconv.Quote(s.Budget) + " is used up: " + unit(s.Spent) + " of " + unit(s.Most) + " are spent")
	if s.Held > 0 {
		b.WriteString(", " + unit(s.Held) + " are set aside for calls that run")
	}
	b.WriteString(", and this call may take " + unit(e.Wanted) + "; it begins anew at " + s.Resets().Format(time.RFC3339))
	return b.String()
}

// RetryAt returns when the same call may be made again.
func (e *Exceeded) RetryAt() time.Time { return e.Standing.Resets() }

// UsageQuery asks what a part of the ledger comes to.
type UsageQuery struct {
	Tenant  string   // "" is DefaultTenant
	Key     string   // counts with OneKey
	OneKey  bool     // of one key only
	Since   string   // first day; "" begins at the first
	Until   string   // last day; "" ends with the last
	GroupBy []string // among "day", "model", "key", "operation"; empty sums all up
}

// UsageGroups lists what a UsageQuery may be grouped by.
func UsageGroups() []string { return []string{"day", "model", "key", "operation"} }

// Validate reports what is wrong, as KindInvalid.
func (q *UsageQuery) Validate() error {
	for _, day := range []string{q.Since, q.Until} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return Errorf(KindInvalid, "%.40q is not a day; write 2026-01-31", day)
		}
	}
	known := UsageGroups()
	for _, g := range q.GroupBy {
		if !slices.Contains(known, g) {
			return Errorf(KindInvalid, "usage cannot be grouped by %.40q; use %s", g, strings.Join(known, ", "))
		}
	}
	return nil
}

// UsageRow is one group. Fields that were not grouped by are "". Money of
// different currencies is never added: each has a row of its own.
type UsageRow struct {
	Day       string      `json:"day,omitempty"`
	Provider  string      `json:"provider,omitempty"`
	Model     string      `json:"model,omitempty"`
	Key       string      `json:"key,omitempty"`
	Operation Operation   `json:"operation,omitempty"`
	Currency  string      `json:"currency,omitempty"`
	Spent     Consumption `json:"spent"`
	Saved     Consumption `json:"saved"`
}

// Spending is the answer to a UsageQuery.
type Spending struct {
	Rows []UsageRow `json:"rows"` // in order of day, model, key, operation, currency
	// Open is what calls that run, or whose end was not seen, have set aside. It
	// is not in Rows.
	Open []UsageRow `json:"open"`
}
