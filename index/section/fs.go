package section

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/smartretriever/smartretriever/rag"
)

// FS is a file system. Names are paths as the operating system writes them. Errors wrap those of package fs.
// Goroutine-safe.
type FS interface {
	// Create makes a file, or empties the one that is there.
	Create(name string) (Output, error)
	// Map returns the content of a file, which ends at the call of release. It begins at a
	// multiple of 64 bytes; nobody writes to it.
	Map(name string) (data []byte, release func() error, err error)
	// Rename replaces what is at to.
	Rename(from, to string) error
	// Remove removes a file or an empty folder.
	Remove(name string) error
	// List returns the names of the entries of a folder, in no order; none if there is no such folder.
	List(dir string) ([]string, error)
	// MakeDir makes a folder and those above it.
	MakeDir(dir string) error
	// SyncDir makes what was created, renamed and removed in a folder durable.
	SyncDir(dir string) error
	// Lock takes a lock that one holder at a time can have, in this process or another, and which ends with the process. held is
	// false if somebody else has it.
	Lock(name string) (unlock func() error, held bool, err error)
}

// Output is a file that is being written.
type Output interface {
	io.Writer
	Sync() error // makes what was written durable
	Close() error
}

// Disk is the file system of the machine.
type Disk struct{}

// Create makes a file that only its owner can read.
func (Disk) Create(name string) (Output, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// Map maps a file into memory, where the machine can do that, and reads it elsewhere.
func (Disk) Map(name string) ([]byte, func() error, error) { return mapFile(name) }

// Rename renames a file.
func (Disk) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a file.
func (Disk) Remove(name string) error { return os.Remove(name) }

// MakeDir makes a folder that only its owner can look into.
func (Disk) MakeDir(dir string) error { return os.MkdirAll(dir, 0o700) }

// List lists a folder.
func (Disk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// SyncDir makes a folder's entries durable, where the machine can do that.
func (Disk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) {
		err = nil // some file systems cannot sync a folder
	}
	return errors.Join(err, f.Close())
}

// RemoveAll removes the files of a folder, and the folder. It is no error if there is none.
func RemoveAll(fsys FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil || names == nil {
		return err
	}
	var errs []error
	for _, n := range names {
		if err := fsys.Remove(filepath.Join(dir, n)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if err := fsys.Remove(dir); !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Lock locks a file, which is made if it is not there and stays.
func (Disk) Lock(name string) (func() error, bool, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	held, err := lockFile(f)
	if !held || err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f.Close, true, nil
}

func kindOf(err error) rag.Kind {
	if errors.Is(err, fs.ErrNotExist) {
		return rag.KindNotFound
	}
	return rag.KindUnavailable
}
