//go:build unix

package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// encrypted is a PDF with the password "openpassword". It is not part of the project.
var encrypted = filepath.Join("..", "..", "..", "shared", "data", "documents", "pdf", "pypdf", "005-libreoffice-writer-password__libreoffice-writer-password.pdf")

// verdict is what is expected of a file.
type verdict struct {
	state rag.AddState
	says  string // part of the reason
}

// hostile fills the folder docs and returns what is expected of each file.
func hostile(p program) map[string]verdict {
	p.t.Helper()
	noise := make([]byte, 5000)
	rnd := rand.NewChaCha8([32]byte{1})
	_, _ = rnd.Read(noise) // never fails
	pdf, docx := sample(p.t, "kestrel-k2-manual.pdf"), sample(p.t, "service-agreement.docx")
	const damaged = "is damaged"
	files := []struct {
		name, content string
		verdict
	}{
		{"good.md", "# Harbour\n\nThe harbour opens at seven.", verdict{rag.Added, ""}},
		{"sub/deep.md", "# Mill\n\nThe mill wheel turns slowly.", verdict{rag.Added, ""}},
		{"really-pdf.txt", pdf, verdict{rag.Added, ""}},
		{"really-text.docx", "The lighthouse keeper writes plain text.", verdict{rag.Added, ""}},
		{"not-utf8.txt", "The caf\xe9 opens at \xff\xfe dawn, and the tide table hangs at its door.", verdict{rag.Added, ""}},
		{"escape\x1b[2J.md", "# Clear \x1b[2J the screen\n\nThe sequence \x1b[31m\u202emust not\x9b31m be printed.", verdict{rag.Added, ""}},
		{"empty.txt", "", verdict{rag.Skipped, "is empty"}},
		{"spaces.txt", " \n\t\n ", verdict{rag.Skipped, "holds no text"}},
		{"noise.pdf", string(noise), verdict{rag.Failed, damaged}},
		{"noise.docx", string(noise), verdict{rag.Failed, damaged}},
		{"noise.txt", string(noise), verdict{rag.Failed, "not a text document"}},
		{"noise", string(noise), verdict{rag.Skipped, "format is not supported"}},
		{"half.pdf", pdf[:len(pdf)/2], verdict{rag.Failed, damaged}},
		{"half.docx", docx[:len(docx)/2], verdict{rag.Failed, damaged}},
		{"bomb.docx", bomb(p.t), verdict{rag.Failed, "expands to more than"}},
	}
	want := map[string]verdict{}
	for _, f := range files {
		p.write("docs/"+f.name, f.content)
		want["docs/"+f.name] = f.verdict
	}
	must := func(name string, v verdict, err error) {
		if err != nil {
			p.t.Fatal(err)
		}
		want["docs/"+name] = v
	}
	p.write("docs/huge.txt", "")
	must("huge.txt", verdict{rag.Failed, "larger than the limit of 256 MiB"}, os.Truncate(p.path("docs/huge.txt"), 2<<30+12345))
	must("sub/loop", verdict{rag.Skipped, "leads back"}, os.Symlink("..", p.path("docs/sub/loop")))
	must("self.md", verdict{rag.Failed, "symbolic links"}, os.Symlink("self.md", p.path("docs/self.md")))
	must("dangling.md", verdict{rag.Failed, "does not exist"}, os.Symlink("nowhere", p.path("docs/dangling.md")))
	must("pipe.md", verdict{rag.Skipped, "named pipe"}, syscall.Mkfifo(p.path("docs/pipe.md"), 0o644))
	if os.Getuid() != 0 {
		p.write("docs/closed.md", "Nobody may read this.")
		must("closed.md", verdict{rag.Failed, "permission denied"}, os.Chmod(p.path("docs/closed.md"), 0))
	}
	data, err := os.ReadFile(encrypted)
	switch {
	case err == nil:
		p.write("docs/encrypted.pdf", string(data))
		want["docs/encrypted.pdf"] = verdict{rag.Failed, "encrypted"}
	case !errors.Is(err, os.ErrNotExist):
		p.t.Fatal(err)
	}
	return want
}

