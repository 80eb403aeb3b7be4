package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/rag"
)

func (a *app) pricesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "prices",
		Short: "Show what models cost, and check that it is known",
		Long: `Prices are for a million tokens, of rerankers also for a thousand searches. Those that
come with the program are list prices as of the day shown beside them: compare them
with your provider's before you rely on them. The setting prices.file lays your own
over them.`,
		Example: `  smartretriever prices ls
  smartretriever prices check --set prices.file=prices.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.pricesListCommand(), a.pricesCheckCommand())
	return c
}

func (a *app) pricesListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Short:   "List the prices that are in force",
		Long:    "Lists the prices that are in force, with the day as of which each is known and where it is from.",
		Example: "  smartretriever prices ls\n  smartretriever prices ls --json | jq .model",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			table, err := backends.Prices(a.cfg)
			if err != nil {
				return err
			}
			a.listPrices(table.Prices())
			return nil
		},
	}
}

func (a *app) listPrices(prices []price.Price) {
	if a.flags.json {
		for _, p := range prices {
			a.out.jsonLine(p)
		}
		return
	}
	row := func(provider, model, embedding, input, cached, output, search, rest string) string {
		return pad(fit(clean(provider), 13), 14) + pad(fit(clean(model), 27), 28) + padLeft(embedding, 10) + padLeft(input, 9) +
			padLeft(cached, 9) + padLeft(output, 9) + padLeft(search, 9) + "  " + rest
	}
	a.out.line("%s", a.out.dim(row("provider", "model", "embedding", "input", "cached", "output", "search", "as of")))
	for _, p := range prices {
		a.out.line("%s", row(p.Provider, p.Model, p.Embedding.String(), p.Input.String(), p.CachedInput.String(), p.Output.String(), p.Search.String(),
			p.Currency+" "+p.AsOf+"  "+a.out.dim(clean(p.Source))))
	}
}

// staleAfter is how old a price may be before check says so.
const staleAfter = 180 * 24 * time.Hour

// priceCheck is one line of prices check.
type priceCheck struct {
	Use      string      `json:"use"` // embedding or chat
	Provider string      `json:"provider"`
	Model    string      `json:"model"`
	Known    bool        `json:"known"`
	Free     bool        `json:"free"`
	Stale    bool        `json:"stale"`
	Price    price.Price `json:"price"`
}

func (a *app) pricesCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check that the configured models have a price",
		Long: `Shows the price of each configured model. The exit code is 1 when one of them has none:
then what it costs is not counted, and no budget in money can hold it. Prices that are
known as of a day more than half a year ago are marked.`,
		Example: "  smartretriever prices check",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			table, err := backends.Prices(a.cfg)
			if err != nil {
				return err
			}
			targets, err := backends.Targets(a.cfg, table)
			if err != nil {
				return err
			}
			return a.checkPrices(targets, time.Now())
		},
	}
}

// priceUses are the words for what models are used for.
var priceUses = map[rag.Operation]string{rag.OpEmbedPassages: "embedding", rag.OpRerank: "reranking", rag.OpChat: "chat"}

func (a *app) checkPrices(targets []backends.Target, now time.Time) error {
	unknown := false
	for _, t := range targets {
		op := t.Operations[0]
		c := priceCheck{Use: priceUses[op], Provider: t.Provider, Model: t.Model, Price: t.Price, Free: t.Price.Free(), Known: t.Price.Knows(op)}
		if day, err := time.Parse(time.DateOnly, t.Price.AsOf); err == nil && !c.Free {
			c.Stale = now.Sub(day) > staleAfter
		}
		unknown = unknown || !c.Known
		a.printCheck(c)
	}
	if unknown {
		return errReported{ExitFailure}
	}
	return nil
}

func (a *app) printCheck(c priceCheck) {
	if a.flags.json {
		a.out.jsonLine(c)
		return
	}
	said := ""
	switch p := c.Price; {
	case !c.Known:
		said = a.out.red("no price is known; give one in prices.file")
	case c.Free:
		said = a.out.green("costs nothing")
	case c.Use == "embedding":
		said = p.Embedding.String() + " " + p.Currency
	default:
		said = p.Input.String() + " in, " + p.Output.String() + " out, " + p.Currency
	}
	if c.Price.AsOf != "" && !c.Free {
		said += ", as of " + c.Price.AsOf
	}
	if c.Stale {
		said += " " + a.out.yellow("(more than half a year ago: compare it with the provider's list)")
	}
	a.out.line("%s%s  %s", pad(c.Use, 11), pad(fit(clean(c.Provider+"/"+c.Model), 40), 40), said)
}
