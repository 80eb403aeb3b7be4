package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// asProgram makes the test binary the program. Its name must not look like a
// setting of the program.
const asProgram = "TEST_AS_SMARTRETRIEVER"

func TestMain(m *testing.M) {
	// The program starts itself as extract-worker, with an empty environment.
	if os.Getenv(asProgram) != "" || (len(os.Args) > 1 && os.Args[1] == "extract-worker") {
		main()
	}
	os.Exit(m.Run())
}

// samples is the folder of sample documents.
const samples = "../../testdata/samples"

// longest bounds every process: one that hangs fails its test.
const longest = 90 * time.Second

// program is the command with a working folder, a home and a data folder of its own.
type program struct {
	t    testing.TB
	dir  string
	data string
	at   []string // settings of the servers it keeps things in, see places
	env  []string
}

func newProgram(t testing.TB) program {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := program{t: t, dir: dir, data: filepath.Join(dir, "data"), at: places(t)}
	// The compiled PDF engine is shared, as every data folder would compile it.
	engine := filepath.Join(os.TempDir(), "smartretriever-test-wazero")
	if err := errors.Join(os.MkdirAll(engine, 0o700), os.Mkdir(p.data, 0o700)); err != nil {
		t.Fatal(err)
	}
	_ = os.Symlink(engine, filepath.Join(p.data, "cache")) // without it, slower
	return p
}

func (p program) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

// write makes a file in the working folder.
func (p program) write(name, content string) {
	p.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(p.path(name)), 0o755), os.WriteFile(p.path(name), []byte(content), 0o644)); err != nil {
		p.t.Fatal(err)
	}
}

// sample returns a sample document.
func sample(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// command is the program, not started yet. It is killed when it takes too long.
func (p program) command(args ...string) *exec.Cmd {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	p.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, append([]string{"--data", p.data}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = slices.Concat([]string{asProgram + "=1", "HOME=" + p.dir, "TERM=xterm-256color"}, p.at, p.env)
	return cmd
}

// result is what a run has left behind.
type result struct {
	out, err string
	code     int
}

// run runs the program to its end. Whatever it does, it writes no escape
// sequences, since it does not write to a terminal.
func (p program) run(stdin string, args ...string) result {
	p.t.Helper()
	var out, errs bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			p.t.Fatal(err)
		}
	}
	r := result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
	p.plain(r, args)
	return r
}

