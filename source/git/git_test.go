package git_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
	"github.com/smartretriever/smartretriever/source/git"
)

// origin is a bare repository that a test writes.
type origin struct {
	t      *testing.T
	folder string
	st     *filesystem.Storage
	tip    plumbing.Hash
	clock  time.Time
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	folder := t.TempDir()
	o := &origin{t: t, folder: folder, st: filesystem.NewStorage(osfs.New(folder), cache.NewObjectLRUDefault()), clock: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	o.must(o.st.Init())
	o.must(o.st.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, "refs/heads/main")))
	o.must(os.WriteFile(filepath.Join(folder, "config"), []byte("[core]\n\tbare = true\n"), 0o600))
	return o
}

func (o *origin) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *origin) write(kind plumbing.ObjectType, encode func(plumbing.EncodedObject) error) plumbing.Hash {
	o.t.Helper()
	obj := o.st.NewEncodedObject()
	obj.SetType(kind)
	o.must(encode(obj))
	h, err := o.st.SetEncodedObject(obj)
	o.must(err)
	return h
}

// tree writes files by path. Contents "link:TO" and "module:" make links and
// submodules.
func (o *origin) tree(files map[string]string) plumbing.Hash {
	o.t.Helper()
	var t object.Tree
	below := map[string]map[string]string{}
	for p, text := range files {
		name, rest, deeper := strings.Cut(p, "/")
		if deeper {
			if below[name] == nil {
				below[name] = map[string]string{}
			}
			below[name][rest] = text
			continue
		}
		e := object.TreeEntry{Name: name, Mode: filemode.Regular}
		if to, ok := strings.CutPrefix(text, "link:"); ok {
			text, e.Mode = to, filemode.Symlink
		}
		e.Hash = o.write(plumbing.BlobObject, func(obj plumbing.EncodedObject) error {
			w, err := obj.Writer()
			o.must(err)
			_, err = io.WriteString(w, text)
			return err
		})
		if strings.HasPrefix(text, "module:") {
			e.Mode, e.Hash = filemode.Submodule, plumbing.NewHash(strings.Repeat("7", 40))
		}
		t.Entries = append(t.Entries, e)
	}
	for name, files := range below {
		t.Entries = append(t.Entries, object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: o.tree(files)})
	}
	slices.SortFunc(t.Entries, func(a, b object.TreeEntry) int {
		key := func(e object.TreeEntry) string {
			if e.Mode == filemode.Dir {
				return e.Name + "/"
			}
			return e.Name
		}
		return strings.Compare(key(a), key(b))
	})
	return o.write(plumbing.TreeObject, t.Encode)
}

// commit makes files the content of the branch main.
func (o *origin) commit(author string, files map[string]string) plumbing.Hash {
	o.t.Helper()
	o.clock = o.clock.Add(time.Hour)
	who := object.Signature{Name: author, Email: "x@example.org", When: o.clock}
	c := object.Commit{Author: who, Committer: who, Message: "change\n", TreeHash: o.tree(files)}
	if !o.tip.IsZero() {
		c.ParentHashes = []plumbing.Hash{o.tip}
	}
	o.tip = o.write(plumbing.CommitObject, c.Encode)
	o.must(o.st.SetReference(plumbing.NewHashReference("refs/heads/main", o.tip)))
	return o.tip
}

func (o *origin) tag(name string, target plumbing.Hash) {
	o.t.Helper()
	tag := object.Tag{Name: name, Tagger: object.Signature{Name: "T", Email: "t@example.org", When: o.clock}, Message: "tag\n", TargetType: plumbing.CommitObject, Target: target}
	o.must(o.st.SetReference(plumbing.NewHashReference(plumbing.ReferenceName("refs/tags/"+name), o.write(plumbing.TagObject, tag.Encode))))
}

