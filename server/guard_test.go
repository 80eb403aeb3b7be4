package server_test

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/api"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/servertest"
)

var testKeys = []auth.Key{
	{Name: "boss", Secret: "boss-secret", Tenant: "acme", Admin: true},
	{Name: "alice", Secret: "alice-secret", Tenant: "acme", Principals: []string{"alice", "staff"}},
	{Name: "other", Secret: "other-secret", Tenant: "globex", Principals: []string{"alice"}},
}

func TestKeys(t *testing.T) {
	c := newClient(t, server.Config{Keys: testKeys, Metrics: http.NotFoundHandler()})
	const docs, search = "/api/v1/collections/x/documents", "/api/v1/collections/x/search"
	boss, alice, other := "Bearer boss-secret", "bearer alice-secret", "Bearer other-secret"

	for _, path := range []string{docs, "/api/v1/stats", "/metrics", "/api/v1/collections", "/nothing"} {
		for _, bad := range []string{"", "Bearer", "Bearer ", "Bearer boss-secre", "Basic boss-secret", "Bearer boss-secret2"} {
			w := c.do("GET", path, nil, "Authorization", bad)
			if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" || !strings.Contains(w.Header().Get("Content-Type"), "problem+json") {
				t.Errorf("%s with %q: %d %s", path, bad, w.Code, w.Body)
			}
		}
	}
	for _, path := range []string{"/health", "/ready", "/openapi.json", "/docs"} {
		if w := c.do("GET", path, nil); w.Code != http.StatusOK {
			t.Errorf("%s without a key: %d", path, w.Code)
		}
	}
	c.want(403, c.do("GET", "/metrics", nil, "Authorization", alice), nil)
	c.want(404, c.do("GET", "/metrics", nil, "Authorization", boss), nil)

	c.want(200, c.do("POST", docs, `{"documents":[
		{"external_id":"open","text":"whale songs"},
		{"external_id":"staff","text":"whale salaries","acl":["staff"]},
		{"external_id":"board","text":"whale merger","acl":["board"]}]}`, "Authorization", boss), nil)

	for _, call := range []string{"GET /sources", "GET /sources/a", "POST /sources/a/sync", "DELETE /sources/a?documents=keep"} {
		method, path, _ := strings.Cut(call, " ")
		c.want(403, c.do(method, "/api/v1/collections/x"+path, nil, "Authorization", alice), nil)
	}
	c.want(403, c.do("POST", "/api/v1/collections/x/sources", `{"name":"a","kind":"web","settings":{}}`, "Authorization", alice), nil)
	c.want(403, c.do("POST", "/api/v1/collections/x/sources", `{"name":"a","kind":"web","settings":{}}`, "Authorization", boss), nil) // no kind is allowed
	c.want(200, c.do("GET", "/api/v1/collections/x/sources", nil, "Authorization", boss), nil)

	ask := func(key string, headers ...string) int {
		var res api.SearchResponse
		c.want(200, c.do("POST", search, `{"query":"whale"}`, append(headers, "Authorization", key)...), &res)
		return len(res.Hits)
	}
	if n := ask(alice); n != 2 {
		t.Errorf("alice finds %d", n)
	}
	if n := ask(boss); n != 1 {
		t.Errorf("an admin without principals finds %d: the right to manage must not count in answers", n)
	}
	if n := ask(boss, auth.PrincipalsHeader, "board,staff"); n != 3 {
		t.Errorf("on behalf of the board: %d", n)
	}
	c.want(403, c.do("POST", search, `{"query":"whale"}`, "Authorization", alice, auth.PrincipalsHeader, "board"), nil)
	c.want(403, c.do("POST", search, `{"query":"whale"}`, "Authorization", alice, auth.TenantHeader, "globex"), nil)
	c.want(404, c.do("POST", search, `{"query":"whale"}`, "Authorization", other), nil)

	list := func(key string) int {
		var page api.DocumentList
		c.want(200, c.do("GET", docs, nil, "Authorization", key), &page)
		return len(page.Documents)
	}
	if a, b := list(alice), list(boss); a != 2 || b != 3 {
		t.Errorf("alice lists %d, boss %d", a, b)
	}
	c.want(403, c.do("DELETE", "/api/v1/collections/x", nil, "Authorization", alice), nil)

	var out api.AddedDocuments
	c.want(200, c.do("POST", docs, `{"documents":[{"external_id":"board","text":"overwritten"},{"external_id":"staff","text":"raise","acl":["staff"]}]}`, "Authorization", alice), &out)
	if out.Documents[0].State != rag.Failed || out.Documents[1].State != rag.Updated {
		t.Errorf("alice replaces a document that she may not see: %+v", out)
	}
	c.want(204, c.do("DELETE", "/api/v1/collections/x", nil, "Authorization", boss), nil)
}

