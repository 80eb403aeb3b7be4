package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/transfer"
)

// migrated is what migrate calls of the target when it is complete.
type migrated interface {
	VerifyAll(ctx context.Context, scope rag.Scope, tell func(root.Verified)) error
	VerifyIndexes(ctx context.Context, scope rag.Scope, tell func(root.Verified)) error
	Warm(ctx context.Context, scope rag.Scope) error
}

func (a *app) migrateCommand() *cobra.Command {
	var from, to string
	var yes bool
	c := &cobra.Command{
		Use:   "migrate --to PLACE [--from PLACE]",
		Short: "Move everything from SQLite to PostgreSQL, or back",
		Long: `Copies a whole deployment to another database: collections, documents with all versions,
passages, embeddings, the change feed, sources, jobs, spending and the query log, with all
ids, numbers and times, and the original files where the settings keep them elsewhere.
Nothing is embedded again; citations, caches and index files stay good.

A PLACE is a configuration file, or short for the present configuration with another store:
  sqlite:FOLDER   SQLite in that data folder
  postgres:       the PostgreSQL server of the setting store.postgres.url, which is given in
                  the environment or the file, never here: it holds a password
Without --from, it is the present configuration's store that is copied.

Stop the servers before, and start nothing with the new configuration yet. Nobody can write
to the source meanwhile. After Ctrl-C, a crash or a lost connection the same command goes on
where it stopped; if the source has changed since, it begins anew. At the end counts and
checksums of all tables have to be equal; until then no program opens the target. Then the
indexes are filled, those in a vector database too (index.vectors), and everything is
verified. The source stays as it is. To use the target, change the configuration.

The exit code is 1 if an original file is missing, or if something was found to be wrong.`,
		Example: `  smartretriever migrate --to postgres:
  smartretriever migrate --from postgres: --to sqlite:/srv/copy
  smartretriever migrate --from old.yaml --to new.yaml --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if to == "" {
				return usagef("say where to with --to: a configuration file, sqlite:FOLDER or postgres:")
			}
			source, err := a.loadPlace(c, "--from", from)
			if err != nil {
				return err
			}
			target, err := a.loadPlace(c, "--to", to)
			if err != nil {
				return err
			}
			return a.migrate(c.Context(), source, target, yes)
		},
	}
	fl := c.Flags()
	fl.StringVar(&from, "from", "", "`place` that is copied (default: the present configuration)")
	fl.StringVar(&to, "to", "", "`place` that it is copied to")
	fl.BoolVarP(&yes, "yes", "y", false, "do not ask before a finished copy is compared and, where it differs, replaced")
	return c
}

// loadPlace reads the configuration that a place stands for. It stays in a.cfg.
func (a *app) loadPlace(c *cobra.Command, flag, place string) (config.Config, error) {
	file := a.flags.file
	defer func() { a.flags.file = file }()
	var more []config.Flag
	set := func(setting, value string) {
		more = append(more, config.Flag{Setting: setting, Value: value, As: flag})
	}
	kind, rest, short := strings.Cut(place, ":")
	switch {
	case place == "":
	case short && kind == "sqlite":
		if rest == "" {
			return config.Config{}, usagef("%s sqlite: wants a data folder, as in sqlite:/srv/copy", flag)
		}
		set("store.name", "sqlite")
		set("data", rest)
	case short && (kind == "postgres" || kind == "postgresql"):
		if rest != "" {
			return config.Config{}, usagef("%s takes no address, where others can read its password: write %s postgres: and set SMARTRETRIEVER_STORE_POSTGRES_URL, or store.postgres.url in the configuration file", flag, flag)
		}
		set("store.name", "postgres")
	default:
		a.flags.file = place
	}
	err := a.load(c, more...)
	return a.cfg, err
}

func (a *app) migrate(ctx context.Context, source, target config.Config, yes bool) error {
	deps := backends.Deps{Logger: a.logger(true)}
	from, err := backends.OpenDeployment(ctx, source, deps, false)
	if err != nil {
		return rag.Errorf(rag.KindOf(err), "the source: %w", err)
	}
	defer from.Close()
	to, err := backends.OpenDeployment(ctx, target, deps, true)
	if err != nil {
		return rag.Errorf(rag.KindOf(err), "the target: %w", err)
	}
	defer to.Close()
	m := &migration{app: a, from: from, to: to}
	if err := m.agree(ctx, source, target, yes); err != nil {
		return err
	}
	report, err := m.copy(ctx)
	if err != nil {
		if ctx.Err() != nil && !a.flags.json {
			a.err.line("What was copied stays; run the same command again to go on.")
		}
		return err
	}
	if err := to.Close(); err != nil {
		return err
	}
	a.cfg = target
	return a.with(ctx, true, func(r Retriever) error { return a.checkMigrated(ctx, r, report.Collections) })
}

// migration is one run of migrate.
type migration struct {
	*app
	from, to *backends.Deployment
	replace  bool
	bar      *progress
	table    string
	told     time.Time
	last     transfer.Progress
}

// agree says what is copied where, and asks where something is in the way.
func (m *migration) agree(ctx context.Context, source, target config.Config, yes bool) error {
	if m.from.Place == m.to.Place {
		return usagef("the source and the target are the same: %s", m.to.Place)
	}
	if source.Store.Name == "postgres" && target.Store.Name == "postgres" {
		return usagef("both are PostgreSQL: pg_dump copies one to the other, with what this program does not know")
	}
	plan, known, err := transfer.Look(ctx, m.from.Store, m.to.Store)
	if err != nil {
		return err
	}
	if m.flags.json {
		m.out.jsonLine(struct {
			Event     string `json:"event"`
			From      string `json:"from"`
			To        string `json:"to"`
			Originals bool   `json:"copies_originals"`
			Resumed   bool   `json:"resumed"`
		}{"begin", m.from.Place, m.to.Place, m.from.PlaceOriginals != m.to.PlaceOriginals, plan == transfer.Begun})
	} else {
		s := m.out
		s.line("%s %s", s.dim("from     "), clean(m.from.Place))
		s.line("%s %s", s.dim("to       "), clean(m.to.Place))
		files := "stay where they are, in the " + m.to.PlaceOriginals
		if m.from.PlaceOriginals != m.to.PlaceOriginals {
			files = "from the " + m.from.PlaceOriginals + " to the " + m.to.PlaceOriginals
		}
		s.line("%s %s", s.dim("originals"), clean(files))
		if plan == transfer.Begun {
			s.line("%s the copy that was begun %s", s.dim("goes on  "), moment(known.Begun))
		}
	}
	m.replace = plan == transfer.Finished
	if !m.replace || yes {
		return nil
	}
	return m.confirmOr(ctx, fmt.Sprintf("The target is a copy of this store since %s. If anything differs, also because the target has been used since, it is emptied and copied again. Go on?", moment(known.Done)), "Nothing was copied.")
}

func (m *migration) copy(ctx context.Context) (transfer.Report, error) {
	opt := transfer.Options{Replace: m.replace, Progress: m.progress}
	var files *transfer.OriginalsReport
	if m.from.PlaceOriginals != m.to.PlaceOriginals {
		opt.Beside = func(ctx context.Context) error {
			m.show("originals", "files")
			report, err := transfer.CopyOriginals(ctx, m.from.Store.LiveBlobs, m.from.Originals, m.to.Originals, m.progressOriginals)
			files = &report
			return err
		}
	}
	report, err := transfer.Copy(ctx, m.from.Store, m.to.Store, opt)
	m.endBar()
	if err == nil {
		m.printReport(report, files)
	}
	return report, err
}

// show begins a new line of progress.
func (m *migration) show(name, unit string) {
	if m.table == name {
		return
	}
	m.endBar()
	m.table, m.told = name, time.Now()
	if !m.flags.json {
		m.bar = startProgress(m.err, unit)
	}
}

func (m *migration) endBar() {
	if m.bar != nil {
		m.bar.end()
		m.bar = nil
	}
}

// tellEvery is how often progress is written as JSON, and at a table's end.
const tellEvery = time.Second

func (m *migration) progress(p transfer.Progress) {
	name := string(p.Stage) + " " + p.Table
	m.show(name, strings.ReplaceAll(map[transfer.Stage]string{transfer.Copying: "rows of ", transfer.Comparing: "rows compared of "}[p.Stage]+p.Table, "_", " "))
	if m.bar != nil {
		m.bar.reach(int(p.Rows), int(p.Of))
	}
	if m.flags.json && p != m.last && (p.Rows == p.Of || time.Since(m.told) >= tellEvery) {
		m.told, m.last = time.Now(), p
		m.out.jsonLine(struct {
			Event string `json:"event"`
			transfer.Progress
		}{"progress", p})
	}
}

func (m *migration) progressOriginals(r transfer.OriginalsReport) {
	if m.bar != nil {
		m.bar.reach(r.Files, 0)
		m.bar.begin(size(r.Bytes) + " copied")
	}
	if m.flags.json && time.Since(m.told) >= tellEvery {
		m.told = time.Now()
		m.out.jsonLine(struct {
			Event string `json:"event"`
			transfer.OriginalsReport
		}{"originals", r})
	}
}

func (m *migration) printReport(r transfer.Report, files *transfer.OriginalsReport) {
	if len(r.Faults) > 0 || files != nil && len(files.Missing) > 0 {
		m.code = ExitFailure
	}
	if m.flags.json {
		m.out.jsonLine(struct {
			Event string `json:"event"`
			transfer.Report
			Originals *transfer.OriginalsReport `json:"originals,omitempty"`
		}{"copied", r, files})
		return
	}
	s := m.out
	var rows, kept int64
	for _, t := range r.Tables {
		rows, kept = rows+t.Rows, kept+t.Kept
		if t.Rows > 0 {
			s.line("%s %s  %s", pad(strings.ReplaceAll(t.Name, "_", " "), 18), padLeft(comma(int(t.Rows)), 12), s.dim(t.Digest[:16]))
		}
	}
	if r.Emptied != "" {
		s.line("%s %s of the target differed from the source: it was emptied and copied anew", s.yellow("begun anew"), strings.ReplaceAll(r.Emptied, "_", " "))
	}
	if r.Replaced > 0 {
		s.line("%s %s held bytes that are no text; U+FFFD stands there now", s.yellow("changed"), plural(int(r.Replaced), "text"))
	}
	if files != nil {
		s.line("%s, %s copied, %s", plural(files.Files, "original"), comma(files.Copied), size(files.Bytes))
		for i, sha := range files.Missing {
			if i == 20 {
				s.line("  and %d more", len(files.Missing)-i)
				break
			}
			s.line("  %s the source does not have the original %s, or it is damaged", s.red("missing"), sha)
		}
	}
	for _, fault := range r.Faults {
		s.line("  %s %s", s.red("wrong"), clean(fault))
	}
	rate := ""
	if took := r.Took.Seconds(); took > 0 && rows > kept {
		rate = fmt.Sprintf(", %s a second", rateText(float64(rows-kept)/took))
	}
	s.line("%s: %s in %s%s; counts and checksums are equal in both.", s.green("Copied"), plural(int(rows), "row"), duration(r.Took), rate)
}

// checkMigrated fills the indexes of the target and verifies all of it. scopes are its
// collections.
func (a *app) checkMigrated(ctx context.Context, r migrated, scopes []rag.Scope) error {
	var bar *progress
	if !a.flags.json {
		bar = startProgress(a.err, "indexes")
	}
	for i, scope := range scopes {
		if bar != nil {
			bar.reach(i, len(scopes))
			bar.begin(scope.Tenant + "/" + scope.Collection)
		}
		begun := time.Now()
		if err := r.Warm(ctx, scope); err != nil {
			if bar != nil {
				bar.end()
			}
			return rag.Errorf(rag.KindOf(err), "fill the index of %s: %w", scope.Collection, err)
		}
		if a.flags.json {
			a.out.jsonLine(map[string]any{"event": "index", "tenant": scope.Tenant, "collection": scope.Collection, "done": i + 1, "of": len(scopes), "took": time.Since(begun)})
		}
	}
	if bar != nil {
		bar.end()
	}
	verify, seen := r.VerifyAll, map[string]bool{}
	if len(scopes) == 0 {
		scopes = []rag.Scope{{}}
	}
	for _, scope := range scopes {
		if seen[scope.Tenant] {
			continue
		}
		seen[scope.Tenant] = true
		if err := verify(ctx, rag.Scope{Tenant: scope.Tenant}, a.printVerified); err != nil {
			return err
		}
		verify = r.VerifyIndexes // the rest is verified for all tenants at once
	}
	return nil
}
