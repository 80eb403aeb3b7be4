//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// tickets is a JSON API on loopback: a list of tickets by number and version, and the
// text of each. The text holds a word that is in no other ticket and no other version.
type tickets struct {
	notes
	*httptest.Server

	mu    sync.Mutex
	gone  map[int]bool
	left  int           // questions for texts until reached is called
	reach func()        // nil: not at all
	asked int           // questions for texts
	gate  chan struct{} // texts are given out once it is closed; nil is open
}

func newTickets(t *testing.T, count int) *tickets {
	t.Logf("-seed=%d", *seed)
	k := &tickets{notes: notes{newWebProgram(t), rand.New(rand.NewPCG(*seed, 2)), make([]int, count)}, gone: map[int]bool{}}
	for i := range k.version {
		k.version[i] = 1
	}
	k.Server = httptest.NewServer(http.HandlerFunc(k.answer))
	t.Cleanup(k.Close)
	return k
}

func (k *tickets) answer(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	var body any
	if number, ok := strings.CutPrefix(r.URL.Path, "/tickets/"); ok {
		i, err := strconv.Atoi(number)
		if err != nil || k.gone[i] {
			http.NotFound(w, r)
			return
		}
		k.asked++
		if gate := k.gate; gate != nil {
			k.mu.Unlock()
			select {
			case <-gate:
			case <-r.Context().Done():
			}
			k.mu.Lock()
		}
		if k.left--; k.left == 0 && k.reach != nil {
			go k.reach()
		}
		words := strings.Repeat("The pilot ties the ferry to the pier and waits for the tide. ", 12)
		body = map[string]any{"title": "Ticket " + number, "text": "The word of this version is " + k.word(i) + ".\n\n" + words}
	} else {
		var items []any
		for i, v := range k.version {
			if !k.gone[i] {
				items = append(items, map[string]any{"id": i, "version": v})
			}
		}
		body = map[string]any{"items": items}
	}
	_ = json.NewEncoder(w).Encode(body) // whoever asked may have been killed
}

// settings of a source of kind rest that reads the tickets, as fast as it goes.
const ticketSettings = `{"list": "items", "requests_per_second": 100000, "concurrency": 4, "fields": {"id": "id", "modified": "version", "title": "title", "text": "text"}, "detail": {"url": "/tickets/{id}"}}`

// shuffle changes tickets, takes some away, and brings some back.
func (k *tickets) shuffle(count int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for range count {
		i := k.rnd.IntN(len(k.version))
		switch k.rnd.IntN(4) {
		case 0:
			k.gone[i] = true
		default:
			k.version[i]++
			delete(k.gone, i)
		}
	}
}

// names lists the tickets as ls should list them.
func (k *tickets) want() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var names []string
	for i := range k.version {
		if !k.gone[i] {
			names = append(names, fmt.Sprintf("tickets:%d", i))
		}
	}
	slices.Sort(names)
	return names
}

// dies runs the program until it has asked for so many texts, and a moment longer, and
// kills it then. ready is called when it has been started. It reports whether the program
// was killed before it ended, and else its exit code.
func (k *tickets) dies(cmd *exec.Cmd, texts int, moment time.Duration, ready func(ended <-chan struct{})) (killed bool, code int) {
	k.t.Helper()
	var errs bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &errs
	}
	k.mu.Lock()
	k.left, k.reach = texts, func() { time.AfterFunc(moment, func() { _ = cmd.Process.Kill() }) }
	k.mu.Unlock()
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its state tells
		close(ended)
	}()
	if ready != nil {
		ready(ended)
	}
	<-ended // command bounds the time
	k.mu.Lock()
	k.reach = nil
	k.mu.Unlock()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if code = cmd.ProcessState.ExitCode(); !ok || code > 1 {
		k.t.Fatalf("%q: %v\n%s", cmd.Args[3:], cmd.ProcessState, errs.String())
	}
	return status.Signaled(), code
}

// listed is a job as jobs ls prints it.
type listed struct {
	job
	Kind, Source, Error string
	Interrupted         bool
}

// jobs lists the jobs, newest first.
func (p program) jobs(args ...string) []listed {
	p.t.Helper()
	return decode[listed](p.t, p.ok(append([]string{"jobs", "ls", "--json"}, args...)...))
}

