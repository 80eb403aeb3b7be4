package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/rag"
)

// reembedder is what reembed calls.
type reembedder interface {
	Reembed(ctx context.Context, scope rag.Scope, opt root.ReembedOptions) (root.ReembedResult, error)
	Generations(ctx context.Context, scope rag.Scope) ([]rag.GenerationInfo, error)
	SwitchGeneration(ctx context.Context, scope rag.Scope, number int, progress func(root.ReembedProgress)) (rag.Collection, error)
	DropGeneration(ctx context.Context, scope rag.Scope, number int) (rag.GenerationInfo, error)
}

type reembedFlags struct {
	model, questions, split                   string
	limit                                     int
	maxLoss                                   float64
	dryRun, compareOnly, now, never, allowCut bool
	back, status, drop, yes                   bool
}

func (a *app) reembedCommand() *cobra.Command {
	f := reembedFlags{split: "test", maxLoss: root.DefaultMaxLoss}
	c := &cobra.Command{
		Use:   "reembed --model NAME",
		Short: "Move a collection to another embedding model",
		Long: `Embeds all passages of a collection with another model while the old one serves,
compares the two on questions from the query log and on questions made from the
collection's own passages, and switches to the new one in one step if it is not worse.
Running servers follow without a restart. NAME is "builtin", "configured" (whatever
embedder.name says), or a model as 'smartretriever models ls' prints it.

What is embedded is stored at once: after Ctrl-C or a crash the same command goes on
where it stopped. Documents can be added, changed and removed meanwhile. The old
generation is kept until it is dropped or another takes its place; --back returns to it.

The exit code is 4 if the new model was found to be worse and was not switched to.`,
		Example: `  smartretriever reembed --model all-MiniLM-L6-v2-int8-0123abcd --dry-run
  smartretriever reembed --model builtin --collection contracts --no-switch
  smartretriever reembed --model configured --questions ~/beir/own --max-loss 0
  smartretriever reembed --status
  smartretriever reembed --back
  smartretriever reembed --drop --yes`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(c.Flags().Changed("limit"), c.Flags().Changed("max-loss")); err != nil {
				return err
			}
			if err := a.load(c); err != nil {
				return err
			}
			var judged *eval.Dataset
			if f.questions != "" {
				var err error
				if judged, err = eval.Load(f.questions, f.split); err != nil {
					return err
				}
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				switch {
				case f.status:
					return a.generationStatus(c.Context(), r)
				case f.back:
					return a.switchBack(c.Context(), r)
				case f.drop:
					return a.dropGeneration(c.Context(), r, f.yes)
				}
				return a.reembed(c.Context(), r, f, judged)
			})
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.model, "model", "", "the new model: \"builtin\", \"configured\" or a local one's `name`")
	fl.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what there is to embed and stop")
	fl.BoolVar(&f.compareOnly, "compare-only", false, "compare what was built before once more and stop")
	fl.BoolVar(&f.now, "switch", false, "switch whatever the comparison says")
	fl.BoolVar(&f.never, "no-switch", false, "build and compare, but do not switch")
	fl.Float64Var(&f.maxLoss, "max-loss", f.maxLoss, "most by which nDCG@10 of hybrid search may fall for the switch; 0 allows no loss")
	fl.BoolVar(&f.allowCut, "allow-cut", false, "go on although passages are longer than the new model takes")
	fl.StringVar(&f.questions, "questions", "", "`folder` with judged questions in the layout that eval reads, named by the documents' external ids")
	fl.StringVar(&f.split, "split", f.split, "`name` of the judgements: qrels/NAME.tsv")
	fl.IntVar(&f.limit, "limit", 0, "most questions of each kind; 0 is 100")
	fl.BoolVar(&f.back, "back", false, "switch back to the previous generation")
	fl.BoolVar(&f.status, "status", false, "show the collection's generations and stop")
	fl.BoolVar(&f.drop, "drop", false, "remove the generation that is being built or, if none is, the previous one")
	fl.BoolVarP(&f.yes, "yes", "y", false, "with --drop, do not ask")
	return c
}