func TestOpenServerHeaders(t *testing.T) {
	c := newClient(t, server.Config{})
	c.want(200, c.do("POST", "/api/v1/collections/x/documents", `{"documents":[{"text":"whale","acl":["alice"]}]}`, auth.TenantHeader, "acme"), nil)
	var res api.SearchResponse
	c.want(200, c.do("POST", "/api/v1/collections/x/search", `{"query":"whale"}`, auth.TenantHeader, "acme", auth.PrincipalsHeader, " bob , alice"), &res)
	if len(res.Hits) != 1 {
		t.Errorf("alice finds %d", len(res.Hits))
	}
	c.want(200, c.do("POST", "/api/v1/collections/x/search", `{"query":"whale"}`, auth.TenantHeader, "acme"), &res)
	if len(res.Hits) != 0 {
		t.Errorf("nobody finds %d", len(res.Hits))
	}
	c.want(404, c.do("GET", "/api/v1/collections/x", nil), nil)
	c.want(400, c.do("GET", "/api/v1/collections/x", nil, auth.TenantHeader, "a/b"), nil)
	c.want(400, c.do("GET", "/api/v1/collections/x", nil, auth.PrincipalsHeader, strings.Repeat("a,", 300)), nil)
}

func TestFaultyKeysAreReportedTogether(t *testing.T) {
	_, err := server.New(server.Config{Service: servertest.New(), AllowedOrigins: []string{"nonsense"}, MaxBody: -1, Keys: []auth.Key{
		{Name: "empty"}, {Name: "short", Secret: "x"}, {Name: "hash", SHA256: "zz"}, {Name: "a", Secret: "same-secret"}, {Name: "b", Secret: "same-secret"},
	}})
	for _, want := range []string{"empty", "short", "hash", `"b"`, "nonsense", "MaxBody"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "same-secret") {
		t.Error("the error holds a secret")
	}
}