// control matches what a terminal would act upon.
var control = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}\x{202a}-\x{202e}]`)

func (p program) plain(r result, args []string) {
	p.t.Helper()
	for _, text := range []string{r.out, r.err} {
		if at := control.FindStringIndex(text); at != nil {
			p.t.Errorf("%q writes a control character: %q", args, text[max(0, at[0]-20):min(len(text), at[1]+20)])
		}
		if strings.Contains(text, "goroutine ") {
			p.t.Errorf("%q panics: %s", args, text)
		}
	}
}

// ok runs the program, which must succeed, and returns its standard output.
func (p program) ok(args ...string) string {
	p.t.Helper()
	r := p.run("", args...)
	if r.code != 0 {
		p.t.Fatalf("%q: exit code %d\n%s%s", args, r.code, r.out, r.err)
	}
	return r.out
}

// decode reads all JSON values of an output, which must hold nothing else.
func decode[T any](t testing.TB, out string) []T {
	t.Helper()
	var all []T
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var v T
		switch err := dec.Decode(&v); {
		case err == io.EOF:
			return all
		case err != nil:
			t.Fatalf("not JSON: %v\n%s", err, out)
		}
		all = append(all, v)
	}
}

// get runs the program with --json; it must succeed and print one value.
func get[T any](p program, args ...string) T {
	p.t.Helper()
	all := decode[T](p.t, p.ok(append(args, "--json")...))
	if len(all) != 1 {
		p.t.Fatalf("%q prints %d values", args, len(all))
	}
	return all[0]
}

// event is a line of add --json; the last is the summary.
type event struct {
	Event, Path                                         string
	State                                               rag.AddState
	Version, Chunks, Embedded                           int
	Added, Updated, Unchanged, Removed, Failed, Skipped int
	Interrupted                                         bool
	Error                                               struct{ Kind, Message string }
}

// add runs add --json and returns its lines by path from the working folder, and
// the summary.
func (p program) add(code int, args ...string) (docs map[string]event, sum event) {
	p.t.Helper()
	r := p.run("", append([]string{"add", "--json"}, args...)...)
	if r.code != code {
		p.t.Fatalf("add %q: exit code %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
	}
	return p.events(r.out)
}

func (p program) events(out string) (docs map[string]event, sum event) {
	p.t.Helper()
	docs = map[string]event{}
	for _, e := range decode[event](p.t, out) {
		if e.Event == "summary" {
			sum = e
			continue
		}
		name := e.Path
		if rel, err := filepath.Rel(p.dir, e.Path); err == nil {
			name = filepath.ToSlash(rel)
		}
		if _, twice := docs[name]; twice {
			p.t.Errorf("%s is reported twice", name)
		}
		docs[name] = e
	}
	if sum.Event == "" {
		p.t.Errorf("no summary: %s", out)
	}
	return docs, sum
}

// names lists the documents by path from the working folder, in order.
func (p program) names(args ...string) []string {
	p.t.Helper()
	var names []string
	for _, d := range decode[rag.Document](p.t, p.ok(append([]string{"ls", "--json"}, args...)...)) {
		name := d.ExternalID
		if rel, err := filepath.Rel(p.dir, name); err == nil {
			name = filepath.ToSlash(rel)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// found returns the names of the files that a search finds, best first.
func (p program) found(args ...string) []string {
	p.t.Helper()
	var names []string
	for _, h := range get[rag.SearchResult](p, append([]string{"search"}, args...)...).Hits {
		names = append(names, filepath.Base(h.Document.ExternalID))
	}
	return names
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// doctor is what doctor --json prints.
type doctor struct {
	Healthy bool
	Checks  []struct {
		Name, Detail string
		OK           bool
	}
}

// TestSamples follows the sample documents from their arrival to their removal.
func TestSamples(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	if err := os.CopyFS(p.path("docs"), os.DirFS(samples)); err != nil {
		t.Fatal(err)
	}
	const manual, faq = "docs/kestrel-k2-manual.pdf", "docs/support-faq.html"
	all := []string{"docs/README.md", manual, "docs/release-notes.md", "docs/service-agreement.docx", faq}

	docs, sum := p.add(0, "docs")
	if sum.Added != len(all) || sum.Failed+sum.Skipped != 0 || sum.Chunks == 0 || sum.Embedded != sum.Chunks {
		t.Errorf("first run: %+v", sum)
	}
	for _, name := range all {
		if docs[name].State != rag.Added || docs[name].Chunks == 0 {
			t.Errorf("%s: %+v", name, docs[name])
		}
	}
	if _, sum = p.add(0, "docs"); sum.Unchanged != len(all) || sum.Embedded != 0 {
		t.Errorf("second run: %+v", sum)
	}

	p.write(faq, strings.Replace(sample(t, "support-faq.html"), "by two degrees at most", "by three degrees at most", 1))
	docs, sum = p.add(0, "docs")
	if e := docs[faq]; sum.Updated != 1 || sum.Unchanged != len(all)-1 || e.State != rag.Updated || e.Version != 2 || e.Chunks < 2 || e.Embedded != 1 {
		t.Errorf("after the change of a passage: %+v %+v", sum, e)
	}

	same(t, "ls", p.names(), all)
	same(t, "ls FOLDER", p.names("docs"), all)
	same(t, "ls of another folder", p.names(p.dir+"/doc"), nil)
	if out := p.ok("ls"); strings.Count(out, "\n") != len(all)+1 || !strings.Contains(out, p.path(manual)) {
		t.Errorf("ls:\n%s", out)
	}
	if st := get[rag.Stats](p, "stats"); st.Documents != len(all) || st.Chunks == 0 || st.Collections != 1 || st.Bytes == 0 {
		t.Errorf("stats: %+v", st)
	}
	if d := get[doctor](p, "doctor"); !d.Healthy || len(d.Checks) < 6 {
		t.Errorf("doctor: %+v", d)
	}
	if found := p.found("pressure of the heating system", "-k", "3"); len(found) != 3 || found[0] != "kestrel-k2-manual.pdf" {
		t.Errorf("search: %q", found)
	}
	p.checkAnswer("How warm is the hot water tank kept?", p.path(manual))

	if out := p.ok("rm", manual); out != "removed "+p.path(manual)+"\n" {
		t.Errorf("rm: %q", out)
	}
	if found := p.found("pressure of the heating system"); len(found) == 0 || slices.Contains(found, "kestrel-k2-manual.pdf") {
		t.Errorf("search after rm: %q", found)
	}
	for _, c := range get[rag.Answer](p, "ask", "How warm is the hot water tank kept?").Citations {
		if c.Document.ExternalID == p.path(manual) {
			t.Errorf("the removed manual is cited: %q", c.Quote)
		}
	}
	if r := p.run("", "show", manual); r.code != 3 || r.out != "" || !strings.Contains(r.err, manual) {
		t.Errorf("show after rm: %+v", r)
	}
	if _, err := os.Stat(p.path(manual)); err != nil {
		t.Errorf("rm has touched the file: %v", err)
	}
	if d := get[doctor](p, "doctor"); !d.Healthy {
		t.Errorf("doctor after rm: %+v", d)
	}
}

// checkAnswer asks a question whose answer is in the PDF at path. Each citation
// must name a page, and its quote must stand in the text that show prints.
func (p program) checkAnswer(question, path string) {
	p.t.Helper()
	a := get[rag.Answer](p, "ask", question)
	if a.Refused || len(a.Citations) == 0 || !strings.Contains(a.Text, "[1]") {
		p.t.Fatalf("ask: %+v", a)
	}
	for _, c := range a.Citations {
		if c.Document.ExternalID != path || c.Page == 0 || c.Quote == "" {
			p.t.Errorf("citation %d: %s, page %d, %q", c.Number, c.Document.ExternalID, c.Page, c.Quote)
		}
		if text := p.ok("show", path); !strings.Contains(text, c.Quote) {
			p.t.Errorf("show does not print the quote %q:\n%s", c.Quote, text)
		}
		if page := p.ok("show", string(c.Document.ID), "--page", "2"); c.Page == 2 && !strings.Contains(page, c.Quote) {
			p.t.Errorf("page 2 does not hold the quote %q:\n%s", c.Quote, page)
		}
	}
	if out := p.ok("ask", question); !strings.Contains(out, ", page ") || !strings.Contains(out, path) {
		p.t.Errorf("ask prints no page:\n%s", out)
	}
}

// TestShowOriginal compares what was stored with the file.
func TestShowOriginal(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.docx", sample(t, "service-agreement.docx"))
	p.add(0, "a.docx")
	cmd := p.command("show", "a.docx", "--original")
	if out, err := cmd.Output(); err != nil || string(out) != sample(t, "service-agreement.docx") {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	if r := p.run("# Ferry\n\nThe ferry sails at noon.\n", "add", "-", "--name", "notes.md"); r.code != 0 || !strings.Contains(r.out, "1 added") {
		t.Fatalf("%+v", r)
	}
	if out := p.ok("show", "notes.md"); !strings.Contains(out, "text/markdown") || !strings.HasSuffix(out, "\n\nFerry\n\nThe ferry sails at noon.\n") {
		t.Errorf("show:\n%s", out)
	}
	if out := p.ok("ls"); !strings.Contains(out, "  notes.md\n") {
		t.Errorf("ls does not say the name:\n%s", out)
	}
	if out := p.ok("ask", "When does the ferry sail?"); !strings.Contains(out, "sails at noon. [1]") || !strings.Contains(out, "notes.md") {
		t.Errorf("ask:\n%s", out)
	}
	// The same name again is the same document.
	if r := p.run("The ferry sails at dusk.\n", "add", "-", "--name", "notes.md", "--json"); r.code != 0 || decode[event](t, r.out)[0].State != rag.Updated {
		t.Errorf("second time: %+v", r)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ args, want []string }{
		"file":       {[]string{"docs/a.md"}, []string{"docs/a.md"}},
		"folder":     {[]string{"docs"}, []string{"docs/a.md", "docs/b.txt", "docs/sub/c.md", "docs/sub/d.html"}},
		"pattern":    {[]string{"docs/*.md"}, []string{"docs/a.md"}},
		"any depth":  {[]string{"docs/**/*.md"}, []string{"docs/a.md", "docs/sub/c.md"}},
		"include":    {[]string{"docs", "--include", "*.md"}, []string{"docs/a.md", "docs/sub/c.md"}},
		"exclude":    {[]string{"docs", "--exclude", "sub", "--exclude", "b.*"}, []string{"docs/a.md"}},
		"hidden":     {[]string{"docs", "--hidden", "--include", ".*"}, []string{"docs/.e.md"}},
		"named":      {[]string{"docs/.e.md", "docs/b.txt"}, []string{"docs/.e.md", "docs/b.txt"}},
		"same twice": {[]string{"docs/a.md", "./docs/../docs/a.md"}, []string{"docs/a.md"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			for _, f := range []string{"a.md", "b.txt", "sub/c.md", "sub/d.html", ".e.md"} {
				p.write("docs/"+f, "Words of "+f+".")
			}
			p.ok(append([]string{"add"}, tt.args...)...)
			same(t, "documents", p.names(), tt.want)
			planned := p.ok(append([]string{"add", "--dry-run"}, tt.args...)...)
			for _, f := range tt.want {
				if !strings.Contains(planned, "unchanged  "+p.path(f)+"\n") {
					t.Errorf("the dry run leaves out %s:\n%s", f, planned)
				}
			}
		})
	}
}

func TestCollectionsAndTenants(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "The anchor is red.")
	p.write("b.md", "The barrel is blue.")
	p.ok("add", "a.md")
	p.ok("collections", "create", "second", "--description", "Another set")
	p.ok("add", "b.md", "-c", "second")
	p.ok("add", "b.md", "--tenant", "other")

	for name, tt := range map[string]struct{ args, want []string }{
		"default":           {nil, []string{"a.md"}},
		"collection":        {[]string{"-c", "second"}, []string{"b.md"}},
		"tenant":            {[]string{"--tenant", "other"}, []string{"b.md"}},
		"collection as set": {[]string{"--set", "collection=second"}, []string{"b.md"}},
	} {
		same(t, name+": ls", p.names(tt.args...), tt.want)
		same(t, name+": search", p.found(append([]string{"anchor or barrel"}, tt.args...)...), tt.want)
	}
	var collections []string
	for _, c := range decode[rag.Collection](t, p.ok("collections", "--json")) {
		collections = append(collections, c.Name+" "+c.Description)
	}
	same(t, "collections", collections, []string{"default ", "second Another set"})

	// A tenant reaches nothing of another, not by path, not by id, not by removing.
	id := string(get[struct{ Document rag.Document }](p, "show", "a.md").Document.ID)
	for _, args := range [][]string{{"show", "a.md"}, {"show", id}, {"rm", id}, {"ls", "-c", "second"}, {"collections", "rm", "second", "--yes"}} {
		if r := p.run("", append(args, "--tenant", "other")...); r.code != 3 {
			t.Errorf("%q of another tenant: exit code %d\n%s", args, r.code, r.out)
		}
	}
	if st := get[rag.Stats](p, "stats", "--tenant", "other"); st.Documents != 1 {
		t.Errorf("stats of the other tenant: %+v", st)
	}

	p.ok("collections", "rm", "second", "--yes")
	if r := p.run("", "ls", "-c", "second"); r.code != 3 {
		t.Errorf("ls of the removed collection: %+v", r)
	}
	same(t, "the rest", p.names(), []string{"a.md"})
	same(t, "the other tenant", p.names("--tenant", "other"), []string{"b.md"})
}

func TestFilterAndAccess(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	for name, flags := range map[string][]string{
		"a.md": {"--meta", "year=2023", "--meta", "team=sales"},
		"b.md": {"--meta", "year=2024", "--meta", "team=sales", "--meta", "team=law"},
		"c.md": {"--meta", "year=2024", "--acl", "alice", "--acl", "group:board"},
	} {
		p.write(name, "The budget of "+name+" was approved.")
		p.ok(append([]string{"add", name}, flags...)...)
	}
	for name, tt := range map[string]struct{ args, want []string }{
		"all":             {nil, []string{"a.md", "b.md", "c.md"}},
		"number":          {[]string{"-f", "year >= 2024"}, []string{"b.md", "c.md"}},
		"list":            {[]string{"-f", `team = law`}, []string{"b.md"}},
		"and":             {[]string{"--filter", `year >= 2023 and team in ("sales")`}, []string{"a.md", "b.md"}},
		"nothing":         {[]string{"-f", "year > 2024"}, nil},
		"seen by alice":   {[]string{"--as", "alice"}, []string{"a.md", "b.md", "c.md"}},
		"seen by a group": {[]string{"--as", "bob", "--as", "group:board"}, []string{"a.md", "b.md", "c.md"}},
		"seen by bob":     {[]string{"--as", "bob"}, []string{"a.md", "b.md"}},
		"both":            {[]string{"--as", "bob", "-f", "year = 2024"}, []string{"b.md"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := p
			p.t = t
			same(t, "ls", p.names(tt.args...), tt.want)
			found := p.found(append([]string{"approved budget"}, tt.args...)...)
			slices.Sort(found)
			same(t, "search", found, tt.want)
			for _, c := range get[rag.Answer](p, append([]string{"ask", "Which budget was approved?"}, tt.args...)...).Citations {
				if !slices.Contains(tt.want, filepath.Base(c.Document.ExternalID)) {
					t.Errorf("ask cites %s", c.Document.ExternalID)
				}
			}
		})
	}
	if r := p.run("", "show", "c.md", "--as", "bob"); r.code != 3 || r.out != "" {
		t.Errorf("bob is shown what only alice may see: %+v", r)
	}
	p.ok("show", "c.md", "--as", "alice")
}

func TestEval(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("beir/corpus.jsonl", `{"_id":"d1","title":"Tides","text":"The tide rises twice a day in the harbour."}
{"_id":"d2","title":"Bread","text":"Bread is baked from flour, water, salt and yeast."}
{"_id":"d3","title":"Glass","text":"Glass is made of melted sand."}
`)
	p.write("beir/queries.jsonl", `{"_id":"q1","text":"how often does the water rise at the port"}
{"_id":"q2","text":"ingredients of a loaf"}
{"_id":"q3","text":"nobody has judged this"}
`)
	p.write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n")
	type report struct {
		Queries  int
		Measures map[string]struct{ Mean float64 }
	}
	r := get[report](p, "eval", "beir", "--run", "run.trec")
	for _, m := range []string{"ndcg@10", "recall@10", "mrr", "map"} {
		if r.Queries != 2 || r.Measures[m].Mean != 1 {
			t.Errorf("%s of %d queries is %v, want 1 of 2", m, r.Queries, r.Measures[m].Mean)
		}
	}
	if run, err := os.ReadFile(p.path("run.trec")); err != nil || !strings.HasPrefix(string(run), "q1 Q0 d1 1 ") {
		t.Errorf("ranking: %q, %v", run, err)
	}
	if out := p.ok("collections", "--json"); out != "" {
		t.Errorf("eval has left something in the data folder: %s", out)
	}
	if out := p.ok("eval", "beir", "-c", "beir", "--mode", "keyword"); !strings.Contains(out, "ndcg@10") {
		t.Errorf("eval:\n%s", out)
	}
	if names := p.names("-c", "beir"); len(names) != 3 {
		t.Errorf("eval --collection keeps %q", names)
	}
}

// TestEvalIsApart: what is measured does not come into the store, bucket and vector
// database that are configured, which here are not even there.
func TestEvalIsApart(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "The mill turns.")
	p.write("beir/corpus.jsonl", `{"_id":"d1","text":"The mill turns."}`)
	p.write("beir/queries.jsonl", `{"_id":"q1","text":"mill"}`)
	p.write("beir/qrels/test.tsv", "q1\td1\t1\n")
	p.at = []string{
		"SMARTRETRIEVER_STORE_NAME=postgres", "SMARTRETRIEVER_STORE_POSTGRES_URL=postgres://u:secret@127.0.0.1:1/db",
		"SMARTRETRIEVER_BLOBS_NAME=s3", "SMARTRETRIEVER_BLOBS_ENDPOINT=http://127.0.0.1:1", "SMARTRETRIEVER_BLOBS_BUCKET=b",
		"SMARTRETRIEVER_BLOBS_ACCESS_KEY=k", "SMARTRETRIEVER_BLOBS_SECRET_KEY=s", "SMARTRETRIEVER_BLOBS_PRESIGN=true",
		"SMARTRETRIEVER_INDEX_VECTORS=weaviate", "SMARTRETRIEVER_INDEX_DATABASE_URL=http://127.0.0.1:1", "SMARTRETRIEVER_INDEX_DATABASE_WORDS=true",
		"SMARTRETRIEVER_CACHE_NAME=redis", "SMARTRETRIEVER_CACHE_REDIS_ADDRESSES=127.0.0.1:1",
	}
	if r := get[struct{ Queries int }](p, "eval", "beir"); r.Queries != 1 {
		t.Errorf("%+v", r)
	}
	// An untouched data folder says nothing of a store on a server.
	if r := p.run("", "add", "a.md", "--dry-run"); r.code == 0 || strings.Contains(r.out+r.err, "secret") {
		t.Errorf("%+v", r)
	}
}

// verbs lists the verbs that the help names.
func verbs(p program) []string {
	p.t.Helper()
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+) {2,}[A-Z]`).FindAllStringSubmatch(p.ok("--help"), -1) {
		names = append(names, m[1])
	}
	if len(names) < 12 {
		p.t.Fatalf("the help names %q", names)
	}
	return names
}