// host serves a repository by the smart protocol, at /team/repo.git.
type host struct {
	*httptest.Server
	refs, packs atomic.Int32
	sent        atomic.Int64 // bytes of packs
	token       string       // that is asked for, if any
	spoil       func(w http.ResponseWriter, r *http.Request) bool
}

func (o *origin) serve() *host {
	h := &host{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.spoil != nil && h.spoil(w, r) {
			return
		}
		if h.token != "" {
			if _, password, _ := r.BasicAuth(); password != h.token {
				w.Header().Set("WWW-Authenticate", "Basic")
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		}
		st := filesystem.NewStorage(osfs.New(o.folder), cache.NewObjectLRUDefault())
		endpoint, err := transport.NewEndpoint(h.URL + "/team/repo.git")
		if err != nil {
			o.t.Error(err)
		}
		session, err := server.NewServer(server.MapLoader{endpoint.String(): storer.Storer(st)}).NewUploadPackSession(endpoint, nil)
		if err != nil {
			o.t.Error(err)
			return
		}
		switch r.URL.Path {
		case "/team/repo.git/info/refs":
			h.refs.Add(1)
			adv, err := session.AdvertisedReferencesContext(r.Context())
			if err != nil {
				o.t.Error(err)
				return
			}
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			adv.Prefix = [][]byte{[]byte("# service=git-upload-pack\n"), {}}
			if err := adv.Encode(w); err != nil {
				o.t.Error(err)
			}
		case "/team/repo.git/git-upload-pack":
			h.packs.Add(1)
			req := packp.NewUploadPackRequest()
			if err := req.UploadRequest.Decode(r.Body); err != nil {
				o.t.Error(err)
				return
			}
			rest, _ := io.ReadAll(r.Body)
			for line := range strings.Lines(string(rest)) {
				if _, have, ok := strings.Cut(line, "have "); ok {
					req.Haves = append(req.Haves, plumbing.NewHash(strings.TrimSpace(have)))
				}
			}
			resp, err := session.UploadPack(r.Context(), req)
			if err != nil {
				o.t.Error(err)
				return
			}
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			n := &countingWriter{w: w}
			_ = resp.Encode(n)
			h.sent.Add(n.n)
		default:
			http.NotFound(w, r)
		}
	}))
	o.t.Cleanup(h.Close)
	return h
}