func TestRebindingAndForeignOrigins(t *testing.T) {
	h, err := server.New(server.Config{Service: servertest.New(), AllowedHosts: []string{"rag.example.org"}, AllowedOrigins: []string{"https://app.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	port := s.Listener.Addr().(*net.TCPAddr).Port
	try := func(method, host string, headers ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/api/v1/collections", strings.NewReader(`{"name":"a"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	_ = port
	for host, ok := range map[string]bool{
		"localhost": true, "localhost:8000": true, "127.0.0.1:8000": true, "[::1]:8000": true, "127.9.9.9": true, "LOCALHOST.": true,
		"rag.example.org": true, "rag.example.org:8000": true, "app.localhost": true,
		"evil.example": false, "evil.example:8000": false, "localhost.evil.example": false, "10.0.0.1": false, "0.0.0.0:8000": false,
	} {
		if res := try("GET", host); (res.StatusCode != http.StatusMisdirectedRequest) != ok {
			t.Errorf("Host %q: %d", host, res.StatusCode)
		}
	}
	for name, c := range map[string]struct {
		headers []string
		refused bool
	}{
		"no browser":    {nil, false},
		"same origin":   {[]string{"Sec-Fetch-Site", "same-origin"}, false},
		"cross site":    {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, true},
		"same site":     {[]string{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:9"}, true},
		"old browser":   {[]string{"Origin", "https://evil.example"}, true},
		"allowed":       {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://app.example.org"}, false},
		"null":          {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, true},
		"own by origin": {[]string{"Origin", "http://localhost"}, false},
	} {
		if res := try("POST", "localhost", c.headers...); (res.StatusCode == http.StatusForbidden) != c.refused {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	res := try("OPTIONS", "localhost", "Origin", "https://app.example.org", "Access-Control-Request-Method", "POST")
	if res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Origin") != "https://app.example.org" {
		t.Errorf("preflight: %d %v", res.StatusCode, res.Header)
	}
	res = try("OPTIONS", "localhost", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of a stranger: %d %v", res.StatusCode, res.Header)
	}
}

func TestLogLine(t *testing.T) {
	var log bytes.Buffer
	var seen []server.RequestInfo
	c := newClient(t, server.Config{
		Logger: slog.New(slog.NewJSONHandler(&log, nil)), Keys: testKeys,
		OnRequest: func(i server.RequestInfo) { seen = append(seen, i) },
	})
	w := c.do("POST", "/api/v1/collections/private-name/search", `{"query":"what is my secret question"}`, "Authorization", "Bearer boss-secret", "X-Request-ID", "abc-123")
	if w.Header().Get("X-Request-ID") != "abc-123" || !strings.Contains(w.Body.String(), `"request_id":"abc-123"`) {
		t.Errorf("id %q, %s", w.Header().Get("X-Request-ID"), w.Body)
	}
	line := log.String()
	for _, want := range []string{`"method":"POST"`, `"route":"POST /api/v1/collections/{name}/search"`, `"status":404`, `"request_id":"abc-123"`, `"tenant":"acme"`} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is missing in %s", want, line)
		}
	}
	for _, never := range []string{"boss-secret", "private-name", "question"} {
		if strings.Contains(line, never) {
			t.Errorf("%s is in %s", never, line)
		}
	}
	if len(seen) != 1 || seen[0].Status != 404 || seen[0].Tenant != "acme" || seen[0].Bytes == 0 {
		t.Errorf("told %+v", seen)
	}
	if w := c.do("GET", "/health", nil, "X-Request-ID", "bad id\nwith \"quotes\""); strings.ContainsAny(w.Header().Get("X-Request-ID"), "\n\" ") || len(w.Header().Get("X-Request-ID")) != 24 {
		t.Errorf("id %q", w.Header().Get("X-Request-ID"))
	}
}

func TestPanicIsA500(t *testing.T) {
	var log bytes.Buffer
	fake := servertest.New()
	fake.Fail = func(string) error { panic("boom") }
	c := newClient(t, server.Config{Service: fake, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	w := c.do("GET", "/api/v1/stats", nil)
	if w.Code != 500 || strings.Contains(w.Body.String(), "boom") || !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "guard_test.go") {
		t.Errorf("%d %s\n%s", w.Code, w.Body, log.String())
	}
}

func TestReady(t *testing.T) {
	fake := servertest.New()
	for _, tt := range []struct {
		checks []rag.Health
		status int
		says   string
	}{
		{[]rag.Health{{Name: "store", OK: true, Needed: true}}, 200, `"ready"`},
		{[]rag.Health{{Name: "store", OK: true, Needed: true}, {Name: "llm", Detail: "10.0.0.1 refused"}}, 200, `"degraded"`},
		{[]rag.Health{{Name: "store", Needed: true, Detail: "10.0.0.1 refused"}, {Name: "llm"}}, 503, `"unavailable"`},
	} {
		fake.Checks = tt.checks
		for _, keys := range [][]auth.Key{nil, testKeys} {
			w := newClient(t, server.Config{Service: fake, Keys: keys}).do("GET", "/ready", nil)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) || (keys != nil && strings.Contains(w.Body.String(), "10.0.0.1")) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
	}
}