func TestHelp(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	for _, verb := range append(verbs(p), "collections ls", "collections create", "collections rm", "models ls", "models add", "models rm", "models verify", "models bench", "index stats", "index verify", "index rebuild", "index tune", "jobs ls", "jobs show", "jobs run", "jobs cancel", "jobs retry", "jobs rm", "prices ls", "prices check") {
		out := p.ok(append(strings.Fields(verb), "--help")...)
		_, examples, _ := strings.Cut(out, "\nExamples:\n")
		examples, _, _ = strings.Cut(examples, "\n\n")
		if !strings.Contains(examples, "smartretriever "+verb) {
			t.Errorf("%s --help has no example:\n%s", verb, out)
		}
	}
}

// TestJSON runs every verb with --json, on success and on failure.
func TestJSON(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "# Mill\n\nThe mill turns.")
	p.write("beir/corpus.jsonl", `{"_id":"d1","text":"The mill turns."}`)
	p.write("beir/queries.jsonl", `{"_id":"q1","text":"mill"}`)
	p.write("beir/qrels/test.tsv", "q1\td1\t1\n")
	tests := []struct {
		args   string
		code   int
		values int
	}{
		{"add a.md", 0, 2},
		{"add a.md --dry-run", 0, 2},
		{"add b.md", 1, 2},
		{"ls", 0, 1},
		{"ls --filter year>2000", 0, 0},
		{"search mill", 0, 1},
		{"search mill -c none", 3, 1},
		{"ask what turns", 0, 1},
		{"ask what turns -f year>", 2, 1},
		{"show a.md", 0, 1},
		{"show a.md --chunks", 0, 1},
		{"show b.md", 3, 1},
		{"stats", 0, 1},
		{"doctor", 0, 1},
		{"version", 0, 1},
		{"eval beir", 0, 1},
		{"eval beir --answers --queries", 0, 1},
		{"eval beir --route good", 2, 1},
		{"eval none", 3, 1},
		{"collections", 0, 1},
		{"collections ls", 0, 1},
		{"collections create more --chunker fixed --chunk-unit characters --chunk-size 500", 0, 1},
		{"collections create other --chunker sentence --chunk-unit characters", 2, 1},
		{"duplicates", 0, 0},
		{"duplicates --limit -1", 2, 1},
		{"duplicates -c none", 3, 1},
		{"collections rm more --yes", 0, 1},
		{"collections rm more --yes", 3, 1},
		{"history a.md", 0, 1},
		{"history a.md --diff", 3, 1},
		{"history a.md --restore 7", 3, 1},
		{"history a.md --forget", 0, 1},
		{"history a.md --from 2", 2, 1},
		{"history none.md", 3, 1},
		{"jobs", 0, 0},
		{"jobs ls --limit 0", 2, 1},
		{"jobs run", 0, 0},
		{"jobs show", 3, 1},
		{"jobs cancel none", 3, 1},
		{"models", 0, 1},
		{"reembed --status", 0, 1},
		{"reembed --model builtin", 0, 1},
		{"reembed --model none", 3, 1},
		{"reembed --back", 3, 1},
		{"reembed", 2, 1},
		{"search --operators +mill -k 1 --explain", 0, 1},
		{"index stats", 0, 1},
		{"index verify", 0, 1},
		{"index rebuild", 0, 1},
		{"index tune --recall 2", 2, 1},
		{"index stats -c none", 3, 1},
		{"models verify", 0, 1},
		{"usage", 0, 1},
		{"usage --by colour", 2, 1},
		{"usage --since soon", 2, 1},
		{"prices check", 0, 1},
		{"prices check --set prices.file=none.yaml", 2, 1},
		{"sources", 0, 0},
		{"sync", 0, 0},
		{"sync none", 3, 1},
		{"sources add beir --name beir --include *.jsonl", 0, 1},
		{"sources add gopher://x.test/", 2, 1},
		{"sync --dry-run", 0, 4},
		{"sync beir", 0, 4},
		{"sources ls", 0, 1},
		{"sources show beir", 0, 1},
		{"sources show none", 3, 1},
		{"sources rm beir", 2, 1},
		{"sources rm beir --documents --yes", 0, 1},
		{"rm a.md b.md", 3, 2},
		{"verify", 0, 4},
		{"migrate", 2, 1},
		{"serve --addr nowhere", 2, 1},
	}
	covered := map[string]bool{}
	for _, tt := range tests {
		args := append(strings.Fields(tt.args), "--json")
		covered[args[0]] = true
		r := p.run("", args...)
		if r.code != tt.code {
			t.Errorf("%s: exit code %d, want %d\n%s%s", tt.args, r.code, tt.code, r.out, r.err)
		}
		values := decode[map[string]any](t, r.out)
		if len(values) != tt.values {
			t.Errorf("%s prints %d values, want %d:\n%s", tt.args, len(values), tt.values, r.out)
		}
		if tt.code == 0 && strings.Contains(r.err, "error") {
			t.Errorf("%s: %s", tt.args, r.err)
		}
	}
	for _, verb := range verbs(p) {
		if !covered[verb] {
			t.Errorf("%s is not tested", verb)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "The mill turns.")
	p.write("bad.yaml", "retrieval:\n  kk: 3\n")
	p.ok("add", "a.md")
	tests := []struct {
		code int
		args string
		says string // on standard error
	}{
		{0, "", ""},
		{0, "--help", ""},
		{0, "version", ""},
		{0, "search zzz --mode keyword", "Nothing found"},
		{1, "add missing.md", "missing.md: does not exist"},
		{1, "add a.md no*.md", "no*.md: no file matches"},
		{2, "bogus", `unknown command "bogus"`},
		{2, "ls --bogus", "--bogus"},
		{2, "add", "arg"},
		{2, "add -", "--name"},
		{2, "add a.md --name b", "--name"},
		{2, "add a.md --meta year", "key=value"},
		{2, "add . --include [", "malformed"},
		{2, "search", "arg"},
		{2, "ask  ", "arg"},
		{2, "ls --filter year>", "filter"},
		{2, "search mill --mode bogus", "--mode"},
		{2, "search mill -k 0", "k"},
		{2, "show a.md --page -1", "--page"},
		{2, "rm -r .", "--yes"},
		{2, "ls --set bogus=1", "bogus"},
		{2, "ls --set bogus", "name=value"},
		{2, "ls --config bad.yaml", "bad.yaml:2"},
		{2, "ls --tenant a/b", "tenant"},
		{2, "serve --addr 0.0.0.0:0", "key"},
		{3, "show missing.md", "missing.md"},
		{3, "show a.md --page 2", "page"},
		{3, "rm missing.md", "missing.md"},
		{3, "rm -r missing --yes", "missing"},
		{3, "ls -c none", "none"},
		{3, "eval missing", "missing"},
		{3, "ls --data missing", "smartretriever add"},
	}
	for _, tt := range tests {
		r := p.run("", strings.Fields(tt.args)...)
		if r.code != tt.code || !strings.Contains(r.err, tt.says) {
			t.Errorf("%q: exit code %d, want %d and %q\n%s%s", tt.args, r.code, tt.code, tt.says, r.out, r.err)
		}
		if tt.code > 1 && r.out != "" {
			t.Errorf("%q prints: %s", tt.args, r.out)
		}
	}
	p.env = []string{"SMARTRETRIEVER_DATE=/tmp"}
	if r := p.run("", "ls"); r.code != 2 || !strings.Contains(r.err, "SMARTRETRIEVER_DATA?") {
		t.Errorf("misspelt variable: %+v", r)
	}
	p.env = []string{"SMARTRETRIEVER_COLLECTION=none"}
	if r := p.run("", "ls"); r.code != 3 {
		t.Errorf("collection of the environment: %+v", r)
	}
}

// TestDamagedStore opens a data folder whose database is something else.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "The mill turns.")
	p.ok("add", "a.md")
	p.write("data/smartretriever.db", strings.Repeat("not a database ", 1000))
	for args, code := range map[string]int{"ls": 2, "add a.md": 2, "search mill": 2, "doctor": 1} {
		r := p.run("", strings.Fields(args)...)
		if r.code != code || !strings.Contains(strings.Join(strings.Fields(r.out+r.err), " "), "the file is not a store") {
			t.Errorf("%s: exit code %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
		}
	}
	if d := decode[doctor](t, p.run("", "doctor", "--json").out); len(d) != 1 || d[0].Healthy {
		t.Errorf("doctor: %+v", d)
	}
}
