package remote

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// Receipt gathers, through the context of a call, what its requests will be on the
// bill for: also of a call that failed, since a provider that has answered, or has
// been sent what it was to answer and was not heard again, charges for it. A
// provider that refused (a status that is not 2xx), or was not reached, does not.
// It is goroutine-safe.
type Receipt struct {
	mu       sync.Mutex
	requests []*Request
	others   int // requests that were taken and have no Request of their own
	itemised bool
}

// Request is one request of a call that makes several, which its protocol counts.
// A nil Request counts nothing.
type Request struct {
	count    func() int64
	taken    atomic.Bool
	reported atomic.Int64
}

type receiptKey struct{}
type requestKey struct{}

// WithReceipt returns a context whose requests are noted in the Receipt.
func WithReceipt(ctx context.Context) (context.Context, *Receipt) {
	r := &Receipt{}
	return context.WithValue(ctx, receiptKey{}, r), r
}

// BeginRequest is for a protocol whose calls are several requests: the request
// made with the context it returns is counted by itself. count tells what it holds
// where the server does not report that; it may be called later.
func BeginRequest(ctx context.Context, count func() int64) (context.Context, *Request) {
	r, _ := ctx.Value(receiptKey{}).(*Receipt)
	if r == nil {
		return ctx, nil
	}
	q := &Request{count: count}
	r.mu.Lock()
	r.requests = append(r.requests, q)
	r.mu.Unlock()
	return context.WithValue(ctx, requestKey{}, q), q
}

// Itemise says that every request of the call is made with BeginRequest, so that a
// call without one has cost nothing.
func Itemise(ctx context.Context) {
	if r, _ := ctx.Value(receiptKey{}).(*Receipt); r != nil {
		r.mu.Lock()
		r.itemised = true
		r.mu.Unlock()
	}
}

// Report notes what the server says that the request took; 0 is that it does not
// say.
func (q *Request) Report(tokens int64) {
	if q != nil {
		q.reported.Store(max(0, tokens))
	}
}

// Taken returns how many requests the provider will charge for.
func (r *Receipt) Taken() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.others
	for _, q := range r.requests {
		if q.taken.Load() {
			n++
		}
	}
	return n
}

// Tokens sums up the requests that were begun with BeginRequest and taken: what
// was reported, or else counted. known is false where there is none of them and the
// call does not Itemise; counted says how many the server did not report.
func (r *Receipt) Tokens() (tokens int64, counted int, known bool) {
	r.mu.Lock()
	requests := r.requests
	known = r.itemised
	r.mu.Unlock()
	for _, q := range requests {
		if !q.taken.Load() {
			continue
		}
		known = true
		n := q.reported.Load()
		if n == 0 {
			n, counted = q.count(), counted+1
		}
		tokens += n
	}
	return tokens, counted, known
}

// noted sends a request and notes whether it will be charged for.
func noted(client *http.Client, req *http.Request) (*http.Response, error) {
	r, _ := req.Context().Value(receiptKey{}).(*Receipt)
	if r == nil || req.Method != http.MethodPost {
		return client.Do(req)
	}
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteRequest: func(i httptrace.WroteRequestInfo) { sent.Store(i.Err == nil) }}
	resp, err := client.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil && !sent.Load() || err == nil && resp.StatusCode/100 != 2 {
		return resp, err
	}
	if q, _ := req.Context().Value(requestKey{}).(*Request); q != nil {
		q.taken.Store(true)
		return resp, err
	}
	r.mu.Lock()
	r.others++
	r.mu.Unlock()
	return resp, err
}
