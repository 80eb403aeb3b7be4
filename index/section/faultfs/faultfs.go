// Package faultfs is a file system in memory whose disk fills up, fails to sync, damages bytes and loses power, for tests
// of what is written through section.FS.
//
// It tells what is written from what is durable: the content of a file is durable as of its last Sync, the names of a
// folder as of the last SyncDir. Crash gives the file system that a machine finds after losing power: of what was not durable
// any part may be there.
package faultfs

import (
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync"

	"github.com/smartretriever/smartretriever/index/section"
)

// FS is the file system. Goroutine-safe.
type FS struct {
	mu      sync.Mutex
	names   map[string]*file // as programs see them
	durable map[string]*file // as the disk has them
	dirs    map[string]bool
	locks   map[string]bool
	calls   int
	fault   func(call int, op, name string) error
}

type file struct {
	written []byte
	synced  []byte
	flushed bool // written has been synced at least once
}

// New returns an empty file system.
func New() *FS {
	return &FS{names: map[string]*file{}, durable: map[string]*file{}, dirs: map[string]bool{}, locks: map[string]bool{}}
}

// SetFault has fn asked before every operation: its error is the operation's. The operations are create, write, sync,
// rename, remove, syncdir, makedir, map and lock; call counts them from 1. Nil ends the faults.
func (f *FS) SetFault(fn func(call int, op, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fn
}

// Calls returns the number of operations so far.
func (f *FS) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// check counts an operation. The caller holds mu.
func (f *FS) check(op, name string) error {
	f.calls++
	if f.fault == nil {
		return nil
	}
	if err := f.fault(f.calls, op, name); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// Crash returns what the machine finds after losing power now. Whether something that was not durable has made it to
// the disk is drawn from rng; a nil rng loses all of it.
func (f *FS) Crash(rng *rand.Rand) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	after := New()
	for d := range f.dirs {
		after.dirs[d] = true
	}
	lucky := func() bool { return rng != nil && rng.IntN(2) == 0 }
	survivors := map[string]*file{}
	for n, x := range f.durable {
		survivors[n] = x
	}
	for n, x := range f.names {
		if f.durable[n] != x && lucky() {
			survivors[n] = x
		}
	}
	for n := range f.durable {
		if f.names[n] == nil && lucky() {
			delete(survivors, n)
		}
	}
	for n, x := range survivors {
		content := x.synced
		if lucky() { // some part of what was written since
			content = x.written[:rng.IntN(len(x.written)+1)]
			if len(content) < len(x.synced) {
				content = x.synced
			}
		}
		kept := &file{written: append([]byte(nil), content...), flushed: true}
		kept.synced = kept.written
		after.names[n], after.durable[n] = kept, kept
	}
	return after
}

// Flip changes one bit of a file, on the disk and for everybody who maps it from now on.
func (f *FS) Flip(name string, at int, bit uint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.names[name]
	b := append([]byte(nil), x.written...)
	b[at] ^= 1 << (bit & 7)
	x.written, x.synced = b, b
}

// Content returns a file's bytes, nil if there is no such file.
func (f *FS) Content(name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x := f.names[name]; x != nil {
		return x.written
	}
	return nil
}

// Create makes or empties a file. As on a disk, the new content takes the name at once.
func (f *FS) Create(name string) (section.Output, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check("create", name); err != nil {
		return nil, err
	}
	x := &file{}
	f.names[name] = x
	return &output{fs: f, name: name, file: x}, nil
}

type output struct {
	fs   *FS
	name string
	file *file
}

func (o *output) Write(p []byte) (int, error) {
	o.fs.mu.Lock()
	defer o.fs.mu.Unlock()
	if err := o.fs.check("write", o.name); err != nil {
		half := len(p) / 2 // a disk that fills up takes some of it
		o.file.written = append(o.file.written, p[:half]...)
		return half, err
	}
	o.file.written = append(o.file.written, p...)
	return len(p), nil
}

func (o *output) Sync() error {
	o.fs.mu.Lock()
	defer o.fs.mu.Unlock()
	if err := o.fs.check("sync", o.name); err != nil {
		return err
	}
	o.file.synced, o.file.flushed = append([]byte(nil), o.file.written...), true
	return nil
}

func (o *output) Close() error { return nil }

// Map returns an aligned copy of a file.
func (f *FS) Map(name string) ([]byte, func() error, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check("map", name); err != nil {
		return nil, nil, err
	}
	x := f.names[name]
	if x == nil {
		return nil, nil, &fs.PathError{Op: "map", Path: name, Err: fs.ErrNotExist}
	}
	data := section.Alloc(len(x.written))
	copy(data, x.written)
	return data, func() error { return nil }, nil
}

// Rename gives a file another name.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check("rename", to); err != nil {
		return err
	}
	x := f.names[from]
	if x == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	delete(f.names, from)
	f.names[to] = x
	return nil
}

// Remove takes a name away.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check("remove", name); err != nil {
		return err
	}
	if f.dirs[name] {
		delete(f.dirs, name)
		return nil
	}
	if f.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(f.names, name)
	return nil
}

// List lists the files of a folder.
func (f *FS) List(dir string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.dirs[dir] {
		return nil, nil
	}
	names := []string{}
	for n := range f.names {
		if filepath.Dir(n) == dir {
			names = append(names, filepath.Base(n))
		}
	}
	return names, nil
}

// MakeDir makes a folder, durable at once.
func (f *FS) MakeDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check("makedir", dir); err != nil {
		return err
	}
	f.dirs[dir] = true
	return nil
}

// SyncDir makes the names in a folder durable.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check("syncdir", dir); err != nil {
		return err
	}
	for n := range f.durable {
		if filepath.Dir(n) == dir && f.names[n] == nil {
			delete(f.durable, n)
		}
	}
	for n, x := range f.names {
		if filepath.Dir(n) == dir {
			f.durable[n] = x
		}
	}
	return nil
}

// Lock takes a lock, which a crash ends.
func (f *FS) Lock(name string) (func() error, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check("lock", name); err != nil {
		return nil, false, err
	}
	if f.locks[name] {
		return nil, false, nil
	}
	f.locks[name] = true
	return func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.locks, name)
		return nil
	}, true, nil
}
