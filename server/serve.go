package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"

	"golang.org/x/net/netutil"

	"github.com/smartretriever/smartretriever/rag"
)

// Serve listens on addr (port 0 takes a free one), calls ready with the address
// that clients can use, and serves until ctx ends or the listener fails. When ctx
// ends no new request is taken; running ones get cfg.ShutdownTimeout to finish,
// then their contexts are cancelled and connections closed. The error is nil
// after an orderly end; KindConflict says that the address is in use. ready may
// be nil. Serve returns when no handler runs any more or the limit is over.
func Serve(ctx context.Context, addr string, handler http.Handler, cfg Config, ready func(net.Addr)) error {
	cfg = cfg.WithDefaults()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return listenError(addr, err)
	}
	// Requests do not end with ctx but with the shutdown's limit.
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: cfg.ReadHeaderTimeout, // bodies and responses: see limited and recorder
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return work },
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	if ready != nil {
		ready(l.Addr())
	}
	failed := make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { failed <- srv.Serve(netutil.LimitListener(l, cfg.MaxConnections)) })
	defer serving.Wait()
	select {
	case err := <-failed:
		return rag.Wrap(rag.KindUnavailable, err, "serve "+addr)
	case <-ctx.Done():
	}
	limit, stop := context.WithTimeout(work, cfg.ShutdownTimeout)
	defer stop()
	if err := srv.Shutdown(limit); err != nil {
		cfg.Logger.Warn("requests were cut off at the end", "limit", cfg.ShutdownTimeout)
		cancel(rag.Errorf(rag.KindUnavailable, "the server is shutting down"))
		_ = srv.Close() // closes what is left; there is nothing to do about a failure
	}
	return nil
}

func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return rag.Errorf(rag.KindConflict, "%s is in use by another program; choose another address, or port 0 for a free one: %w", addr, err)
	}
	return rag.Errorf(rag.KindInvalid, "cannot listen on %s: %w", addr, err)
}