// check finds what does not go together.
func (f *reembedFlags) check(limited, bounded bool) error {
	actions := 0
	for _, on := range []bool{f.dryRun, f.compareOnly, f.back, f.status, f.drop} {
		if on {
			actions++
		}
	}
	alone := f.back || f.status || f.drop
	switch {
	case actions > 1:
		return usagef("give one of --dry-run, --compare-only, --back, --status and --drop")
	case f.now && f.never:
		return usagef("--switch and --no-switch exclude each other")
	case alone && (f.model != "" || f.now || f.never || f.allowCut || f.questions != "" || limited || bounded):
		return usagef("--back, --status and --drop take no other flags of building a generation")
	case f.yes && !f.drop:
		return usagef("--yes goes with --drop")
	case !alone && f.model == "" && !f.compareOnly:
		return usagef("say which model with --model: builtin, configured, or one that 'smartretriever models ls' lists")
	case limited && f.limit < 1:
		return usagef("--limit %d: at least one question is compared", f.limit)
	case !(f.maxLoss >= 0 && f.maxLoss <= 1):
		return usagef("--max-loss %g is out of range 0 to 1", f.maxLoss)
	}
	return nil
}

func (f *reembedFlags) options(judged *eval.Dataset) root.ReembedOptions {
	opt := root.ReembedOptions{Model: f.model, MaxLoss: f.maxLoss, AllowCut: f.allowCut, Judged: judged, Questions: f.limit, DryRun: f.dryRun, CompareOnly: f.compareOnly}
	if f.maxLoss == 0 {
		opt.MaxLoss = -1 // in the library 0 is the default
	}
	switch {
	case f.now:
		opt.Switch = root.SwitchAlways
	case f.never:
		opt.Switch = root.SwitchNever
	}
	return opt
}

// reembedJSON is what reembed --json prints.
type reembedJSON struct {
	Collection string `json:"collection"`
	root.ReembedResult
	Cost     *float64 `json:"cost"` // of what is to be embedded; null where the price is not known
	Currency string   `json:"currency,omitempty"`
}

func (a *app) reembed(ctx context.Context, r reembedder, f reembedFlags, judged *eval.Dataset) error {
	scope := a.scope(nil)
	opt := f.options(judged)
	if opt.Model == "" {
		var err error
		if opt.Model, err = otherModel(ctx, r, scope); err != nil {
			return err
		}
	}
	show := a.startStages()
	opt.Progress = show.progress
	opt.Planned = func(p root.ReembedPlan) error {
		show.end()
		if !a.flags.json && p.Passages > 0 {
			a.err.line("%s", a.workText(p))
		}
		return nil
	}
	res, err := r.Reembed(ctx, scope, opt)
	show.end()
	if err != nil {
		if ctx.Err() != nil && !a.flags.json && res.New.Number > 0 {
			a.err.line("%s embedded and stored; run the same command again to go on.", plural(show.embedded, "passage"))
		}
		if errors.Is(err, rag.ErrRefused) && res.Plan.Cut > 0 {
			err = rag.Errorf(rag.KindRefused, "%w (--allow-cut allows it)", err)
		}
		return err
	}
	if a.flags.json {
		out := reembedJSON{Collection: a.cfg.Collection, ReembedResult: res}
		if cost, currency, known := a.embeddingCost(res.Plan.Model, res.Plan.Tokens); known {
			out.Cost, out.Currency = &cost, currency
		}
		a.out.json(out)
	} else {
		a.printReembed(res, f)
	}
	if !res.Switched && !res.Unchanged && !f.dryRun && !f.compareOnly && !f.never {
		return errReported{ExitRefused}
	}
	return nil
}

// otherModel is the model of the generation that is not live: the one that is being
// built, or else the previous one.
func otherModel(ctx context.Context, r reembedder, scope rag.Scope) (string, error) {
	list, err := r.Generations(ctx, scope)
	if err != nil {
		return "", err
	}
	model := ""
	for _, g := range list {
		if g.State == rag.GenerationBuilding || g.State == rag.GenerationPrevious && model == "" {
			model = g.Model
		}
	}
	if model == "" {
		return "", rag.Errorf(rag.KindNotFound, "the collection has one generation, and nothing to compare it with")
	}
	return model, nil
}

// embeddingCost is what it costs to embed so many tokens, and the currency. Models
// that run on this machine cost nothing; the price of one behind an API, whose id
// begins with the provider's name and a colon, is not known.
func (a *app) embeddingCost(m rag.Model, tokens int64) (cost float64, currency string, known bool) {
	behindAPI := strings.Contains(m.ID, ":") && a.cfg.Embedder.Name != "onnx"
	return 0, "", tokens == 0 || !behindAPI
}

