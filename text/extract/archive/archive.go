// Package archive takes archives apart: zip, tar, files packed alone with gzip,
// bzip2 or zstd, and mailboxes (mbox), each with archives within it.
//
// Nothing is written anywhere and nothing is opened by a member's name: members
// come one by one, unpacked in memory and under limits that are enforced while
// unpacking. A bad member is that member's error and the rest goes on.
//
//	zip.go      the directory of a zip file and its members
//	crypt.go    encrypted members: ZipCrypto, WinZip AES
//	stream.go   tar and packed files
//	mailbox.go  the messages of a mailbox
//	limits.go   what unpacking may cost
//
// Documents that are zip containers themselves (Office, OpenDocument, EPUB, Java
// and Android packages) are no archives.
package archive

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/mail"
	"github.com/smartretriever/smartretriever/text/extract/zipdir"
)

// Inside separates the path of an archive within an archive from that of its
// member: "letters.zip!/2024/may.eml".
const Inside = "!/"

// Options limit what is unpacked. The zero value has the defaults.
type Options struct {
	Password string
	Member   int64 // most bytes of a member; 0 is 100 MiB
	Total    int64 // most bytes unpacked in all; 0 is 200 times the archive, at least 512 MiB and at most 8 GiB
	Members  int   // most members, those of archives within it too; 0 is 100,000
	Depth    int   // levels of archives within archives; 0 is 3
}

// Member is a file of an archive.
type Member struct {
	Path     string    // with slashes, relative, clean; of archives within it see Inside
	Modified time.Time // zero when not known
	Content  []byte
	// Err says why the content is missing: KindUnauthorized for a member that is
	// encrypted, KindExhausted for one over a limit, KindRefused for what is no file
	// (a link, a device), KindInvalid for a damaged one or a path that leads out of
	// the archive or stands twice in it.
	Err error
}

// kind is a form of archive.
type kind int

const (
	none kind = iota
	zipped
	tarred
	gzipped
	bzipped
	zstandard
	mailbox
)

// Is reports whether content is an archive whose members Members yields. The name
// decides only where the content leaves it open: a message that begins like a
// mailbox is one if it is called so or holds several messages.
func Is(name string, content []byte) bool { return detect(name, content) != none }