func (h *host) repository() string { return h.URL + "/team/repo.git" }

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func open(t *testing.T, set git.Settings, dir string) *git.Source {
	t.Helper()
	auth := set.Auth
	maxBytes := set.MaxBytes
	set.Settings = fetch.Settings{Allow: []string{"127.0.0.1"}, RequestsPerSecond: 1e6, Tries: 2, Auth: auth, MaxBytes: maxBytes}
	src, err := git.New(set, git.Deps{Deps: fetch.Deps{Secret: func(name string) (string, error) { return "s3cret-" + name, nil }}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func read(t *testing.T, store *fetchtest.Store, src *git.Source) fetchtest.Told {
	t.Helper()
	told, err := store.Sync(t, src)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(told.Put)
	slices.Sort(told.Gone)
	slices.Sort(told.Broken)
	return told
}

func expect(t *testing.T, told fetchtest.Told, put, gone, broken string, complete bool) {
	t.Helper()
	join := func(ids []string) string { return strings.Join(ids, " ") }
	if join(told.Put) != put || join(told.Gone) != gone || join(told.Broken) != broken || told.Complete != complete {
		t.Errorf("put [%s], gone [%s], broken [%s], complete %v; want [%s], [%s], [%s], %v",
			join(told.Put), join(told.Gone), join(told.Broken), told.Complete, put, gone, broken, complete)
	}
}

// each runs a test on a repository of this machine and on one behind HTTP.
func each(t *testing.T, test func(t *testing.T, o *origin, url, dir string)) {
	t.Run("path", func(t *testing.T) {
		o := newOrigin(t)
		test(t, o, o.folder, "")
	})
	t.Run("http", func(t *testing.T) {
		o := newOrigin(t)
		test(t, o, o.serve().repository(), t.TempDir())
	})
}

func TestChanges(t *testing.T) {
	each(t, func(t *testing.T, o *origin, url, dir string) {
		files := map[string]string{"README.md": "one", "docs/a.md": "a", "docs/b.txt": "b", "docs/logo.xcf": "no document", "x/y/z.md": "z", "link.md": "link:README.md"}
		first := o.commit("Ann", files)
		store, src := &fetchtest.Store{}, open(t, git.Settings{URL: url, Metadata: map[string]string{"team": "press"}, ACL: []string{"press"}}, dir)
		expect(t, read(t, store, src), "README.md docs/a.md docs/b.txt x/y/z.md", "", "", true)
		doc := store.Docs["docs/a.md"]
		if doc.Body != "a" || doc.Name != "a.md" || doc.Source != url+"#docs/a.md" || !slices.Equal(doc.ACL, []string{"press"}) {
			t.Errorf("%+v", doc)
		}
		for k, v := range map[string]string{"repository": url, "commit": first.String(), "path": "docs/a.md", "team": "press"} {
			if got := doc.Metadata[k].Text(); got != v {
				t.Errorf("%s is %q", k, got)
			}
		}
		expect(t, read(t, store, src), "", "", "", false)

		// A rename, a change, a file that becomes a folder, and one that becomes a link.
		delete(files, "docs/b.txt")
		files["docs/c.txt"], files["docs/a.md"], files["x/y/z.md"] = "b", "a2", "link:w"
		delete(files, "README.md")
		files["README.md/in.md"] = "in"
		second := o.commit("Bob", files)
		expect(t, read(t, store, src), "README.md/in.md docs/a.md docs/c.txt", "README.md docs/b.txt x/y/z.md", "", false)
		if got := store.Docs["docs/a.md"]; got.Body != "a2" || got.Metadata["commit"].Text() != second.String() {
			t.Errorf("%+v", got)
		}

		// What could not be stored is told again, once it is.
		store.Fail("docs/c.txt")
		expect(t, read(t, store, src), "docs/c.txt", "", "", false)
		expect(t, read(t, store, src), "", "", "", false)

		// Back to what was.
		o.must(o.st.SetReference(plumbing.NewHashReference("refs/heads/main", first)))
		expect(t, read(t, store, src), "README.md docs/a.md docs/b.txt x/y/z.md", "README.md/in.md docs/c.txt", "", false)

		// Other settings list everything.
		src = open(t, git.Settings{URL: url, Path: "docs/", Exclude: []string{"b.*"}}, dir)
		expect(t, read(t, store, src), "docs/a.md", "", "", true)
		if ids := store.IDs(); !slices.Equal(ids, []string{"docs/a.md"}) {
			t.Errorf("%q", ids)
		}
	})
}

func TestRefs(t *testing.T) {
	each(t, func(t *testing.T, o *origin, url, dir string) {
		one := o.commit("Ann", map[string]string{"a.md": "1"})
		o.tag("v1", one)
		o.commit("Ann", map[string]string{"a.md": "2"})
		o.must(o.st.SetReference(plumbing.NewHashReference("refs/heads/old/stable", one)))
		for ref, want := range map[string]string{"": "2", "main": "2", "refs/heads/main": "2", "v1": "1", "old/stable": "1", one.String(): "1"} {
			store := &fetchtest.Store{}
			read(t, store, open(t, git.Settings{URL: url, Ref: ref}, dir))
			if got := store.Docs["a.md"].Body; got != want {
				t.Errorf("%s: %q", ref, got)
			}
		}
		_, err := (&fetchtest.Store{}).Sync(t, open(t, git.Settings{URL: url, Ref: "nowhere"}, dir))
		if !errors.Is(err, rag.ErrNotFound) || !strings.Contains(err.Error(), "nowhere") {
			t.Error(err)
		}
		_, err = (&fetchtest.Store{}).Sync(t, open(t, git.Settings{URL: url, Path: "no/such"}, dir))
		if !errors.Is(err, rag.ErrNotFound) {
			t.Error(err)
		}
	})
}

func TestHistory(t *testing.T) {
	each(t, func(t *testing.T, o *origin, url, dir string) {
		o.commit("Ann", map[string]string{"a.md": "1", "d/b.md": "1"})
		o.commit("Bob", map[string]string{"a.md": "1", "d/b.md": "2"})
		o.commit("Cid", map[string]string{"a.md": "1", "d/b.md": "2", "c.md": "1"})
		store := &fetchtest.Store{}
		read(t, store, open(t, git.Settings{URL: url, History: 2}, dir))
		if b := store.Docs["d/b.md"]; b.Metadata["author"].Text() != "Bob" || b.Metadata["date"].Text() != "2026-03-01T11:00:00Z" || b.ModifiedAt.Hour() != 11 {
			t.Errorf("%+v", b)
		}
		if _, has := store.Docs["a.md"].Metadata["author"]; has || store.Docs["c.md"].Metadata["author"].Text() != "Cid" {
			t.Errorf("%+v", store.Docs)
		}
	})
}

func TestWhatIsNoFileIsNamed(t *testing.T) {
	each(t, func(t *testing.T, o *origin, url, dir string) {
		pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
		long := strings.Repeat(strings.Repeat("long", 25)+"/", 15) + "x.md"
		o.commit("Ann", map[string]string{"big.md": strings.Repeat("x", 2001), "lfs.pdf": pointer, "lib": "module:", "about-lfs.md": "see " + pointer, long: "deep", "bad\xff.md": "odd"})
		store := &fetchtest.Store{}
		told := read(t, store, open(t, git.Settings{URL: url, Settings: fetch.Settings{MaxBytes: 2000}, MaxFiles: 100, Include: []string{"*.md", "*.pdf", "lib"}}, dir))
		if len(told.Put) != 3 || !slices.Equal(told.Broken, []string{"big.md", "lfs.pdf", "lib"}) {
			t.Errorf("put %q, broken %q", told.Put, told.Broken)
		}
		for id, want := range map[string]string{"big.md": "max_bytes", "lfs.pdf": "Git LFS", "lib": "submodule"} {
			if err := told.Errs[id]; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
}

func TestLimits(t *testing.T) {
	o := newOrigin(t)
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf("f%d.md", i)] = strings.Repeat(fmt.Sprint(i*7919), 50)
	}
	o.commit("Ann", files)
	h := o.serve()
	for name, set := range map[string]git.Settings{"max_files": {MaxFiles: 19}, "max_repository_bytes": {MaxRepositoryBytes: 500}} {
		set.URL = h.repository()
		if _, err := (&fetchtest.Store{}).Sync(t, open(t, set, t.TempDir())); !errors.Is(err, rag.ErrExhausted) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Few trees that unfold to many files: ten levels of ten times the same.
	tree := o.tree(map[string]string{"a.md": "x"})
	for range 10 {
		var t object.Tree
		for i := range 10 {
			t.Entries = append(t.Entries, object.TreeEntry{Name: fmt.Sprint("d", i), Mode: filemode.Dir, Hash: tree})
		}
		tree = o.write(plumbing.TreeObject, t.Encode)
	}
	c := object.Commit{TreeHash: tree}
	o.must(o.st.SetReference(plumbing.NewHashReference("refs/heads/main", o.write(plumbing.CommitObject, c.Encode))))
	if _, err := (&fetchtest.Store{}).Sync(t, open(t, git.Settings{URL: o.folder, MaxFiles: 1000}, "")); !errors.Is(err, rag.ErrExhausted) {
		t.Error(err)
	}
}

func TestFetchesOnlyWhatIsNew(t *testing.T) {
	o := newOrigin(t)
	files := map[string]string{}
	for i := range 2000 {
		files[fmt.Sprintf("d%d/f%d.md", i%40, i)] = fmt.Sprintf("file %d %s", i, strings.Repeat(fmt.Sprint(i*7919), 20))
	}
	o.commit("Ann", files)
	h := o.serve()
	dir, store := t.TempDir(), &fetchtest.Store{}
	src := open(t, git.Settings{URL: h.repository()}, dir)
	if told := read(t, store, src); len(told.Put) != 2000 || !told.Complete {
		t.Fatalf("%d files", len(told.Put))
	}
	all := h.sent.Load()
	files["d0/f0.md"] = "changed"
	o.commit("Ann", files)
	expect(t, read(t, store, src), "d0/f0.md", "", "", false)
	if new := h.sent.Load() - all; new > all/20 {
		t.Errorf("%d bytes of %d for one file", new, all)
	}
	packs := h.packs.Load()
	expect(t, read(t, store, src), "", "", "", false)
	if h.packs.Load() != packs {
		t.Error("a pack is asked for where nothing is new")
	}
}

func TestTheCloneMayGoAtAnyTime(t *testing.T) {
	o := newOrigin(t)
	files := map[string]string{"a.md": "a", "b/c.md": "c"}
	o.commit("Ann", files)
	h := o.serve()
	dir, store := t.TempDir(), &fetchtest.Store{}
	src := open(t, git.Settings{URL: h.repository()}, dir)
	read(t, store, src)
	clone := filepath.Join(dir, "clone.git")
	packs := func() []string {
		found, err := filepath.Glob(filepath.Join(clone, "objects", "pack", "*.pack"))
		o.must(err)
		return found
	}
	for i, damage := range []func(){
		func() { o.must(os.RemoveAll(clone)) },
		func() { o.must(os.RemoveAll(dir)) },
		func() { o.must(os.RemoveAll(filepath.Join(clone, "objects"))) },
		func() { o.must(os.WriteFile(filepath.Join(clone, "smartretriever.json"), []byte("{"), 0o600)) },
		func() {
			for _, p := range packs() {
				o.must(os.Remove(p))
				o.must(os.WriteFile(p, []byte("PACK"), 0o600))
			}
		},
		func() {
			for _, p := range packs() {
				data, err := os.ReadFile(p)
				o.must(err)
				for i := 12; i < len(data); i++ {
					data[i] ^= 0x55
				}
				o.must(os.Remove(p))
				o.must(os.WriteFile(p, data, 0o600))
			}
		},
	} {
		damage()
		files["a.md"] = fmt.Sprint("a", i)
		o.commit("Ann", files)
		told := read(t, store, src)
		if !slices.Contains(told.Put, "a.md") || store.Docs["a.md"].Body != files["a.md"] || len(store.IDs()) != 2 {
			t.Errorf("damage %d: %+v, %q", i, told, store.Docs["a.md"].Body)
		}
	}
}

func TestFaultsOfTheServer(t *testing.T) {
	o := newOrigin(t)
	o.commit("Ann", map[string]string{"a.md": "a"})
	answer := func(code int, kind, body string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	onPack := func(body string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	adv := "application/x-git-upload-pack-advertisement"
	for name, c := range map[string]struct {
		spoil func(w http.ResponseWriter, r *http.Request) bool
		want  error
	}{
		"404":            {answer(404, "text/plain", ""), rag.ErrNotFound},
		"401":            {answer(401, "text/plain", ""), rag.ErrUnauthorized},
		"500":            {answer(500, "text/plain", ""), rag.ErrUnavailable},
		"a page":         {answer(200, "text/html", "<p>hello"), rag.ErrInvalid},
		"no references":  {answer(200, adv, "001e# service=git-upload-pack\n0000zzzz"), rag.ErrInvalid},
		"empty":          {answer(200, adv, "001e# service=git-upload-pack\n00000000"), rag.ErrNotFound},
		"no pack":        {onPack(""), rag.ErrInvalid},
		"error":          {onPack("0012ERR no entry\n\n"), rag.ErrInvalid},
		"a cut pack":     {onPack("0008NAK\nPACK\x00\x00\x00\x02\x00\x00\x00\x05\x9f"), rag.ErrInvalid},
		"a huge promise": {onPack("0008NAK\nPACK\x00\x00\x00\x02\x7f\xff\xff\xff"), rag.ErrExhausted},
		"a login page": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "/login", http.StatusFound)
			return true
		}, rag.ErrInvalid},
		"inward": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://169.254.169.254/x/info/refs", http.StatusFound)
			return true
		}, rag.ErrRefused},
		"around": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return true
		}, rag.ErrExhausted},
	} {
		h := o.serve()
		h.spoil = c.spoil
		if _, err := (&fetchtest.Store{}).Sync(t, open(t, git.Settings{URL: h.repository()}, t.TempDir())); !errors.Is(err, c.want) {
			t.Errorf("%s: %v (%s)", name, err, rag.KindOf(err))
		}
	}
}

