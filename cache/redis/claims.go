package redis

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/smartretriever/smartretriever/rag"
)

// Claims let processes know of each other's work, so that what several are asked for at
// once is done by one. A claim is a key with a lifetime that its holder renews: when the
// holder dies, others wait no longer than ClaimLife. It is goroutine-safe.
type Claims struct {
	c  *Client
	id string // begins the tokens of this one

	mu   sync.Mutex
	held map[string]bool // tokens of claims that are asked for, or not released
}

// Claims returns the claims of this installation.
func (c *Client) Claims() *Claims {
	return &Claims{c: c, id: rand.Text() + ".", held: map[string]bool{}}
}

// ClaimLife is how long a claim outlives a holder that died.
const ClaimLife = 5 * time.Second

// Who waits for a claim looks whether it is over after a time that grows.
const (
	firstLook = 2 * time.Millisecond
	lastLook  = 50 * time.Millisecond
)

//go:embed lua/release.lua
var releaseSource string

//go:embed lua/renew.lua
var renewSource string

var (
	releaseScript = goredis.NewScript(releaseSource)
	renewScript   = goredis.NewScript(renewSource)
)

// Claim begins the work that key names, if nobody else is at it: then release is not nil,
// and to be called when the work is done. Otherwise it waits until who is at it has ended
// or died, or for as long as ctx allows, and returns neither release nor, but for ctx's, an
// error: the result may be in the cache now. Errors: KindUnavailable while the server is away
// or slow, KindExhausted when its memory is full, that of ctx.
func (cl *Claims) Claim(ctx context.Context, key string) (release func(), err error) {
	c := cl.c
	name, token := c.named("claim", key), cl.id+rand.Text()
	cl.take(token) // before anybody can find it there: it is not over
	defer func() {
		if release == nil {
			cl.drop(token)
		}
	}()
	holder := ""
	err = c.do(ctx, name, "claim", func(ctx context.Context, db goredis.Cmdable) error {
		var err error
		holder, err = db.SetArgs(ctx, name, token, goredis.SetArgs{Mode: "NX", Get: true, TTL: ClaimLife}).Result()
		return err
	})
	switch {
	case errors.Is(err, goredis.Nil), err == nil && holder == token: // the answer to the first try was lost
		return cl.hold(name, token), nil
	case err == nil && strings.HasPrefix(holder, cl.id) && cl.take(holder):
		// This process's, and over: the answer to the claim was lost, or its release did not get there.
		cl.drop(token)
		return cl.hold(name, holder), nil
	}
	for look := firstLook; err == nil; look = min(2*look, lastLook) {
		if err = pause(ctx, look); err != nil {
			return nil, rag.Wrap(rag.KindOf(err), err, "redis: wait for a claim")
		}
		now := ""
		err = c.do(ctx, name, "wait for a claim", func(ctx context.Context, db goredis.Cmdable) (err error) {
			now, err = db.Get(ctx, name).Result()
			return err
		})
		if errors.Is(err, goredis.Nil) || err == nil && now != holder {
			return nil, nil
		}
	}
	return nil, err
}

// take notes that a claim is held, and reports whether it was not.
func (cl *Claims) take(token string) bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.held[token] {
		return false
	}
	cl.held[token] = true
	return true
}

// drop notes that a claim is over.
func (cl *Claims) drop(token string) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	delete(cl.held, token)
}

// hold renews a claim that was taken until it is released or the client is closed, and then gives it up.
// Both happen in the background: who has its result does not wait for Redis. Nothing of it
// can fail: without a renewal the work may be done twice, without the release others wait
// for the rest of the claim's life.
func (cl *Claims) hold(name, token string) (release func()) {
	held, end := context.WithCancel(context.Background())
	release = func() {
		cl.drop(token)
		end()
	}
	cl.c.aside(func(living context.Context) {
		defer end()
		tick := time.NewTicker(ClaimLife / 3)
		defer tick.Stop()
		for over := false; !over; {
			select {
			case <-living.Done():
				over = true
			case <-held.Done():
				over = true
			case <-tick.C:
				_ = cl.tell(living, name, "renew a claim", renewScript, token, ClaimLife.Milliseconds())
			}
		}
		for end := time.Now().Add(ClaimLife); time.Now().Before(end); {
			if cl.tell(context.WithoutCancel(living), name, "release a claim", releaseScript, token) == nil || pause(living, 4*lastLook) != nil {
				return
			}
		}
	})
	return release
}

func (cl *Claims) tell(ctx context.Context, name, doing string, script *goredis.Script, args ...any) error {
	return cl.c.run(ctx, name, doing, func(ctx context.Context, db goredis.Cmdable) error {
		return script.Run(ctx, db, []string{name}, args...).Err()
	})
}

// pause waits for d, or for ctx, whose error it returns.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
