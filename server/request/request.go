// Package request carries what the access log wants to know of a request past
// the handlers that find it out: the id, the tenant, and the error behind a 5xx.
package request

import "context"

// Info is the notebook of one request. It is written by the handlers of that
// request, one after the other, and read when they are done.
type Info struct {
	ID     string
	Tenant string
	Err    error
}

type key struct{}

// Begin returns a context that carries a new Info.
func Begin(ctx context.Context, id string) (context.Context, *Info) {
	in := &Info{ID: id}
	return context.WithValue(ctx, key{}, in), in
}

// From returns the request's Info, an unattached one where Begin was not called.
func From(ctx context.Context) *Info {
	if in, ok := ctx.Value(key{}).(*Info); ok {
		return in
	}
	return &Info{}
}

// ID returns the request's id, "" if it has none.
func ID(ctx context.Context) string { return From(ctx).ID }

// Note keeps the cause of a failure for the access log. The first one stays.
func Note(ctx context.Context, err error) {
	if in := From(ctx); in.Err == nil {
		in.Err = err
	}
}
