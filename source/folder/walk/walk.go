// Package walk finds the files that paths mean: files, folders with everything below
// them, and patterns. It is there for the folder source above it and for the command
// line.
//
// Files come one at a time while folders are read, so the memory needed does not
// grow with their number. Links to folders are followed; a folder that has been
// read already, through a loop or a second link, is recognised by its device and
// inode and left out. Nothing that is found is lost in silence: what cannot be
// read comes as an entry with an error, what is left out with the reason.
package walk

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	pathpkg "path"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/paths"
	"github.com/smartretriever/smartretriever/text/extract/archive"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/format"
)

// Options choose among the files of folders. Files that are named themselves are
// always taken.
type Options struct {
	Include []string // only files that match one of these patterns; empty takes all
	Exclude []string // neither files nor folders that match one of these
	Hidden  bool     // also files and folders whose name begins with a dot
	// MaxBytes is the size above which a file is an error instead of being read to
	// find that out, whether it is named or in a folder; 0 takes all.
	MaxBytes int64
	// Folders asks for an entry of each folder as well, before what is in it.
	Folders bool
}

// Entry is a file that was found, or why one was not taken.
type Entry struct {
	Path     string // absolute
	Size     int64
	Modified time.Time
	Inode    uint64 // 0 where there are none
	Folder   bool   // it is a folder
	Skip     string // why it is left out, "" if it is taken
	Err      error  // why it cannot be read
}

// Files yields what the named paths mean, folders in order of name,
// links after the rest. A path that does
// not exist and holds *, ? or [ is a pattern. The error of a path that means
// nothing is an Entry.
func Files(named []string, opt Options) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		w := newWalker(opt, yield)
		for _, p := range named {
			if !w.named(p) {
				return
			}
		}
	}
}

// Below yields what lies at path, which is in the folder root or root itself, as
// Files of root would. A path that does not exist, or that the options leave out,
// yields nothing or its reason.
func Below(root, path string, opt Options) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		w := newWalker(opt, yield)
		if root == path {
			w.named(root)
			return
		}
		rel := relative(root, path)
		if rel == ".." || strings.HasPrefix(rel, "../") {
			return
		}
		// The folders on the way must be taken too.
		at := root
		names := strings.Split(rel, "/")
		for i, name := range names {
			at = filepath.Join(at, name)
			if i < len(names)-1 && (w.hidden(name) || matchAny(w.exclude, relative(root, at))) {
				return
			}
		}
		info, err := os.Lstat(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				w.yield(Entry{Path: path, Err: fileError(err)})
			}
			return
		}
		w.entry(root, path, fs.FileInfoToDirEntry(info))
	}
}

type walker struct {
	opt              Options
	include, exclude []paths.Pattern // those of opt
	yield            func(Entry) bool
	seen             map[identity]bool // folders that have been read
}

func newWalker(opt Options, yield func(Entry) bool) *walker {
	return &walker{opt: opt, include: parse(opt.Include), exclude: parse(opt.Exclude), yield: yield, seen: map[identity]bool{}}
}

// named handles one path of the command line. It returns false to stop.
func (w *walker) named(path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return w.yield(Entry{Path: path, Err: err})
	}
	info, err := os.Stat(abs)
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?[") {
		return w.pattern(abs)
	}
	switch {
	case err != nil:
		return w.yield(Entry{Path: abs, Err: fileError(err)})
	case info.IsDir():
		return w.folder(abs, abs, info)
	case !info.Mode().IsRegular():
		return w.yield(Entry{Path: abs, Err: rag.Errorf(rag.KindInvalid, "is %s", kindOf(info.Mode()))})
	}
	return w.yield(w.file(abs, info))
}

// file is the entry of a regular file.
func (w *walker) file(path string, info fs.FileInfo) Entry {
	e := Entry{Path: path, Size: info.Size(), Modified: info.ModTime(), Inode: inode(info)}
	if most := w.opt.MaxBytes; most > 0 && e.Size > most {
		e.Err = rag.Errorf(rag.KindExhausted, "is larger than the limit of %s", humanize.IBytes(uint64(most)))
	}
	return e
}

// pattern handles a pattern that the shell has left as it is. What it matches is
// taken as if it had been named. "**" stands for any number of folders.
func (w *walker) pattern(abs string) bool {
	root := abs
	for strings.ContainsAny(root, "*?[") {
		root = filepath.Dir(root)
	}
	rest := relative(root, abs)
	if _, err := paths.Parse(rest); err != nil {
		return w.yield(Entry{Path: abs, Err: rag.Errorf(rag.KindInvalid, "the pattern %w", err)})
	}
	matched := false
	if !w.expand(root, strings.Split(rest, "/"), &matched) {
		return false
	}
	if !matched {
		return w.yield(Entry{Path: abs, Err: rag.Errorf(rag.KindNotFound, "no file matches the pattern")})
	}
	return true
}

