// Package partstest builds small containers for the tests of the formats that
// package parts reads.
package partstest

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Zip returns a container of the parts given as name, content, name, content, ...
func Zip(t testing.TB, namesAndContents ...string) []byte {
	t.Helper()
	var list []Part
	for i := 0; i+1 < len(namesAndContents); i += 2 {
		list = append(list, Part{namesAndContents[i], strings.NewReader(namesAndContents[i+1])})
	}
	return Container(t, list...)
}

// Sorted returns a container of the parts in the order of their names.
func Sorted(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var list []Part
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		list = append(list, Part{name, strings.NewReader(parts[name])})
	}
	return Container(t, list...)
}

// Part is a part of a container.
type Part struct {
	Name    string
	Content io.Reader
}

// Container returns a container whose parts may be larger than what one holds in
// memory. A part "mimetype" is not compressed, as its formats ask for.
func Container(t testing.TB, list ...Part) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range list {
		header := &zip.FileHeader{Name: p.Name, Method: zip.Deflate}
		if p.Name == "mimetype" {
			header.Method = zip.Store
		}
		w, err := z.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, p.Content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Repeat yields s n times without holding it.
func Repeat(s string, n int) io.Reader {
	return io.LimitReader(&cycle{s: strings.Repeat(s, max(1, 4096/len(s)))}, int64(len(s))*int64(n))
}

type cycle struct {
	s  string
	at int
}

func (c *cycle) Read(p []byte) (int, error) {
	n := copy(p, c.s[c.at:])
	c.at = (c.at + n) % len(c.s)
	return n, nil
}

// Relations returns the contents of a part of relations: id, kind, target, ...
func Relations(idKindTarget ...string) string {
	const uri = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><Relationships>`)
	for i := 0; i+2 < len(idKindTarget); i += 3 {
		b.WriteString(`<Relationship Id="` + idKindTarget[i] + `" Type="` + uri + idKindTarget[i+1] + `" Target="` + idKindTarget[i+2] + `"/>`)
	}
	b.WriteString(`</Relationships>`)
	return b.String()
}
