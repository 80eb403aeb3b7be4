package ocr

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// Package is the Debian package that holds the program.
const Package = "tesseract-ocr"

// Hint says what to do where the program is missing, for people.
const Hint = "when the program tesseract is installed (Debian: " + Package + ")"

// ErrUnread is that an image was not read because pictures are not read here: the
// program is not there, or switched off. It says nothing of the image.
var ErrUnread = rag.Errorf(rag.KindInvalid, "pictures are not read")

// Unread returns an error that is ErrUnread and says why.
func Unread(why error) error { return rag.Errorf(rag.KindInvalid, "%w", unread{why}) }

type unread struct{ error }

func (unread) Is(target error) bool { return target == error(ErrUnread) }

func (u unread) Unwrap() error { return u.error }

// ErrAbsent is that the program is not there. It is KindInvalid, so that a file is not
// tried again until somebody adds it again.
var ErrAbsent = rag.Errorf(rag.KindInvalid, "the program tesseract is not installed (Debian: %s)", Package)

const (
	maxTable  = 16 << 20         // bytes of a page's table of words; a full page has 0.1 MB
	maxSaid   = 4 << 10          // bytes of standard error that are kept
	askTime   = 10 * time.Second // to say version and languages
	drainTime = 2 * time.Second  // for pipes to close once the program is gone
)

// run calls the program, feeds it and returns what it writes. data is the folder of its
// languages, "" for its own. It ends with ctx, after
// the time limit, and when it writes too much, and takes along what it may have
// started. Kinds of error: KindExhausted for a limit, KindInvalid for a program that
// fails, ErrAbsent for one that is not there.
func run(ctx context.Context, path, data string, timeout time.Duration, in []byte, args ...string) (out []byte, said string, err error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, path, args...)
	// One thread: pages are read side by side, and its threads wait for each other busily.
	cmd.Env = []string{"OMP_THREAD_LIMIT=1", "LC_ALL=C"}
	if data != "" {
		cmd.Env = append(cmd.Env, "TESSDATA_PREFIX="+data)
	}
	cmd.Stdin = bytes.NewReader(in)
	stdout, stderr := &capped{most: maxTable, full: cancel}, &capped{most: maxSaid}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	isolate(cmd)
	cmd.Cancel = func() error { return kill(cmd) }
	cmd.WaitDelay = drainTime
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, "", ErrAbsent
		}
		return nil, "", rag.Wrap(rag.KindUnavailable, err, "start the program tesseract")
	}
	bound(cmd.Process.Pid, timeout)
	err = cmd.Wait()
	said = clean.Cut(clean.Line(strings.ToValidUTF8(stderr.String(), "\uFFFD")), 300)
	switch {
	case stdout.over:
		return nil, said, rag.Errorf(rag.KindExhausted, "the program tesseract wrote more than %d MiB", maxTable>>20)
	case ctx.Err() != nil:
		return nil, said, ctx.Err()
	case limited.Err() != nil:
		return nil, said, rag.Errorf(rag.KindExhausted, "reading a picture took longer than %s", timeout)
	case err != nil && said != "":
		return nil, said, rag.Errorf(rag.KindInvalid, "the program tesseract failed: %w [%s]", err, said)
	case err != nil:
		return nil, said, rag.Errorf(rag.KindInvalid, "the program tesseract failed: %w", err)
	}
	return stdout.buf, said, nil
}

// capped keeps the first bytes that are written. Where there is something to call when
// it is full, more is an error.
type capped struct {
	most int
	full func() // nil to drop what is too much
	buf  []byte
	over bool
}

func (c *capped) Write(p []byte) (int, error) {
	room := c.most - len(c.buf)
	c.buf = append(c.buf, p[:min(len(p), room)]...)
	if len(p) > room && c.full != nil {
		c.over = true
		c.full()
		return room, errors.New("too much output")
	}
	return len(p), nil
}

func (c *capped) String() string { return string(c.buf) }

// Info is what is known of the program.
type Info struct {
	Program   string   // path
	Version   string   // "5.3.0"
	Installed []string // languages it has, in order; osd, which finds the turn of a page, is not one
	Languages []string // those that are read, the most likely first
	turns     bool     // whether it can find out how a page is turned
}

// finder asks the program once what it is. While it is not there, it is looked for
// each time, so that installing it takes no restart.
type finder struct {
	program   string
	languages []string
	data      string

	lock  chan struct{} // holds one; the program may take its time to answer
	known *Info
}

var (
	languageName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(/[A-Za-z0-9_]+)*$`)
	versionWord  = regexp.MustCompile(`(?i)tesseract\s+v?([0-9][0-9A-Za-z.+~-]*)`)
)

func (f *finder) find(ctx context.Context) (Info, error) {
	select {
	case f.lock <- struct{}{}:
		defer func() { <-f.lock }()
	case <-ctx.Done():
		return Info{}, ctx.Err()
	}
	if f.known != nil {
		return *f.known, nil
	}
	path, err := exec.LookPath(f.program)
	if err != nil {
		return Info{}, ErrAbsent
	}
	info := Info{Program: path}
	out, said, err := run(ctx, path, f.data, askTime, nil, "--version")
	if err != nil {
		return Info{}, err
	}
	found := versionWord.FindStringSubmatch(string(out) + "\n" + said) // older ones answer on standard error
	if found == nil {
		return Info{}, rag.Errorf(rag.KindInvalid, "%s is not the program tesseract: it does not tell its version", clean.Line(path))
	}
	info.Version = clean.Cut(found[1], 40)
	if out, said, err = run(ctx, path, f.data, askTime, nil, "--list-langs"); err != nil {
		return Info{}, err
	}
	if len(out) == 0 {
		out = []byte(strings.ReplaceAll(said, " ", "\n"))
	}
	for line := range bytes.Lines(out) {
		switch name := string(bytes.TrimSpace(line)); {
		case name == "osd":
			info.turns = true
		case languageName.MatchString(name):
			info.Installed = append(info.Installed, name)
		}
	}
	if info.Languages, err = choose(f.languages, info.Installed); err != nil {
		return info, err
	}
	f.known = &info
	return info, nil
}

// forget makes the next call ask again: the program is gone, or is another one.
func (f *finder) forget() {
	f.lock <- struct{}{}
	f.known = nil
	<-f.lock
}

// mostChosen is how many languages are read without being asked for: each takes time
// on every page, and whoever installs all of them does not mean that all are read.
const mostChosen = 3

// choose returns the languages that are read: those that are wanted, or else English
// and what was installed beside it, if that is not many.
func choose(wanted, installed []string) ([]string, error) {
	if len(wanted) > 0 {
		for _, w := range wanted {
			if !slices.Contains(installed, w) {
				return nil, rag.Errorf(rag.KindInvalid, "the program tesseract does not have the language %s (Debian: %s-%s)", w, Package, strings.ReplaceAll(w, "_", "-"))
			}
		}
		return wanted, nil
	}
	var out []string
	if slices.Contains(installed, "eng") {
		out = []string{"eng"}
	}
	if len(installed) <= mostChosen || len(out) == 0 {
		for _, l := range installed[:min(len(installed), mostChosen)] {
			if !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
	}
	if len(out) == 0 {
		return nil, rag.Errorf(rag.KindInvalid, "the program tesseract has no language to read (Debian: %s-eng)", Package)
	}
	return out, nil
}
