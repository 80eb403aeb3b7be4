//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// synced is the last line of sync --json.
type synced struct {
	Event, Source                                       string
	Added, Updated, Unchanged, Removed, Skipped, Failed int
}

// sync runs sync --json and returns its counts as text.
func (p program) sync(code int, args ...string) string {
	p.t.Helper()
	r := p.run("", append([]string{"sync", "--json"}, args...)...)
	if r.code != code {
		p.t.Fatalf("sync %q: exit code %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
	}
	var text []string
	for _, s := range decode[synced](p.t, r.out) {
		if s.Event == "summary" {
			text = append(text, fmt.Sprintf("%s: %d+ %d~ %d= %d- %d!", s.Source, s.Added, s.Updated, s.Unchanged, s.Removed, s.Failed))
		}
	}
	return strings.Join(text, ", ")
}

func (p program) remove(name string) {
	p.t.Helper()
	if err := os.Remove(p.path(name)); err != nil {
		p.t.Fatal(err)
	}
}

// shown is what sources ls and show print.
type shown struct {
	Name, Kind     string
	Items, Failing int
	FailingItems   []rag.SourceItem `json:"failing_items"`
}

// TestSources follows a folder from its first reading to its removal.
func TestSources(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	says := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	p.write("docs/a.md", "# Mill\n\nThe mill turns.")
	p.write("docs/sub/b.md", "# Ferry\n\nThe ferry sails.")
	p.write("docs/c.md", "# Rope\n\nThe rope holds.")
	p.ok("add", "docs")
	says("after add", p.sync(0), "docs: 0+ 0~ 3= 0- 0!")
	p.remove("docs/a.md")
	p.write("docs/sub/b.md", "# Ferry\n\nThe ferry sails at noon.")
	p.write("docs/d.pdf", "%PDF-1.7 and nothing else")
	out := p.run("", "sync", "docs", "--dry-run")
	for _, line := range []string{"delete  " + p.path("docs/a.md"), "update  " + p.path("docs/sub/b.md"), "fail  " + p.path("docs/d.pdf"), "1 document would be deleted"} {
		if !strings.Contains(out.out+out.err, line) {
			t.Errorf("sync --dry-run does not say %q:\n%s%s", line, out.out, out.err)
		}
	}
	same(t, "after a dry run", p.names(), []string{"docs/a.md", "docs/c.md", "docs/sub/b.md"})
	says("changed", p.sync(1), "docs: 0+ 1~ 1= 1- 1!")
	same(t, "changed", p.names(), []string{"docs/c.md", "docs/sub/b.md"})
	if s := get[shown](p, "sources", "show", "docs"); s.Items != 3 || s.Failing != 1 || len(s.FailingItems) != 1 || s.FailingItems[0].ID != p.path("docs/d.pdf") {
		t.Errorf("sources show: %+v", s)
	}
	if text := p.ok("sources", "show", "docs"); !strings.Contains(text, p.path("docs/d.pdf")) || !strings.Contains(text, "1 updated, 1 unchanged, 1 deleted, 1 failed") {
		t.Errorf("sources show:\n%s", text)
	}
	p.remove("docs/d.pdf")

	// What was deleted by hand stays away from sync, and comes with add.
	p.ok("rm", "docs/c.md")
	p.sync(0)
	same(t, "after rm and sync", p.names(), []string{"docs/sub/b.md"})
	p.ok("add", "docs")
	same(t, "after rm and add", p.names(), []string{"docs/c.md", "docs/sub/b.md"})

	// What has not changed is read again where that is asked for, and embedded no more.
	says("forced", p.sync(0, "--force"), "docs: 0+ 2~ 0= 0- 0!")
	if out := p.run("", "sync", "--force", "--dry-run"); !strings.Contains(out.out+out.err, "update  "+p.path("docs/c.md")) {
		t.Errorf("sync --force --dry-run:\n%s%s", out.out, out.err)
	}
	says("not any more", p.sync(0), "docs: 0+ 0~ 2= 0- 0!")
	p.ok("add", "docs/c.md", "--force")
	if text := p.ok("show", "docs/c.md", "--json"); !strings.Contains(text, `"version": 3`) {
		t.Errorf("after add --force: %s", text)
	}

	// When other things are found out about documents, those are read that have not changed.
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"docs/c.md", "docs/sub/b.md"} {
		if err := os.Chtimes(p.path(name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	p.sync(0)
	p.env = []string{"SMARTRETRIEVER_ENRICH_STAGES=counts"}
	says("with enrichment", p.sync(0), "docs: 0+ 2~ 0= 0- 0!")
	says("with the same", p.sync(0), "docs: 0+ 0~ 2= 0- 0!")
	p.env = nil
	says("without", p.sync(0), "docs: 0+ 2~ 0= 0- 0!")

	// The same folder is one source, in another way another, and --once none.
	p.ok("add", "docs/")
	p.ok("add", p.path("docs"), "--include", "c.md", "--meta", "team=sales")
	p.write("other/e.md", "# Oar\n\nThe oar is long.")
	p.ok("add", "other", "--once")
	var names []string
	for _, s := range decode[shown](t, p.ok("sources", "ls", "--json")) {
		names = append(names, s.Name)
	}
	same(t, "sources", names, []string{"docs", "docs-2"})
	p.remove("docs/c.md")
	p.remove("other/e.md")
	says("one of two", p.sync(0, "docs-2"), "docs-2: 0+ 0~ 0= 0- 0!")
	same(t, "while the other source has it", p.names(), []string{"docs/c.md", "docs/sub/b.md", "other/e.md"})
	says("both", p.sync(0), "docs: 0+ 0~ 1= 1- 0!, docs-2: 0+ 0~ 0= 0- 0!")
	if text := p.ok("sources"); !strings.Contains(text, "docs-2") || !strings.Contains(text, p.path("docs")) {
		t.Errorf("sources:\n%s", text)
	}

	// A source by name takes other settings over.
	p.write("docs/f.txt", "The tide comes in.")
	p.ok("sources", "add", "docs", "--name", "docs", "--exclude", "sub")
	says("other settings", p.sync(0, "docs"), "docs: 1+ 0~ 0= 1- 0!")
	if r := p.run("", "sources", "rm", "docs", "docs-2"); r.code != 2 || !strings.Contains(r.err, "--keep-documents") {
		t.Errorf("rm without saying what becomes of documents: %d\n%s", r.code, r.err)
	}
	p.ok("add", "docs", "--name", "all-docs")
	if s := get[shown](p, "sources", "show", "all-docs"); s.Items == 0 {
		t.Errorf("add --name: %+v", s)
	}
	p.ok("sources", "rm", "all-docs", "--documents", "--yes")
	p.ok("sources", "rm", "docs-2", "--keep-documents")
	p.ok("sources", "rm", "docs", "--documents", "--yes")
	same(t, "in the end", p.names(), []string{"other/e.md"})
	if r := p.run("", "sync"); r.code != 0 || !strings.Contains(r.err, "There are no sources") {
		t.Errorf("sync without sources: %d\n%s%s", r.code, r.out, r.err)
	}
	if r := p.run("", "add", "https://me:hunter2@x.test/"); r.code != 2 || strings.Contains(r.out+r.err, "hunter2") {
		t.Errorf("a password in an address: %d\n%s%s", r.code, r.out, r.err)
	}
	for _, args := range [][]string{{"add", "other/", "--watch", "--once"}, {"sync", "--watch", "--every", "1ms"}, {"sync", "--watch", "--dry-run"}, {"sources", "add", "--kind", "folder"}, {"add", "other", "docs", "--name", "x"}, {"add", "other", "--once", "--name", "x"}} {
		if r := p.run("", args...); r.code != 2 {
			t.Errorf("%q: exit code %d\n%s%s", args, r.code, r.out, r.err)
		}
	}
	if d := get[doctor](p, "doctor"); !d.Healthy {
		t.Errorf("doctor: %+v", d)
	}
}

// A folder that is away is an error and deletes nothing; one that is empty all at
// once is not believed.
func TestSourceThatIsAway(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	for i := range 12 {
		p.write(fmt.Sprintf("disk/%d.md", i), fmt.Sprintf("# Note %d\n\nText of note %d.", i, i))
	}
	p.ok("add", "disk")
	if err := os.Rename(p.path("disk"), p.path("away")); err != nil {
		t.Fatal(err)
	}
	if r := p.run("", "sync"); r.code != 3 || !strings.Contains(r.err, "does not exist") {
		t.Errorf("away: %d\n%s%s", r.code, r.out, r.err)
	}
	if err := os.Mkdir(p.path("disk"), 0o755); err != nil {
		t.Fatal(err)
	}
	if r := p.run("", "sync"); r.code != 4 || !strings.Contains(r.err, "--allow-empty") {
		t.Errorf("empty: %d\n%s%s", r.code, r.out, r.err)
	}
	if n := len(p.names()); n != 12 {
		t.Errorf("%d documents are left", n)
	}
	if got := p.sync(0, "--allow-empty"); got != "disk: 0+ 0~ 0= 12- 0!" {
		t.Error(got)
	}
}

// TestWatch follows a folder while it changes.
func TestWatch(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("inbox/a.md", "# Mill\n\nThe mill turns.")
	cmd := p.command("add", "inbox", "--watch", "--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	until := func(path string, state rag.AddState) {
		t.Helper()
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Event == "document" && e.Path == p.path(path) && e.State == state {
				return
			}
		}
		t.Fatalf("%s was not %s\n%s", path, state, errs.String())
	}
	until("inbox/a.md", rag.Added)
	for lines.Scan() && !strings.Contains(lines.Text(), `"summary"`) {
	}
	p.write("inbox/b.md", "# Ferry\n\nThe ferry sails.")
	until("inbox/b.md", rag.Added)
	p.write("inbox/b.md", "# Ferry\n\nThe ferry sails at noon.")
	until("inbox/b.md", rag.Updated)
	p.write("inbox/new/deep/c.md", "# Rope\n\nThe rope holds.")
	until("inbox/new/deep/c.md", rag.Added)
	p.remove("inbox/a.md")
	until("inbox/a.md", rag.Removed)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	_ = cmd.Wait() // the exit code tells
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d\n%s", code, errs.String())
	}
	same(t, "in the end", p.names(), []string{"inbox/b.md", "inbox/new/deep/c.md"})
}

// TestKilledWhileSyncing kills sync at random moments while files come, change and
// go. Nothing is half there, and the next sync goes on at once.
func TestKilledWhileSyncing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills many processes")
	}
	t.Parallel()
	n := newNotes(t, 60)
	n.ok("sources", "add", "docs")
	took := 2 * time.Second
	away := map[int]bool{}
	for killed, run := 0, 0; killed < 6 && run < 30; run++ {
		cmd := n.command("sync", "--json")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(took))), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			killed++
		} else if err != nil {
			t.Fatalf("run %d: %v", run, err)
		} else {
			took = max(time.Since(begun), 10*time.Millisecond)
		}
		if n.sound(nil); t.Failed() {
			t.Fatalf("after run %d", run)
		}
		for range 15 {
			i := n.rnd.IntN(len(n.version))
			if n.rnd.IntN(3) > 0 {
				n.change(i)
				delete(away, i)
			} else if !away[i] {
				n.remove(n.name(i))
				away[i] = true
			}
		}
	}
	n.sync(0)
	want := slices.DeleteFunc(n.paths(), func(name string) bool {
		_, err := os.Stat(filepath.Join(n.dir, name))
		return err != nil
	})
	same(t, "in the end", n.names(), want)
	for i := range n.version {
		if got := n.found(n.word(i), "--mode", "keyword"); !away[i] && !slices.Equal(got, []string{filepath.Base(n.name(i))}) || away[i] && len(got) > 0 {
			t.Errorf("search for %s, away %v: %q", n.word(i), away[i], got)
		}
	}
}

