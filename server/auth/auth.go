// Package auth answers who is asking.
//
// Without keys the server is open: whoever reaches it is trusted (it then listens
// on loopback by default), and two headers say on whose behalf a request is made.
// With keys, a bearer token stands for a tenant, for principals and for the right
// to manage; the headers may then only be used by a key that is allowed to.
//
// The secrets are hashed when an Authenticator is built and are not kept.
package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Headers that name on whose behalf a request is made.
const (
	PrincipalsHeader = "X-SmartRetriever-Principals" // comma-separated users and groups
	TenantHeader     = "X-SmartRetriever-Tenant"
)

// Limits on what the headers may hold.
const (
	maxPrincipals = 256
	maxPrincipal  = 256 // bytes
	maxTenant     = 64  // bytes
)

// Key is an API key and what it stands for. Give Secret or SHA256, not both.
type Key struct {
	Name       string   // for people and logs; never secret
	Secret     string   // the bearer token
	SHA256     string   // of the token, 64 hexadecimal digits, for files that should hold no secret
	Tenant     string   // "" is rag.DefaultTenant
	Principals []string // who this key speaks for
	Admin      bool     // manages everything of its tenant and may name other principals
}

// Identity is who asks.
type Identity struct {
	Name       string // of the key, "" in an open server
	Tenant     string
	Principals []string
	Admin      bool
	Open       bool // no keys are configured
}

// Ask returns the scope for searching and answering. The right to manage does not
// count here: an answer never rests on a document that its reader may not see.
func (id Identity) Ask(collection string) rag.Scope {
	return rag.Scope{Tenant: id.Tenant, Collection: collection, Principals: id.Principals}
}

// Manage returns the scope for listing, reading and changing documents.
func (id Identity) Manage(collection string) rag.Scope {
	s := id.Ask(collection)
	s.Admin = id.Admin
	return s
}

// RequireAdmin is the check for what concerns documents that the caller may not
// be able to see, like removing a whole collection.
func (id Identity) RequireAdmin(doing string) error {
	if id.Admin {
		return nil
	}
	return rag.Errorf(rag.KindUnauthorized, "%s needs an admin key", doing)
}

// ErrNoKey is the error for a request without a valid key.
var ErrNoKey = errors.New("a valid API key is needed: Authorization: Bearer KEY")

// Authenticator tells identities by key. It is immutable and goroutine-safe.
type Authenticator struct {
	keys []hashed
}

type hashed struct {
	sum [sha256.Size]byte
	id  Identity
}

// New checks the keys and returns their Authenticator; no keys make it open. All
// faults are reported together.
func New(keys []Key) (*Authenticator, error) {
	a := &Authenticator{}
	var faults []error
	seen := map[[sha256.Size]byte]bool{}
	for i, k := range keys {
		sum, err := k.sum()
		if err == nil && seen[sum] {
			err = errors.New("is given twice")
		}
		if err != nil {
			faults = append(faults, rag.Errorf(rag.KindInvalid, "API key %d (%q): %w", i+1, k.Name, err))
			continue
		}
		seen[sum] = true
		s := rag.Scope{Tenant: k.Tenant, Principals: k.Principals}.WithDefaults()
		a.keys = append(a.keys, hashed{sum, Identity{Name: k.Name, Tenant: s.Tenant, Principals: s.Principals, Admin: k.Admin}})
	}
	return a, errors.Join(faults...)
}

func (k Key) sum() (sum [sha256.Size]byte, err error) {
	switch {
	case k.Secret != "" && k.SHA256 != "":
		return sum, errors.New("has both a secret and a hash; give one")
	case k.Secret != "":
		if strings.TrimSpace(k.Secret) != k.Secret || len(k.Secret) < 8 {
			return sum, errors.New("the secret must have at least 8 characters and no space around it")
		}
		return sha256.Sum256([]byte(k.Secret)), nil
	case k.SHA256 != "":
		b, err := hex.DecodeString(k.SHA256)
		if err != nil || len(b) != sha256.Size {
			return sum, errors.New("the hash must be the 64 hexadecimal digits of a SHA-256")
		}
		copy(sum[:], b)
		return sum, nil
	}
	return sum, errors.New("has neither a secret nor a hash")
}

// Open reports whether there are no keys.
func (a *Authenticator) Open() bool { return len(a.keys) == 0 }

// Identify returns who sent r. ErrNoKey means that a valid key is missing;
// KindInvalid and KindUnauthorized are about the headers.
func (a *Authenticator) Identify(r *http.Request) (Identity, error) {
	id := Identity{Tenant: rag.DefaultTenant, Admin: true, Open: true}
	if !a.Open() {
		known, ok := a.find(bearer(r))
		if !ok {
			return Identity{}, ErrNoKey
		}
		id = known
	}
	if v := r.Header.Values(TenantHeader); len(v) > 0 {
		tenant, err := tenantOf(v)
		if err != nil {
			return Identity{}, err
		}
		if !id.Open && tenant != id.Tenant {
			return Identity{}, rag.Errorf(rag.KindUnauthorized, "this key belongs to another tenant than %s names", TenantHeader)
		}
		id.Tenant = tenant
	}
	if v := r.Header.Values(PrincipalsHeader); len(v) > 0 {
		if !id.Admin {
			return Identity{}, rag.Errorf(rag.KindUnauthorized, "%s needs an admin key; this key speaks for its own principals only", PrincipalsHeader)
		}
		principals, err := principalsOf(v)
		if err != nil {
			return Identity{}, err
		}
		id.Principals = principals
	}
	return id, nil
}

// find compares with every key, in time that does not depend on which one fits
// or on how far a wrong one agrees.
func (a *Authenticator) find(token string) (Identity, bool) {
	sum := sha256.Sum256([]byte(token))
	found := -1
	for i := range a.keys {
		if subtle.ConstantTimeCompare(sum[:], a.keys[i].sum[:]) == 1 {
			found = i
		}
	}
	if found < 0 || token == "" {
		return Identity{}, false
	}
	return a.keys[found].id, true
}

func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func tenantOf(values []string) (string, error) {
	if len(values) != 1 {
		return "", rag.Errorf(rag.KindInvalid, "%s is given %d times", TenantHeader, len(values))
	}
	t := strings.TrimSpace(values[0])
	if t == "" {
		return rag.DefaultTenant, nil
	}
	if len(t) > maxTenant || strings.ContainsFunc(t, notNameRune) {
		return "", rag.Errorf(rag.KindInvalid, "%s must be 1 to %d letters, digits, dots, dashes or underscores", TenantHeader, maxTenant)
	}
	return t, nil
}

func notNameRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
}

func principalsOf(values []string) ([]string, error) {
	var out []string
	for _, p := range strings.Split(strings.Join(values, ","), ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if len(p) > maxPrincipal {
			return nil, rag.Errorf(rag.KindInvalid, "%s: a principal has %d bytes; at most %d are allowed", PrincipalsHeader, len(p), maxPrincipal)
		}
		if out = append(out, p); len(out) > maxPrincipals {
			return nil, rag.Errorf(rag.KindInvalid, "%s names more than %d principals", PrincipalsHeader, maxPrincipals)
		}
	}
	return rag.Scope{Principals: out}.WithDefaults().Principals, nil
}

type contextKey struct{}

// With returns a context that carries the identity.
func With(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// From returns the identity that With put there. Without one it panics: a route
// that forgot to ask who is there must not serve anybody.
func From(ctx context.Context) Identity {
	id, ok := ctx.Value(contextKey{}).(Identity)
	if !ok {
		panic(fmt.Sprintf("auth: no identity in the context (%T)", ctx))
	}
	return id
}
