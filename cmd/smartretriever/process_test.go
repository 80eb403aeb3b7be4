//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

var seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "seed of the random moments and documents")

// notes is a folder of small documents with the samples among them. The text of
// each changes from time to time and holds a word that is in no other and in no
// other version.
type notes struct {
	program
	rnd     *rand.Rand
	version []int
}

func newNotes(t *testing.T, count int) *notes {
	t.Logf("-seed=%d", *seed)
	n := &notes{newProgram(t), rand.New(rand.NewPCG(*seed, 0)), make([]int, count)}
	if err := os.CopyFS(n.path("docs"), os.DirFS(samples)); err != nil {
		t.Fatal(err)
	}
	for i := range n.version {
		n.change(i)
	}
	return n
}

func (n *notes) name(i int) string { return fmt.Sprintf("docs/%d/note%d.md", i%7, i) }
func (n *notes) word(i int) string { return fmt.Sprintf("zq%dv%d", i, n.version[i]) }

// change writes the next version of a document: two or three sections, of which
// some stay as they were.
func (n *notes) change(i int) {
	n.version[i]++
	words := strings.Fields("anchor barrel candle dike engine ferry harbour island keeper lantern mill oar pilot rope sail tide")
	text := fmt.Sprintf("# Note %d\n\nThe word of this version is %s.\n", i, n.word(i))
	for s := range 2 {
		text += fmt.Sprintf("\n## Section %d of %d\n\n", s, i)
		for range 40 {
			text += words[n.rnd.IntN(len(words))] + " "
		}
		text += "\n"
	}
	n.write(n.name(i), text)
}

// paths lists the files, as ls should list them.
func (n *notes) paths() []string {
	var names []string
	for i := range n.version {
		names = append(names, n.name(i))
	}
	entries, err := os.ReadDir(samples)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, "docs/"+e.Name())
	}
	slices.Sort(names)
	return names
}

