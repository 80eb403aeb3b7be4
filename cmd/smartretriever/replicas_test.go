//go:build servers

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// replicas returns two programs with data folders of their own and one store, and what
// else is configured. Originals are in a bucket or in one folder.
func replicas(t *testing.T) (p, q program) {
	t.Helper()
	p, q = newProgram(t), newProgram(t)
	if !slices.Contains(p.at, "SMARTRETRIEVER_STORE_NAME=postgres") {
		t.Fatal("needs a store that processes share: scripts/e2e-backends.sh")
	}
	if !slices.Contains(p.at, "SMARTRETRIEVER_BLOBS_NAME=s3") {
		p.at = append(p.at, "SMARTRETRIEVER_BLOBS_FOLDER="+p.path("originals"))
	}
	q.at = p.at
	return p, q
}

// hits returns the sources of what a search at the server finds, in a mode, and, where
// seq is not 0, as of that change.
func (s served) hits(query string, mode rag.Mode, seq int64) (sources []string, cached bool) {
	s.t.Helper()
	found := post[struct {
		Hits   []struct{ Document struct{ Source string } }
		Cached bool
	}](s, "search", fmt.Sprintf(`{"query":%q,"mode":%q,"min_seq":%d}`, query, mode, seq))
	for _, h := range found.Hits {
		sources = append(sources, h.Document.Source)
	}
	return sources, found.Cached
}

// put stores a text under an external id, and returns its id and the number of the change.
func (s served) put(name, text string) (id string, seq int64) {
	s.t.Helper()
	in := post[struct {
		Documents []struct {
			ID    string
			Seq   int64
			State rag.AddState
		}
	}](s, "documents", fmt.Sprintf(`{"documents":[{"external_id":%q,"source":%q,"text":%q}]}`, name, name, text))
	if len(in.Documents) != 1 || in.Documents[0].State != rag.Added && in.Documents[0].State != rag.Updated {
		s.t.Fatalf("%s: %+v", name, in)
	}
	return in.Documents[0].ID, in.Documents[0].Seq
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(longest); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, longest)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

var modes = []rag.Mode{rag.ModeKeyword, rag.ModeVector, rag.ModeHybrid}

// TestReplicas: of two servers with one store each shows what the other has written,
// changed and deleted, and neither answers from what was cached before.
func TestReplicas(t *testing.T) {
	t.Parallel()
	p, q := replicas(t)
	p.serve(func(a served) {
		q.serve(func(b served) {
			both := map[string][2]served{"a to b": {a, b}, "b to a": {b, a}}
			for way, s := range both {
				word := "word" + strings.ReplaceAll(way, " ", "")
				text := "The lighthouse keeper " + word + " is called Ottokar."
				name := way + ".txt"
				id, seq := s[0].put(name, text)
				for _, mode := range modes {
					if found, _ := s[1].hits(word, mode, seq); !slices.Contains(found, name) {
						t.Errorf("%s, %s: change %d is not seen with min_seq: %q", way, mode, seq, found)
					}
				}
				id2, seq2 := s[0].put("more "+name, "The ferryman "+word+" is called Balduin.")
				for _, mode := range modes {
					eventually(t, way+": seen without min_seq", func() bool {
						found, _ := s[1].hits(word, mode, 0)
						return slices.Contains(found, "more "+name)
					})
				}
				if body := s[1].call(http.MethodGet, "/api/v1/collections/default/documents/"+id+"/original", "", nil); string(body) != text {
					t.Errorf("%s: the original is %q", way, body)
				}
				if seq2 <= seq {
					t.Errorf("%s: change %d comes after %d", way, seq2, seq)
				}
				for _, gone := range []string{id, id2} {
					s[0].request(http.StatusNoContent, http.MethodDelete, "/api/v1/collections/default/documents/"+gone, "", nil)
					s[1].request(http.StatusNotFound, http.MethodGet, "/api/v1/collections/default/documents/"+gone, "", nil)
				}
				for _, mode := range modes {
					eventually(t, way+": gone in searches", func() bool {
						found, _ := s[1].hits(word, mode, 0)
						return !slices.Contains(found, name) && !slices.Contains(found, "more "+name)
					})
				}
			}
			staleAnswers(t, a, b, slices.Contains(p.at, "SMARTRETRIEVER_CACHE_NAME=redis"))
		})
	})
	if d := get[doctor](q, "doctor"); !d.Healthy {
		t.Errorf("doctor: %+v", d)
	}
	p.ok("verify")
}

// staleAnswers asks both servers the same until the answer comes out of a cache, changes
// what it was made of at one, and asks the other.
func staleAnswers(t *testing.T, a, b served, shared bool) {
	t.Helper()
	const question = `{"question":"When does the ferry sail?","min_seq":%d}`
	hours := []string{"noon", "dusk", "dawn", "midnight"}
	servers := []served{a, b}
	for i, hour := range hours {
		writer, reader := servers[i%2], servers[(i+1)%2]
		_, seq := writer.put("ferry", "The ferry sails at "+hour+" from the northern pier.")
		// A change that is asked for is in the answer, whatever was cached.
		fresh := post[rag.Answer](reader, "query", fmt.Sprintf(question, seq))
		if !strings.Contains(fresh.Text, hour) || fresh.Cached {
			t.Errorf("after the change to %s: %q, cached %v", hour, fresh.Text, fresh.Cached)
		}
		// Whoever has it in the cache has this one, here and there.
		for n, s := range []served{reader, writer} {
			// A cache that is slow on a busy machine is not waited for, so it may take more than one try.
			eventually(t, "asked again after the change to "+hour+": the answer comes from the cache", func() bool {
				again := post[rag.Answer](s, "query", fmt.Sprintf(question, 0))
				if !strings.Contains(again.Text, hour) {
					t.Errorf("asked again after the change to %s: %q, cached %v", hour, again.Text, again.Cached)
				}
				return again.Cached || n > 0 && !shared
			})
		}
	}
}

