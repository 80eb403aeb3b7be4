package git

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	cacheBytes = 32 << 20 // of objects that are held in memory
	maxPacks   = 64       // of a clone; each fetch adds one. With more, it is made anew
)

// repo is a repository on disk. Reading objects is goroutine-safe, one at a time.
type repo struct {
	mu sync.Mutex
	st *filesystem.Storage
	// partial says that the server was asked to leave out files that are too large, so
	// that one that is missing is one of these.
	partial bool
}

func openStorage(f billy.Filesystem, alternates billy.Filesystem) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(f, cache.NewObjectLRU(cache.FileSize(cacheBytes)), filesystem.Options{AlternatesFS: alternates})
}

// openLocal opens the repository in a folder of this machine: bare, with a .git
// folder, or a work tree whose .git names the folder.
func (s *Source) openLocal() (*repo, error) {
	dot := s.local
	if info, err := os.Stat(filepath.Join(dot, ".git")); err == nil {
		dot = filepath.Join(dot, ".git")
		if !info.IsDir() {
			if dot, err = pointer(dot, "gitdir:"); err != nil {
				return nil, err
			}
		}
	}
	common := dot
	if _, err := os.Stat(filepath.Join(dot, "commondir")); err == nil {
		if common, err = pointer(filepath.Join(dot, "commondir"), ""); err != nil {
			return nil, err
		}
	}
	for _, folder := range []string{dot, common} {
		if err := s.mayRead(folder); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(filepath.Join(common, "objects")); err != nil || !info.IsDir() {
		return nil, rag.Errorf(rag.KindNotFound, "%s: there is no Git repository", s.local)
	}
	alternates := osfs.New("/")
	if s.deps.Locked {
		alternates = nil // they would lead out of what may be read
	}
	files := osfs.New(common)
	if dot != common {
		return &repo{st: openStorage(dotgit.NewRepositoryFilesystem(osfs.New(dot), files), alternates)}, nil
	}
	return &repo{st: openStorage(files, alternates)}, nil
}

// pointer reads a file that names a folder.
func pointer(file, prefix string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", rag.Wrap(rag.KindNotFound, err, "the repository cannot be opened")
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 8192))
	to, ok := strings.CutPrefix(strings.TrimSpace(string(data)), prefix)
	if to = strings.TrimSpace(to); err != nil || !ok || to == "" {
		return "", rag.Errorf(rag.KindInvalid, "%s does not name a folder", file)
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(file), to)
	}
	return filepath.Clean(to), nil
}

// localTip returns what the reference of the settings is.
func (s *Source) localTip(r *repo) (plumbing.Hash, error) {
	refs := map[string]plumbing.Hash{}
	iter, err := r.st.IterReferences()
	if err == nil {
		err = iter.ForEach(func(ref *plumbing.Reference) error {
			if ref.Type() == plumbing.HashReference {
				refs[ref.Name().String()] = ref.Hash()
			}
			return nil
		})
	}
	if err != nil {
		return plumbing.ZeroHash, rag.Wrap(rag.KindInvalid, err, s.local+": the references cannot be read")
	}
	head := plumbing.ZeroHash
	if ref, err := r.st.Reference(plumbing.HEAD); err == nil {
		if head = ref.Hash(); ref.Type() == plumbing.SymbolicReference {
			head = refs[ref.Target().String()]
		}
	}
	h, err := find(s.set.Ref, refs, head)
	return h, rag.Wrap(rag.KindOf(err), err, s.local)
}

// state is what is kept beside a clone.
type state struct {
	Clone   string `json:"clone"` // of the settings
	Tip     string `json:"tip"`   // that the clone has whole
	Partial bool   `json:"partial"`
}

const stateFile = "smartretriever.json"

func (s *Source) folder() string { return filepath.Join(s.deps.Dir, "clone.git") }

