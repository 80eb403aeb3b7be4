package rag

import "context"

// Account says who a model's work is charged to. It travels on the context and not
// as an argument, because the parts that call models (an embedder behind a cache
// behind a pipeline) are told texts and not people, and none of them acts upon it
// but the one that meters. What may be seen is decided by Scope alone.
type Account struct {
	Tenant string // "" is DefaultTenant
	Key    string // name of the API key that asked; "" for the command line and an open server
}

type accountKey struct{}

// WithAccount returns a context whose calls of models are charged to a.
func WithAccount(ctx context.Context, a Account) context.Context {
	return context.WithValue(ctx, accountKey{}, a)
}

type chatOperationKey struct{}

// ChatFor returns a context whose calls of chat models are charged as op.
func ChatFor(ctx context.Context, op Operation) context.Context {
	return context.WithValue(ctx, chatOperationKey{}, op)
}

// ChatOperation returns what calls of chat models with ctx are charged as: OpChat where
// nothing else was said.
func ChatOperation(ctx context.Context) Operation {
	if op, ok := ctx.Value(chatOperationKey{}).(Operation); ok {
		return op
	}
	return OpChat
}

// AccountOf returns the account that ctx carries, the default tenant's where none
// was set.
func AccountOf(ctx context.Context) Account {
	a, _ := ctx.Value(accountKey{}).(Account)
	if a.Tenant == "" {
		a.Tenant = DefaultTenant
	}
	return a
}

// ChargedTo returns ctx with its calls of models charged to the tenant, by the key
// that ctx names already.
func ChargedTo(ctx context.Context, tenant string) context.Context {
	a := AccountOf(ctx)
	if a.Tenant == tenant {
		return ctx
	}
	a.Tenant = tenant
	return WithAccount(ctx, a)
}
