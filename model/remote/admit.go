package remote

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
)

// Admit waits until a request that sends so many tokens may be made, and returns a
// context for it, which Do takes as the leave to make one. A request that runs
// under a timer waits here before the timer is set; without Admit Do waits itself.
// The error is a *Limited, or that of ctx. done gives the leave back, whether it
// was used or not; it must be called.
func (s *Server) Admit(ctx context.Context, tokens int) (admitted context.Context, done func(), err error) {
	p, err := s.limiter.acquire(ctx, tokens)
	if err != nil {
		return nil, nil, err
	}
	return context.WithValue(ctx, admittedKey{}, &leave{permit: p}), p.release, nil
}

type admittedKey struct{}

// leave is a permit that is used once.
type leave struct {
	permit *permit
	once   sync.Once
}

// permitFor returns the permit of a request: that of Admit, or a new one. The
// tokens of a new one are estimated from the size of the body where that is known.
func (s *Server) permitFor(ctx context.Context, body io.Reader) (*permit, error) {
	var p *permit
	if given, ok := ctx.Value(admittedKey{}).(*leave); ok && given.permit.l == s.limiter {
		given.once.Do(func() { p = given.permit })
	}
	if p != nil {
		return p, nil
	}
	tokens := 0
	if sized, ok := body.(interface{ Len() int }); ok {
		tokens = sized.Len() / 4 // the usual four bytes a token
	}
	return s.limiter.acquire(ctx, tokens)
}

// limitedDo makes a request when its turn has come. Requests without a body ask for
// lists and do not count.
func (s *Server) limitedDo(req *http.Request, body io.Reader) (*http.Response, error) {
	if body == nil {
		return noted(s.http, req)
	}
	p, err := s.permitFor(req.Context(), body)
	if err != nil {
		return nil, err
	}
	resp, err := noted(s.http, req)
	if err != nil {
		p.release()
		return nil, err
	}
	p.heard(resp.StatusCode, resp.Header)
	resp.Body = &answerBody{resp.Body, p}
	return resp, nil
}

// answerBody ends a call when its answer is closed.
type answerBody struct {
	io.ReadCloser
	permit *permit
}

// Close closes the answer.
func (b *answerBody) Close() error {
	defer b.permit.release()
	return b.ReadCloser.Close()
}

// Limits returns what the limiter of the server's calls does now.
func (s *Server) Limits() LimitState { return s.limiter.State() }

// shared holds the limiters of models that are called over the network: two
// Servers of one model and key share one, as they share what the vendor allows.
// Vendors count for each key and model, so models of one key have one each.
var shared = struct {
	mu       sync.Mutex
	limiters map[sharedKey]*sharedLimiter
}{limiters: map[sharedKey]*sharedLimiter{}}

type sharedKey struct {
	address, model string
	key            [sha256.Size]byte
}

type sharedLimiter struct {
	*Limiter
	users int
}

// shareLimiter returns the limiter of the model of cfg, made by cfg for its first
// user, and what ends the use. A transport of its own, which is a test's, has a
// limiter of its own.
func shareLimiter(cfg Config) (l *Limiter, end func()) {
	if cfg.Transport != nil {
		return NewLimiter(cfg), func() {}
	}
	key := sharedKey{cfg.BaseURL, cfg.Model, sha256.Sum256([]byte(cfg.Key))}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	s := shared.limiters[key]
	if s == nil {
		s = &sharedLimiter{Limiter: NewLimiter(cfg)}
		shared.limiters[key] = s
	}
	s.users++
	return s.Limiter, sync.OnceFunc(func() {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		if s.users--; s.users == 0 {
			delete(shared.limiters, key)
		}
	})
}
