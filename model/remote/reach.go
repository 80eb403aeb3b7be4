package remote

import (
	"context"
	"net/http"
)

// Reach reports whether something answers at the address and does not refuse the
// key. It is for servers that can be asked nothing else for free.
func (s *Server) Reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ConnectTimeout)
	defer cancel()
	resp, err := s.Do(ctx, http.MethodGet, "", "application/json", nil)
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