// Suffix reports whether a file of that name is taken for an archive before its
// content is known.
func Suffix(name string) bool {
	name = strings.ToLower(name)
	for _, s := range Suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// Suffixes of archives' names, in lower case.
var Suffixes = []string{".zip", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tbz", ".tar.bz2", ".tzst", ".tar.zst", ".gz", ".bz2", ".zst", ".mbox", ".mbx"}

func detect(name string, content []byte) kind {
	switch {
	case zipdir.Is(content):
		if isDocument(name, content) {
			return none
		}
		return zipped
	case bytes.HasPrefix(content, []byte("\x1f\x8b\x08")):
		return gzipped
	case len(content) > 10 && bytes.HasPrefix(content, []byte("BZh")) && (string(content[4:10]) == "1AY&SY" || string(content[4:10]) == "\x17\x72\x45\x38\x50\x90"):
		return bzipped
	case bytes.HasPrefix(content, []byte("\x28\xb5\x2f\xfd")):
		return zstandard
	case isTar(content):
		return tarred
	case mail.IsMailbox(content) && isMailbox(name, content):
		return mailbox
	}
	return none
}

// isDocument tells the zip containers that are documents, or software, by the names
// within them.
func isDocument(name string, content []byte) bool {
	dir := zipdir.Read(content, 4096)
	for i, n := range dir.Names {
		n = strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(n, `\`, "/"), "/"))
		switch n {
		case "[content_types].xml", "word/document.xml", "xl/workbook.xml", "ppt/presentation.xml", "meta-inf/container.xml", "meta-inf/manifest.xml",
			"meta-inf/manifest.mf", "androidmanifest.xml", "index/document.iwa":
			return true
		case "mimetype":
			if i == 0 || bytes.Contains(content[:min(len(content), 200)], []byte("mimetypeapplication/")) {
				return true
			}
		}
	}
	return documentSuffixes[strings.ToLower(path.Ext(name))] // a damaged one, by its name
}

var documentSuffixes = func() map[string]bool {
	m := map[string]bool{}
	for s := range strings.FieldsSeq("docx docm dotx dotm xlsx xlsm xltx xltm xlsb pptx pptm potx potm ppsx ppsm vsdx odt ods odp odg ott ots otp " +
		"epub jar war apk xps oxps pages numbers key") {
		m["."+s] = true
	}
	return m
}()

// isMailbox tells a mailbox from one message that was taken out of one.
func isMailbox(name string, content []byte) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".mbox", ".mbx":
		return true
	case ".eml", ".txt", ".msg":
		return false
	}
	n := 0
	for range mail.Split(content) {
		if n++; n > 1 {
			return true
		}
	}
	return false
}

// Members yields the members of an archive in the order in which they stand in it.
// name is the archive's own. Folders are passed over, and so is what the systems of
// makers leave behind ("__MACOSX", ".DS_Store"). The error, which comes last, says
// why the rest of the archive could not be read: it is damaged (KindInvalid), over a
// limit (KindExhausted), or ctx is done. What is yielded stays valid.
func Members(ctx context.Context, name string, content []byte, opt Options) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		u := &unpacker{ctx: ctx, budget: newBudget(opt, int64(len(content))), yield: yield}
		err := u.open(name, content, "", 0)
		if err != nil && !errors.Is(err, errStopped) {
			yield(Member{}, err)
		}
	}
}

// errStopped says that the caller wants no more.
var errStopped = errors.New("stopped")

// unpacker is the state of one pass over an archive.
type unpacker struct {
	ctx context.Context
	*budget
	yield func(Member, error) bool
}

// open takes apart an archive whose members' paths begin with prefix.
func (u *unpacker) open(name string, content []byte, prefix string, depth int) error {
	box := &box{unpacker: u, prefix: prefix, depth: depth, seen: map[string]bool{}}
	switch kind := detect(name, content); kind {
	case zipped:
		return box.zip(content)
	case tarred:
		return box.tar(bytes.NewReader(content))
	case mailbox:
		return box.mailbox(content)
	case gzipped, bzipped, zstandard:
		return box.packed(kind, name, content)
	}
	return rag.Errorf(rag.KindInvalid, "it is no archive of a kind that can be read")
}

// box is one archive, the outermost or one within it.
type box struct {
	*unpacker
	prefix string
	depth  int
	seen   map[string]bool // paths of its members
}

// begin checks a member's name before it is unpacked. skip says that there is
// nothing to unpack.
func (b *box) begin(name string) (path string, skip bool, err error) {
	if err := b.ctx.Err(); err != nil {
		return "", true, err
	}
	if err := b.count(); err != nil {
		return "", true, err
	}
	path, fault := memberPath(name)
	if path == "" && fault == nil || litter(path) {
		return "", true, nil
	}
	if fault == nil && b.seen[path] {
		fault = rag.Errorf(rag.KindInvalid, "the archive holds another file of this path, which was taken")
	}
	if fault != nil {
		return path, true, b.give(Member{Path: path, Err: fault})
	}
	b.seen[path] = true
	return path, false, nil
}

// give hands out a member, or the members of one that is an archive itself.
func (b *box) give(m Member) error {
	nested := m.Err == nil && detect(m.Path, m.Content) != none
	if nested && b.depth+1 > b.most.Depth {
		m.Content, m.Err = nil, rag.Errorf(rag.KindExhausted, "it is an archive within %d others; such are not opened", b.depth+1)
		nested = false
	}
	if nested {
		err := b.open(m.Path, m.Content, b.prefix+m.Path+Inside, b.depth+1)
		switch {
		case err == nil, errors.Is(err, errStopped), errors.Is(err, errSpent), b.ctx.Err() != nil:
			return err
		}
		m.Content, m.Err = nil, err // the members that came before the fault stay
	}
	m.Path = b.prefix + m.Path
	if !b.yield(m, nil) {
		return errStopped
	}
	return nil
}

// maxPath is how long a member's path may be.
const maxPath = 4096

// memberPath makes a stored name a clean relative path. That of a folder is "".
func memberPath(name string) (string, error) {
	name = strings.ReplaceAll(name, `\`, "/")
	if strings.HasSuffix(name, "/") {
		return "", nil
	}
	if len(name) > maxPath {
		return clean.Cut(clean.Line(name), 200) + "...", rag.Errorf(rag.KindInvalid, "its path has %d bytes; at most %d are read", len(name), maxPath)
	}
	shown := clean.Line(name)
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return shown, rag.Errorf(rag.KindInvalid, "its path leads out of the archive")
		}
	}
	if len(shown) > 1 && shown[1] == ':' { // a drive
		shown = shown[2:]
	}
	shown = strings.TrimPrefix(path.Clean("/"+shown), "/")
	return shown, nil
}

// litter reports whether a file is one that systems add to archives.
func litter(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(name, "__MACOSX/") || strings.Contains(name, "/__MACOSX/") || base == ".DS_Store" || base == "Thumbs.db" || strings.HasPrefix(base, "._")
}