// TestReplicaTakesOverAJob kills a server that works on a job. Another, which has seen how
// far it was, does the rest: each file once.
func TestReplicaTakesOverAJob(t *testing.T) {
	t.Parallel()
	p, q := replicas(t)
	const files = 60
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := range files {
		w, err := form.CreateFormFile("files", fmt.Sprintf("note%d.md", i))
		if err == nil {
			_, err = fmt.Fprintf(w, "# Note %d\n\nThe word is zq%d.\n\n%s", i, i, strings.Repeat(fmt.Sprintf("Something else stands in note %d. ", i), 60))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	victim, base := started(t, p)
	resp, err := http.Post(base+"/api/v1/collections/default/jobs", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	var made job
	if err == nil {
		err = json.Unmarshal(data, &made)
	}
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%s, %v\n%s", resp.Status, err, data)
	}
	q.serve(func(s served) {
		progress := func() (j job) {
			if err := json.Unmarshal(s.call(http.MethodGet, "/api/v1/collections/default/jobs/"+string(made.ID), "", nil), &j); err != nil {
				t.Fatal(err)
			}
			return j
		}
		var last job
		eventually(t, "the other server sees how far the job is", func() bool {
			last = progress()
			return last.Progress.Done > 0
		})
		if last.State != rag.JobRunning {
			t.Fatalf("the job has ended before its server was killed: %+v", last)
		}
		if err := victim.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = victim.Wait() // it was killed
		// What was reported and not recorded yet is counted again by whoever goes on.
		eventually(t, "the job is taken over and done", func() bool {
			last = progress()
			return last.State != rag.JobRunning && last.State != rag.JobQueued
		})
		if got := last.Progress; last.State != rag.JobDone || got.Done != files || got.Failed != 0 || got.Added+got.Updated+got.Unchanged != files {
			t.Errorf("%+v", last)
		}
		for _, i := range []int{0, files / 2, files - 1} {
			name := fmt.Sprintf("note%d.md", i)
			eventually(t, "the last files are found", func() bool { return slices.Equal(slices.Compact(s.finds(fmt.Sprintf("zq%d", i))), []string{name}) })
		}
	})
	if names := q.names(); len(names) != files {
		t.Errorf("%d documents are stored", len(names))
	}
	if d := get[doctor](q, "doctor"); !d.Healthy {
		t.Errorf("doctor: %+v", d)
	}
}

// started starts a server that is not ended, and returns it with its address.
func started(t *testing.T, p program) (*exec.Cmd, string) {
	t.Helper()
	address := make(chan string, 1)
	cmd := p.command("serve", "--addr", "127.0.0.1:0")
	errs := &watched{address: address}
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case base := <-address:
		return cmd, base
	case <-time.After(longest):
		t.Fatalf("the server does not start:\n%s", errs.text.String())
		return nil, ""
	}
}

// TestDoctorNamesServers: doctor says which servers it has found, and /metrics how far a
// replica is behind.
func TestDoctorNamesServers(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	want := map[string]string{"store": "sqlite", "originals": "folder"}
	if p.setting("STORE_NAME") == "postgres" {
		want["store"] = "PostgreSQL 15."
	}
	if p.setting("STORE_POSTGRES_REPLICAS") != "" {
		want["replicas"] = "127.0.0.1:"
	}
	if p.setting("CACHE_NAME") == "redis" {
		want["cache"] = "redis 7."
	}
	if bucket := p.setting("BLOBS_BUCKET"); bucket != "" {
		want["originals"] = bucket
	}
	if name, ok := map[string]string{"pgvector": "pgvector", "chroma": "Chroma", "milvus": "Milvus", "weaviate": "Weaviate"}[p.setting("INDEX_VECTORS")]; ok {
		want["vectors"] = name
	}
	d := get[doctor](p, "doctor")
	if !d.Healthy {
		t.Errorf("%+v", d)
	}
	for _, c := range d.Checks {
		if name, ok := want[c.Name]; ok && c.OK && strings.Contains(strings.ToLower(c.Detail), strings.ToLower(name)) {
			delete(want, c.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("doctor does not show %v: %+v", want, d.Checks)
	}
	p.serve(func(s served) {
		metrics := string(s.call(http.MethodGet, "/metrics", "", nil))
		if behind := strings.Contains(metrics, "\nsmartretriever_store_replica_lag_seconds{"); behind != (p.setting("STORE_POSTGRES_REPLICAS") != "") {
			t.Errorf("/metrics shows a replica: %v\n%s", behind, metrics)
		}
	})
}

// TestDoctorWarnsOfASuperuser: a role that row-level security does not hold is named, and
// works all the same.
func TestDoctorWarnsOfASuperuser(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	super := os.Getenv("PG_SUPER_URL")
	if p.setting("STORE_NAME") != "postgres" || super == "" {
		t.Fatal("needs PostgreSQL: scripts/e2e-backends.sh")
	}
	p.env = []string{"SMARTRETRIEVER_STORE_POSTGRES_URL=" + super, "SMARTRETRIEVER_STORE_POSTGRES_PGBOUNCER=false"}
	d := get[doctor](p, "doctor")
	for _, c := range d.Checks {
		if c.Name == "store set-up" && !c.OK && strings.Contains(c.Detail, "superuser") && d.Healthy {
			return
		}
	}
	t.Errorf("%+v", d)
}