// sound checks that nothing in the data folder is half there, and that what was
// there before, by path with its version, still is. It returns what is there.
func (n *notes) sound(before map[string]int) map[string]int {
	n.t.Helper()
	now := map[string]int{}
	r := n.run("", "ls", "--json")
	switch {
	case r.code == 3 && len(before) == 0:
		return now // killed before the collection was made
	case r.code != 0:
		n.t.Fatalf("ls: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	inFolder := n.setting("BLOBS_BUCKET") == ""
	if !inFolder { // asked whether it has the originals of all that is stored
		n.ok("verify")
	}
	for _, d := range decode[rag.Document](n.t, r.out) {
		if d.Chunks == 0 || d.State != rag.StateReady || len(d.SHA256) != 64 {
			n.t.Fatalf("half there: %+v", d)
		}
		if inFolder {
			if original, err := os.Stat(filepath.Join(n.data, "blobs", d.SHA256[:2], d.SHA256[2:])); err != nil || original.Size() != d.Bytes {
				n.t.Errorf("the original of %s: %v", d.ExternalID, err)
			}
		}
		if now[d.ExternalID] != 0 {
			n.t.Errorf("%s is there twice", d.ExternalID)
		}
		now[d.ExternalID] = d.Version
	}
	for path, version := range before {
		if now[path] < version {
			n.t.Errorf("version %d of %s is lost: there is %d", version, path, now[path])
		}
	}
	if st := get[rag.Stats](n.program, "stats"); st.Documents != len(now) || st.Chunks < len(now) {
		n.t.Errorf("stats %+v of %d documents", st, len(now))
	}
	if d := get[doctor](n.program, "doctor"); !d.Healthy {
		n.t.Errorf("doctor: %+v", d)
	}
	return now
}

// complete adds the rest and checks that everything is there, once, and found.
func (n *notes) complete() {
	n.t.Helper()
	docs, _ := n.add(0, "docs")
	if len(docs) != len(n.paths()) {
		n.t.Errorf("the last run reports %d files of %d", len(docs), len(n.paths()))
	}
	same(n.t, "ls", n.names(), n.paths())
	if _, sum := n.add(0, "docs"); sum.Unchanged != len(n.paths()) || sum.Embedded != 0 {
		n.t.Errorf("a run more: %+v", sum)
	}
	n.sound(nil)
	i := n.rnd.IntN(len(n.version))
	same(n.t, "search for "+n.word(i), n.found(n.word(i), "--mode", "keyword"), []string{filepath.Base(n.name(i))})
	if text := n.ok("show", n.name(i)); !strings.Contains(text, "version is "+n.word(i)+".") {
		n.t.Errorf("show of version %d:\n%s", n.version[i], text)
	}
	if old := fmt.Sprintf("zq%dv%d", i, n.version[i]-1); len(n.found(old, "--mode", "keyword")) != 0 {
		n.t.Errorf("the version before, %s, is still found", old)
	}
}

// TestKilledWhileAdding kills add at random moments, again and again. After each
// the data folder opens, nothing in it is half there, and what add had said to be
// stored is.
func TestKilledWhileAdding(t *testing.T) {
	if testing.Short() {
		t.Skip("kills twenty processes")
	}
	const kills, most = 20, 60
	n := newNotes(t, 150)
	stored := map[string]int{}
	took := 2 * time.Second // of a run, until one has shown it
	for killed, run := 0, 0; killed < kills; run++ {
		if run == most {
			t.Fatalf("of %d runs only %d were killed before their end", run, killed)
		}
		if ran, ended := n.kill(time.Duration(n.rnd.Int64N(int64(took))), stored); ended {
			took = ran
		} else {
			killed++
		}
		if stored = n.sound(stored); t.Failed() {
			t.Fatalf("after run %d", run)
		}
		for range 40 {
			n.change(n.rnd.IntN(len(n.version)))
		}
	}
	n.complete()
}

// kill starts add and kills it after a time. It notes what was said to be stored,
// and reports how long the process ran and whether it had ended by itself.
func (n *notes) kill(after time.Duration, stored map[string]int) (ran time.Duration, ended bool) {
	n.t.Helper()
	cmd := n.command("add", "docs", "--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	begun := time.Now()
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Event == "document" { // else cut off by the kill, or the end
			stored[e.Path] = max(stored[e.Path], e.Version)
		}
	}
	err = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || (err != nil && !status.Signaled()) {
		n.t.Fatalf("add: %v", err)
	}
	return time.Since(begun), !status.Signaled()
}

// TestInterruptedAdd sends Ctrl-C to an add that cannot end, since it waits for its
// standard input. It stops, says so, and what it reported is stored.
func TestInterruptedAdd(t *testing.T) {
	t.Parallel()
	n := newNotes(t, 60)
	for _, format := range []string{"--json", "--json=false"} {
		r := n.interrupt("add", "-", "docs", "--name", "endless.txt", format)
		if r.code != 130 {
			t.Fatalf("exit code %d, want 130\n%s%s", r.code, r.out, r.err)
		}
		stored := map[string]int{}
		if format == "--json" {
			docs, sum := n.events(r.out)
			if !sum.Interrupted || sum.Failed != 0 || sum.Added == 0 || sum.Added != len(docs) {
				t.Errorf("summary %+v of %d documents", sum, len(docs))
			}
			for _, e := range docs {
				stored[e.Path] = e.Version
			}
		} else if !strings.Contains(r.out, "Stopped.") || strings.Contains(r.out+r.err, "failed") {
			t.Errorf("no summary:\n%s%s", r.out, r.err)
		}
		if now := n.sound(stored); now["endless.txt"] != 0 {
			t.Error("half of standard input is stored")
		}
	}
	n.complete()
}

// interrupt starts the program with a standard input that does not end, and sends
// SIGINT when it has read from there and stored the first documents.
func (n *notes) interrupt(args ...string) result {
	n.t.Helper()
	cmd := n.command(args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	if _, err := io.WriteString(in, strings.Repeat("An endless text. ", 1<<14)); err != nil { // more than a pipe holds
		n.t.Fatal(err)
	}
	for end := time.Now().Add(longest); n.run("", "ls", "--json").out == "" && time.Now().Before(end); {
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		n.t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code tells
	r := result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
	n.plain(r, args)
	return r
}

// watched is standard error of a server; the address is sent when it is named.
type watched struct {
	mu      sync.Mutex
	text    bytes.Buffer
	address chan string
}

var listens = regexp.MustCompile(`listens on (http://127\.0\.0\.1:\d+)\n`)

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if m := listens.FindSubmatch(w.text.Bytes()); m != nil && w.address != nil {
		w.address <- string(m[1])
		w.address = nil
	}
	return len(p), nil
}

// served is a running server.
type served struct {
	program
	base string
}

// serve runs a server while use runs, and ends it as a supervisor does.
func (p program) serve(use func(served)) {
	p.t.Helper()
	address := make(chan string, 1)
	errs := &watched{address: address}
	var out bytes.Buffer
	cmd := p.command("serve", "--addr", "127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = &out, errs
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the exit code tells
		close(ended)
	}()
	select {
	case base := <-address:
		use(served{p, base})
	case <-ended:
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Errorf("the server has ended: %v", err)
	}
	<-ended // command bounds the time
	p.plain(result{out: out.String(), err: errs.text.String()}, cmd.Args)
	if code := cmd.ProcessState.ExitCode(); code != 0 || out.Len() != 0 {
		p.t.Errorf("exit code %d (%s)\n%s%s", code, cmd.ProcessState, out.String(), errs.text.String())
	}
}

// call sends a request and returns the body of a response of status 200.
func (s served) call(method, path, contentType string, body []byte) []byte {
	s.t.Helper()
	return s.request(http.StatusOK, method, path, contentType, body)
}

// request sends a request and returns the body of a response of that status.
func (s served) request(status int, method, path, contentType string, body []byte) []byte {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), longest)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		s.t.Fatalf("%s %s: %s, %v\n%s", method, path, resp.Status, err, data)
	}
	return data
}