// bomb is a DOCX file whose text is 300 MB of zeros.
func bomb(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	w, err := z.Create("[Content_Types].xml")
	if err == nil {
		_, err = io.WriteString(w, `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" `+
			`ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`)
	}
	if err != nil {
		t.Fatal(err)
	}
	w, err = z.Create("word/document.xml")
	zeros := make([]byte, 1<<20)
	for n := 0; n < 300 && err == nil; n++ {
		_, err = w.Write(zeros)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHostileFolder adds a folder of files that cannot be read, some of them made
// to harm. Each is named with a reason, the others are added, and a second run
// finds the same.
func TestHostileFolder(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	want := hostile(p)
	count := map[rag.AddState]int{}
	for _, v := range want {
		count[v.state]++
	}

	docs, sum := p.add(1, "docs")
	compare(t, docs, want)
	if sum.Added != count[rag.Added] || sum.Failed != count[rag.Failed] || sum.Skipped != count[rag.Skipped] {
		t.Errorf("summary %+v, want %v", sum, count)
	}

	again := map[string]verdict{}
	for name, v := range want {
		if v.state == rag.Added {
			v.state = rag.Unchanged
		}
		again[name] = v
	}
	docs, sum = p.add(1, "docs")
	compare(t, docs, again)
	if sum.Unchanged != count[rag.Added] || sum.Added+sum.Updated+sum.Embedded != 0 {
		t.Errorf("summary of the second run: %+v", sum)
	}

	// For people, each failure is a line, and the rest is counted.
	r := p.run("", "add", "docs")
	if r.code != 1 || strings.Count(r.err, "failed: ") != count[rag.Failed] {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	for name, v := range want {
		if v.state == rag.Failed && !hasLine(r.err, "failed: "+p.path(name)+": ", v.says) {
			t.Errorf("no line on %s says %q:\n%s", name, v.says, r.err)
		}
	}

	if names := p.names(); len(names) != count[rag.Added] {
		t.Errorf("ls lists %q", names)
	}
	if found := p.found("When does the harbour open?", "-k", "1"); len(found) != 1 || found[0] != "good.md" {
		t.Errorf("search: %q", found)
	}
	if d := get[doctor](p, "doctor"); !d.Healthy {
		t.Errorf("doctor: %+v", d)
	}
	// run looks for what a terminal would act upon.
	for _, args := range []string{"search clear screen sequence", "ask Which sequence must not be printed?", "ls", "ls -l"} {
		if out := p.ok(strings.Fields(args)...); !strings.Contains(out, "[2J") {
			t.Errorf("%s does not show the document whose name holds an escape sequence:\n%s", args, out)
		}
	}
	p.ok("show", "docs/escape\x1b[2J.md")
	p.ok("show", "docs/escape\x1b[2J.md", "--chunks")
	if _, there := want["docs/encrypted.pdf"]; there {
		if _, sum := p.add(0, "docs/encrypted.pdf", "--password", "openpassword"); sum.Added != 1 {
			t.Errorf("with its password: %+v", sum)
		}
	}
}

// compare compares what add --json reports with what is expected.
func compare(t *testing.T, got map[string]event, want map[string]verdict) {
	t.Helper()
	for name, v := range want {
		e, there := got[name]
		if !there || e.State != v.state || !strings.Contains(e.Error.Message, v.says) || (v.says == "") != (e.Error.Kind == "") {
			t.Errorf("%s: %s, %q; want %s, %q", name, e.State, e.Error.Message, v.state, v.says)
		}
	}
	for name := range got {
		if _, expected := want[name]; !expected {
			t.Errorf("%s is reported", name)
		}
	}
}

// hasLine reports whether a line begins with prefix, cleaned as for a terminal,
// and holds the reason.
func hasLine(text, prefix, reason string) bool {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, control.ReplaceAllString(prefix, "")); ok && strings.Contains(rest, reason) {
			return true
		}
	}
	return false
}