func TestCredentialsAndRedirects(t *testing.T) {
	o := newOrigin(t)
	o.commit("Ann", map[string]string{"a.md": "a"})
	h := o.serve()
	h.token = "s3cret-token"
	_, err := (&fetchtest.Store{}).Sync(t, open(t, git.Settings{URL: h.repository()}, t.TempDir()))
	if !errors.Is(err, rag.ErrUnauthorized) {
		t.Error(err)
	}
	set := git.Settings{URL: h.repository()}
	set.Auth = []fetch.Credential{{Origin: h.URL, Scheme: "basic", User: "git", Secret: "token"}}
	store := &fetchtest.Store{}
	read(t, store, open(t, set, t.TempDir()))
	if store.Docs["a.md"].Body != "a" {
		t.Error("nothing was read")
	}
	// A repository that has moved within its host is followed.
	h.spoil = func(w http.ResponseWriter, r *http.Request) bool {
		rest, old := strings.CutPrefix(r.URL.Path, "/old")
		if old {
			http.Redirect(w, r, "/team/repo.git"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
		}
		return old
	}
	set.URL = h.URL + "/old"
	store = &fetchtest.Store{}
	read(t, store, open(t, set, t.TempDir()))
	if store.Docs["a.md"].Body != "a" {
		t.Error("nothing was read")
	}
}

func TestWhereRepositoriesMayBe(t *testing.T) {
	o := newOrigin(t)
	o.commit("Ann", map[string]string{"a.md": "a"})
	h := o.serve()
	// The guard of fetch holds.
	src, err := git.New(git.Settings{URL: h.repository(), Settings: fetch.Settings{Tries: 1}}, git.Deps{Dir: t.TempDir()})
	o.must(err)
	if _, err := (&fetchtest.Store{}).Sync(t, src); !errors.Is(err, rag.ErrRefused) || h.refs.Load() != 0 {
		t.Error(err)
	}
	locked := git.Deps{Deps: fetch.Deps{Locked: true}}
	if _, err := git.New(git.Settings{URL: o.folder}, locked); !errors.Is(err, rag.ErrRefused) {
		t.Error(err)
	}
	locked.Folders = []string{filepath.Dir(o.folder)}
	if _, err := git.New(git.Settings{URL: "file://" + o.folder}, locked); err != nil {
		t.Error(err)
	}
	// Neither a link nor a .git file leads out of what may be read.
	allowed := t.TempDir()
	locked.Folders = []string{allowed}
	o.must(os.Symlink(o.folder, filepath.Join(allowed, "link")))
	if _, err := git.New(git.Settings{URL: filepath.Join(allowed, "link")}, locked); !errors.Is(err, rag.ErrRefused) {
		t.Error(err)
	}
	o.must(os.Mkdir(filepath.Join(allowed, "work"), 0o700))
	o.must(os.WriteFile(filepath.Join(allowed, "work", ".git"), []byte("gitdir: "+o.folder+"\n"), 0o600))
	src, err = git.New(git.Settings{URL: filepath.Join(allowed, "work")}, locked)
	o.must(err)
	if _, err := (&fetchtest.Store{}).Sync(t, src); !errors.Is(err, rag.ErrRefused) {
		t.Error(err)
	}
	store := &fetchtest.Store{}
	read(t, store, open(t, git.Settings{URL: filepath.Join(allowed, "work")}, ""))
	if store.Docs["a.md"].Body != "a" {
		t.Error("a work tree is not read")
	}
	if _, err := (&fetchtest.Store{}).Sync(t, open(t, git.Settings{URL: allowed}, "")); !errors.Is(err, rag.ErrNotFound) {
		t.Error(err)
	}
}

func TestLinks(t *testing.T) {
	o := newOrigin(t)
	tip := o.commit("Ann", map[string]string{"d e/a#b.md": "a"}).String()
	store := &fetchtest.Store{}
	read(t, store, open(t, git.Settings{URL: o.folder, Ref: "main", Link: "https://git.example.org/x/{ref}/{commit}/{path}?plain=1"}, ""))
	doc := store.Docs["d e/a#b.md"]
	if want := "https://git.example.org/x/main/" + tip + "/d%20e/a%23b.md?plain=1"; doc.Source != want || doc.Metadata["url"].Text() != want {
		t.Errorf("%s", doc.Source)
	}
}

func TestSettings(t *testing.T) {
	for _, bad := range []string{
		`{}`, `{"url": "ssh://git@example.org/x"}`, `{"url": "git@example.org:x/y.git"}`, `{"url": "ssh://git:pw@example.org/x", "ssh": {"key": "/k", "known_hosts": "/h"}}`,
		`{"url": "ssh://git@example.org/x", "ssh": {"key": "/k"}}`, `{"url": "ssh://git@example.org/x", "ssh": {"key": "/k", "agent": "/a", "known_hosts": "/h"}}`,
		`{"url": "ssh://git@example.org/x", "ssh": {"key": "k", "known_hosts": "/h"}}`, `{"url": "ssh://git@example.org/x", "ssh": {"agent": "/a", "passphrase": "p", "known_hosts": "/h"}}`,
		`{"url": "ssh://git@example.org/", "ssh": {"key": "/k", "known_hosts": "/h"}}`, `{"url": "ssh://git@example.org/x", "proxy": "http://p:1", "ssh": {"key": "/k", "known_hosts": "/h"}}`,
		`{"url": "https://example.org/x", "ssh": {"key": "/k", "known_hosts": "/h"}}`, `{"url": "git@example.org:x\ny", "ssh": {"key": "/k", "known_hosts": "/h"}}`,
		`{"url": "git://example.org/x"}`, `{"url": "https://me:pw@example.org/x"}`,
		`{"url": "file://elsewhere/x"}`, `{"url": "relative/folder"}`, `{"url": "https://example.org/x?y=1"}`, `{"url": "https://example.org/x", "path": "../y"}`,
		`{"url": "https://example.org/x", "path": "/y"}`, `{"url": "https://example.org/x", "ref": "a b"}`, `{"url": "https://example.org/x", "include": ["[a"]}`,
		`{"url": "https://example.org/x", "history": 1001}`, `{"url": "https://example.org/x", "max_files": -1}`, `{"url": "https://example.org/x", "link": "javascript:{path}"}`,
		`{"url": "https://example.org/x", "max_repository_bytes": -1}`,
	} {
		var set git.Settings
		if err := json.Unmarshal([]byte(bad), &set); err != nil {
			t.Fatal(err)
		}
		err := set.Validate()
		if !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		} else if strings.Contains(err.Error(), "pw") {
			t.Errorf("the password is shown: %v", err)
		}
	}
	for _, good := range []string{"https://github.com/a/b", "https://github.com/a/b.git", "file:///srv/git/x.git", "/srv/git/x.git"} {
		if err := (git.Settings{URL: good}).Validate(); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}
