package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// job is what the verbs print of one, and the server.
type job struct {
	ID       rag.JobID
	State    rag.JobState
	Progress rag.Progress
}

// TestJobsAfterAKill hands a server work and kills it at once: whoever comes next does all
// of it, once.
func TestJobsAfterAKill(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	const good = 60
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file := func(name, content string) {
		w, err := form.CreateFormFile("files", name)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range good {
		file(fmt.Sprintf("note%d.md", i), fmt.Sprintf("# Note %d\n\nThe word is zq%d.\n\n%s", i, i, strings.Repeat("Something else stands here. ", 40)))
	}
	file("broken.pdf", "%PDF-1.7 and no more")
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}

	address := make(chan string, 1)
	server := p.command("serve", "--addr", "127.0.0.1:0")
	server.Stderr = &watched{address: address}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(<-address+"/api/v1/collections/default/jobs", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	var made job
	err = json.NewDecoder(resp.Body).Decode(&made)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusAccepted || !strings.HasSuffix(resp.Header.Get("Location"), string(made.ID)) {
		t.Fatalf("%s, %+v, %v", resp.Status, made, err)
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // it was killed

	if open := decode[job](t, p.ok("jobs", "ls", "--open", "--json")); len(open) != 1 || open[0].ID != made.ID {
		t.Fatalf("open jobs %+v", open)
	}
	r := p.run("", "jobs", "run", "--json")
	done := decode[job](t, r.out)
	if r.code != 1 || len(done) != 1 || done[0].State != rag.JobDone {
		t.Fatalf("exit code %d, jobs %+v\n%s", r.code, done, r.err)
	}
	if got := done[0].Progress; got.Done != good+1 || got.Failed != 1 || got.Added+got.Updated+got.Unchanged != good {
		t.Errorf("progress %+v", got)
	}
	if names := p.names(); len(names) != good {
		t.Errorf("%d documents are stored", len(names))
	}
	if out := p.ok("jobs", "show"); !strings.Contains(out, "broken.pdf: the PDF is damaged or cut off") || strings.Count(out, "failed") != 2 {
		t.Errorf("jobs show:\n%s", out)
	}
	if out := p.ok("jobs", "retry", string(made.ID)); !strings.Contains(out, "1 failed") {
		t.Errorf("jobs retry:\n%s", out)
	}
	p.ok("jobs", "rm", string(made.ID))
	if out := p.run("", "jobs"); out.out != "" || !strings.Contains(out.err, "No jobs.") {
		t.Errorf("jobs:\n%s%s", out.out, out.err)
	}
}
