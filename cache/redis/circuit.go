package redis

import (
	"sync"
	"time"
)

// circuit keeps requests from waiting for a node that does not answer. It differs from
// gobreaker's, which models have, in who tries whether the node is back: not a request,
// which would wait a timeout for it again and again, but a look in the background. There
// is no timer: a node that nobody asks for is looked at by Client.lookAround.
type circuit struct {
	most  int           // failures in a row
	pause time.Duration // between two looks

	mu       sync.Mutex
	failures int
	open     bool
	looking  bool
	next     time.Time // look
}

// ask reports whether the node may be asked, and if not, whether it is time to look; the
// look's end is told to looked.
func (c *circuit) ask(now time.Time) (may, look bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return true, false
	}
	if c.looking || now.Before(c.next) {
		return false, false
	}
	c.looking = true
	return false, true
}

// told notes how an operation ended, and reports whether the circuit opened by that.
func (c *circuit) told(now time.Time, failed bool) (opened bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !failed {
		c.failures = 0
		return false
	}
	if c.failures++; c.open || c.failures < c.most {
		return false
	}
	c.open, c.next = true, now.Add(c.pause)
	return true
}

// looked notes how a look ended, and reports whether the circuit closed by that.
func (c *circuit) looked(now time.Time, answers bool) (closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looking, c.next = false, now.Add(c.pause)
	if answers && c.open {
		c.open, c.failures = false, 0
		return true
	}
	return false
}

func (c *circuit) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}
