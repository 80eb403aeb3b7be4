package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

const appSecret = "app~secret-0123"

// authority issues tokens t1, t2, ... and lets the service in with the newest.
type authority struct {
	mu     sync.Mutex
	issued int
	status int    // of the token endpoint, 0 is 200
	body   string // instead of a token
	wait   time.Duration
	life   string // as JSON, "" is 3600

	refuse bool // the service refuses every token
	served atomic.Int64
	form   string
}

func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") {
		return a.issue(r)
	}
	a.served.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if want := fmt.Sprintf("Bearer t%d", a.issued); a.refuse || r.Header.Get("Authorization") != want {
		return reply(r, 401, `{"error":{"message":"expired"}}`), nil
	}
	return reply(r, 200, `{"data":[{"id":"m"}]}`), nil
}

func (a *authority) issue(r *http.Request) (*http.Response, error) {
	if a.wait > 0 {
		select {
		case <-time.After(a.wait):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	form, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.issued++
	a.form = r.URL.String() + " " + string(form)
	if a.status != 0 || a.body != "" {
		return reply(r, max(200, a.status), a.body), nil
	}
	life := a.life
	if life == "" {
		life = "3600"
	}
	return reply(r, 200, fmt.Sprintf(`{"token_type":"Bearer","expires_in":%s,"access_token":"t%d"}`, life, a.issued)), nil
}

func reply(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

func source(t *testing.T, a *authority) *remote.EntraToken {
	t.Helper()
	e, err := remote.NewEntraToken(remote.EntraConfig{Part: "llm", Tenant: "contoso.example", ClientID: "app", Secret: appSecret, Transport: a})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func token(t *testing.T, e *remote.EntraToken, want string) {
	t.Helper()
	if got, err := e.Token(t.Context()); err != nil || got != want {
		t.Errorf("token %q, %v; want %q", got, err, want)
	}
}

func TestEntraTokenIsKeptAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{life: `"3600"`}
		e := source(t, a)
		token(t, e, "t1")
		time.Sleep(54 * time.Minute)
		token(t, e, "t1")
		time.Sleep(2 * time.Minute)
		token(t, e, "t2")
		want := "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token client_id=app&client_secret=app~secret-0123&grant_type=client_credentials&scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"
		if a.form != want {
			t.Errorf("asked %s\nwant %s", a.form, want)
		}
	})
}

func TestEntraTokenIsFetchedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{wait: time.Second}
		e := source(t, a)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { token(t, e, "t1") })
		}
		all.Wait()
	})
}

func TestEntraTokenOutlivesAnAuthorityThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{}
		e := source(t, a)
		token(t, e, "t1")
		a.status = 503
		time.Sleep(58 * time.Minute)
		token(t, e, "t1")
		time.Sleep(3 * time.Minute)
		_, err := e.Token(t.Context())
		if _, temporary := errors.AsType[*remote.Temporary](err); !temporary || rag.KindOf(err) != rag.KindUnavailable {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestEntraRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		status    int
		body      string
		temporary bool
		says      string
	}{
		"wrong secret": {401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret ` + appSecret + `.\r\nTrace ID"}`, false, "invalid_client AADSTS7000215: Invalid client secret ********. Trace ID"},
		"no such app":  {400, `{"error":"unauthorized_client"}`, false, "unauthorized_client"},
		"busy":         {429, ``, true, "HTTP 429"},
		"failing":      {500, `<html>`, true, "HTTP 500"},
		"redirect":     {302, ``, false, "HTTP 302"},
		"malformed":    {200, `<html>`, false, "cannot be used"},
		"no token":     {200, `{"token_type":"Bearer","expires_in":3600}`, false, "cannot be used"},
		"other type":   {200, `{"token_type":"MAC","expires_in":3600,"access_token":"x"}`, false, "cannot be used"},
		"no life":      {200, `{"token_type":"Bearer","expires_in":0,"access_token":"x"}`, false, "cannot be used"},
		"two lines":    {200, `{"token_type":"Bearer","expires_in":9,"access_token":"x\ny"}`, false, "cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := source(t, &authority{status: tt.status, body: tt.body}).Token(t.Context())
			_, temporary := errors.AsType[*remote.Temporary](err)
			if rag.KindOf(err) != rag.KindUnavailable || temporary != tt.temporary || !strings.Contains(fmt.Sprint(err), tt.says) || strings.Contains(fmt.Sprint(err), appSecret) {
				t.Errorf("temporary %v: %v", temporary, err)
			}
		})
	}
}

func TestEntraSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := source(t, &authority{wait: time.Hour})
		if _, err := e.Token(t.Context()); rag.KindOf(err) != rag.KindUnavailable {
			t.Errorf("its time is up: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := e.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller's time is up: %v", err)
		}
	})
}

func TestServerRenewsATokenThatIsNotAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authority{}
		s, err := remote.NewServer(remote.Config{Part: "llm", Noun: "language model", BaseURL: "https://host/v1", Model: "m", Tokens: source(t, a), ConnectTimeout: time.Second, Transport: a})
		if err != nil {
			t.Fatal(err)
		}
		check := func() error {
			_, err := remote.Retry(t.Context(), remote.RetryConfig{}, func() (bool, bool, error) { return true, true, s.Check(t.Context()) })
			return err
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		a.mu.Lock()
		a.issued++ // t1 is withdrawn
		a.mu.Unlock()
		if err := check(); err != nil || a.served.Load() != 3 {
			t.Errorf("after %d requests: %v", a.served.Load(), err)
		}
		a.refuse = true
		if err := check(); rag.KindOf(err) != rag.KindUnavailable || a.served.Load() != 4 {
			t.Errorf("a new token is refused, after %d requests: %v", a.served.Load(), err)
		}
	})
}

func TestEntraConfigFaults(t *testing.T) {
	good := remote.EntraConfig{Tenant: "t", ClientID: "c", Secret: appSecret}
	for name, change := range map[string]func(*remote.EntraConfig){
		"no tenant":       func(c *remote.EntraConfig) { c.Tenant = "" },
		"path for tenant": func(c *remote.EntraConfig) { c.Tenant = "../x" },
		"no client":       func(c *remote.EntraConfig) { c.ClientID = "" },
		"no secret":       func(c *remote.EntraConfig) { c.Secret = "" },
		"authority":       func(c *remote.EntraConfig) { c.Authority = "login" },
		"proxy":           func(c *remote.EntraConfig) { c.Proxy = "::" },
	} {
		cfg := good
		change(&cfg)
		if _, err := remote.NewEntraToken(cfg); rag.KindOf(err) != rag.KindInvalid || strings.Contains(fmt.Sprint(err), appSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyHeaderAndStaticToken(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg          remote.Config
		header, want string
	}{
		"bearer": {remote.Config{Key: "k"}, "Authorization", "Bearer k"},
		"header": {remote.Config{Key: "k", KeyHeader: "api-key"}, "api-key", "k"},
		"token":  {remote.Config{Tokens: remote.StaticToken("t")}, "Authorization", "Bearer t"},
	} {
		var got string
		tt.cfg.Part, tt.cfg.BaseURL, tt.cfg.Model = "llm", "http://host/v1", "m"
		tt.cfg.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get(tt.header)
			return reply(r, 400, `{"error":{"message":"no: k t"}}`), nil
		})
		s, err := remote.NewServer(tt.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); err == nil || got != tt.want || strings.Contains(err.Error(), "no: k t") {
			t.Errorf("%s: sent %q, %v", name, got, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
