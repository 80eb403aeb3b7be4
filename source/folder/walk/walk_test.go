package walk

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"*.md", "a.md", true},
		{"*.md", "x/y/a.md", true},
		{"*.md", "a.mdx", false},
		{"drafts", "x/drafts", true},
		{"drafts/", "drafts", true},
		{"/drafts", "x/drafts", false},
		{"drafts/*.md", "drafts/a.md", true},
		{"drafts/*.md", "drafts/x/a.md", false},
		{"drafts/**", "drafts/x/a.md", true},
		{"**/a.md", "a.md", true},
		{"**/a.md", "x/y/a.md", true},
		{"x/**/**/a.md", "x/a.md", true},
		{"x/**/a.md", "y/a.md", false},
		{"[ab].md", "b.md", true},
		{"?.md", "ab.md", false},
	}
	for _, tt := range tests {
		if got := Match(tt.pattern, tt.path); got != tt.want {
			t.Errorf("Match(%q, %q) = %v", tt.pattern, tt.path, got)
		}
	}
	if CheckPatterns([]string{"*.md", "[a"}) != "[a" || CheckPatterns([]string{"*.md", "a/**"}) != "" {
		t.Error("CheckPatterns")
	}
}

// tree makes files from lines: "path content", "link -> target", "dir/".
func tree(t *testing.T, lines ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, line := range lines {
		name, content, _ := strings.Cut(line, " ")
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(filepath.FromSlash(target), path)
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// found lists entries as "path", "path: reason" or "path! error", from root.
func found(root string, paths []string, opt Options) []string {
	var out []string
	for e := range Files(paths, opt) {
		s := relative(root, e.Path)
		switch {
		case e.Err != nil:
			s += "! " + string(rag.KindOf(e.Err))
		case e.Skip != "":
			s += ": " + e.Skip
		}
		out = append(out, s)
	}
	return out
}

func TestFiles(t *testing.T) {
	root := tree(t, "a.md x", "b.bin \x00\x01\x02\x00", "noext some text", "scan %PDF-1.7 \x00\x01", "sub/c.txt y", "sub/deep/d.html z",
		".hidden/e.md x", ".f.md x", "sub/loop -> ..", "other -> sub", "dangling -> nowhere")
	at := func(names ...string) []string {
		out := make([]string, len(names))
		for i, n := range names {
			out[i] = filepath.Join(root, n)
		}
		return out
	}
	again := ": folder was read already (a link leads back to it)"
	tests := []struct {
		name  string
		paths []string
		opt   Options
		want  []string
	}{
		{"folder", at(""), Options{}, []string{"a.md", "b.bin: format is not supported", "noext", "scan", "sub/c.txt", "sub/deep/d.html", "sub/loop" + again, "dangling! not_found", "other" + again}},
		{"named files are taken as they are", at("b.bin", ".f.md"), Options{}, []string{"b.bin", ".f.md"}},
		{"named hidden folder", at(".hidden"), Options{}, []string{".hidden/e.md"}},
		{"named twice", at("sub/deep", "sub/deep"), Options{}, []string{"sub/deep/d.html", "sub/deep" + again}},
		{"hidden and excluded", at(""), Options{Hidden: true, Exclude: []string{"other", "b.bin", "dangling", "noext", "scan", "/sub/**"}},
			[]string{".f.md", ".hidden/e.md", "a.md", "b.bin: excluded", "noext: excluded", "scan: excluded", "sub: excluded", "dangling: excluded", "other: excluded"}},
		{"include", at("sub"), Options{Include: []string{"*.html"}, Exclude: []string{"loop"}}, []string{"sub/c.txt: not among the files asked for", "sub/deep/d.html", "sub/loop: excluded"}},
		{"too large, named or not", at("a.md", "sub/deep", "noext"), Options{MaxBytes: 1}, []string{"a.md", "sub/deep/d.html", "noext! exhausted"}},
		{"too large in a folder", at(""), Options{MaxBytes: 4, Exclude: []string{"other", "sub", "dangling"}},
			[]string{"a.md", "b.bin: format is not supported", "noext! exhausted", "scan! exhausted", "sub: excluded", "dangling: excluded", "other: excluded"}},
		{"missing", at("no.md"), Options{}, []string{"no.md! not_found"}},
		{"pattern", at("*.md"), Options{}, []string{"a.md"}},
		{"pattern over folders", at("**/*.html"), Options{}, []string{"sub/deep/d.html"}},
		{"pattern takes a folder whole", at("su*"), Options{Exclude: []string{"loop"}}, []string{"sub/c.txt", "sub/deep/d.html", "sub/loop: excluded"}},
		{"pattern with folder and name", at("sub/d*p/?.html"), Options{}, []string{"sub/deep/d.html"}},
		{"pattern to the end", at("sub/deep/**"), Options{}, []string{"sub/deep/d.html"}},
		{"pattern without a match", at("*.xyz"), Options{}, []string{"*.xyz! not_found"}},
		{"malformed pattern", at("[a"), Options{}, []string{"[a! invalid"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := found(root, tt.paths, tt.opt); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("the user may read everything here")
	}
	root := tree(t, "a.md x", "closed/b.md x", "noread x")
	for _, n := range []string{"closed", "noread"} {
		if err := os.Chmod(filepath.Join(root, n), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "closed"), 0o755) })
	want := []string{"a.md", "closed! unauthorized", "noread! unauthorized"}
	if got := found(root, []string{root}, Options{}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStopsWhenToldTo(t *testing.T) {
	root := tree(t, "a.md x", "b/c.md x", "d.md x")
	n := 0
	for range Files([]string{root, root + "/*.md"}, Options{}) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestLazyFile(t *testing.T) {
	root := tree(t, "a.md hello")
	f := Open(filepath.Join(root, "a.md"))
	if f.file != nil {
		t.Error("opened before it is read")
	}
	data, err := io.ReadAll(f)
	if err != nil || string(data) != "hello" || f.file != nil {
		t.Errorf("%q, %v, open %v", data, err, f.file != nil)
	}
	if n, err := f.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	gone := Open(filepath.Join(root, "gone"))
	if _, err := gone.Read(make([]byte, 1)); rag.KindOf(err) != rag.KindNotFound {
		t.Errorf("missing file: %v", err)
	}
	half := Open(filepath.Join(root, "a.md"))
	if _, err := half.Read(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	if err := half.Close(); err != nil || half.file != nil {
		t.Errorf("close in the middle: %v", err)
	}
}

func TestArchivesAreTaken(t *testing.T) {
	root := tree(t, "a.zip \x00\x01", "b.TAR.GZ \x00\x01", "c.mbox From a", "d.rar \x00\x01")
	want := []string{"a.zip", "b.TAR.GZ", "c.mbox", "d.rar: format is not supported"}
	if got := found(root, []string{root}, Options{}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
