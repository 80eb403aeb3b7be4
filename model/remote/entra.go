package remote

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// EntraConfig says how access tokens of Microsoft Entra ID are fetched, by the
// client credentials grant (RFC 6749, 4.4): an application shows its secret and
// gets a token that is good for about an hour.
type EntraConfig struct {
	Part string // of this program that calls, begins every error: "llm"

	Tenant   string // directory: its id or its domain
	ClientID string // of the application
	Secret   string // of the application
	// Scope is what the token is for. "" is Azure's AI services.
	Scope string
	// Authority issues the tokens. "" is https://login.microsoftonline.com;
	// national clouds have others.
	Authority string

	Proxy     string            // address of an HTTP proxy, "" for none
	Timeout   time.Duration     // of fetching a token; 0 is 10 s
	Transport http.RoundTripper // nil makes one; for tests
}

// Defaults of EntraConfig.
const (
	entraScope     = "https://cognitiveservices.azure.com/.default"
	entraAuthority = "https://login.microsoftonline.com"
	entraTimeout   = 10 * time.Second
)

// A token is fetched anew when less than tokenMargin is left of it, and not
// forgotten within tokenYouth: a server that refuses a new one refuses the next.
const (
	tokenMargin = 5 * time.Minute
	tokenYouth  = time.Minute
)

// maxTokenBytes bounds the answer that holds a token.
const maxTokenBytes = 256 << 10

// WithDefaults fills in the zero fields.
func (c EntraConfig) WithDefaults() EntraConfig {
	if c.Part == "" {
		c.Part = "entra"
	}
	if c.Scope == "" {
		c.Scope = entraScope
	}
	if c.Authority == "" {
		c.Authority = entraAuthority
	}
	c.Authority = strings.TrimRight(c.Authority, "/")
	if c.Timeout == 0 {
		c.Timeout = entraTimeout
	}
	return c
}

// Validate reports what is wrong, as KindInvalid.
func (c EntraConfig) Validate() error {
	u, err := url.Parse(c.Authority)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "":
		return rag.Errorf(rag.KindInvalid, "%s: the authority of Entra ID must be https://HOST", c.Part)
	case c.Tenant == "" || strings.ContainsAny(c.Tenant, "/?#%\\ \r\n"):
		return rag.Errorf(rag.KindInvalid, "%s: the tenant of Entra ID must be the directory's id or domain", c.Part)
	case c.ClientID == "" || c.Secret == "":
		return rag.Errorf(rag.KindInvalid, "%s: Entra ID needs both the id and the secret of the application", c.Part)
	}
	if p, err := url.Parse(c.Proxy); c.Proxy != "" && (err != nil || p.Host == "") {
		return rag.Errorf(rag.KindInvalid, "%s: the proxy must be http://HOST:PORT", c.Part)
	}
	return nil
}

// EntraToken is a TokenSource that fetches tokens from Microsoft Entra ID and
// keeps each for as long as it is good. It is goroutine-safe: callers that need a
// token at the same time wait for one request.
type EntraToken struct {
	cfg     EntraConfig
	address string
	http    *http.Client
	turn    chan struct{} // holds one value while a token is being fetched

	mu      sync.Mutex
	token   string
	fetched time.Time
	expires time.Time
}

// NewEntraToken returns a source, or an error of KindInvalid. It does not call.
func NewEntraToken(cfg EntraConfig) (*EntraToken, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	transport := cfg.Transport
	if transport == nil {
		transport = NewTransport(cfg.Proxy, cfg.Timeout)
	}
	return &EntraToken{
		cfg:     cfg,
		address: cfg.Authority + "/" + url.PathEscape(cfg.Tenant) + "/oauth2/v2.0/token",
		http:    &http.Client{Transport: transport, CheckRedirect: stay},
		turn:    make(chan struct{}, 1),
	}, nil
}

// Close drops idle connections.
func (e *EntraToken) Close() error {
	e.http.CloseIdleConnections()
	return nil
}

// Token returns a token that is good for some minutes more. Where a new one
// cannot be had, the old one is returned for as long as it is good. Errors are of
// KindUnavailable, Temporary where another try may help, or of ctx.
func (e *EntraToken) Token(ctx context.Context) (string, error) {
	if token, left := e.held(); left > tokenMargin {
		return token, nil
	}
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-e.turn }()
	token, left := e.held() // another caller may have fetched one meanwhile
	if left > tokenMargin {
		return token, nil
	}
	err := e.fetch(ctx)
	if err != nil && left > 0 {
		return token, nil
	}
	token, _ = e.held()
	return token, err
}

// Forget drops the token, which the server did not accept, and reports whether
// it did: one that was fetched a moment ago stays.
func (e *EntraToken) Forget() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.token == "" || time.Since(e.fetched) < tokenYouth {
		return false
	}
	e.token, e.expires = "", time.Time{}
	return true
}

// held returns the token there is and how long it is good.
func (e *EntraToken) held() (string, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.token == "" {
		return "", 0
	}
	return e.token, time.Until(e.expires)
}

// fetch asks for a token and keeps it.
func (e *EntraToken) fetch(caller context.Context) error {
	ctx, cancel := context.WithTimeout(caller, e.cfg.Timeout)
	defer cancel()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {e.cfg.ClientID}, "client_secret": {e.cfg.Secret}, "scope": {e.cfg.Scope},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.address, strings.NewReader(form.Encode()))
	if err != nil {
		return rag.Wrap(rag.KindInvalid, err, e.cfg.Part+": address of Entra ID")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := e.http.Do(req)
	if err != nil {
		if caller.Err() != nil {
			return caller.Err()
		}
		return &Temporary{Err: rag.Wrap(rag.KindUnavailable, transportCause(err), e.cfg.Part+": Entra ID cannot be reached")}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBytes))
	if err != nil {
		return &Temporary{Err: rag.Wrap(rag.KindUnavailable, err, e.cfg.Part+": the answer of Entra ID was cut off")}
	}
	return e.take(resp, data)
}

// take reads an answer of the token endpoint (RFC 6749, 5.1 and 5.2).
func (e *EntraToken) take(resp *http.Response, data []byte) error {
	var answer struct {
		Token       string      `json:"access_token"`
		Type        string      `json:"token_type"`
		Expires     json.Number `json:"expires_in"` // seconds; some authorities quote it
		Error       string      `json:"error"`
		Description string      `json:"error_description"`
	}
	readable := json.Unmarshal(data, &answer) == nil
	said := Clean(strings.TrimSpace(answer.Error+" "+answer.Description), e.cfg.Secret)
	refused := rag.Errorf(rag.KindUnavailable, "%s: Entra ID gives no token (HTTP %d): %s", e.cfg.Part, resp.StatusCode, said)
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code >= 500, code == http.StatusRequestTimeout:
		return &Temporary{Err: refused, After: retryAfter(resp.Header, time.Now())}
	case code != http.StatusOK:
		return refused
	}
	seconds, err := answer.Expires.Float64()
	if !readable || err != nil || !(seconds > 0) || !isToken(answer.Token) || !strings.EqualFold(answer.Type, "Bearer") {
		return rag.Errorf(rag.KindUnavailable, "%s: the answer of Entra ID cannot be used", e.cfg.Part)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.token, e.fetched = answer.Token, time.Now()
	e.expires = e.fetched.Add(time.Duration(min(seconds, 1e6) * float64(time.Second)))
	return nil
}

// isToken reports whether text can stand in a header.
func isToken(text string) bool {
	for _, r := range text {
		if r <= ' ' || r >= 0x7f {
			return false
		}
	}
	return text != ""
}
