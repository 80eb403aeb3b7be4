package git

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/text/clean"
)

const (
	maxID     = 1024
	maxTold   = 5000
	maxCursor = 1 << 20
)

// cursor is kept between two readings.
type cursor struct {
	Shape  string `json:"shape"`  // of the settings; under others everything is listed
	Commit string `json:"commit"` // that was read
	// Told are the paths that the last reading told as Put: what of it could not be
	// stored is told again.
	Told []string `json:"told,omitempty"`
	// Lost says that there were too many of them to remember, or that a file could not
	// be read, so that everything is listed the next time.
	Lost bool `json:"lost,omitempty"`
}

// Sync tells what is different from the last reading, or everything, if there was
// none, if the settings have changed, or if the commit that was read then cannot be
// had any more. The result is Complete in the latter cases.
func (s *Source) Sync(ctx context.Context, have source.State, tell func(source.Event) error) (source.Result, error) {
	defer s.client.CloseIdle()
	res, told, err := s.sync(ctx, have, tell, false)
	if s.local == "" && !told && errors.Is(err, errMissing) {
		// The clone is damaged. It is only a copy.
		s.deps.Logger.Warn("the clone of a repository is damaged and is made anew", "url", s.set.URL)
		res, _, err = s.sync(ctx, have, tell, true)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return res, err
}

func (s *Source) sync(ctx context.Context, have source.State, tell func(source.Event) error, fresh bool) (res source.Result, told bool, err error) {
	r, tip, err := s.open(ctx, fresh)
	if err != nil {
		return res, false, err
	}
	defer r.close()
	commit, err := r.commit(tip)
	if err != nil {
		return res, false, whole(err)
	}
	rd := &reading{s: s, ctx: ctx, repo: r, have: have, commit: commit, tell: func(ev source.Event) error {
		told = true
		return tell(ev)
	}}
	if err := rd.plan(); err != nil {
		return res, false, err
	}
	if err := rd.run(); err != nil {
		return res, told, err
	}
	return source.Result{Cursor: rd.cursor(), Complete: rd.full}, told, nil
}

// open returns the repository and what the reference of the settings is in it.
func (s *Source) open(ctx context.Context, fresh bool) (*repo, plumbing.Hash, error) {
	if s.local == "" {
		return s.fetched(ctx, fresh)
	}
	r, err := s.openLocal()
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	tip, err := s.localTip(r)
	if err != nil {
		r.close()
	}
	return r, tip, err
}

// reading is one Sync.
type reading struct {
	s      *Source
	ctx    context.Context
	repo   *repo
	have   source.State
	tell   func(source.Event) error
	commit *object.Commit

	old     cursor
	full    bool
	files   []file   // to be told
	gone    []string // IDs
	changed map[string]change
	put     []string // paths that were told as Put
	lost    bool     // a file could not be read, for a reason that may pass
}

// change is the last commit that changed a file.
type change struct {
	author string
	at     time.Time
}

// plan finds what is to be told, before anything is.
func (rd *reading) plan() error {
	if err := json.Unmarshal(rd.have.Cursor(), &rd.old); err != nil || rd.old.Shape != rd.s.shape || !plumbing.IsHash(rd.old.Commit) {
		rd.old = cursor{}
	}
	now, err := rd.repo.below(rd.commit.TreeHash, rd.s.set.Path)
	if err != nil {
		return err
	}
	rd.full = rd.old.Commit == "" || rd.old.Lost
	if !rd.full {
		err := rd.since(now)
		if err == nil {
			return rd.history()
		}
		if !errors.Is(err, errMissing) {
			return err
		}
		rd.full = true // the old commit is not there any more
	}
	rd.files, rd.gone = nil, nil
	if err := rd.walk(plumbing.ZeroHash, now); err != nil {
		return err
	}
	return rd.history()
}

// since collects what has changed since the commit of the cursor, and what could
// not be stored then.
func (rd *reading) since(now plumbing.Hash) error {
	if rd.old.Commit != rd.commit.Hash.String() {
		commit, err := rd.repo.commit(plumbing.NewHash(rd.old.Commit))
		if err != nil {
			return whole(err)
		}
		before, err := rd.repo.below(commit.TreeHash, rd.s.set.Path)
		if err != nil {
			return whole(err)
		}
		if err := rd.walk(before, now); err != nil {
			return err
		}
	}
	again := map[string]bool{}
	for _, p := range rd.old.Told {
		item, ok, err := rd.have.Item(rd.ctx, identity(p))
		if err != nil {
			return err
		}
		if !ok || item.Failed {
			again[p] = true
		}
	}
	for _, f := range rd.files {
		delete(again, f.path)
	}
	if len(again) == 0 {
		return nil
	}
	w := rd.walker()
	w.put = func(f file) error {
		if again[f.path] {
			rd.files = append(rd.files, f)
		}
		return nil
	}
	return w.diff(plumbing.ZeroHash, now, rd.prefix(), 0)
}

func (rd *reading) prefix() string {
	if rd.s.set.Path == "" {
		return ""
	}
	return rd.s.set.Path + "/"
}

func (rd *reading) walker() *walk {
	none := func(string) error { return nil }
	return &walk{ctx: rd.ctx, repo: rd.repo, left: entriesAFile * (rd.s.set.MaxFiles + 1000), gone: none, put: func(file) error { return nil }}
}

// walk collects what differs between two trees.
func (rd *reading) walk(before, now plumbing.Hash) error {
	w := rd.walker()
	w.put = func(f file) error {
		if f.mode == filemode.Symlink || !rd.s.filter.Wants(f.path) {
			if !before.IsZero() {
				rd.gone = append(rd.gone, identity(f.path)) // a file may have become a link
			}
			return nil
		}
		if len(rd.files) >= rd.s.set.MaxFiles {
			return rag.Errorf(rag.KindExhausted, "the repository has more than %d files that are wanted; choose fewer by path and include, or raise max_files", rd.s.set.MaxFiles)
		}
		rd.files = append(rd.files, f)
		return nil
	}
	w.gone = func(path string) error {
		rd.gone = append(rd.gone, identity(path))
		return nil
	}
	return w.diff(before, now, rd.prefix(), 0)
}

// history looks for the last commit that changed each file that is to be told, along
// the first parents. A file whose last change lies further back has none.
func (rd *reading) history() error {
	rd.changed = map[string]change{}
	wanted := make(map[string]bool, len(rd.files))
	for _, f := range rd.files {
		wanted[f.path] = true
	}
	commit := rd.commit
	for n := 0; n < rd.s.set.History && len(wanted) > 0; n++ {
		before := plumbing.ZeroHash
		var parent *object.Commit
		if len(commit.ParentHashes) > 0 {
			var err error
			if parent, err = rd.repo.commit(commit.ParentHashes[0]); err != nil {
				return nil // not fetched
			}
			before = parent.TreeHash
		}
		w := rd.walker()
		w.put = func(f file) error {
			if wanted[f.path] {
				delete(wanted, f.path)
				rd.changed[f.path] = change{author: commit.Author.Name, at: commit.Author.When}
			}
			return nil
		}
		switch err := w.diff(before, commit.TreeHash, "", 0); {
		case errors.Is(err, errMissing), errors.Is(err, rag.ErrExhausted):
			return nil
		case err != nil:
			return err
		}
		if parent == nil {
			return nil
		}
		commit = parent
	}
	return nil
}

// run tells.
func (rd *reading) run() error {
	if !rd.full {
		for _, id := range rd.gone {
			_, known, err := rd.have.Item(rd.ctx, id)
			if err != nil {
				return err
			}
			if known {
				if err := rd.tell(source.Event{Change: source.Gone, ID: id}); err != nil {
					return err
				}
			}
		}
	}
	for _, f := range rd.files {
		if err := rd.ctx.Err(); err != nil {
			return err
		}
		ev, err := rd.event(f)
		if err != nil {
			return err
		}
		if ev.Change == source.Put {
			rd.put = append(rd.put, f.path)
		}
		if err := rd.tell(ev); err != nil {
			return err
		}
	}
	return nil
}

// cursor is what the next reading begins with.
func (rd *reading) cursor() []byte {
	c := cursor{Shape: rd.s.shape, Commit: rd.commit.Hash.String(), Told: rd.put}
	if c.Lost = rd.lost || len(c.Told) > maxTold; c.Lost {
		c.Told = nil
	}
	for {
		data, err := json.Marshal(c)
		if err == nil && len(data) <= maxCursor {
			return data
		}
		c.Told, c.Lost = nil, true
	}
}

// identity is the ID of a file: its path, or where that is too long or no text, as
// much of it as fits and a digest.
func identity(p string) string {
	id := strings.ToValidUTF8(p, "\ufffd")
	if id != p || len(id) > maxID {
		id = fetch.Cut(id, maxID-45) + "#" + fetch.Digest([]byte(p))
	}
	return id
}

// event is what is to be told of a file.
func (rd *reading) event(f file) (source.Event, error) {
	s := rd.s
	ev := source.Event{Change: source.Put, ID: identity(f.path), Fingerprint: f.hash.String() + "." + s.shape[:8]}
	broken := func(err error) (source.Event, error) {
		rd.lost = rd.lost || errors.Is(err, errUnread)
		return source.Event{Change: source.Broken, ID: ev.ID, Err: rag.Wrap(rag.KindOf(err), err, fmt.Sprintf("%.200q", f.path))}, nil
	}
	if f.mode == filemode.Submodule {
		return broken(rag.Errorf(rag.KindInvalid, "is a submodule, which is another repository; make it a source of its own"))
	}
	known, ok, err := rd.have.Item(rd.ctx, ev.ID)
	if err != nil {
		return ev, err
	}
	if ok && !known.Failed && known.Fingerprint == ev.Fingerprint {
		ev.Change = source.Same
		return ev, nil
	}
	size, err := rd.repo.size(f.hash)
	if err != nil {
		return broken(err)
	}
	if size > s.set.MaxBytes {
		return broken(rag.Errorf(rag.KindExhausted, "the file has %d bytes; at most %d are read (max_bytes)", size, s.set.MaxBytes))
	}
	if size <= maxPointer {
		data, err := rd.repo.content(f.hash, s.set.MaxBytes)
		if err != nil {
			return broken(err)
		}
		if isPointer(data) {
			return broken(rag.Errorf(rag.KindInvalid, "the repository holds no more than a Git LFS pointer to the file, whose content lies elsewhere"))
		}
	}
	ev.Input = rd.input(f)
	return ev, nil
}

const maxPointer = 1024 // bytes, by the specification of Git LFS

// isPointer reports whether a file stands for one in Git LFS.
func isPointer(data []byte) bool {
	return bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/")) && bytes.Contains(data, []byte("\noid sha256:"))
}

func (rd *reading) input(f file) rag.Input {
	s := rd.s
	commit := rd.commit.Hash.String()
	m := fetch.Metadata(s.set.Metadata)
	text := func(key, value string) {
		if value = fetch.Cut(clean.Line(value), rag.MaxMetadataString); value != "" {
			m[key] = rag.Str(value)
		}
	}
	link := s.link(commit, strings.ToValidUTF8(f.path, "\ufffd"))
	text("repository", s.set.URL)
	text("commit", commit)
	text("path", f.path)
	text("url", link)
	in := rag.Input{
		Source: link, Name: strings.ToValidUTF8(path.Base(f.path), "\ufffd"), Metadata: m, ACL: slices.Clone(s.set.ACL),
		Content: &content{rd: rd, hash: f.hash},
	}
	if in.Source == "" {
		in.Source = s.set.URL + "#" + identity(f.path)
	}
	if c, ok := rd.changed[f.path]; ok {
		text("author", c.author)
		text("date", c.at.UTC().Format(time.RFC3339))
		in.ModifiedAt = c.at.UTC()
	}
	return in
}

// content is a file that is read when somebody wants it.
type content struct {
	rd   *reading
	hash plumbing.Hash
	data io.Reader
}

func (c *content) Read(p []byte) (int, error) {
	if c.data == nil {
		if err := c.rd.ctx.Err(); err != nil {
			return 0, err
		}
		data, err := c.rd.repo.content(c.hash, c.rd.s.set.MaxBytes)
		if err != nil {
			return 0, err
		}
		c.data = bytes.NewReader(data)
	}
	return c.data.Read(p)
}
