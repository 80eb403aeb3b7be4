package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/api"
	"github.com/smartretriever/smartretriever/server/servertest"
)

func TestDescriptionIsWholeAndServed(t *testing.T) {
	c := newClient(t, server.Config{Version: "1.2.3"})
	w := c.do("GET", "/openapi.json", nil)
	var spec struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			OperationID string
			Responses   map[string]any
		}
		Components struct{ Schemas map[string]any }
	}
	c.want(http.StatusOK, w, &spec)
	if !strings.HasPrefix(spec.OpenAPI, "3.1") || spec.Info.Version != "1.2.3" {
		t.Errorf("openapi %q, version %q", spec.OpenAPI, spec.Info.Version)
	}
	ids := map[string]bool{}
	for path, methods := range spec.Paths {
		for method, op := range methods {
			if op.OperationID == "" || ids[op.OperationID] || op.Responses["default"] == nil {
				t.Errorf("%s %s: operation id %q, responses %v", method, path, op.OperationID, op.Responses)
			}
			ids[op.OperationID] = true
		}
	}
	const operations = 37
	if len(ids) != operations {
		t.Errorf("%d operations are described, want %d: %v", len(ids), operations, ids)
	}
	// Every reference leads somewhere.
	for _, part := range strings.Split(w.Body.String(), `"$ref":"`)[1:] {
		ref, _, _ := strings.Cut(part, `"`)
		if spec.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
			t.Errorf("reference %q leads nowhere", ref)
		}
	}
	if w := c.do("GET", "/openapi.yaml", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "openapi: 3.1") {
		t.Errorf("yaml: %d %.80s", w.Code, w.Body)
	}
}

func TestDocsPageLoadsNothingFromElsewhere(t *testing.T) {
	c := newClient(t, server.Config{})
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css"} {
		w := c.do("GET", path, nil)
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "://") {
			t.Errorf("%s: status %d, or it names another origin", path, w.Code)
		}
	}
}

func TestKindsBecomeStatuses(t *testing.T) {
	for kind, status := range map[rag.Kind]int{
		rag.KindInvalid: 400, rag.KindNotFound: 404, rag.KindConflict: 409, rag.KindUnauthorized: 403, rag.KindRefused: 403,
		rag.KindExhausted: 429, rag.KindUnavailable: 503, rag.KindInternal: 500,
	} {
		fake := servertest.New()
		fake.Fail = func(string) error { return rag.Errorf(kind, "told so") }
		c := newClient(t, server.Config{Service: fake})
		var p struct {
			Status int
			Kind   rag.Kind
			Detail string
		}
		w := c.do("POST", "/api/v1/collections/x/search", `{"query":"q"}`)
		c.want(status, w, &p)
		if p.Kind != kind || p.Status != status || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s (%s)", kind, w.Body, w.Header().Get("Content-Type"))
		}
		if strings.Contains(p.Detail, "told so") != (kind != rag.KindInternal) {
			t.Errorf("%s: detail %q", kind, p.Detail)
		}
	}
}

