package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/request"
)

const requestIDHeader = "X-Request-ID"

// logged gives the request its id and writes one line when it is done. The line
// holds the route and never the path's values, a question or a key; log/slog's
// level Info is what it is written at, Error where the fault is ours.
func logged(cfg Config, mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		ctx, info := request.Begin(r.Context(), requestID(r))
		ctx, bill := meter.Track(ctx)
		w.Header().Set(requestIDHeader, info.ID)
		_, route := mux.Handler(r)
		rec := &recorder{ResponseWriter: w, rc: http.NewResponseController(w), timeout: cfg.WriteTimeout}
		rec.extend()
		defer func() {
			panicked := recover() // only http.ErrAbortHandler comes this far
			took := time.Since(begun)
			logRequest(cfg.Logger, r, rec, info, bill, route, took, panicked != nil)
			cfg.OnRequest(RequestInfo{Method: r.Method, Route: route, Status: rec.code(), Bytes: rec.bytes, Duration: took, Tenant: info.Tenant})
			if panicked != nil {
				panic(panicked)
			}
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

func logRequest(log *slog.Logger, r *http.Request, rec *recorder, info *request.Info, bill *meter.Bill, route string, took time.Duration, aborted bool) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", route), slog.Int("status", rec.code()), slog.Int64("bytes", rec.bytes),
		slog.Duration("took", took), slog.String("request_id", info.ID),
	}
	if info.Tenant != "" {
		attrs = append(attrs, slog.String("tenant", info.Tenant))
	}
	if used, currency := bill.Sum(""); used.Calls > 0 {
		attrs = append(attrs, slog.Int64("model_tokens", used.Tokens()))
		if currency != "" {
			attrs = append(attrs, slog.String("cost", used.Cost.String()), slog.String("currency", currency))
		}
	}
	if aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	if info.Err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("kind", string(rag.KindOf(info.Err))), slog.String("error", info.Err.Error()))
	}
	log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attrs...)
}

// requestID takes over an id that the caller gave, if it is fit for a log.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	fit := len(id) > 0 && len(id) <= 128
	for i := 0; fit && i < len(id); i++ {
		c := id[i]
		fit = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == ':'
	}
	if fit {
		return id
	}
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// recovered turns a panic into a 500 and a log line with the stack. What aborts a
// response on purpose passes through.
func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			request.Note(r.Context(), rag.Errorf(rag.KindInternal, "panic: %v\n%s", v, debug.Stack()))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler) // half a response is out: the client must see that it is not whole
			}
			refuse(w, r, rag.Errorf(rag.KindInternal, "panic: %v", v))
		}()
		next.ServeHTTP(w, r)
	})
}

// recorder counts what goes out and gives the client a fresh time limit to take
// each piece, so that a stream may last while a stuck client may not.
type recorder struct {
	http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
	status  int
	bytes   int64
}

func (r *recorder) extend() {
	_ = r.rc.SetWriteDeadline(time.Now().Add(r.timeout)) // not every writer has deadlines; tests' have none
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.extend()
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.extend()
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
