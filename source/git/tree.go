package git

import (
	"context"
	"errors"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	maxDepth = 256  // folders in folders
	maxPath  = 4096 // bytes
	// A tree may name the same folder again and again, so that few objects make many
	// files: so many entries are looked at for each file that is allowed.
	entriesAFile = 16
)

// file is an entry of a tree that is no folder.
type file struct {
	path string
	hash plumbing.Hash
	mode filemode.FileMode
}

// errMissing is the error of a tree or commit that is not there: the clone is
// damaged, or never had it.
var errMissing = errors.New("the repository is not whole")

// walk compares trees.
type walk struct {
	ctx  context.Context
	repo *repo
	left int // entries that may still be looked at
	// put is told of files that are new or others than before, gone of those that are
	// not there any more.
	put  func(file) error
	gone func(path string) error
}

// diff tells what is different in the tree now, compared with the tree before; the
// zero hash is an empty tree. What is the same in both is not even read.
func (w *walk) diff(before, now plumbing.Hash, prefix string, depth int) error {
	if before == now {
		return nil
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return rag.Errorf(rag.KindExhausted, "%.200q: more than %d folders lie in one another", prefix, maxDepth)
	}
	had, err := w.entries(before, prefix)
	if err != nil {
		return err
	}
	has, err := w.entries(now, prefix)
	if err != nil {
		return err
	}
	was := make(map[string]object.TreeEntry, len(had))
	for _, e := range had {
		was[e.Name] = e
	}
	told := make(map[string]bool, len(has))
	for _, e := range has {
		if told[e.Name] {
			return rag.Errorf(rag.KindInvalid, "the repository is damaged: %.200q stands there twice", prefix+e.Name)
		}
		told[e.Name] = true
		old, ok := was[e.Name]
		if ok && old.Hash == e.Hash && old.Mode == e.Mode {
			continue
		}
		if err := w.differ(old, e, prefix+e.Name, depth); err != nil {
			return err
		}
	}
	for _, e := range had {
		if !told[e.Name] {
			if err := w.differ(e, object.TreeEntry{}, prefix+e.Name, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// differ tells of one entry that is another than before.
func (w *walk) differ(before, now object.TreeEntry, path string, depth int) error {
	if before.Mode != filemode.Empty && before.Mode != filemode.Dir && (now.Mode == filemode.Empty || now.Mode == filemode.Dir) {
		if err := w.gone(path); err != nil {
			return err
		}
	}
	if before.Mode == filemode.Dir || now.Mode == filemode.Dir {
		if err := w.diff(folder(before), folder(now), path+"/", depth+1); err != nil {
			return err
		}
	}
	if now.Mode == filemode.Empty || now.Mode == filemode.Dir {
		return nil
	}
	return w.put(file{path: path, hash: now.Hash, mode: now.Mode})
}

// folder is what an entry is a folder of, the zero hash if it is none.
func folder(e object.TreeEntry) plumbing.Hash {
	if e.Mode == filemode.Dir {
		return e.Hash
	}
	return plumbing.ZeroHash
}

func (w *walk) entries(h plumbing.Hash, prefix string) ([]object.TreeEntry, error) {
	if h.IsZero() {
		return nil, nil
	}
	entries, err := w.repo.tree(h)
	if err != nil {
		return nil, whole(err)
	}
	if w.left -= len(entries) + 1; w.left < 0 {
		return nil, rag.Errorf(rag.KindExhausted, "the repository has too many files; choose fewer by path, or raise max_files")
	}
	for _, e := range entries {
		if e.Name == "" || e.Name == "." || e.Name == ".." || strings.ContainsAny(e.Name, "/\x00") {
			return nil, rag.Errorf(rag.KindInvalid, "the repository is damaged: %.200q is no name of a file", prefix+e.Name)
		}
		if len(prefix)+len(e.Name) > maxPath {
			return nil, rag.Errorf(rag.KindExhausted, "%.200q: the path is longer than %d bytes", prefix+e.Name, maxPath)
		}
	}
	return entries, nil
}

// whole marks an error of an object that has to be there.
func whole(err error) error {
	if _, ours := errors.AsType[*rag.Error](err); ours {
		return err
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(errMissing, err), "the repository is damaged")
}

// below returns the tree of a folder in a tree.
func (r *repo) below(root plumbing.Hash, path string) (plumbing.Hash, error) {
	if path == "" {
		return root, nil
	}
	at := root
	for name := range strings.SplitSeq(path, "/") {
		entries, err := r.tree(at)
		if err != nil {
			return at, whole(err)
		}
		found := false
		for _, e := range entries {
			if e.Name == name && e.Mode == filemode.Dir {
				at, found = e.Hash, true
			}
		}
		if !found {
			return plumbing.ZeroHash, rag.Errorf(rag.KindNotFound, "the repository has no folder %.200q (path)", path)
		}
	}
	return at, nil
}
