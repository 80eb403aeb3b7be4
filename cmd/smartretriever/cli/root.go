package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// globalFlags are understood by every verb.
type globalFlags struct {
	data, tenant, collection string
	file, logLevel           string
	set                      []string
	json                     bool
}

// root builds the command with its verbs.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "smartretriever",
		Short: "Answers with checkable sources, from your own documents",
		Long: `SmartRetriever reads your documents, finds the passages that matter to a question
and answers with citations that you can check. It runs on this machine alone, unless you
configure servers for documents, vectors, results or models.`,
		Example: `  smartretriever add ~/papers
  smartretriever ask "What limits the range of the sensor?"
  smartretriever serve`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	g := root.PersistentFlags()
	g.StringVar(&a.flags.data, "data", "", "data `folder` (default: the user's data folder)")
	g.StringVarP(&a.flags.collection, "collection", "c", "", "`name` of the collection (default \"default\")")
	g.StringVar(&a.flags.tenant, "tenant", "", "`name` of the tenant (default \"default\")")
	g.StringVar(&a.flags.file, "config", "", "configuration `file`")
	g.StringArrayVar(&a.flags.set, "set", nil, "any other setting, as `name=value`; may be repeated")
	g.StringVar(&a.flags.logLevel, "log-level", "", "`level` of logs: debug, info, warn, error, off")
	g.BoolVar(&a.flags.json, "json", false, "print JSON")

	group := func(id, title string, cmds ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: id, Title: title})
		for _, c := range cmds {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	group("ask", "Ask:", a.askCommand(), a.searchCommand(), a.serveCommand())
	group("documents", "Documents:", a.addCommand(), a.syncCommand(), a.sourcesCommand(), a.lsCommand(), a.showCommand(), a.rmCommand(), a.historyCommand(), a.duplicatesCommand(), a.jobsCommand(), a.collectionsCommand())
	group("look", "Look after it:", a.statsCommand(), a.doctorCommand(), a.evalCommand(), a.modelsCommand(), a.reembedCommand(), a.indexCommand(), a.verifyCommand(), a.migrateCommand(), a.usageCommand(), a.pricesCommand(), a.versionCommand())
	root.AddCommand(a.workerCommand())
	root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
	setHelp(root)
	checkArgs(root)
	return root
}

// checkArgs makes every fault in the number of arguments, and every unknown verb,
// a usage error.
func checkArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
}

// load reads the configuration; every verb but version begins with it.
func (a *app) load(cmd *cobra.Command, more ...config.Flag) error {
	src := config.Sources{File: a.flags.file, Env: a.env}
	flag := func(name, setting, value string) {
		if cmd.Flags().Changed(name) {
			src.Flags = append(src.Flags, config.Flag{Setting: setting, Value: value, As: "--" + name})
		}
	}
	flag("data", "data", a.flags.data)
	flag("collection", "collection", a.flags.collection)
	flag("tenant", "tenant", a.flags.tenant)
	flag("log-level", "log.level", a.flags.logLevel)
	for _, s := range a.flags.set {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return usagef("--set %s: write --set name=value", s)
		}
		name = strings.TrimSpace(name)
		src.Flags = append(src.Flags, config.Flag{Setting: name, Value: value, As: "--set " + name})
	}
	src.Flags = append(src.Flags, more...)
	var err error
	if a.cfg, err = config.Load(src); err != nil {
		return err
	}
	if a.cfg.Data, err = filepath.Abs(a.cfg.Data); err != nil {
		return rag.Wrap(rag.KindInvalid, err, "data folder")
	}
	return nil
}

// changed turns a flag of a verb into a setting, if it was given.
func changed(flags *pflag.FlagSet, name, setting string) []config.Flag {
	f := flags.Lookup(name)
	if !f.Changed {
		return nil
	}
	return []config.Flag{{Setting: setting, Value: f.Value.String(), As: "--" + name}}
}

// scope is whose data the verb works on. Who can run the command on the data
// folder can read every file in it, so access lists do not apply; --as looks
// through somebody's eyes instead.
func (a *app) scope(as []string) rag.Scope {
	return rag.Scope{Tenant: a.cfg.Tenant, Collection: a.cfg.Collection, Principals: as, Admin: len(as) == 0}
}

// logger returns the logger that log.level and log.format ask for. quiet is the
// level of verbs that show their results themselves.
func (a *app) logger(quiet bool) *slog.Logger {
	level := a.cfg.Log.Level
	if quiet && !a.cfg.IsSet("log.level") {
		level = "error"
	}
	return newLogger(a.err, level, a.cfg.Log.Format, a.err.terminal)
}

func newLogger(w io.Writer, level, format string, terminal bool) *slog.Logger {
	if level == "off" {
		return slog.New(slog.DiscardHandler)
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo // config has checked it
	}
	opt := &slog.HandlerOptions{Level: l}
	if format == "text" || (format == "auto" && terminal) {
		return slog.New(slog.NewTextHandler(w, opt))
	}
	return slog.New(slog.NewJSONHandler(w, opt))
}

// open opens the data folder. A verb that only reads does not make one; where the documents
// are on a server, a machine's first verb may find none, and they are there all the same.
func (a *app) open(ctx context.Context, mayCreate bool) (Retriever, error) {
	if !mayCreate && a.cfg.Store.Name == "sqlite" {
		if _, err := os.Stat(a.cfg.Data); os.IsNotExist(err) {
			return nil, rag.Errorf(rag.KindNotFound, "%s does not exist: nothing has been added yet; begin with: smartretriever add PATH", a.cfg.Data)
		}
	}
	log := a.logger(true)
	return a.program.Open(ctx, a.cfg, Deps{Logger: log, Observer: observe.New(observe.Config{Logger: log, Version: a.program.Version}), Waiting: a.tellWait})
}

// tellWait says why a verb stands still for a while.
func (a *app) tellWait(err error, wait time.Duration) {
	a.err.line("%s %s; trying again in %s", a.err.yellow("waiting:"), clean(err.Error()), duration(wait))
}

// with opens the data folder, runs work and closes it; the first error counts.
func (a *app) with(ctx context.Context, mayCreate bool, work func(Retriever) error) error {
	r, err := a.open(ctx, mayCreate)
	if err != nil {
		return err
	}
	err = work(r)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	return err
}
