package redis

import (
	"context"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// News tells processes that something has changed, by Redis's PUBLISH. It is no record: who
// is not connected at that moment hears nothing, so that listeners have to look for
// themselves as well, only less often. It is goroutine-safe.
type News struct {
	c     *Client
	topic string

	mu        sync.Mutex
	listeners map[string]map[chan struct{}]bool // by what they listen for
	listening bool
}

// News returns the news of one topic, such as "jobs".
func (c *Client) News(topic string) *News {
	return &News{c: c, topic: c.cfg.Prefix + ":news:" + topic, listeners: map[string]map[chan struct{}]bool{}}
}

// Tell says that what has changed. It does not fail: an error is counted and logged where
// the client counts and logs, and listeners look for themselves.
func (n *News) Tell(ctx context.Context, what string) {
	_ = n.c.do(ctx, n.topic, "tell news", func(ctx context.Context, db goredis.Cmdable) error {
		return db.Publish(ctx, n.topic, what).Err()
	})
}

// Listen returns a channel that receives after what was told to have changed, once for any
// number of changes that were not taken from it, and what ends it.
func (n *News) Listen(what string) (changed <-chan struct{}, end func()) {
	ch := make(chan struct{}, 1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[what] == nil {
		n.listeners[what] = map[chan struct{}]bool{}
	}
	n.listeners[what][ch] = true
	if !n.listening {
		n.listening = n.c.aside(n.hear)
	}
	return ch, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.listeners[what], ch)
		if len(n.listeners[what]) == 0 {
			delete(n.listeners, what)
		}
	}
}

// hear passes on what is told until the client is closed. The driver connects again by
// itself when the connection goes, and drops what nobody takes.
func (n *News) hear(ctx context.Context) {
	sub := n.c.db.Subscribe(ctx, n.topic)
	defer sub.Close() // only listens: nothing can be lost
	told := sub.Channel(goredis.WithChannelSize(1000))
	for {
		select {
		case <-ctx.Done():
			return
		case m, open := <-told:
			if !open {
				return
			}
			n.wake(m.Payload)
		}
	}
}

func (n *News) wake(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for ch := range n.listeners[what] {
		select {
		case ch <- struct{}{}:
		default: // it is going to look
		}
	}
}
