// Package folder is the source that is a folder with everything below it.
//
// An item is a file, its id the absolute path, so that a file that is added by hand
// and one that its folder brings are the same document. What has changed is found by
// size, time and inode, without reading files. Package walk (below) says which files
// are taken.
//
//	folder.go  the source: one reading of the whole, or of some files
//	watch.go   following changes
package folder

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/folder/walk"
)

// Kind is the kind of these sources.
const Kind = "folder"

// Settings say which folder, and which files in it. They are what a store keeps.
type Settings struct {
	Path    string   `json:"path"`              // absolute
	Include []string `json:"include,omitempty"` // only files that match one of these patterns; empty takes all
	Exclude []string `json:"exclude,omitempty"` // neither files nor folders that match one of these
	Hidden  bool     `json:"hidden,omitempty"`  // also files and folders whose name begins with a dot
}

// JSON returns the settings in the form in which they are kept.
func (s Settings) JSON() json.RawMessage {
	data, err := json.Marshal(s)
	if err != nil {
		panic("folder: settings are plain values: " + err.Error())
	}
	return data
}

// Validate reports, as KindInvalid, what keeps a folder from being read.
func (s Settings) Validate() error {
	if !filepath.IsAbs(s.Path) {
		return rag.Errorf(rag.KindInvalid, "a folder needs an absolute path; %q is not one", s.Path)
	}
	patterns := slices.Concat(s.Include, s.Exclude)
	if len(patterns) > maxPatterns {
		return rag.Errorf(rag.KindInvalid, "folder %s: there are %d patterns; at most %d are kept", s.Path, len(patterns), maxPatterns)
	}
	for _, p := range patterns {
		if p == "" || walk.CheckPatterns([]string{p}) != "" {
			return rag.Errorf(rag.KindInvalid, "folder %s: pattern %q is malformed", s.Path, p)
		}
	}
	return nil
}

const maxPatterns = 256

// Config is what a folder is read with.
type Config struct {
	Settings
	// MaxBytes is the size above which a file is not read; 0 reads all.
	MaxBytes int64
	Logger   *slog.Logger     // nil is silent
	Clock    func() time.Time // nil is time.Now
	// Quiet is how long nothing must have changed before a change is followed (0: 300
	// ms), Longest how long that is waited for (0: 5 s).
	Quiet, Longest time.Duration
	// Rescan is how often the whole is looked through while changes are followed (0: 10
	// min), Poll how often where they cannot be followed (0: 30 s).
	Rescan, Poll time.Duration
	// MaxWatches bounds the folders that are watched; 0 leaves it to the system.
	MaxWatches int
}

// WithDefaults returns the configuration with its zero fields filled in.
func (c Config) WithDefaults() Config {
	c.Path = filepath.Clean(c.Path)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	for _, d := range []struct {
		of  *time.Duration
		def time.Duration
	}{{&c.Quiet, 300 * time.Millisecond}, {&c.Longest, 5 * time.Second}, {&c.Rescan, 10 * time.Minute}, {&c.Poll, 30 * time.Second}} {
		if *d.of <= 0 {
			*d.of = d.def
		}
	}
	return c
}

// Source is a folder. It is goroutine-safe.
type Source struct {
	cfg Config
	// onFolder is told of every folder before it is read; nil is not.
	onFolder func(path string)
}

var _ source.Watcher = (*Source)(nil)

// New returns the source of a folder, which need not exist yet.
func New(cfg Config) (*Source, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Source{cfg: cfg}, nil
}

func (s *Source) options() walk.Options {
	return walk.Options{Include: s.cfg.Include, Exclude: s.cfg.Exclude, Hidden: s.cfg.Hidden, MaxBytes: s.cfg.MaxBytes, Folders: true}
}

// Sync implements source.Source. The folder itself being away is an error of the
// whole; one below it that cannot be read is Broken, and what is below that stays.
func (s *Source) Sync(ctx context.Context, have source.State, tell func(source.Event) error) (source.Result, error) {
	res := source.Result{Complete: true}
	info, err := os.Stat(s.cfg.Path)
	switch {
	case os.IsNotExist(err):
		return res, rag.Errorf(rag.KindNotFound, "folder %s does not exist", s.cfg.Path)
	case os.IsPermission(err):
		return res, rag.Errorf(rag.KindUnauthorized, "folder %s: permission denied", s.cfg.Path)
	case err != nil:
		return res, rag.Wrap(rag.KindUnavailable, err, "folder "+s.cfg.Path)
	case !info.IsDir():
		return res, rag.Errorf(rag.KindInvalid, "%s is not a folder", s.cfg.Path)
	}
	for e := range walk.Files([]string{s.cfg.Path}, s.options()) {
		if ctx.Err() != nil {
			return res, context.Cause(ctx)
		}
		if e.Folder && e.Err != nil {
			if e.Path == s.cfg.Path {
				return res, rag.Wrap(rag.KindOf(e.Err), e.Err, "folder "+e.Path)
			}
			res.Unseen = append(res.Unseen, e.Path+string(filepath.Separator))
		}
		if err := s.entry(ctx, e, have, tell); err != nil {
			return res, err
		}
	}
	return res, nil
}

// entry tells of one entry of the walk.
func (s *Source) entry(ctx context.Context, e walk.Entry, have source.State, tell func(source.Event) error) error {
	switch {
	case e.Err != nil:
		return tell(source.Event{Change: source.Broken, ID: e.Path, Err: e.Err})
	case e.Skip != "":
		return tell(source.Event{Change: source.Skipped, ID: e.Path, Err: rag.Errorf(rag.KindInvalid, "%s", e.Skip)})
	case e.Folder:
		if s.onFolder != nil {
			s.onFolder(e.Path)
		}
		return nil
	}
	print := s.fingerprint(e)
	item, known, err := have.Item(ctx, e.Path)
	if err != nil {
		return err
	}
	if known && !item.Failed && print != "" && item.Fingerprint == print {
		return tell(source.Event{Change: source.Same, ID: e.Path, Fingerprint: print})
	}
	return tell(source.Event{Change: source.Put, ID: e.Path, Fingerprint: print, Input: rag.Input{
		Source: e.Path, Name: filepath.Base(e.Path), Content: walk.Open(e.Path), ModifiedAt: e.Modified,
	}})
}

// young is how long after its last change a file may change once more without that
// being seen in its time: file systems keep times in steps of up to 2 s.
const young = 2 * time.Second

// fingerprint tells versions of a file apart, "" where that is too early.
func (s *Source) fingerprint(e walk.Entry) string {
	if age := s.cfg.Clock().Sub(e.Modified); -young < age && age < young {
		return ""
	}
	return fmt.Sprintf("%d %d %d", e.Size, e.Modified.UnixNano(), e.Inode)
}

// some is the part of a folder that is these files.
type some struct {
	*Source
	paths []string
}

// Sync tells of the files, and of those of them that are gone.
func (p some) Sync(ctx context.Context, have source.State, tell func(source.Event) error) (source.Result, error) {
	for _, path := range p.paths {
		if ctx.Err() != nil {
			return source.Result{}, context.Cause(ctx)
		}
		taken := false
		for e := range walk.Below(p.cfg.Path, path, p.options()) {
			taken = taken || e.Skip == ""
			if err := p.entry(ctx, e, have, tell); err != nil {
				return source.Result{}, err
			}
		}
		if taken {
			continue
		}
		_, known, err := have.Item(ctx, path)
		if err == nil && known {
			err = tell(source.Event{Change: source.Gone, ID: path})
		}
		if err != nil {
			return source.Result{}, err
		}
	}
	return source.Result{}, nil
}
