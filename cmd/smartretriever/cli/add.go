package cli

import (
	"context"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/folder"
	"github.com/smartretriever/smartretriever/source/folder/walk"
	"github.com/smartretriever/smartretriever/text/enrich"
)

// adder is what add calls.
type adder interface {
	sourcer
	AddDocuments(ctx context.Context, scope rag.Scope, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error
}

// addFlags are the flags of add.
type addFlags struct {
	placeFlags
	name, password, passwordsFile string
	dryRun, once, watch, force    bool
	every                         time.Duration
	enrich                        []string
}

func (a *app) addCommand() *cobra.Command {
	var f addFlags
	c := &cobra.Command{
		Use:   "add PATH|URL...",
		Short: "Add files, folders and other sources, or bring them up to date",
		Long: `Reads documents and stores what they say: text, passages and their embeddings. PATH
is a file, a folder (with everything below it), a pattern, or - for standard input;
URL is a place that documents come from.

An https or http URL is a page, or a sitemap if it ends in sitemap.xml; site:URL is a
site, whose links are followed, sitemap:URL and feed:URL are what they say, and --kind
rest with --settings is a JSON API. A Git repository is git+https://HOST/PATH or an
address that ends in .git, a bucket s3://BUCKET/PREFIX. Patterns of pages are those of
robots.txt: /docs/ is all that begins so. Only public addresses are read, and what
sources.allow names.

A folder or URL becomes a source of the collection: it is remembered, so that 'sync'
brings it up to date later, and documents that are gone from it are deleted. --once
only adds what is there now, and deletes nothing. --watch goes on following it.

What has not changed since it was added is left as it is, and of a changed file only
the passages that changed are embedded again. --force reads again what has not changed,
as after a change of how files are read. Ctrl-C stops after the files being
worked on; nothing is lost, and the next run goes on from there.

Of an archive (zip, tar, mbox, and packed with gzip, bzip2 or zstd) every file is a
document, known by PATH!/path/in/archive; one that is gone from a new version of the
archive is deleted.

In folders and archives, files of formats that are not supported and those whose name
begins with a dot are left out. A file that cannot be read is reported and the rest goes
on; the exit code is then 1. Passwords are for this run and not remembered.`,
		Example: `  smartretriever add ~/papers
  smartretriever add report.pdf notes/ --meta year=2024 --meta team=sales
  smartretriever add docs --include '*.md' --exclude 'drafts/**'
  smartretriever add ~/inbox --watch
  smartretriever add site:https://docs.example.org/ --include /guide/
  smartretriever add https://git.example.org/handbook.git --name handbook
  smartretriever add s3://papers/2026/ --settings @bucket.yaml
  smartretriever add ~/archive --dry-run
  pdftotext old.pdf - | smartretriever add - --name old.txt`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			if c.Flags().Changed("enrich") {
				if err := a.enrichWith(f.enrich); err != nil {
					return err
				}
			}
			plan, err := a.planAdd(args, f)
			if err != nil {
				return err
			}
			if f.dryRun {
				return a.dryRun(c.Context(), plan)
			}
			return a.with(c.Context(), true, func(r Retriever) error { return a.add(c.Context(), r, plan) })
		},
	}
	fl := c.Flags()
	f.placeFlags.define(fl)
	fl.StringVar(&f.name, "name", "", "`name` of standard input, which becomes its id and hints at its format; or of the folder or URL as a source")
	fl.StringVar(&f.password, "password", "", "`password` of encrypted files")
	fl.StringVar(&f.passwordsFile, "passwords-file", "", "`file` with a line pattern=password for each encrypted file")
	fl.BoolVar(&f.once, "once", false, "do not remember folders and URLs: add what is there now, delete nothing")
	fl.BoolVar(&f.force, "force", false, "also read what has not changed")
	watchFlags(fl, &f.watch, &f.every)
	fl.StringSliceVar(&f.enrich, "enrich", nil, "`stages` of enrichment for this run instead of enrich.stages, as language,dates; none is no stage")
	fl.BoolVarP(&f.dryRun, "dry-run", "n", false, "say what adding would take: documents, tokens, money and time; store nothing")
	return c
}

