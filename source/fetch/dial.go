package fetch

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Dial connects to a host, which may be an address, for protocols other than HTTP. What
// Client.Do promises of addresses holds; there is no proxy. Errors are KindRefused or
// KindUnavailable, or that of ctx.
func (c *Client) Dial(ctx context.Context, host, port string) (net.Conn, error) {
	g := c.guard
	g.proxied = false
	at := net.JoinHostPort(host, port)
	if err := g.literal(host); err != nil {
		return nil, rag.Wrap(rag.KindRefused, err, at)
	}
	conn, err := g.dial(c.deps.Resolver, time.Duration(c.set.ConnectTimeout))(ctx, "tcp", at)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case rag.KindOf(err) == rag.KindRefused:
		return nil, rag.Wrap(rag.KindRefused, err, at)
	}
	return nil, rag.Errorf(rag.KindUnavailable, "%s cannot be reached: %s", at, c.hide(err.Error()))
}

// Paced returns a reader of r that calls cancel, with why, when what is read comes too slowly:
// as the body of an answer does that takes longer than Timeout, IdleTimeout and MinRate allow.
// cancel has to end a read that is under way.
func (c *Client) Paced(r io.Reader, cancel context.CancelCauseFunc) io.Reader {
	return c.paced(r, time.Now(), func(why error) { cancel(rag.Wrap(rag.KindUnavailable, why, "")) })
}
