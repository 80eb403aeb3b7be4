package remote

import (
	"context"
	"net/http"
	"strings"
)

// TokenSource gives the bearer token of a request where that is not a key that
// stays the same. Token is called before every request and must be quick when it
// has one; it is goroutine-safe. An error of it is the error of the request.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// forgetter is a TokenSource that can be told that a token is no longer accepted.
// Forget reports whether the next Token may be another one.
type forgetter interface {
	Forget() bool
}

// StaticToken is a TokenSource that always gives the same token, for one that
// was made elsewhere.
type StaticToken string

// Token returns the token.
func (t StaticToken) Token(context.Context) (string, error) { return string(t), nil }

// authorize puts the key or token into the request's header.
func (s *Server) authorize(req *http.Request) error {
	switch {
	case s.cfg.Tokens != nil:
		token, err := s.cfg.Tokens.Token(req.Context())
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	case s.cfg.Key == "":
	case s.cfg.KeyHeader != "":
		req.Header.Set(s.cfg.KeyHeader, s.cfg.Key)
	default:
		req.Header.Set("Authorization", "Bearer "+s.cfg.Key)
	}
	return nil
}

// renew is called when the server did not accept the authorization. It reports
// whether another try would go with another token.
func (s *Server) renew() bool {
	f, ok := s.cfg.Tokens.(forgetter)
	return ok && f.Forget()
}

// sentToken returns the token that the request of resp went with, "" where the
// key is not from a TokenSource.
func (s *Server) sentToken(resp *http.Response) string {
	if s.cfg.Tokens == nil || resp.Request == nil {
		return ""
	}
	return strings.TrimPrefix(resp.Request.Header.Get("Authorization"), "Bearer ")
}