// fetched returns the clone, brought up to what the server has now, and the object
// that the reference of the settings is. fresh makes the clone anew.
func (s *Source) fetched(ctx context.Context, fresh bool) (*repo, plumbing.Hash, error) {
	var remote server = &remote{url: s.url, client: s.client}
	if s.url.Scheme == "ssh" {
		remote = &overSSH{set: s.set.SSH, url: s.url, client: s.client}
	}
	adv, err := remote.refs(ctx)
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	head := plumbing.ZeroHash
	if adv.Head != nil {
		head = *adv.Head
	}
	tip, err := find(s.set.Ref, adv.References, head)
	if err != nil {
		return nil, tip, rag.Wrap(rag.KindOf(err), err, s.set.URL)
	}
	r, was := s.openClone()
	if fresh || r == nil {
		if r, err = s.newClone(); err != nil {
			return nil, tip, err
		}
		was = state{Clone: s.clone}
	} else if r.st.HasEncodedObject(tip) == nil {
		return r, tip, nil // where it turns out not to be whole, the clone is made anew
	}
	for try := 1; ; try++ {
		err := s.fetch(ctx, remote, adv, r, tip, was)
		switch _, again := errors.AsType[*cutOff](err); {
		case err == nil:
			return r, tip, nil
		case ctx.Err() != nil:
			return nil, tip, ctx.Err()
		case !again || try >= s.set.Tries:
			return nil, tip, err
		}
	}
}

// cutOff is the error of a pack that did not come to its end.
type cutOff struct{ error }

func (e *cutOff) Unwrap() error { return e.error }

// openClone returns the clone that is there, nil if there is none that can be gone on
// with.
func (s *Source) openClone() (*repo, state) {
	var was state
	data, err := os.ReadFile(filepath.Join(s.folder(), stateFile))
	if err != nil || json.Unmarshal(data, &was) != nil || was.Clone != s.clone || !plumbing.IsHash(was.Tip) {
		return nil, state{}
	}
	packs, bytes := 0, int64(0)
	entries, err := os.ReadDir(filepath.Join(s.folder(), "objects", "pack"))
	if err != nil {
		return nil, state{}
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), ".pack") {
			packs, bytes = packs+1, bytes+info.Size()
		}
	}
	r := &repo{st: openStorage(osfs.New(s.folder()), nil), partial: was.Partial}
	if packs >= maxPacks || bytes > s.set.MaxRepositoryBytes || r.st.HasEncodedObject(plumbing.NewHash(was.Tip)) != nil {
		return nil, state{}
	}
	return r, was
}

func (s *Source) newClone() (*repo, error) {
	err := os.RemoveAll(s.folder())
	if err == nil {
		err = os.MkdirAll(s.folder(), 0o700)
	}
	r := &repo{st: openStorage(osfs.New(s.folder()), nil)}
	if err == nil {
		err = r.st.Init()
	}
	return r, rag.Wrap(rag.KindInternal, err, "the folder for the clone cannot be made")
}

// fetch brings the clone from where it was to tip. What comes is written to a file,
// looked at, and only then taken in.
func (s *Source) fetch(ctx context.Context, remote server, adv *packp.AdvRefs, r *repo, tip plumbing.Hash, was state) error {
	w := wish{want: tip, depth: s.set.History + 1, maxBytes: s.set.MaxBytes}
	if was.Tip != "" {
		w.have = []plumbing.Hash{plumbing.NewHash(was.Tip)}
		if commit, err := r.commit(w.have[0]); err == nil {
			w.have = []plumbing.Hash{commit.Hash}
		}
	}
	var err error
	if w.shallow, err = r.st.Shallow(); err != nil {
		return rag.Wrap(rag.KindInternal, err, "the clone cannot be read")
	}
	got, err := remote.pack(ctx, adv, w)
	if err != nil {
		return err
	}
	defer got.Close()
	file, err := os.CreateTemp(s.folder(), "incoming-*")
	if err != nil {
		return rag.Wrap(rag.KindInternal, err, "the clone cannot be written")
	}
	defer os.Remove(file.Name())
	defer file.Close()
	over := "what the repository sends is larger than max_repository_bytes"
	if _, err := io.Copy(file, &limited{r: got, left: s.set.MaxRepositoryBytes, over: over}); err != nil {
		if _, disk := errors.AsType[*fs.PathError](err); disk {
			return rag.Wrap(rag.KindInternal, err, "the clone cannot be written")
		}
		if rag.KindOf(err) == rag.KindUnavailable || errors.Is(err, io.ErrUnexpectedEOF) {
			return &cutOff{remote.broken(err, "the server stopped sending")}
		}
		return remote.broken(err, "the server does not send what is asked for")
	}
	if err := s.takeIn(ctx, r, file); err != nil {
		return rag.Wrap(rag.KindOf(err), err, remote.name())
	}
	r.partial = was.Partial || adv.Capabilities.Supports(capability.Filter)
	return r.keep(s.folder(), state{Clone: s.clone, Tip: tip.String(), Partial: r.partial}, got)
}

