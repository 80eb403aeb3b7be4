package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Transport makes requests for those who read their answers themselves: protocols
// over HTTP that have a library, and answers that are too large to be held. All that
// Client.Do promises of addresses, credentials, rates, timeouts and tries holds,
// but for these:
//
//   - It does not follow redirects, and it does not undo Content-Encoding, which it
//     does not ask for either. The body has no limit; the reader sets one.
//   - An answer of an error's status is returned as an answer when the tries are used
//     up. Error makes an error of it.
//   - A request is tried again only before its answer begins, and only if it has no
//     body or one that can be had again (http.Request.GetBody).
//   - Where the request carries an Authorization of its own, that is sent instead of
//     the client's credentials.
//   - A host that keeps failing is asked again by the next request.
//
// The slot of a request among those to its host is free again when its body is
// closed. Errors of RoundTrip and of the body are of a rag.Kind and name the URL
// without secrets.
func (c *Client) Transport() *Transport { return &Transport{c} }

// Transport is what Client.Transport returns. It is goroutine-safe.
type Transport struct{ c *Client }

var _ http.RoundTripper = (*Transport)(nil)

// RoundTrip makes a request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	u := *r.URL
	u.User = nil
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, rag.Errorf(rag.KindInvalid, "%s: only http and https are fetched", Show(&u))
	case u.Hostname() == "":
		return nil, rag.Errorf(rag.KindInvalid, "%s: the URL is malformed", Show(&u))
	}
	if err := t.c.guard.literal(u.Hostname()); err != nil {
		return nil, rag.Wrap(rag.KindRefused, err, Show(&u))
	}
	h, end := t.c.use(Origin(&u))
	defer end()
	set := t.c.set
	for try := 1; ; try++ {
		resp, err := t.once(h, r, &u, try)
		after := time.Duration(0)
		if err == nil {
			if resp.StatusCode < 400 {
				return resp, nil
			}
			refused, may := errors.AsType[*passing](t.c.refused(h, &u, resp))
			if !may {
				return resp, nil
			}
			after = refused.after
		} else if p, may := errors.AsType[*passing](err); !may {
			return nil, err
		} else {
			err = p.error
		}
		wait := backOff(try, after, time.Duration(set.MaxWait))
		again := r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
		if !again || try >= set.Tries || wait > time.Duration(set.MaxWait) {
			return resp, err
		}
		if resp != nil {
			resp.Body.Close()
		}
		if !sleep(r.Context(), wait) {
			return nil, cmpErr(r.Context().Err(), cmpErr(err, context.DeadlineExceeded))
		}
	}
}

// once makes one try.
func (t *Transport) once(h *host, r *http.Request, u *url.URL, try int) (*http.Response, error) {
	c := t.c
	release, err := h.admit(r.Context())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	begun := time.Now()
	slow := time.AfterFunc(time.Duration(c.set.Timeout), func() { cancel(errSlow) })
	end := func() {
		cancel(nil)
		release()
	}
	out := r.Clone(ctx)
	out.URL = u
	if try > 1 && r.GetBody != nil {
		if out.Body, err = r.GetBody(); err != nil {
			slow.Stop()
			end()
			return nil, rag.Wrap(rag.KindInternal, err, Show(u))
		}
	}
	if out.Header.Get("Authorization") == "" {
		for name, values := range c.credentials[Origin(u)] {
			out.Header[name] = values
		}
	}
	out.Header.Set("User-Agent", c.agent)
	if out.Header.Get("Accept-Encoding") == "" {
		out.Header.Set("Accept-Encoding", "identity")
	}
	resp, err := c.transport.RoundTrip(out)
	slow.Stop()
	if err != nil {
		err = c.unreached(ctx, u, err)
		end()
		return nil, err
	}
	resp.Body = &streamed{c: c, u: u, ctx: ctx, body: resp.Body, in: c.paced(resp.Body, begun, cancel), end: end}
	return resp, nil
}

// streamed is the body of an answer that is read by somebody else.
type streamed struct {
	c    *Client
	u    *url.URL
	ctx  context.Context
	body io.Closer
	in   io.Reader
	end  func()
	done bool
}

func (s *streamed) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err != nil && err != io.EOF {
		err = s.c.unreached(s.ctx, s.u, err)
		if p, ok := errors.AsType[*passing](err); ok {
			err = p.error
		}
	}
	return n, err
}

func (s *streamed) Close() error {
	if s.done {
		return nil
	}
	s.done = true
	err := s.body.Close()
	s.end()
	return err
}

// Error makes of an answer of an error's status the error that Client.Do returns,
// nil of others. The body is left alone.
func (t *Transport) Error(resp *http.Response) error {
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return nil
	}
	u := *resp.Request.URL
	u.User = nil
	kind, what := meaning(resp.StatusCode)
	return &statusError{rag.Errorf(kind, "%s: %s (HTTP %d)", Show(&u), what, resp.StatusCode), resp.StatusCode}
}

// Hide takes the client's secrets out of a text that came from elsewhere, and
// makes it short.
func (c *Client) Hide(s string) string { return c.hide(strings.TrimSpace(s)) }
