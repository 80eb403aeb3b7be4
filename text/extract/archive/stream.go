package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

const tarBlock = 512

// isTar recognises a tar file by the checksum of its first header, which every kind
// has had since the seventh edition of Unix.
func isTar(content []byte) bool {
	if len(content) < tarBlock {
		return false
	}
	head := content[:tarBlock]
	stated, err := strconv.ParseInt(strings.Trim(string(head[148:156]), " \x00"), 8, 32)
	if err != nil || head[0] == 0 {
		return false
	}
	sum := int64(0)
	for i, c := range head {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int64(c)
	}
	return sum == stated
}

// tar yields the members of a tar file. Its headers stand between the members, so
// that the first damaged one ends it.
func (b *box) tar(r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, tar.ErrInsecurePath):
		case err != nil:
			return b.damaged(err)
		}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader {
			if err := b.count(); err != nil {
				return err
			}
			continue
		}
		name, skip, err := b.begin(strings.ToValidUTF8(h.Name, "_"))
		if err != nil {
			return err
		}
		if skip {
			continue
		}
		m := Member{Path: name, Modified: h.ModTime.UTC()}
		if h.Typeflag == tar.TypeReg {
			var fault error
			if m.Content, fault = b.read(metered{t, b.budget}, h.Size); fault != nil && !errors.Is(fault, rag.ErrExhausted) {
				return b.damaged(fault)
			}
			if errors.Is(fault, errSpent) {
				return fault
			}
			m.Err = fault
		} else {
			m.Err = rag.Errorf(rag.KindRefused, "is a link or a device and no file")
		}
		if err := b.give(m); err != nil {
			return err
		}
	}
}

// damaged is the error of a stream that cannot be read on.
func (b *box) damaged(err error) error {
	switch {
	case b.ctx.Err() != nil:
		return b.ctx.Err()
	case errors.Is(err, rag.ErrExhausted):
		return err
	}
	return rag.Wrap(rag.KindInvalid, err, "the archive is damaged; what comes after the damage was not read")
}

// packed yields the file that was packed alone, or the members of a tar file that
// was.
func (b *box) packed(kind kind, name string, content []byte) error {
	r, inner, modified, err := unpackAlone(kind, content)
	if err != nil {
		return b.damaged(err)
	}
	defer r.Close()
	in := bufio.NewReaderSize(metered{r, b.budget}, 64<<10)
	if head, _ := in.Peek(tarBlock); isTar(head) {
		return b.tar(in)
	}
	if inner == "" {
		inner = innerName(name)
	}
	name, skip, err := b.begin(inner)
	if err != nil || skip {
		return err
	}
	data, err := b.read(in, 0)
	switch {
	case errors.Is(err, errSpent):
		return err
	case errors.Is(err, rag.ErrExhausted):
		return b.give(Member{Path: name, Modified: modified, Err: err})
	case err != nil:
		return b.damaged(err)
	}
	return b.give(Member{Path: name, Modified: modified, Content: data})
}

func unpackAlone(kind kind, content []byte) (r io.ReadCloser, name string, modified time.Time, err error) {
	in := bytes.NewReader(content)
	switch kind {
	case gzipped:
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, "", time.Time{}, err
		}
		if z.Name != "" {
			name = clean.Line(path.Base(strings.ReplaceAll(z.Name, `\`, "/")))
		}
		return z, name, z.ModTime, nil
	case bzipped:
		return io.NopCloser(bzip2.NewReader(in)), "", time.Time{}, nil
	}
	r, err = newZstd(in)
	return r, "", time.Time{}, err
}

// innerName is what a packed file was called before: its name without the ending.
func innerName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	stem := strings.TrimSuffix(name, path.Ext(name))
	if stem == "" || stem == "." || stem == "/" {
		return "content"
	}
	return stem
}
