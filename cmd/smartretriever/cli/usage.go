package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

// spender is what usage calls.
type spender interface {
	Usage(ctx context.Context, scope rag.Scope, q rag.UsageQuery) (rag.Spending, error)
}

func (a *app) usageCommand() *cobra.Command {
	var since, until string
	var by []string
	c := &cobra.Command{
		Use:   "usage",
		Short: "Say what models have taken and cost",
		Long: `Sums up the tenant's calls of models: tokens, money, and what was spared because an
answer or an embedding was there already. Days are in UTC. Money of different
currencies is never added. What is set aside for calls that run is shown apart.`,
		Example: `  smartretriever usage
  smartretriever usage --since 7d --by day,model
  smartretriever usage --since 2026-01-01 --by key --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			q := rag.UsageQuery{GroupBy: by}
			var err error
			if q.Since, err = dayOf(since, time.Now()); err != nil {
				return err
			}
			if q.Until, err = dayOf(until, time.Now()); err != nil {
				return err
			}
			if err := q.Validate(); err != nil {
				return usageError{err}
			}
			return a.with(c.Context(), false, func(r Retriever) error { return a.usage(c.Context(), r, q) })
		},
	}
	fl := c.Flags()
	fl.StringVar(&since, "since", "", "first `day`: 2026-01-31, or how long ago (7d)")
	fl.StringVar(&until, "until", "", "last `day`, written in the same way")
	fl.StringSliceVar(&by, "by", []string{"day", "model"}, "`groups`: day, model, key, operation; empty sums all up")
	return c
}

// dayOf reads a day, or how long ago it was.
func dayOf(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return text, nil
	}
	d, err := config.ParseDuration(text)
	if err != nil || d < 0 {
		return "", usagef("%.40q is not a day; write 2026-01-31, or 7d for a week ago", text)
	}
	return rag.DayOf(now.Add(-d)), nil
}

func (a *app) usage(ctx context.Context, r spender, q rag.UsageQuery) error {
	s, err := r.Usage(ctx, a.scope(nil), q)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.json(s)
		return nil
	}
	if len(s.Rows) == 0 && len(s.Open) == 0 {
		a.err.line("No model has been called.")
		return nil
	}
	a.usageTable(s.Rows, q.GroupBy)
	if len(s.Open) > 0 {
		a.out.line("\n%s", a.out.dim("set aside for calls that run:"))
		a.usageTable(s.Open, q.GroupBy)
	}
	for _, row := range s.Rows {
		if row.Spent.Unpriced > 0 {
			a.err.line("Calls of models without a known price are not in the cost; see 'smartretriever prices check'.")
			break
		}
	}
	return nil
}

// usageTable prints a line for each row, its groups first.
func (a *app) usageTable(rows []rag.UsageRow, by []string) {
	group := func(name string) bool { return slices.Contains(by, name) }
	head := ""
	for _, g := range []struct {
		name  string
		width int
	}{{"day", 12}, {"model", 32}, {"key", 16}, {"operation", 16}} {
		if group(g.name) {
			head += pad(g.name, g.width)
		}
	}
	a.out.line("%s", a.out.dim(head+padLeft("calls", 8)+padLeft("input", 13)+padLeft("output", 12)+padLeft("cost", 18)+padLeft("saved", 18)))
	for _, r := range rows {
		line := ""
		if group("day") {
			line += pad(r.Day, 12)
		}
		if group("model") {
			line += pad(fit(clean(strings.TrimPrefix(r.Provider+"/"+r.Model, "/")), 31), 32)
		}
		if group("key") {
			line += pad(fit(clean(orDash(r.Key)), 15), 16)
		}
		if group("operation") {
			line += pad(string(r.Operation), 16)
		}
		a.out.line("%s%s%s%s%s%s", line, padLeft(comma(int(r.Spent.Calls)), 8), padLeft(comma(int(r.Spent.Input)), 13),
			padLeft(comma(int(r.Spent.Output)), 12), padLeft(amount(r.Spent.Cost, r.Currency), 18), padLeft(amount(r.Saved.Cost, r.Currency), 18))
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// amount is money with its currency, to the millionth.
func amount(m rag.Money, currency string) string {
	if currency == "" {
		return "0"
	}
	if m%1000 != 0 { // billionths are for JSON; what there is of them is not nothing
		m += 1000 - m%1000
	}
	return m.String() + " " + currency
}