// post posts JSON to the default collection and decodes the answer.
func post[T any](s served, path, body string) T {
	s.t.Helper()
	var v T
	data := s.call(http.MethodPost, "/api/v1/collections/default/"+path, "application/json", []byte(body))
	if err := json.Unmarshal(data, &v); err != nil {
		s.t.Fatalf("%s: %v\n%s", path, err, data)
	}
	return v
}

// added is the server's verdict on documents.
type added struct {
	Documents []struct {
		ID, Source string
		State      rag.AddState
		Error      string // "" for null
	}
}

// upload sends files in a form.
func (s served) upload(files map[string]string) added {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, content := range files {
		w, err := form.CreateFormFile("files", name)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		s.t.Fatal(err)
	}
	var v added
	if err := json.Unmarshal(s.call(http.MethodPost, "/api/v1/collections/default/documents", form.FormDataContentType(), body.Bytes()), &v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// finds returns the sources of what the server's search finds.
func (s served) finds(query string) []string {
	s.t.Helper()
	var sources []string
	for _, h := range post[struct {
		Hits []struct{ Document struct{ Source string } }
	}](s, "search", fmt.Sprintf(`{"query":%q,"mode":"keyword"}`, query)).Hits {
		sources = append(sources, h.Document.Source)
	}
	return sources
}

// TestServe lives through the day of a server: probes, documents, a question,
// files made to harm, another process that writes, and the end.
func TestServe(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.serve(func(s served) {
		if body := s.call(http.MethodGet, "/health", "", nil); !bytes.Contains(body, []byte(`"ok"`)) {
			t.Errorf("/health: %s", body)
		}
		if body := s.call(http.MethodGet, "/ready", "", nil); !bytes.Contains(body, []byte(`"status":"ready"`)) {
			t.Errorf("/ready: %s", body)
		}

		in := post[added](s, "documents", `{"documents":[{"external_id":"ferry","text":"The ferry sails at noon from the northern pier."}]}`)
		if len(in.Documents) != 1 || in.Documents[0].State != rag.Added || in.Documents[0].ID == "" {
			t.Errorf("POST documents: %+v", in)
		}
		a := post[rag.Answer](s, "query", `{"question":"When does the ferry sail?"}`)
		if !strings.Contains(a.Text, "noon") || len(a.Citations) != 1 || !strings.Contains(a.Citations[0].Quote, "sails at noon") {
			t.Errorf("query: %+v", a)
		}

		manual := sample(t, "kestrel-k2-manual.pdf")
		reasons := map[string]string{"bomb.docx": "expands to more", "half.pdf": "damaged", "noise.txt": "not a text", "manual.pdf": ""}
		up := s.upload(map[string]string{"bomb.docx": bomb(t), "half.pdf": manual[:2000], "noise.txt": "\x00\x01\x02\x03", "manual.pdf": manual})
		if len(up.Documents) != len(reasons) {
			t.Errorf("upload of %d files: %+v", len(reasons), up)
		}
		for _, d := range up.Documents {
			why, sent := reasons[d.Source]
			switch {
			case !sent:
				t.Errorf("upload: %q was not sent", d.Source)
			case why == "" && (d.State != rag.Added || d.Error != ""):
				t.Errorf("upload of %s: %s, %q", d.Source, d.State, d.Error)
			case why != "" && (d.State != rag.Failed || !strings.Contains(d.Error, why)):
				t.Errorf("upload of %s: %s, %q; want %q", d.Source, d.State, d.Error, why)
			}
		}
		same(t, "search", slices.Compact(s.finds("legionella")), []string{"manual.pdf"})

		// What another process commits is in the next search.
		p.write("late.md", "The lighthouse was painted turquoise.")
		if found := s.finds("turquoise"); len(found) != 0 {
			t.Errorf("found too early: %q", found)
		}
		p.add(0, "late.md")
		same(t, "search after add", s.finds("turquoise"), []string{p.path("late.md")})
		p.ok("rm", "late.md")
		if found := s.finds("turquoise"); len(found) != 0 {
			t.Errorf("found after rm: %q", found)
		}

		metrics := s.call(http.MethodGet, "/metrics", "", nil)
		for _, m := range []string{"smartretriever_documents", "smartretriever_http_request", "go_goroutines"} {
			if !bytes.Contains(metrics, []byte("\n"+m)) {
				t.Errorf("no %s in /metrics:\n%s", m, metrics)
			}
		}
	})
	// What the server has stored is there for the next.
	if st := get[rag.Stats](p, "stats"); st.Documents != 2 {
		t.Errorf("stats: %+v", st)
	}
	if d := get[doctor](p, "doctor"); !d.Healthy {
		t.Errorf("doctor: %+v", d)
	}
	p.serve(func(s served) { same(t, "search of the next server", s.finds("ferry"), []string{""}) })
}

// TestKilledWhileReembedding kills reembed at random moments while it builds,
// compares, switches and switches back. After each the collection is served by one
// whole generation, what was embedded is not embedded again, and nothing is lost.
func TestKilledWhileReembedding(t *testing.T) {
	if testing.Short() {
		t.Skip("kills twenty processes")
	}
	const kills, most = 20, 80
	t.Logf("-seed=%d", *seed)
	rnd := rand.New(rand.NewPCG(*seed, 1))
	p := withTiny(t, 120)
	took := 2 * time.Second // of a run, until one has shown it
	for killed, run := 0, 0; killed < kills; run++ {
		if run == most {
			t.Fatalf("of %d runs only %d were killed before their end", run, killed)
		}
		live, missing := p.whole()
		args := []string{"reembed", "--model", "tiny", "--switch", "--limit", "5"}
		switch {
		case live == "tiny" && run%2 == 0:
			args = []string{"reembed", "--back"}
		case live == "tiny":
			args = []string{"reembed", "--model", "builtin", "--switch", "--limit", "5"}
		case missing == 0 && run%3 == 0: // begins again from nothing
			if r := p.run("", "reembed", "--drop", "--yes"); r.code != 0 && r.code != 3 {
				t.Fatalf("drop: %+v", r)
			}
		}
		ran, ended := p.killAfter(time.Duration(rnd.Int64N(int64(took))), args...)
		if ended {
			took = ran
		} else {
			killed++
		}
		if run%4 == 3 { // documents come between
			p.write(fmt.Sprintf("docs/late%d.md", run), noteText(1000+run))
			p.ok("add", "docs")
		}
		if t.Failed() {
			t.Fatalf("after run %d, %v", run, args)
		}
	}
	if live, _ := p.whole(); live == "tiny" {
		p.ok("reembed", "--back")
	}
	p.run("", "reembed", "--drop", "--yes") // there may be none
	const half = 700 * time.Millisecond
	p.killAfter(half, "reembed", "--model", "tiny", "--switch")
	_, missing := p.whole()
	if done := get[reembedded](p, "reembed", "--model", "tiny", "--switch"); !done.Unchanged && (missing >= 0 && done.Embedded != missing) {
		t.Errorf("%d passages were missing, %d were embedded", missing, done.Embedded)
	}
	if live, _ := p.whole(); live != "tiny" {
		t.Errorf("%s is live", live)
	}
}

// whole checks that every document is found by the live generation, which it
// returns with the number of passages that a generation being built lacks (-1: there
// is none).
func (p program) whole() (live string, missing int) {
	p.t.Helper()
	missing = -1
	list := get[generationList](p, "reembed", "--status").Generations
	for _, g := range list {
		switch g.State {
		case rag.GenerationLive:
			live, _, _ = strings.Cut(g.Model, "-")
			if g.Missing != 0 {
				p.t.Errorf("the live generation lacks %d embeddings", g.Missing)
			}
		case rag.GenerationBuilding:
			missing = g.Missing
		}
	}
	documents := get[rag.Stats](p, "stats").Documents
	if found := p.found("parcel", "--mode", "vector", "-k", "1000"); len(found) != documents {
		p.t.Errorf("%d of %d documents are found with generations %+v", len(found), documents, list)
	}
	if d := get[doctor](p, "doctor"); !d.Healthy {
		p.t.Errorf("doctor: %+v", d)
	}
	return live, missing
}

// killAfter starts the program and kills it after a time. It reports how long it ran,
// and whether it had ended by itself, as it should.
func (p program) killAfter(after time.Duration, args ...string) (ran time.Duration, ended bool) {
	p.t.Helper()
	cmd := p.command(args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	begun := time.Now()
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || (err != nil && !status.Signaled()) {
		p.t.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	return time.Since(begun), !status.Signaled()
}

// TestInterruptedReembed sends Ctrl-C to a build: it stops, says what to do, and goes
// on from there.
func TestInterruptedReembed(t *testing.T) {
	t.Parallel()
	n := newNotes(t, 150)
	n.ok("models", "add", tinyModel(t), "--name", "tiny", "--force")
	n.ok("add", "docs", "--set", "embedder.name=local", "--set", "embedder.model=tiny")
	cmd := n.command("reembed", "--model", "builtin")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var missing, chunks int
	for end := time.Now().Add(longest); time.Now().Before(end); {
		if list := get[generationList](n.program, "reembed", "--status").Generations; len(list) == 2 && list[1].Missing < list[1].Chunks {
			missing, chunks = list[1].Missing, list[1].Chunks
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code tells
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(errs.String(), "run the same command again") {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
	if list := get[generationList](n.program, "reembed", "--status").Generations; len(list) != 2 || list[0].State != rag.GenerationLive || list[1].Missing > missing {
		t.Errorf("after Ctrl-C: %+v", list)
	} else {
		missing = list[1].Missing
	}
	done := get[reembedded](n.program, "reembed", "--model", "builtin")
	if done.Embedded != missing || done.Embedded >= chunks || !done.Switched {
		t.Errorf("of %d chunks %d were missing: %+v", chunks, missing, done)
	}
}