// takeIn checks a pack and adds it to the clone.
func (s *Source) takeIn(ctx context.Context, r *repo, file *os.File) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return rag.Wrap(rag.KindInternal, err, "the clone cannot be read")
	}
	objects, err := checkPack(ctx, file, max(maxObject, s.set.MaxBytes), s.set.MaxRepositoryBytes)
	if err != nil || objects == 0 {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return rag.Wrap(rag.KindInternal, err, "the clone cannot be read")
	}
	if err := packfile.UpdateObjectStorage(r.st, file); err != nil {
		return rag.Wrap(rag.KindInvalid, err, "what the repository sends is damaged")
	}
	return nil
}

// keep writes down what the clone has now.
func (r *repo) keep(folder string, now state, got *answer) error {
	shallow, err := r.st.Shallow()
	if err == nil {
		at := map[plumbing.Hash]bool{}
		for _, h := range append(shallow, got.shallow...) {
			at[h] = true
		}
		for _, h := range got.unshallow {
			delete(at, h)
		}
		err = r.st.SetShallow(slices.Collect(maps.Keys(at)))
	}
	if err == nil {
		var data []byte
		if data, err = json.Marshal(now); err == nil {
			name := filepath.Join(folder, stateFile)
			if err = os.WriteFile(name+".new", data, 0o600); err == nil {
				err = os.Rename(name+".new", name)
			}
		}
	}
	return rag.Wrap(rag.KindInternal, err, "the clone cannot be written")
}

// commit returns the commit that an object is, or that a tag stands for.
func (r *repo) commit(h plumbing.Hash) (*object.Commit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range 10 { // tags of tags
		o, err := r.st.EncodedObject(plumbing.AnyObject, h)
		if err != nil {
			return nil, err
		}
		switch o.Type() {
		case plumbing.CommitObject:
			return object.DecodeCommit(r.st, o)
		case plumbing.TagObject:
			tag, err := object.DecodeTag(r.st, o)
			if err != nil {
				return nil, err
			}
			h = tag.Target
		default:
			return nil, rag.Errorf(rag.KindInvalid, "ref is no branch, tag or commit, but a %s", o.Type())
		}
	}
	return nil, rag.Errorf(rag.KindInvalid, "ref is a tag of tags of tags")
}

func (r *repo) tree(h plumbing.Hash) ([]object.TreeEntry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, err := object.GetTree(r.st, h)
	if err != nil {
		return nil, err
	}
	return t.Entries, nil
}

// size returns the size of a file, or an error that says why it cannot be had.
func (r *repo) size(h plumbing.Hash) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.st.EncodedObjectSize(h)
	return n, r.missing(err)
}

// content returns what is in a file of at most limit bytes.
func (r *repo) content(h plumbing.Hash, limit int64) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, err := r.st.EncodedObject(plumbing.BlobObject, h)
	if err != nil {
		return nil, r.missing(err)
	}
	in, err := o.Reader()
	if err != nil {
		return nil, r.missing(err)
	}
	defer in.Close()
	data, err := io.ReadAll(&limited{r: in, left: limit + 1, over: "the file is larger than max_bytes"})
	if err != nil {
		return nil, r.missing(err)
	}
	return data, nil
}

// errUnread is the error of a file whose content is not where it should be.
var errUnread = errors.New("its content cannot be read")

func (r *repo) missing(err error) error {
	if _, ours := errors.AsType[*rag.Error](err); ours || err == nil {
		return err
	}
	switch {
	case r.partial && errors.Is(err, plumbing.ErrObjectNotFound):
		return rag.Errorf(rag.KindExhausted, "the file is larger than max_bytes, so it was not fetched")
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(errUnread, err), "the repository is damaged")
}

func (r *repo) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.st.Close() // of descriptors that are only read from
}
