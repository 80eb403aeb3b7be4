package odf

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	manifestPart = "meta-inf/manifest.xml"
	wholePackage = "encrypted-package" // the container of a file that is encrypted as a whole
	maxSealed    = 256 << 20           // bytes of an encrypted part
	maxEntries   = 100_000             // encrypted parts that are kept in mind
)

// files are the parts of a container, decrypted where they have to be.
type files struct {
	pkg      *parts.Package
	sealed   map[string]*seal // encrypted parts by name
	password string
	effort   int  // rounds that deriving keys has cost so far
	beside   bool // the text itself is not encrypted; what is, is not read
}

// open opens a container and, where the whole of it is encrypted, the one inside.
func open(ctx context.Context, content []byte, password string) (*files, error) {
	pkg, err := parts.Open(ctx, content, "OpenDocument", maxElements)
	if err != nil {
		return nil, err
	}
	f := &files{pkg: pkg, sealed: map[string]*seal{}, password: password}
	if err := pkg.Read(manifestPart, f.readManifest); err != nil {
		return nil, err
	}
	if len(f.sealed) == 0 {
		return f, nil
	}
	if f.sealed[contentPart] == nil && f.sealed[wholePackage] == nil && pkg.Has(contentPart) {
		pkg.Warn("parts beside the text are encrypted and were not read")
		f.beside = true
		return f, nil
	}
	if password == "" {
		return nil, rag.Errorf(rag.KindUnauthorized, "the OpenDocument file is encrypted and needs a password")
	}
	if s := f.sealed[wholePackage]; s != nil && pkg.Has(wholePackage) {
		inner, err := f.unseal(wholePackage, s)
		if err != nil {
			return nil, err
		}
		if f.pkg, err = parts.Open(ctx, inner, "OpenDocument", maxElements); err != nil {
			return nil, err
		}
		f.sealed = map[string]*seal{}
	}
	return f, nil
}

// readManifest notes which parts are encrypted (OpenDocument part 2, 4.8).
func (f *files) readManifest(t *parts.Tokens) error {
	name := ""
	var s *seal
	for {
		e, err := t.Next()
		if err != nil {
			return parts.Ended(err)
		}
		if e.Kind != parts.StartElement {
			continue
		}
		switch e.Name {
		case "file-entry":
			name, s = parts.Name(e.Attr("full-path")), nil
		case "encryption-data":
			if name == "" || len(f.sealed) >= maxEntries {
				continue
			}
			s = &seal{checksumKind: e.Attr("checksum-type"), checksum: binary(e.Attr("checksum")), keySize: 16, iterations: 1024}
			f.sealed[name] = s
		case "algorithm":
			if s != nil {
				s.algorithm, s.vector = e.Attr("algorithm-name"), binary(e.Attr("initialisation-vector"))
			}
		case "start-key-generation":
			if s != nil {
				s.start = e.Attr("start-key-generation-name")
			}
		case "key-derivation":
			if s != nil {
				s.derivation, s.salt = e.Attr("key-derivation-name"), binary(e.Attr("salt"))
				s.keySize = number(e.Attr("key-size"), s.keySize)
				s.iterations = number(e.Attr("iteration-count"), s.iterations)
				s.passes = number(e.Attr("argon2-iterations"), 3)
				s.memory = number(e.Attr("argon2-memory"), 64<<10)
				s.lanes = number(e.Attr("argon2-lanes"), 4)
			}
		}
	}
}

func binary(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return nil
	}
	return b
}

func number(s string, otherwise int) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}

// read is Package.Read for a part that may be encrypted.
func (f *files) read(part string, walk func(*parts.Tokens) error) error {
	s := f.sealed[part]
	if s == nil || !f.pkg.Has(part) {
		return f.pkg.Read(part, walk)
	}
	if f.beside {
		return nil
	}
	packed, err := f.unpack(part, s)
	if err != nil {
		return err
	}
	return f.pkg.ReadFrom(part, flate.NewReader(bytes.NewReader(packed)), walk)
}

// unpack returns a part decrypted but still compressed (OpenDocument part 2, 3.8: a
// part is compressed first).
func (f *files) unpack(part string, s *seal) ([]byte, error) {
	content, err := f.pkg.Bytes(part, maxSealed)
	if err != nil {
		return nil, err
	}
	if f.effort += s.effort(); f.effort > maxEffort {
		return nil, rag.Errorf(rag.KindExhausted, "its encryption asks for more than %d rounds of key derivation", maxEffort)
	}
	packed, err := s.open(content, f.password)
	if err != nil {
		return nil, err
	}
	if len(s.checksum) == 0 && !s.authenticated() && !inflates(packed) {
		return nil, errPassword
	}
	return packed, nil
}

// unseal returns a part decrypted and unpacked.
func (f *files) unseal(part string, s *seal) ([]byte, error) {
	packed, err := f.unpack(part, s)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(packed, []byte("PK\x03\x04")) {
		return packed, nil // a container within is not compressed once more
	}
	content, err := f.pkg.BytesFrom(part, flate.NewReader(bytes.NewReader(packed)), maxSealed)
	if err != nil && rag.KindOf(err) != rag.KindExhausted {
		return nil, rag.Errorf(rag.KindInvalid, "the OpenDocument file is damaged: its encrypted part cannot be unpacked: %w", err)
	}
	return content, err
}

// inflates reports whether b begins like a compressed part: what a wrong password
// makes of one is noise, in which the decompressor soon stumbles.
func inflates(b []byte) bool {
	buf := make([]byte, 4096)
	r := flate.NewReader(bytes.NewReader(b))
	n, err := r.Read(buf)
	return n > 0 && (err == nil || err.Error() == "EOF") && bytes.HasPrefix(bytes.TrimLeft(buf[:n], "\xef\xbb\xbf \r\n\t"), []byte("<"))
}