// interrupted waits until the job whose process was killed counts as interrupted, and
// returns it.
func (p program) interrupted() listed {
	p.t.Helper()
	for end := time.Now().Add(longest); ; {
		list := p.jobs("--open")
		switch {
		case len(list) != 1:
			p.t.Fatalf("open jobs: %+v", list)
		case list[0].Interrupted:
			return list[0]
		case time.Now().After(end):
			p.t.Fatalf("the job of a process that was killed is shown as %+v", list[0])
		}
	}
}

// TestKilledInASyncJob kills whoever reads a source at random moments of the reading: a
// sync of the command line, a server with a job, a jobs run that goes on with that. Between
// two kills tickets change, vanish and come back. The job list says what is true, and after
// one reading that nobody disturbs there is what the source has: no document is lost or
// double, and none that is gone, nor a version before, still answers.
func TestKilledInASyncJob(t *testing.T) {
	if testing.Short() {
		t.Skip("kills many processes")
	}
	t.Parallel()
	const kills, most, count = 14, 60, 300
	k := newTickets(t, count)
	k.ok("sources", "add", k.URL, "--kind", "rest", "--settings", ticketSettings, "--name", "tickets")
	killed, turns := 0, 0 // of these, turns of the job that is open now
	for run := 0; killed < kills; run++ {
		if run == most {
			t.Fatalf("of %d runs only %d were killed", run, killed)
		}
		texts, moment := 1+k.rnd.IntN(60), time.Duration(k.rnd.Int64N(int64(400*time.Millisecond)))
		open := k.jobs("--open")
		worked := true // on the job, and is no sync of the command line
		var died bool
		var code int
		switch {
		case len(open) == 0 && run%3 == 1:
			turns = 0
			died, code = k.killServer(texts, moment)
		case len(open) == 1 && (open[0].Interrupted || open[0].State == rag.JobQueued):
			died, code = k.dies(k.command("jobs", "run"), texts, moment, nil)
		default:
			worked = false
			died, code = k.dies(k.command("sync"), texts, moment, nil)
		}
		if died {
			killed++
		} else if code != 0 && (!worked || k.jobs()[0].State != rag.JobFailed || turns < 5) {
			t.Errorf("run %d: exit code %d", run, code)
		}
		open = k.jobs("--open")
		switch {
		case died && worked && len(open) == 1 && open[0].State == rag.JobRunning:
			turns++
		case died && worked && len(open) == 0: // killed after the end of the job
			if last := k.jobs()[0]; last.State != rag.JobDone {
				t.Errorf("run %d: the job was interrupted and is shown as %+v", run, last)
			}
			same(t, "documents of a job that is done", k.names(), k.want())
		case worked && !died && len(open) != 0:
			t.Errorf("run %d: the job has ended and is shown as %+v", run, open)
		}
		if k.sound(nil); t.Failed() {
			t.Fatalf("after run %d", run)
		}
		k.shuffle(50)
	}
	t.Logf("%d kills, %d of the last job", killed, turns)

	// What is left of the job goes on with whoever comes, or, given up, when it is asked to.
	if open := k.jobs("--open"); len(open) == 1 {
		if left := k.interrupted(); left.Source != "tickets" || left.Kind != "sync" {
			t.Errorf("%+v", left)
		}
		if out := k.ok("jobs", "ls"); !strings.Contains(out, "interrupted") {
			t.Errorf("jobs ls:\n%s", out)
		}
		k.run("", "jobs", "run")
		last := k.jobs()[0]
		if last.State == rag.JobFailed && turns >= 5 && strings.Contains(last.Error, "killed each time") {
			k.ok("jobs", "retry", string(last.ID))
			last = k.jobs()[0]
		}
		if last.State != rag.JobDone || last.Progress.Failed != 0 {
			t.Errorf("in the end: %+v", last)
		}
		k.shuffle(50)
	}
	if got := k.sync(0); !strings.HasSuffix(got, " 0!") {
		t.Errorf("the reading that nobody disturbs: %s", got)
	}
	k.mu.Lock()
	k.asked = 0
	k.mu.Unlock()
	if got, want := k.sync(0), fmt.Sprintf("tickets: 0+ 0~ %d= 0- 0!", len(k.want())); got != want || k.asked != 0 {
		t.Errorf("one more: %s, want %s, and %d texts were asked for", got, want, k.asked)
	}
	same(t, "in the end", k.names(), k.want())
	if open := k.jobs("--open"); len(open) != 0 {
		t.Errorf("open jobs: %+v", open)
	}
	k.sound(nil)
	k.serve(func(s served) {
		for i, v := range k.version {
			for old := range v + 1 {
				word, want := fmt.Sprintf("zq%dv%d", i, old), 0
				if old == v && !k.gone[i] {
					want = 1
				}
				if found := s.finds(word); len(found) != want {
					t.Errorf("%s, version %d of ticket %d (%d, gone: %v), is found %d times", word, old, i, v, k.gone[i], len(found))
				}
			}
		}
	})
}