// workText says what there is to embed, and what it costs.
func (a *app) workText(p root.ReembedPlan) string {
	return fmt.Sprintf("%s to embed: %s tokens, %s", plural(p.Passages, "passage"), comma(int(p.Tokens)), a.costText(p.Model, p.Tokens))
}

func (a *app) costText(m rag.Model, tokens int64) string {
	cost, currency, known := a.embeddingCost(m, tokens)
	switch {
	case !known:
		return "cost not known"
	case cost == 0:
		return "no cost"
	}
	return strings.TrimSpace(fmt.Sprintf("cost %.4f %s", cost, currency))
}

// stages shows the progress of each stage in turn.
type stages struct {
	app      *app
	stage    root.ReembedStage
	bar      *progress
	embedded int
}

func (a *app) startStages() *stages { return &stages{app: a} }

func (s *stages) progress(p root.ReembedProgress) {
	if p.Stage != s.stage {
		s.end()
		s.stage = p.Stage
		unit := map[root.ReembedStage]string{root.StageSurvey: "passages counted", root.StageEmbed: "passages", root.StageCompare: "questions"}[p.Stage]
		if unit != "" {
			s.bar = startProgress(s.app.err, unit)
		}
	}
	if p.Stage == root.StageEmbed {
		s.embedded = p.Done
	}
	if s.bar != nil {
		s.bar.reach(p.Done, p.Of)
		if p.OfTokens > 0 {
			s.bar.begin(comma(int(p.Tokens)) + " tokens")
		}
	}
}

func (s *stages) end() {
	if s.bar != nil {
		s.bar.end()
		s.bar = nil
	}
}

func (a *app) printReembed(res root.ReembedResult, f reembedFlags) {
	s := a.out
	if res.Unchanged {
		s.line("%s. There is nothing to do.", sentenceOf(res.Reason))
		return
	}
	m := res.Plan.Model
	s.line("%s %s %s %s %s", s.dim("model    "), clean(orNone(res.Old.Model)), s.dim("->"), s.bold(clean(m.ID)), s.dim(fmt.Sprintf("(%d dimensions, %d tokens)", m.Dimensions, m.MaxTokens)))
	s.line("%s %s in %s, %s", s.dim("work     "), plural(res.Plan.Chunks, "chunk"), clean(a.cfg.Collection), a.workText(res.Plan))
	if res.Plan.Cut > 0 {
		s.line("%s %s longer than the model takes: it would not see their ends", s.dim("cut      "), plural(res.Plan.Cut, "passage"))
	}
	if f.dryRun {
		return
	}
	if !f.compareOnly {
		rate := ""
		if took := res.Took.Seconds(); res.Embedded > 0 && took > 0 {
			rate = fmt.Sprintf(", %s/s", rateText(float64(res.Embedded)/took))
		}
		s.line("%s %s in %s%s", s.dim("embedded "), plural(res.Embedded, "passage"), duration(res.Took), rate)
	}
	if res.Comparison != nil {
		a.printComparison(*res.Comparison)
	}
	switch {
	case res.Switched:
		s.line("%s: %s. --back switches back, --drop removes the old generation.", s.green("Switched"), clean(res.Reason))
	case f.compareOnly:
	default:
		s.line("%s: %s. The old model goes on serving; --switch switches all the same, --drop removes the new generation.", s.bold("Not switched"), clean(res.Reason))
	}
}

func orNone(model string) string {
	if model == "" {
		return "no model"
	}
	return model
}

