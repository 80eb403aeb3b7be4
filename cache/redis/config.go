package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says where Redis is and how it is asked. Addresses are required; every other
// field has a default.
type Config struct {
	// Addresses are HOST:PORT of the server, or of some nodes of a cluster.
	Addresses []string
	// Cluster says that the address belongs to a Redis Cluster. Several addresses always do.
	Cluster bool

	Username string // "" is the server's default user
	Password string // "" sends none
	Database int    // of a single server; a cluster has 0 only
	// TLS is how the connection is encrypted, with the host of the address where ServerName is
	// empty; nil does not encrypt.
	TLS *tls.Config

	// Prefix begins every key, so that installations can share a server: letters, digits
	// and . _ - : only. "" is "smartretriever".
	Prefix string
	// MaxTTL is the longest lifetime of a cached value, and that of one which is set
	// without. 0 is 24 h.
	MaxTTL time.Duration
	// MaxValue bounds a value as it is set, in bytes: a larger one is not kept. 0 is 8 MiB.
	MaxValue int

	// Timeout is the longest that one operation takes, with its second try and what a
	// cluster's redirections add; 0 is 250 ms.
	Timeout      time.Duration
	DialTimeout  time.Duration // of connecting, with the TLS handshake; 0 is four fifths of Timeout
	ReadTimeout  time.Duration // 0 is two fifths of Timeout
	WriteTimeout time.Duration // 0 is two fifths of Timeout
	// Retries is how often an operation is tried again whose connection had gone; 0 is 1,
	// negative is never.
	Retries int
	// Connections is the most to one node; 0 is 32.
	Connections int

	// Failures in a row after which a node is left alone; 0 is 3.
	Failures int
	// Pause between two looks whether a node that is left alone answers again; 0 is 500 ms.
	Pause time.Duration

	// Watch is the time between two looks at the servers' memory; 0 is 15 s, negative never
	// looks.
	Watch time.Duration
	// WarnAt is the part of maxmemory, of any node, from which a warning is logged and Health
	// says so; 0 is 0.8.
	WarnAt float64

	Observe *observe.Observer // nil counts nothing
	Logger  *slog.Logger      // nil discards
}

// WithDefaults returns the configuration with its zero fields filled in.
func (c Config) WithDefaults() Config {
	span := func(p *time.Duration, d time.Duration) {
		if *p == 0 {
			*p = d
		}
	}
	count := func(p *int, n int) {
		if *p == 0 {
			*p = n
		}
	}
	span(&c.MaxTTL, 24*time.Hour)
	span(&c.Timeout, 250*time.Millisecond)
	span(&c.DialTimeout, c.Timeout/5*4)
	span(&c.ReadTimeout, c.Timeout/5*2)
	span(&c.WriteTimeout, c.Timeout/5*2)
	span(&c.Pause, 500*time.Millisecond)
	span(&c.Watch, 15*time.Second)
	count(&c.MaxValue, 8<<20)
	count(&c.Retries, 1)
	count(&c.Connections, 32)
	count(&c.Failures, 3)
	if c.Prefix == "" {
		c.Prefix = "smartretriever"
	}
	if c.WarnAt == 0 {
		c.WarnAt = .8
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Cluster = c.Cluster || len(c.Addresses) > 1
	return c
}

// Validate reports everything that is wrong with a configuration that has its defaults,
// as KindInvalid. It names no password.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if len(c.Addresses) == 0 {
		fault("an address is missing")
	}
	for _, a := range c.Addresses {
		if _, port, err := net.SplitHostPort(a); err != nil || port == "" || strings.Contains(a, "@") {
			fault("an address must be HOST:PORT, without a password in it")
		}
	}
	if c.Cluster && c.Database != 0 {
		fault("a cluster has the database 0 only")
	}
	if c.Database < 0 {
		fault("the database %d is negative", c.Database)
	}
	if strings.ContainsFunc(c.Prefix, func(r rune) bool { return !plain(r) && r != ':' }) {
		fault("the prefix %q may have letters, digits and . _ - : only", c.Prefix)
	}
	if !(c.WarnAt > 0 && c.WarnAt <= 1) { // so that NaN is refused
		fault("the part of memory at which to warn, %v, is out of range 0 to 1", c.WarnAt)
	}
	for name, d := range map[string]time.Duration{"longest lifetime": c.MaxTTL, "time to connect": c.DialTimeout, "time to read": c.ReadTimeout,
		"time to write": c.WriteTimeout, "time of an operation": c.Timeout, "pause": c.Pause} {
		if d < time.Millisecond {
			fault("the %s, %v, is shorter than a millisecond", name, d)
		}
	}
	for name, n := range map[string]int{"largest value": c.MaxValue, "connections": c.Connections, "failures": c.Failures} {
		if n < 0 {
			fault("the number for %s, %d, is negative", name, n)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "redis")
}