// killServer has a server read the tickets in a job and kills it, at the latest when the
// job has ended: what has changed may be less than what the kill waits for.
func (k *tickets) killServer(texts int, moment time.Duration) (killed bool, code int) {
	k.t.Helper()
	address := make(chan string, 1)
	server := k.command("serve", "--addr", "127.0.0.1:0")
	server.Stderr = &watched{address: address}
	return k.dies(server, texts, moment, func(ended <-chan struct{}) {
		base := <-address
		served{k.program, base}.request(http.StatusAccepted, http.MethodPost, "/api/v1/collections/default/sources/tickets/sync", "", nil)
		for len(k.jobs("--open")) > 0 {
			select {
			case <-ended:
				return
			default:
			}
		}
		_ = server.Process.Kill() // it may be dead already
	})
}

// A source has one reader at a time: jobs that two servers are asked for are one, a sync
// of the command line is refused while it is worked on, and a job waits for a sync.
func TestTwoReadersOfASource(t *testing.T) {
	t.Parallel()
	const count = 30
	k := newTickets(t, count)
	k.ok("sources", "add", k.URL, "--kind", "rest", "--settings", ticketSettings, "--name", "tickets")
	const path = "/api/v1/collections/default/sources/tickets/sync"
	ask := func(s served) (id rag.JobID) {
		t.Helper()
		var made job
		if err := json.Unmarshal(s.request(http.StatusAccepted, http.MethodPost, path, "", nil), &made); err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	shut := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.gate, k.asked = make(chan struct{}), 0
	}
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(longest / 2); !is(); {
			if time.Now().After(end) {
				t.Fatalf("%s: not within %s", what, longest/2)
			}
		}
	}
	read := func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.asked > 0
	}
	done := func() bool { return len(k.jobs("--open")) == 0 }
	k.serve(func(one served) {
		k.serve(func(two served) {
			shut()
			first, second := ask(one), ask(two)
			if first != second {
				t.Errorf("jobs %s and %s of one source", first, second)
			}
			until("reading", read)
			if r := k.run("", "sync"); r.code == 0 || !strings.Contains(r.err, "is being read") {
				t.Errorf("a sync meanwhile: %d\n%s%s", r.code, r.out, r.err)
			}
			close(k.gate)
			until("the job", done)
			if list := k.jobs(); len(list) != 1 || list[0].State != rag.JobDone || list[0].Progress.Added != count || k.asked != count {
				t.Errorf("%+v, and %d texts were asked for", list, k.asked)
			}

			k.version[3]++
			shut()
			cmd := k.command("sync")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			until("reading by the command", read)
			ask(two)
			until("the turn of the job", func() bool { return k.jobs()[0].State == rag.JobRunning })
			close(k.gate)
			if err := cmd.Wait(); err != nil {
				t.Errorf("the sync: %v", err)
			}
			until("the job that waited", done)
			if last := k.jobs()[0]; last.State != rag.JobDone || last.Progress.Unchanged != count || last.Progress.Done != count || k.asked != 1 {
				t.Errorf("%+v, and %d texts were asked for", last, k.asked)
			}
		})
	})
	same(t, "in the end", k.names(), k.want())
	k.sound(nil)
}
