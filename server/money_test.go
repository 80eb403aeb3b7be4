package server_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/servertest"
)

// TestBudgetWithoutRoom holds both APIs to 429, the budget's name, and the time at
// which it begins anew.
func TestBudgetWithoutRoom(t *testing.T) {
	fake := servertest.New()
	today := rag.DayOf(time.Now())
	over := &rag.Exceeded{Wanted: 5, Standing: rag.Standing{
		Limit: rag.Limit{Budget: "team", From: today, To: today, Currency: "USD", Most: 1_000_000_000}, Spent: 999_999_999,
	}}
	fake.Fail = func(method string) error {
		if method == "Collections" {
			return nil
		}
		return rag.Wrap(rag.KindExhausted, rag.Wrap(rag.KindExhausted, over, ""), "embed")
	}
	c := newClient(t, server.Config{Service: fake})
	for path, body := range map[string]string{
		"/api/v1/collections/sea/query":     `{"question":"Who?"}`,
		"/api/v1/collections/sea/search":    `{"query":"Who?","mode":"vector"}`,
		"/api/v1/collections/sea/documents": `{"documents":[{"text":"Words."}]}`,
		"/v1/chat/completions":              `{"model":"m","messages":[{"role":"user","content":"Who?"}]}`,
		"/v1/embeddings":                    `{"model":"default","input":"Who?"}`,
	} {
		w := c.do("POST", path, strings.NewReader(body), "Content-Type", "application/json")
		said := w.Body.String()
		after, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if w.Code != http.StatusTooManyRequests || err != nil || after < 1 || after > 86_400 || !strings.Contains(said, "team") || !strings.Contains(said, "0.999999999 USD of 1 USD") {
			t.Errorf("%s: %d, Retry-After %q, %s", path, w.Code, w.Header().Get("Retry-After"), said)
		}
	}
}

// TestUsageOfAKey shows a key that is no administrator what it has spent itself.
func TestUsageOfAKey(t *testing.T) {
	fake := servertest.New()
	c := newClient(t, server.Config{Service: fake, Keys: []auth.Key{
		{Name: "boss", Secret: "secret-of-boss", Admin: true}, {Name: "clerk", Secret: "secret-of-clerk"},
	}})
	as := func(who string) []string { return []string{"Authorization", "Bearer secret-of-" + who} }
	c.do("POST", "/api/v1/collections", `{"name":"sea"}`, as("boss")...)
	c.do("POST", "/api/v1/collections/sea/search", `{"query":"whale"}`, as("clerk")...)
	asked := map[string]rag.UsageQuery{}
	fake.OnUsage = func(q rag.UsageQuery) { asked[q.Key] = q }
	for who, all := range map[string]bool{"boss": true, "clerk": false} {
		w := c.do("GET", "/api/v1/usage?by=key", nil, as(who)...)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"key"`) {
			t.Errorf("%s: %d %s", who, w.Code, w.Body)
		}
		if q := asked[who]; q.OneKey == all {
			t.Errorf("%s: asked for %+v", who, q)
		}
	}
	if w := c.do("GET", "/api/v1/usage", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("without a key: %d", w.Code)
	}
}
