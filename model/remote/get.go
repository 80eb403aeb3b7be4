package remote

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/smartretriever/smartretriever/rag"
)

// Get reads the JSON document at a path below the address into v, within
// ConnectTimeout. Errors are those of Refusal.Err; another refusal is KindInternal,
// an answer that is no such document KindUnavailable.
func (s *Server) Get(ctx context.Context, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ConnectTimeout)
	defer cancel()
	resp, err := s.Do(ctx, http.MethodGet, path, "application/json", nil)
	if err != nil {
		return s.Unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		refusal := s.ReadRefusal(resp)
		if err := refusal.Err(); err != nil {
			return err
		}
		return refusal.Errorf(rag.KindInternal, "the server does not accept the request")
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxListBytes)).Decode(v); err != nil {
		return rag.Errorf(rag.KindUnavailable, "%s: what %s answers is not what was expected", s.cfg.Part, s.cfg.BaseURL+path)
	}
	return nil
}

// Reach reports whether something answers at a path below the address and does not
// refuse the key. It is for servers that cannot be asked for their models.
func (s *Server) Reach(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ConnectTimeout)
	defer cancel()
	resp, err := s.Do(ctx, http.MethodGet, path, "application/json", nil)
	if err != nil {
		return s.Unreachable(err)
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code >= 500:
		return s.ReadRefusal(resp).Err()
	}
	return nil
}
