package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/archive/archivetest"
)

var zipOf, tarOf, gzOf = archivetest.Zip, archivetest.Tar, archivetest.Gzip

// list writes members as "path=content" or "path! kind"; the error of the whole is
// "! kind".
func list(ctx context.Context, name string, content []byte, opt Options) []string {
	var out []string
	for m, err := range Members(ctx, name, content, opt) {
		switch {
		case err != nil:
			out = append(out, "! "+string(rag.KindOf(err)))
		case m.Err != nil:
			out = append(out, m.Path+"! "+string(rag.KindOf(m.Err)))
		default:
			out = append(out, m.Path+"="+string(m.Content))
		}
	}
	return out
}

func TestMembers(t *testing.T) {
	bzip2, _ := hex.DecodeString("425a6839314159265359d4c738a200000281802e0840002000221868300152985dc914e14243531ce288")
	var zst bytes.Buffer
	z, _ := zstd.NewWriter(&zst)
	z.Write([]byte("packed"))
	z.Close()
	from := "From a@x Mon Jun  1 10:00:00 2009\n"
	link := func() []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		h := &zip.FileHeader{Name: "l"}
		h.SetMode(os.ModeSymlink | 0o777)
		f, _ := w.CreateHeader(h)
		io.WriteString(f, "/etc/passwd")
		w.Close()
		return b.Bytes()
	}()
	inner := zipOf(t, "x.txt", "x")
	for _, c := range []struct {
		label, name string
		content     []byte
		want        []string
	}{
		{"zip", "a.zip", zipOf(t, "a.txt", "1", "d/", "", "d/b.txt", "2", "__MACOSX/._a", "", ".DS_Store", "x"), []string{"a.txt=1", "d/b.txt=2"}},
		{"zip with a prefix", "a.zip", append(zipOf(t), zipOf(t, "a.txt", "1")...), []string{"a.txt=1"}},
		{"names", "a.zip", zipOf(t, "/abs.txt", "1", `C:\dir\f.txt`, "2", "../up.txt", "3", "a/../../b", "4", "./d//e.txt", "5", "d/e.txt", "6", "\x81.txt", "7"),
			[]string{"abs.txt=1", "dir/f.txt=2", "../up.txt! invalid", "a/../../b! invalid", "d/e.txt=5", "d/e.txt! invalid", "ü.txt=7"}},
		{"link in a zip", "a.zip", link, []string{"l! refused"}},
		{"tar", "a.tar", tarOf(t, "a.txt", "1", "l", "-> a.txt", "b.txt", "2"), []string{"a.txt=1", "l! refused", "b.txt=2"}},
		{"tar.gz", "a.tgz", gzOf(t, tarOf(t, "a.txt", "1")), []string{"a.txt=1"}},
		{"gz", "a.txt.gz", gzOf(t, []byte("packed")), []string{"a.txt=packed"}},
		{"zst", "dir/a.txt.zst", zst.Bytes(), []string{"a.txt=packed"}},
		{"bz2", "a.bz2", bzip2, []string{"a=packed"}},
		{"mbox", "m.mbox", []byte(from + "Message-ID: <1/a@x>\n\none\n\n" + from + "Message-ID: <1/a@x>\n\ntwo\n"), []string{"1_a@x.eml=Message-ID: <1/a@x>\n\none\n\n", "1_a@x (2).eml=Message-ID: <1/a@x>\n\ntwo\n"}},
		{"nested", "a.zip", zipOf(t, "in.zip", string(inner), "b.tgz", string(gzOf(t, tarOf(t, "y", "2")))), []string{"in.zip!/x.txt=x", "b.tgz!/y=2"}},
		{"nested too deep", "a.zip", zipOf(t, "1.zip", string(zipOf(t, "2.zip", string(zipOf(t, "3.zip", string(zipOf(t, "4.zip", string(inner), "ok", "1"))))))),
			[]string{"1.zip!/2.zip!/3.zip!/4.zip! exhausted", "1.zip!/2.zip!/3.zip!/ok=1"}},
		{"a document within", "a.zip", zipOf(t, "d.docx", string(zipOf(t, "[Content_Types].xml", "", "word/document.xml", ""))),
			[]string{"d.docx=" + string(zipOf(t, "[Content_Types].xml", "", "word/document.xml", ""))}},
		{"damaged within", "a.zip", zipOf(t, "in.zip", string(inner[:len(inner)-30]), "b", "1"), []string{"in.zip! invalid", "b=1"}},
		{"cut tar", "a.tar", tarOf(t, "a", "1", "b", strings.Repeat("2", 2000))[:2000], []string{"a=1", "! invalid"}},
		{"cut zip", "a.zip", inner[:len(inner)-30], []string{"! invalid"}},
		{"no members", "a.zip", zipOf(t), nil},
	} {
		t.Run(c.label, func(t *testing.T) {
			got := list(t.Context(), c.name, c.content, Options{})
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	for m := range Members(t.Context(), "a.zip", zipOf(t, "a", "1", "b", "2"), Options{}) {
		if !m.Modified.Equal(archivetest.Made) {
			t.Errorf("modified %v", m.Modified)
		}
		break
	}
}

func TestIs(t *testing.T) {
	from := "From a@x Mon Jun  1 10:00:00 2009\nSubject: a\nFrom: b\n\nx\n\n"
	for _, c := range []struct {
		name    string
		content []byte
		want    bool
	}{
		{"a.zip", zipOf(t, "a", "1"), true},
		{"a.docx", zipOf(t, "[Content_Types].xml", ""), false},
		{"a.zip", zipOf(t, "word/letter.txt", ""), true},
		{"a.odt", zipOf(t, "mimetype", "application/vnd.oasis.opendocument.text"), false},
		{"a.jar", zipOf(t, "META-INF/MANIFEST.MF", ""), false},
		{"a.docx", zipOf(t, "word/x", "")[:40], false},
		{"a.zip", zipOf(t, "word/x", "")[:40], true},
		{"a.eml", []byte(from), false},
		{"a", []byte(from), false},
		{"a", []byte(from + from), true},
		{"a.mbox", []byte(from), true},
		{"a.txt", []byte("From time to time"), false},
		{"a.tar", bytes.Repeat([]byte{0}, 1024), false},
		{"a.tar", tarOf(t, "a", "1"), true},
		{"a.gz", nil, false},
	} {
		if got := Is(c.name, c.content); got != c.want {
			t.Errorf("%s (%.20q): %v", c.name, c.content, got)
		}
	}
	if !Suffix("/a/B.TAR.GZ") || Suffix("a.docx") || !Suffix("x.mbox") {
		t.Error("Suffix")
	}
}

// encryptedText is what the encrypted archives of the tests hold.
const encryptedText = "The secret words.\n"

func TestEncrypted(t *testing.T) {
	for name, content := range map[string][]byte{"ZipCrypto": cryptZip(t, "pass", encryptedText), "AES-256": aesZip(t, "pass", encryptedText, 2), "AES-256, AE-1": aesZip(t, "pass", encryptedText, 1)} {
		for password, want := range map[string]string{"pass": "secret.txt=" + encryptedText, "": "secret.txt! unauthorized", "wrong": "secret.txt! unauthorized"} {
			if got := list(t.Context(), "a.zip", content, Options{Password: password}); !slices.Equal(got, []string{want}) {
				t.Errorf("%s, password %q: %q", name, password, got)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	zeros := strings.Repeat("\x00", 3<<20)
	many := make([]string, 0, 400)
	for i := range 200 {
		many = append(many, fmt.Sprint(i), "x")
	}
	for _, c := range []struct {
		name    string
		content []byte
		opt     Options
		want    []string
	}{
		{"member", zipOf(t, "big", zeros, "small", "1"), Options{Member: 1 << 20}, []string{"big! exhausted", "small=1"}},
		{"member of a tar", gzOf(t, tarOf(t, "big", zeros, "small", "1")), Options{Member: 1 << 20}, []string{"big! exhausted", "small=1"}},
		{"total", zipOf(t, "a", zeros, "b", "1"), Options{Total: 1 << 20}, []string{"! exhausted"}},
		{"total, nested", zipOf(t, "a.zip", string(zipOf(t, "a", zeros)), "b", "1"), Options{Total: 1 << 20}, []string{"! exhausted"}},
		{"total of a gz", gzOf(t, []byte(zeros)), Options{Total: 1 << 20}, []string{"! exhausted"}},
		{"members", zipOf(t, many...), Options{Members: 2}, []string{"0=x", "1=x", "! exhausted"}},
		{"members of a tar", tarOf(t, many...), Options{Members: 2}, []string{"0=x", "1=x", "! exhausted"}},
	} {
		if got := list(t.Context(), "a", c.content, c.opt); !slices.Equal(got, c.want) {
			t.Errorf("%s: %.200q, want %q", c.name, got, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range Members(ctx, "a", zipOf(t, "a", "1"), Options{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a done context: %v", err)
		}
	}
}

// TestOverlap holds a zip whose many entries are all one packed member to its total.
func TestOverlap(t *testing.T) {
	one := zipOf(t, "a", strings.Repeat("\x00", 1<<20))
	directory, _, err := zipDirectory(one)
	if err != nil {
		t.Fatal(err)
	}
	local := one[:len(one)-len(directory)-endSize]
	var dir []byte
	const n = 50_000
	for i := range n {
		e := slices.Clone(directory)
		name := fmt.Sprintf("%06d", i)
		le.PutUint16(e[28:], uint16(len(name)))
		dir = append(append(dir, e[:entrySize]...), name...)
		dir = append(dir, e[entrySize+1:]...)
	}
	end := slices.Clone(one[len(one)-endSize:])
	le.PutUint16(end[8:], n)
	le.PutUint16(end[10:], n)
	le.PutUint32(end[12:], uint32(len(dir)))
	le.PutUint32(end[16:], uint32(len(local)))
	bomb := slices.Concat(local, dir, end)
	members, last := 0, error(nil)
	for _, err := range Members(t.Context(), "a.zip", bomb, Options{}) {
		if last = err; err == nil {
			members++
		}
	}
	if rag.KindOf(last) != rag.KindExhausted || members > 1024 {
		t.Errorf("%d members of a bomb of %d bytes, %v", members, len(bomb), last)
	}
}

// TestManyEntries reads a directory of a million entries.
func TestManyEntries(t *testing.T) {
	entry := make([]byte, entrySize+7)
	copy(entry, entrySign)
	le.PutUint16(entry[28:], 7)
	var content []byte
	content = append(content, localSign...)
	for i := range 1_000_000 {
		copy(entry[entrySize:], fmt.Sprintf("%07d", i))
		content = append(content, entry...)
	}
	end := make([]byte, endSize)
	copy(end, endSign)
	le.PutUint32(end[12:], uint32(len(content)-4))
	le.PutUint32(end[16:], 4)
	content = append(content, end...)
	n, last := 0, error(nil)
	for _, err := range Members(t.Context(), "a.zip", content, Options{}) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 100_000 || rag.KindOf(last) != rag.KindExhausted {
		t.Errorf("%d members, %v", n, last)
	}
}

func TestRealZips(t *testing.T) {
	found, err := filepath.Glob("../../../../shared/data/documents/*/*/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Skip("the shared data is absent")
	}
	for _, path := range found {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // a folder
		}
		if Is(path, content) && !strings.HasSuffix(path, ".mbox") {
			t.Errorf("%s is taken for an archive", path)
		}
	}
}

func FuzzMembers(f *testing.F) {
	f.Add(zipOf(f, "a.txt", "1", "b.zip", string(zipOf(f, "c", "2"))))
	f.Add(tarOf(f, "a.txt", "1", "l", "-> a"))
	f.Add(gzOf(f, tarOf(f, "a.txt", "1")))
	f.Add(cryptZip(f, "pass", encryptedText))
	f.Add(aesZip(f, "pass", encryptedText, 2))
	f.Add([]byte("From a@x Mon Jun  1 10:00:00 2009\nSubject: a\nFrom: b\n\nx\n\nFrom a@x Mon Jun  1 10:00:00 2009\n\nb"))
	f.Fuzz(func(t *testing.T, content []byte) {
		opt := Options{Password: "pass", Member: 1 << 20, Total: 4 << 20, Members: 100}
		seen, ended := map[string]bool{}, false
		for m, err := range Members(t.Context(), "a.zip", content, opt) {
			switch {
			case ended:
				t.Error("something comes after the error of the whole")
			case err != nil:
				ended = true
			case m.Err == nil && seen[m.Path]:
				t.Errorf("%q came twice", m.Path)
			case m.Err == nil && (m.Path == "" || strings.HasPrefix(m.Path, "/") || strings.Contains("/"+m.Path+"/", "/../")):
				t.Errorf("path %q", m.Path)
			case int64(len(m.Content)) > opt.Member:
				t.Errorf("a member of %d bytes", len(m.Content))
			}
			if m.Err == nil {
				seen[m.Path] = true
			}
		}
	})
}
