package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/rag"
)

// Caller calls one model of one server. It is goroutine-safe.
type Caller struct {
	cfg      Config
	provider Provider
	server   *remote.Server
	protocol Protocol // of the provider
	counter  token.Counter
	lacking  sync.Map // parameters that the server was found not to take
}

// New returns a caller, or an error of KindInvalid. It does not call.
func New(cfg Config, p Provider) (*Caller, error) {
	cfg = cfg.withDefaults(p)
	server, err := remote.NewServer(cfg.server(p))
	if err != nil {
		return nil, err
	}
	return &Caller{cfg: cfg, provider: p, server: server, protocol: p.Protocol, counter: token.For(cfg.Model)}, nil
}

// Server returns the server that is called.
func (c *Caller) Server() *remote.Server { return c.server }

// Close drops idle connections.
func (c *Caller) Close() error { return c.server.Close() }

// errSilence ends a call in which nothing was heard for too long.
var errSilence = errors.New("silence")

// Chat does what llm.Model promises.
func (c *Caller) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	if err := checkRequest(r); err != nil {
		return llm.Result{}, err
	}
	whole, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	learned := map[string]bool{}
	for {
		res, err := c.once(whole, r, onDelta)
		u, ok := errors.AsType[*unsupported](err)
		if !ok || learned[u.parameter] {
			return res, c.explain(ctx, whole, err)
		}
		learned[u.parameter] = true // once in a call, so this ends
		c.lacking.Store(u.parameter, true)
	}
}

func (c *Caller) lacks(parameter string) bool {
	_, lacking := c.lacking.Load(parameter)
	return lacking
}

// once makes one HTTP request.
func (c *Caller) once(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	path, content := c.protocol.Request(r, c.lacks)
	body, err := json.Marshal(content)
	if err != nil {
		return llm.Result{}, rag.Wrap(rag.KindInternal, err, "llm: encode the request")
	}
	// The wait for its turn is not the server's silence. Servers count what an answer
	// may have as used.
	ctx, done, err := c.server.Admit(ctx, token.Messages(c.counter, r.Messages)+r.MaxTokens)
	if err != nil {
		return llm.Result{}, c.server.Unreachable(err)
	}
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(c.cfg.FirstTokenTimeout, func() { cancel(errSilence) })
	defer silence.Stop()

	resp, err := c.server.Do(ctx, http.MethodPost, path, c.provider.Framing.Media+", application/json", bytes.NewReader(body))
	if err != nil {
		return llm.Result{}, c.callFailed(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return llm.Result{}, c.refused(c.server.ReadRefusal(resp))
	}
	// The reader of the answer may take its time; only the server's silence counts.
	alive := func() { silence.Reset(c.cfg.FirstTokenTimeout) }
	a := &Answer{onDelta: func(s string) error {
		silence.Stop()
		defer alive()
		return onDelta(s)
	}}
	err = c.read(resp, &heard{resp.Body, alive}, a)
	if f, ok := errors.AsType[*failed](err); ok {
		err = c.refused(c.server.StreamedRefusal(resp, f.APIError))
	}
	if _, ours := errors.AsType[*emitError](err); err != nil && !ours && context.Cause(ctx) != nil {
		err = c.callFailed(ctx, err)
	}
	res, refused := a.result(c.provider.Name, c.cfg.Key)
	if err == nil {
		err = refused
	}
	return res, err
}

// heard tells of every byte that comes.
type heard struct {
	r     io.Reader
	alive func()
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if n > 0 {
		h.alive()
	}
	return n, err
}

// read reads the body into a.
func (c *Caller) read(resp *http.Response, body io.Reader, a *Answer) error {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	whole, takesWhole := c.protocol.(Whole)
	switch {
	case media == "application/json" && takesWhole:
		data, err := io.ReadAll(io.LimitReader(body, remote.MaxStreamBytes+1))
		switch {
		case err != nil:
			return cut(err)
		case len(data) > remote.MaxStreamBytes:
			return Malformed(remote.ErrTooLong)
		}
		return whole.Whole(a, data)
	case !c.streams(media):
		return Malformed(errors.New("it is of the type " + remote.Clean(media, c.cfg.Key)))
	}
	var taken error // of an event, not of the connection
	err := c.provider.Framing.Each(body, func(data []byte) (bool, error) {
		taken = c.protocol.Event(a, data)
		return a.done, taken
	})
	switch {
	case taken != nil:
		return taken
	case (err == nil || err == io.EOF) && a.ended():
		return nil
	case errors.Is(err, remote.ErrTooLong):
		return Malformed(err)
	}
	return cut(err)
}

// streams reports whether a body of this type may be the stream that was asked
// for. Some servers do not say, or say only that it is text or bytes.
func (c *Caller) streams(media string) bool {
	switch media {
	case c.provider.Framing.Media, "", "text/plain", "application/octet-stream", "application/stream+json":
		return true
	}
	return media == "application/json" && c.provider.Framing.Media == Lines.Media
}

// refused turns a refusal into an error.
func (c *Caller) refused(r remote.Refusal) error {
	if err := c.protocol.Refused(r); err != nil {
		return err
	}
	if err := r.Err(); err != nil {
		return err
	}
	return unacceptable(r)
}

// callFailed says why the transport failed.
func (c *Caller) callFailed(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilence) {
		return errSilence
	}
	return c.server.Unreachable(err)
}

// explain gives time-outs their words and takes the marks off that are of use
// within this package only.
func (c *Caller) explain(caller, whole context.Context, err error) error {
	if err == nil {
		return nil
	}
	if emit, ok := errors.AsType[*emitError](err); ok {
		return emit.error
	}
	switch {
	case caller.Err() != nil:
		return rag.Wrap(rag.KindOf(caller.Err()), context.Cause(caller), "llm: the call was given up")
	case errors.Is(err, errSilence):
		return &llm.Temporary{Err: rag.Errorf(rag.KindUnavailable, "llm: the language model said nothing for %s", c.cfg.FirstTokenTimeout)}
	case whole.Err() != nil:
		return rag.Errorf(rag.KindExhausted, "llm: the answer took longer than %s", c.cfg.Timeout)
	}
	return err
}