// sentenceOf is a text that begins with a capital letter.
func sentenceOf(text string) string {
	text = clean(text)
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func (a *app) printComparison(c rag.GenerationComparison) {
	s := a.out
	var on []string
	if c.Asked > 0 {
		on = append(on, plural(c.Asked, "logged question"))
	}
	switch c.JudgedBy {
	case "file":
		on = append(on, plural(c.Judged, "judged question"))
	case "generated":
		on = append(on, plural(c.Judged, "question")+" made from passages")
	}
	s.line("%s on %s", s.dim("compared "), strings.Join(on, " and "))
	for _, row := range []struct {
		name string
		of   rag.SearchComparison
	}{{"hybrid", c.Hybrid}, {"vector", c.Vector}} {
		text := fmt.Sprintf("overlap@10 %.2f", row.of.Overlap)
		for _, m := range []struct {
			name string
			of   *rag.MeasureComparison
		}{{"nDCG@10", row.of.NDCG}, {"recall@10", row.of.Recall}} {
			if m.of != nil {
				text += fmt.Sprintf("  %s %.3f -> %.3f (%+.3f, 95 %% %+.3f to %+.3f)", m.name, m.of.Old, m.of.New, m.of.Diff, m.of.Low, m.of.High)
			}
		}
		s.line("  %s %s", s.dim(pad(row.name, 7)), text)
	}
	if len(c.Examples) == 0 {
		return
	}
	s.line("  %s", s.dim("they differ most on"))
	for _, q := range c.Examples {
		text := fmt.Sprintf("overlap %.1f", q.Overlap)
		if q.Judged {
			text += fmt.Sprintf(", nDCG %.2f -> %.2f", q.OldNDCG, q.NewNDCG)
		}
		s.line("    %s  %s", oneLine(q.Question, max(20, a.textWidth()-40)), s.dim(text))
		s.line("      %s %s", s.dim("old"), oneLine(strings.Join(q.Old, " · "), max(20, a.textWidth()-10)))
		s.line("      %s %s", s.dim("new"), oneLine(strings.Join(q.New, " · "), max(20, a.textWidth()-10)))
	}
}

func (a *app) generationStatus(ctx context.Context, r reembedder) error {
	list, err := r.Generations(ctx, a.scope(nil))
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.json(struct {
			Collection  string               `json:"collection"`
			Generations []rag.GenerationInfo `json:"generations"`
		}{a.cfg.Collection, list})
		return nil
	}
	s := a.out
	for _, g := range list {
		state := pad(string(g.State), 9)
		if g.State == rag.GenerationLive {
			state = s.green(state)
		}
		note := "complete"
		if g.Missing > 0 {
			note = fmt.Sprintf("%s of %s to embed", comma(g.Missing), plural(g.Chunks, "chunk"))
		}
		since := ""
		if !g.LiveAt.IsZero() {
			since = ", live since " + moment(g.LiveAt)
			if g.State == rag.GenerationPrevious {
				since = ", was live from " + moment(g.LiveAt)
			}
		}
		s.line("%s %s %s  %s", padLeft(comma(g.Number), 3), state, clean(orNone(g.Model)), s.dim(fmt.Sprintf("%d dimensions, %s, made %s%s", g.Dimensions, note, moment(g.CreatedAt), since)))
		if g.Comparison != nil {
			a.printComparison(*g.Comparison)
		}
	}
	return nil
}

func (a *app) switchBack(ctx context.Context, r reembedder) error {
	begun := time.Now()
	show := a.startStages()
	col, err := r.SwitchGeneration(ctx, a.scope(nil), 0, show.progress)
	show.end()
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.json(struct {
			Collection string         `json:"collection"`
			Live       rag.Generation `json:"live"`
			Embedded   int            `json:"embedded"`
			Took       int64          `json:"took_ms"`
		}{col.Name, col.Generation, show.embedded, time.Since(begun).Milliseconds()})
		return nil
	}
	a.out.line("Switched %s back to generation %d, %s, in %s; %s embedded on the way.", clean(col.Name), col.Generation.Number, clean(orNone(col.Generation.Model)), duration(time.Since(begun)), plural(show.embedded, "passage"))
	return nil
}

func (a *app) dropGeneration(ctx context.Context, r reembedder, yes bool) error {
	scope := a.scope(nil)
	if !yes {
		model, err := otherModel(ctx, r, scope)
		if err != nil {
			return err
		}
		if err := a.confirm(ctx, fmt.Sprintf("Remove the embeddings of %s from the collection %q?", clean(model), clean(a.cfg.Collection))); err != nil {
			return err
		}
	}
	g, err := r.DropGeneration(ctx, scope, 0)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.json(map[string]any{"collection": a.cfg.Collection, "dropped": g.Number, "model": g.Model, "state": g.State})
		return nil
	}
	a.out.line("Removed generation %d, %s, which was %s.", g.Number, clean(orNone(g.Model)), map[rag.GenerationState]string{
		rag.GenerationBuilding: "being built", rag.GenerationPrevious: "the previous one"}[g.State])
	return nil
}