// Two processes that sync the same source at a time do not disturb each other.
func TestTwoProcessesSync(t *testing.T) {
	t.Parallel()
	n := newNotes(t, 40)
	n.ok("sources", "add", "docs")
	results := make(chan result)
	for range 3 {
		go func() {
			var r result
			cmd := n.command("sync", "--json")
			out, err := cmd.CombinedOutput()
			r.out = string(out)
			if err != nil {
				r.err = err.Error()
			}
			r.code = cmd.ProcessState.ExitCode()
			results <- r
		}()
	}
	succeeded := 0
	for range 3 {
		switch r := <-results; {
		case r.code == 0:
			succeeded++
		case !strings.Contains(r.out, `"conflict"`):
			t.Errorf("exit code %d, %s\n%s", r.code, r.err, r.out)
		}
	}
	if succeeded == 0 {
		t.Error("none of three has succeeded")
	}
	n.sync(0)
	same(t, "in the end", n.names(), n.paths())
	n.sound(nil)
}

// The server reads its sources by itself, and when it is asked to.
func TestServerSyncs(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("docs/a.md", "# Mill\n\nThe mill turns.")
	p.ok("add", "docs")
	until := func(s served, word string, found bool) {
		t.Helper()
		for end := time.Now().Add(longest / 2); len(s.finds(word)) > 0 != found; {
			if time.Now().After(end) {
				t.Fatalf("%s found: %v", word, !found)
			}
		}
	}
	const path = "/api/v1/collections/default/sources"
	p.serve(func(s served) {
		p.write("docs/b.md", "# Ferry\n\nThe ferry sails.")
		if list := s.call(http.MethodGet, path, "", nil); !bytes.Contains(list, []byte(`"name":"docs"`)) {
			t.Errorf("%s", list)
		}
		if job := s.request(http.StatusAccepted, http.MethodPost, path+"/docs/sync", "", nil); !bytes.Contains(job, []byte(`"kind":"sync"`)) {
			t.Errorf("%s", job)
		}
		until(s, "ferry", true)
		if list := p.ok("jobs", "ls"); !strings.Contains(list, "  docs  ") {
			t.Errorf("jobs ls:\n%s", list)
		}
	})
	p.env = append(p.env, "SMARTRETRIEVER_SOURCES_SYNC_EVERY=1s")
	p.serve(func(s served) {
		p.remove("docs/a.md")
		p.write("docs/c.md", "# Rope\n\nThe rope holds.")
		until(s, "rope", true)
		until(s, "mill", false)
		for end := time.Now().Add(longest / 2); !bytes.Contains(s.call(http.MethodGet, "/metrics", "", nil), []byte(`smartretriever_source_readings_total{kind="folder",result="ok"}`)); {
			if time.Now().After(end) {
				t.Fatal("no metrics of sources")
			}
		}
	})
}