func TestCausesStayInTheLog(t *testing.T) {
	for name, err := range map[string]error{
		"plain":       errors.New("pq: password of db7 is hunter2"),
		"internal":    rag.Wrap(rag.KindInternal, errors.New("db7 hunter2"), "read"),
		"unavailable": rag.Wrap(rag.KindUnavailable, errors.New("dial db7: hunter2"), "the store is down"),
		"formatted":   rag.Errorf(rag.KindUnavailable, "the store: %w", errors.New("dial db7 hunter2")),
	} {
		var log bytes.Buffer
		fake := servertest.New()
		fake.Fail = func(string) error { return err }
		c := newClient(t, server.Config{Service: fake, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
		w := c.do("GET", "/api/v1/stats", nil)
		if strings.Contains(w.Body.String(), "hunter2") || w.Code < 500 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if !strings.Contains(log.String(), "hunter2") || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s: log %q", name, log.String())
		}
	}
}

func TestTooManyDocuments(t *testing.T) {
	c := newClient(t, server.Config{})
	docs := make([]map[string]string, api.MaxDocuments+1)
	for i := range docs {
		docs[i] = map[string]string{"external_id": fmt.Sprint(i), "text": "words"}
	}
	if w := c.do("POST", "/api/v1/collections/x/documents", map[string]any{"documents": docs}); w.Code != 422 {
		t.Errorf("1,001 documents: %d", w.Code)
	}
	var out api.AddedDocuments
	c.want(200, c.do("POST", "/api/v1/collections/x/documents", map[string]any{"documents": docs[:api.MaxDocuments]}), &out)
	for i, d := range out.Documents {
		if d.State != rag.Added || d.ExternalID != fmt.Sprint(i) || d.ID == "" || d.Error != nil {
			t.Fatalf("document %d: %+v", i, d)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	c := newClient(t, server.Config{MaxBody: 1000})
	long := `{"query":"` + strings.Repeat("a", 2000) + `"}`
	for path, body := range map[string]string{
		"/api/v1/collections/x/search":    long,
		"/api/v1/collections/x/documents": long,
		"/v1/embeddings":                  long,
	} {
		if w := c.do("POST", path, body); w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		// Of unknown length: the limit must hold while reading.
		if w := c.do("POST", path, struct{ io.Reader }{strings.NewReader(body)}); w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, chunked: %d %s", path, w.Code, w.Body)
		}
	}
}

func form(t *testing.T, files map[string]string, fields map[string]string) (body string, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, content := range files {
		p, err := w.CreateFormFile("file", name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestUploadLimitsAndTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	c := newClient(t, server.Config{MaxUpload: 1 << 20, MaxForm: 4 << 20, TempDir: dir})
	body, contentType := form(t, map[string]string{
		"small.txt": "one small file",
		"large.txt": strings.Repeat("large ", 100_000), // over what is held in memory
		"huge.txt":  strings.Repeat("huge  ", 200_000), // over the limit
	}, map[string]string{"metadata": `{"a":1}`})
	var out api.AddedDocuments
	c.want(200, c.do("POST", "/api/v1/collections/x/documents", body, "Content-Type", contentType), &out)
	states := map[string]rag.AddState{}
	for _, d := range out.Documents {
		states[d.Source] = d.State
		if d.Source == "huge.txt" && (d.Error == nil || !strings.Contains(*d.Error, "huge.txt is larger than the limit")) {
			t.Errorf("huge.txt: %v", d.Error)
		}
	}
	if states["small.txt"] != rag.Added || states["large.txt"] != rag.Added || states["huge.txt"] != rag.Failed {
		t.Errorf("states %v", states)
	}

	body, contentType = form(t, map[string]string{"a.txt": strings.Repeat("a", 1<<20), "b.txt": strings.Repeat("b", 1<<20), "c.txt": strings.Repeat("c", 3<<20)}, nil)
	if w := c.do("POST", "/api/v1/collections/x/documents", body, "Content-Type", contentType); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a form over the limit: %d %s", w.Code, w.Body)
	}
	if w := c.do("POST", "/api/v1/collections/x/documents", body[:len(body)/3], "Content-Type", contentType); w.Code != http.StatusBadRequest {
		t.Errorf("a form cut off: %d %s", w.Code, w.Body)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files left: %v, %v", left, err)
	}
}

func TestFormFaults(t *testing.T) {
	c := newClient(t, server.Config{})
	one := map[string]string{"a.txt": "words"}
	two := map[string]string{"a.txt": "words", "b.txt": "words"}
	for name, f := range map[string]struct {
		files, fields map[string]string
		says          string
	}{
		"no file":       {nil, map[string]string{"title": "x"}, "no file"},
		"unknown field": {one, map[string]string{"acls": "x"}, "acls"},
		"metadata":      {one, map[string]string{"metadata": "[1]"}, "JSON object"},
		"nested":        {one, map[string]string{"metadata": `{"a":{"b":1}}`}, "metadata"},
		"acl":           {one, map[string]string{"acl": "[1]"}, "acl"},
		"force":         {one, map[string]string{"force": "yes"}, "force"},
		"shared id":     {two, map[string]string{"external_id": "x"}, "external_id"},
	} {
		body, contentType := form(t, f.files, f.fields)
		if w := c.do("POST", "/api/v1/collections/x/documents", body, "Content-Type", contentType); w.Code != 400 || !strings.Contains(w.Body.String(), f.says) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestReplacingKeepsTheAccessList(t *testing.T) {
	c := newClient(t, server.Config{})
	var added api.AddedDocuments
	c.want(200, c.do("POST", "/api/v1/collections/x/documents", `{"documents":[{"external_id":"a","text":"one","acl":["alice"],"metadata":{"y":1}}]}`), &added)
	path := "/api/v1/collections/x/documents/" + string(added.Documents[0].ID)
	var doc api.Document
	c.want(200, c.do("PUT", path, `{"text":"two"}`), &doc)
	if len(doc.ACL) != 1 || doc.Metadata["y"].Number() != 1 || doc.Version != 2 {
		t.Errorf("replaced: %+v", doc)
	}
	c.want(200, c.do("PUT", path, `{"text":"three","acl":[]}`), &doc)
	if len(doc.ACL) != 0 {
		t.Errorf("opened: %+v", doc)
	}
	c.want(400, c.do("PUT", path, `{"text":"three","external_id":"b"}`), nil)
	c.want(422, c.do("PUT", path, "{\"text\":\"\\u0000\"}"), nil)
}

func TestArchiveHasAVerdictForEachFile(t *testing.T) {
	c := newClient(t, server.Config{})
	body, contentType := form(t, map[string]string{"a.txt": "words", "b.zip": "one\n\x00\nthree", "c.txt": "more"}, nil)
	var added api.AddedDocuments
	c.want(200, c.do("POST", "/api/v1/collections/x/documents", body, "Content-Type", contentType), &added)
	var got []string
	for _, d := range added.Documents {
		got = append(got, d.ExternalID+" "+string(d.State))
	}
	slices.Sort(got)
	if want := []string{"a.txt added", "b.zip!/1 added", "b.zip!/2 failed", "b.zip!/3 added", "c.txt added"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// A document that is replaced stays one.
	body, contentType = form(t, map[string]string{"b.zip": "one\ntwo"}, nil)
	var doc api.Document
	c.want(200, c.do("PUT", "/api/v1/collections/x/documents/"+string(added.Documents[0].ID), body, "Content-Type", contentType), &doc)
}

func TestStreamErrorAfterTheFirstEvent(t *testing.T) {
	fake := servertest.New()
	fake.BeforeAnswer = func(context.Context) error { return rag.Errorf(rag.KindUnavailable, "the model is down") }
	c := newClient(t, server.Config{Service: fake})
	c.want(200, c.do("POST", "/api/v1/collections/x/documents", `{"documents":[{"text":"some words here"}]}`), nil)
	w := c.do("POST", "/api/v1/collections/x/query", `{"question":"some words?","stream":true}`)
	if !strings.HasPrefix(w.Body.String(), "event: hits\n") || !strings.Contains(w.Body.String(), "event: error\ndata: {\"type\":\"about:blank\"") ||
		!strings.Contains(w.Body.String(), "the model is down") {
		t.Errorf("%s", w.Body)
	}
}

func TestAnswersAreJSONWithoutHTMLEscapes(t *testing.T) {
	c := newClient(t, server.Config{})
	c.want(200, c.do("POST", "/api/v1/collections/x/documents", `{"documents":[{"text":"a < b && c > d <script>alert(1)</script> words"}]}`), nil)
	w := c.do("POST", "/api/v1/collections/x/search", `{"query":"words"}`)
	if !strings.Contains(w.Body.String(), "<script>") || w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	var any map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &any); err != nil {
		t.Error(err)
	}
}