// enrichWith sets the stages of enrichment for this run.
func (a *app) enrichWith(stages []string) error {
	if len(stages) == 1 && stages[0] == "none" {
		stages = nil
	}
	for _, s := range stages {
		if !slices.Contains(enrich.Names(), s) {
			return usagef("--enrich %s is not known; known are none, %s", s, strings.Join(enrich.Names(), ", "))
		}
	}
	a.cfg.Enrich.Stages = stages
	if a.cfg.WritesEnrichment() && a.cfg.LLM.Name == "none" {
		return usagef("--enrich: context, questions and summaries that are written need a language model, and llm.name is none")
	}
	return nil
}

// addPlan is what an add is to read, and how.
type addPlan struct {
	paths     []string
	sources   []rag.Source
	named     bool // the source has been named by who adds it
	once      bool // sources are not remembered
	watch     bool
	force     bool // what has not changed is read again
	every     time.Duration
	stdin     string // name of standard input, "" when it is not read
	opt       walk.Options
	metadata  rag.Metadata
	acl       []string
	passwords passwords
}

// planAdd checks everything that can be wrong before a file is opened.
func (a *app) planAdd(args []string, f addFlags) (addPlan, error) {
	p := addPlan{acl: f.acl, once: f.once, watch: f.watch, force: f.force, every: f.every, opt: walk.Options{
		Include: f.include, Exclude: f.exclude, Hidden: f.hidden, MaxBytes: int64(a.cfg.Limits.FileSize),
	}}
	for _, arg := range args {
		switch {
		case arg == "-" && f.name == "":
			return p, usagef("standard input needs a name: add - --name notes.md")
		case arg == "-":
			p.stdin = f.name
		case backends.IsAddress(arg), !f.once && !f.dryRun && isFolder(arg):
			spec, err := f.spec(arg)
			if err != nil {
				return p, err
			}
			p.sources = append(p.sources, spec)
		default:
			p.paths = append(p.paths, arg)
		}
	}
	if err := checkWatch(f.watch, f.every); err != nil {
		return p, err
	}
	if f.watch && (f.once || f.dryRun || len(p.sources) == 0) {
		return p, usagef("--watch follows folders and URLs that are remembered")
	}
	if f.name != "" && p.stdin == "" {
		switch {
		case len(args) != 1 || f.once || !f.dryRun && len(p.sources) == 0:
			return p, usagef("--name names standard input (write - for it) or one folder or URL that is remembered")
		case len(p.sources) == 1:
			p.sources[0].Name, p.named = f.name, true
		}
	}
	if bad := walk.CheckPatterns(append(slices.Clone(f.include), f.exclude...)); bad != "" {
		return p, usagef("pattern %q is malformed", bad)
	}
	var err error
	if p.metadata, err = parseMetadata(f.meta); err != nil {
		return p, err
	}
	p.passwords, err = readPasswords(f.password, f.passwordsFile)
	return p, err
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// options are what sources are read with: what is added by name is wanted, also if it
// was deleted or failed before.
func (p addPlan) options() rag.SyncOptions {
	return rag.SyncOptions{Again: true, Force: p.force, Prepare: func(in *rag.Input) { in.Password = p.passwords.of(in.ExternalID) }}
}

// add reads what the plan says and shows how it goes.
func (a *app) add(ctx context.Context, r adder, plan addPlan) error {
	rep := newAddReport(a)
	counting, stopCounting := context.WithCancel(ctx)
	var counter sync.WaitGroup
	counter.Go(func() { countFiles(counting, plan, rep.progress) })

	// Sources come before standard input, which may never end.
	names, err := a.addSources(ctx, r, plan, rep)
	if err == nil && (len(plan.paths) > 0 || plan.stdin != "") {
		err = a.addFiles(ctx, r, plan, rep)
	}

	stopCounting()
	counter.Wait()
	rep.end(ctx.Err() != nil, err != nil)
	switch {
	case ctx.Err() != nil:
		return errReported{ExitInterrupted}
	case err != nil:
		return err
	case plan.watch:
		return a.followSources(ctx, r, names, plan.every, rag.SyncOptions{Prepare: plan.options().Prepare})
	case rep.failed > 0:
		return errReported{ExitFailure}
	}
	return nil
}

// addSources remembers the sources of a plan and reads them. It returns their names.
func (a *app) addSources(ctx context.Context, r adder, plan addPlan, rep *addReport) (names []string, err error) {
	for _, spec := range plan.sources {
		if plan.once {
			if _, err := r.ImportSource(ctx, a.scope(nil), spec, plan.options(), rep.sync); err != nil {
				return names, err
			}
			continue
		}
		remember := r.RememberSource
		if plan.named {
			remember = r.AddSource
		}
		src, err := remember(ctx, a.scope(nil), spec)
		if err != nil {
			return names, err
		}
		names = append(names, src.Name)
		if _, err := r.Sync(ctx, a.scope(nil), src.Name, plan.options(), rep.sync); err != nil {
			return names, err
		}
	}
	return names, nil
}

// addFiles reads the files of a plan.
func (a *app) addFiles(ctx context.Context, r adder, plan addPlan, rep *addReport) error {
	src := &source{plan: plan, stdin: a.stdin, report: rep, open: map[int]*pending{}}
	return r.AddDocuments(ctx, a.scope(nil), src.inputs(ctx), func(index int, res rag.AddResult) {
		rep.result(src.shown(index, res.More, res.ExternalID), res)
	})
}

// countFiles finds out how many files there are while the first are read.
func countFiles(ctx context.Context, plan addPlan, p *progress) {
	n := 0
	if plan.stdin != "" {
		n++
	}
	paths := slices.Clone(plan.paths)
	for _, s := range plan.sources {
		if s.Kind != folder.Kind {
			return // how much there is in other places nobody knows
		}
		paths = append(paths, placeOf(s))
	}
	for e := range walk.Files(paths, plan.opt) {
		if ctx.Err() != nil {
			return
		}
		if e.Skip == "" && e.Err == nil {
			n++
			p.setTotal(n, false)
		}
	}
	p.setTotal(n, true)
}

// sink is told what becomes of the entries of a plan.
type sink interface {
	begin(path string)
	unreadable(path string, err error)
	leftOut(path, reason string)
}

// source turns a plan into inputs. Files are opened when they are read; what is
// in work is known by its index, so that a file whose reading was given up can be
// closed. Memory does not grow with the number of files.
type source struct {
	plan   addPlan
	stdin  io.Reader
	report sink
	drawn  atomic.Int64

	mu   sync.Mutex
	open map[int]*pending
}

type pending struct {
	path string
	file io.Closer
}

// inputs yields the documents; entries that are not documents are reported.
func (s *source) inputs(ctx context.Context) iter.Seq[rag.Input] {
	return func(yield func(rag.Input) bool) {
		if s.plan.stdin != "" && !s.give(yield, rag.Input{
			ExternalID: s.plan.stdin, Name: s.plan.stdin, Content: interruptible(ctx, s.stdin),
			Password: s.plan.passwords.of(s.plan.stdin), Metadata: s.plan.metadata, ACL: s.plan.acl, Force: s.plan.force,
		}, s.plan.stdin, nil) {
			return
		}
		for e := range walk.Files(s.plan.paths, s.plan.opt) {
			if ctx.Err() != nil {
				return
			}
			switch {
			case e.Err != nil:
				s.report.unreadable(e.Path, e.Err)
				continue
			case e.Skip != "":
				s.report.leftOut(e.Path, e.Skip)
				continue
			}
			file := walk.Open(e.Path)
			if !s.give(yield, rag.Input{
				ExternalID: e.Path, Source: e.Path, Name: filepath.Base(e.Path), Content: file, ModifiedAt: e.Modified,
				Password: s.plan.passwords.of(e.Path), Metadata: s.plan.metadata, ACL: s.plan.acl, Force: s.plan.force,
			}, e.Path, file) {
				return
			}
		}
	}
}

func (s *source) give(yield func(rag.Input) bool, in rag.Input, path string, file io.Closer) bool {
	index := int(s.drawn.Add(1)) - 1
	s.mu.Lock()
	s.open[index] = &pending{path, file}
	s.mu.Unlock()
	s.report.begin(path)
	return yield(in)
}

// shown is what a result is called: the path of its file, and for one of an archive
// with the path within it. The file of an input without more results is closed.
func (s *source) shown(index int, more bool, externalID string) string {
	path := ""
	if more {
		s.mu.Lock()
		if p := s.open[index]; p != nil {
			path = p.path
		}
		s.mu.Unlock()
	} else {
		path = s.done(index)
	}
	if path == "" || strings.HasPrefix(externalID, rag.ArchiveMember(path, "")) {
		return externalID
	}
	return path
}

// done closes the file of an input that is dealt with and returns its path; ""
// where the input was not one of these.
func (s *source) done(index int) (path string) {
	s.mu.Lock()
	p := s.open[index]
	delete(s.open, index)
	s.mu.Unlock()
	if p == nil {
		return ""
	}
	if p.file != nil {
		_ = p.file.Close() // was only read
	}
	return p.path
}
