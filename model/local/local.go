// Package local keeps the embedding models that a user has brought: a folder with
// one weight file each, as model/bert/convert makes them. Files come and go whole,
// so a model that is listed is complete.
package local

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

// suffix of the files of models.
const suffix = ".model"

// maxFile bounds a weight file that is read, in bytes.
const maxFile = 4 << 30

// names that a model may have: they become file names.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// CheckName returns a KindInvalid error if name cannot be that of a model.
func CheckName(name string) error {
	if !names.MatchString(name) {
		return rag.Errorf(rag.KindInvalid, "%q cannot be the name of a model: 1 to 100 letters, digits, dots, dashes and underscores are possible, the first a letter or digit", name)
	}
	return nil
}

// Library is a folder of models. It is goroutine-safe, also between processes.
type Library struct{ dir string }

// In returns the library in a folder, which need not be there yet.
func In(dir string) Library { return Library{dir} }

// Info describes a model of the library.
type Info struct {
	Name     string
	Path     string
	Bytes    int64
	Modified time.Time
	Header   weightfile.Header
	Err      error // what is wrong with the file; then Header is empty
}

// List returns the models by name. A damaged file is listed with its fault.
func (l Library) List(ctx context.Context) ([]Info, error) {
	entries, err := os.ReadDir(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, rag.Wrap(rag.KindUnavailable, err, "list models")
	}
	var out []Info
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, rag.Wrap(rag.KindOf(err), err, "list models")
		}
		name, is := strings.CutSuffix(e.Name(), suffix)
		if !is || CheckName(name) != nil {
			continue
		}
		info := Info{Name: name, Path: filepath.Join(l.dir, e.Name())}
		if stat, err := e.Info(); err == nil {
			info.Bytes, info.Modified = stat.Size(), stat.ModTime()
		}
		data, err := l.Load(name)
		if err == nil {
			var f *weightfile.File
			if f, err = weightfile.Parse(data); err == nil {
				info.Header = f.Header
			}
		}
		info.Err = err
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Load returns the weight file of a model, unchecked. An unknown model is
// KindNotFound.
func (l Library) Load(name string) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	path := filepath.Join(l.dir, name+suffix)
	stat, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, rag.Errorf(rag.KindNotFound, "there is no model %q; 'smartretriever models ls' lists those there are", name)
	case err != nil:
		return nil, rag.Wrap(rag.KindUnavailable, err, "open model "+name)
	case !stat.Mode().IsRegular() || stat.Size() > maxFile:
		return nil, rag.Errorf(rag.KindInvalid, "model %q: %s is not a weight file", name, path)
	}
	data, err := os.ReadFile(path)
	return data, rag.Wrap(rag.KindUnavailable, err, "read model "+name)
}

// Put keeps a weight file under the name that its header says, and returns it. The
// file is there whole or not at all, also after a crash. Another model of that name
// is KindConflict: vectors are kept under the name, and those of two models must
// not mix. The same model again is no error, and a damaged one is replaced.
func (l Library) Put(data []byte) (Info, error) {
	f, err := weightfile.Parse(data)
	if err != nil {
		return Info{}, err
	}
	name := f.Model.Name
	if err := CheckName(name); err != nil {
		return Info{}, err
	}
	path := filepath.Join(l.dir, name+suffix)
	old, err := l.Load(name)
	damaged := false
	if err == nil && !bytes.Equal(old, data) {
		_, err := weightfile.Parse(old)
		damaged = err != nil
	}
	if err != nil || damaged {
		err = l.write(path, data, damaged)
	} else if !bytes.Equal(old, data) {
		err = fs.ErrExist
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return Info{}, rag.Errorf(rag.KindConflict, "there is another model %q already; give this one another name", name)
	case err != nil:
		return Info{}, rag.Wrap(rag.KindUnavailable, err, "keep model "+name)
	}
	return Info{Name: name, Path: path, Bytes: int64(len(data)), Modified: time.Now(), Header: f.Header}, nil
}

func (l Library) write(path string, data []byte, replace bool) (err error) {
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(l.dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(tmp.Name()))) }()
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if replace {
		err = os.Rename(tmp.Name(), path)
	} else {
		err = os.Link(tmp.Name(), path) // fails if path is there, which a rename does not
	}
	if err != nil {
		return err
	}
	return syncDir(l.dir)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncDir makes a new name last. Systems that cannot do it for folders need not.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // best effort: some file systems refuse
	return d.Close()
}

// Remove deletes a model. An unknown one is KindNotFound.
func (l Library) Remove(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	err := os.Remove(filepath.Join(l.dir, name+suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return rag.Errorf(rag.KindNotFound, "there is no model %q", name)
	}
	return rag.Wrap(rag.KindUnavailable, err, "remove model "+name)
}