// expand takes what the parts of a pattern match below dir.
func (w *walker) expand(dir string, parts []string, matched *bool) bool {
	head, rest := parts[0], parts[1:]
	if head == "**" {
		if len(rest) > 0 {
			if !w.expand(dir, rest, matched) { // ** stands for no folder
				return false
			}
		} else {
			head = "*"
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !w.yield(Entry{Path: dir, Err: fileError(err)}) {
		return false
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(head, ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		goOn := true
		switch ok, _ := pathpkg.Match(head, e.Name()); {
		case head == "**":
			if e.IsDir() {
				goOn = w.expand(path, parts, matched)
			}
		case !ok:
		case len(rest) == 0:
			*matched = true
			goOn = w.named(path)
		default:
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				goOn = w.expand(path, rest, matched)
			}
		}
		if !goOn {
			return false
		}
	}
	return true
}

// folder reads dir and what lies below it. Patterns are matched against the path
// from root.
func (w *walker) folder(root, dir string, info fs.FileInfo) bool {
	if id, ok := identify(dir, info); ok {
		if w.seen[id] {
			return w.yield(Entry{Path: dir, Folder: true, Skip: "folder was read already (a link leads back to it)"})
		}
		w.seen[id] = true
	}
	if w.opt.Folders && !w.yield(Entry{Path: dir, Folder: true}) {
		return false
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !w.yield(Entry{Path: dir, Folder: true, Err: fileError(err)}) {
		return false
	}
	// Links come last, so that a file is known by its own path and not by that of
	// a link to its folder.
	for _, links := range []bool{false, true} {
		for _, e := range entries {
			if isLink := e.Type()&fs.ModeSymlink != 0; isLink == links && !w.entry(root, filepath.Join(dir, e.Name()), e) {
				return false
			}
		}
	}
	return true
}

const skipNotIncluded = "not among the files asked for"

func (w *walker) hidden(name string) bool { return strings.HasPrefix(name, ".") && !w.opt.Hidden }

func (w *walker) entry(root, path string, e fs.DirEntry) bool {
	if w.hidden(e.Name()) {
		return true // hidden: neither read nor counted
	}
	rel := relative(root, path)
	if matchAny(w.exclude, rel) {
		return w.yield(Entry{Path: path, Skip: "excluded"})
	}
	info, err := os.Stat(path) // follows links
	switch {
	case err != nil:
		return w.yield(Entry{Path: path, Err: fileError(err)})
	case info.IsDir():
		return w.folder(root, path, info)
	case !info.Mode().IsRegular():
		return w.yield(Entry{Path: path, Skip: "is " + kindOf(info.Mode())})
	case len(w.opt.Include) > 0 && !matchAny(w.include, rel):
		return w.yield(Entry{Path: path, Skip: skipNotIncluded})
	}
	if format.ByName(path) == "" && !archive.Suffix(path) {
		if skip, err := sniff(path); skip != "" || err != nil {
			return w.yield(Entry{Path: path, Size: info.Size(), Modified: info.ModTime(), Skip: skip, Err: err})
		}
	}
	return w.yield(w.file(path, info))
}

// sniffBytes is how much of a file of unknown suffix is looked at.
const sniffBytes = 4096

// sniff looks into a file whose name says nothing and returns why it is not
// taken, "" if it looks like text or a PDF.
func sniff(path string) (skip string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fileError(err)
	}
	defer f.Close()
	head := make([]byte, sniffBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", fileError(err)
	}
	head = head[:n]
	if strings.HasPrefix(string(head), "%PDF-") || charset.IsText(head) {
		return "", nil
	}
	return "format is not supported", nil
}

// fileError gives a file system's error its kind. The path is left out: the entry
// names it.
func fileError(err error) error {
	cause := err
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		cause = pe.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return rag.Errorf(rag.KindNotFound, "does not exist")
	case errors.Is(err, fs.ErrPermission):
		return rag.Errorf(rag.KindUnauthorized, "permission denied")
	}
	return rag.Wrap(rag.KindUnavailable, cause, "cannot be read")
}

// kindOf names what is not a regular file.
func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "not a regular file"
}

// relative is path from root, with slashes.
func relative(root, path string) string {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return filepath.ToSlash(path)
	}
	return filepath.ToSlash(rel)
}
