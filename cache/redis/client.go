package redis

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/smartretriever/smartretriever/rag"
)

// Client is the connection to a Redis server or cluster. It is goroutine-safe.
type Client struct {
	cfg     Config
	db      goredis.UniversalClient
	cluster *goredis.ClusterClient // db, if it is one
	memory  memory

	background sync.WaitGroup // looks at nodes and at memory, renewals of claims, listeners
	living     context.Context
	stop       context.CancelFunc

	mu         sync.Mutex
	closed     bool
	nodes      map[string]node // that were asked, by address
	complained time.Time       // last
}

// Open returns a client, or an error of KindInvalid. It does not call: a server that is
// away now may be there later.
func Open(cfg Config) (*Client, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	goredis.SetLogger(silent{})
	c := &Client{cfg: cfg, nodes: map[string]node{}}
	c.living, c.stop = context.WithCancel(context.Background())
	retries := max(cfg.Retries, -1)
	opt := &goredis.Options{
		Addr: cfg.Addresses[0], DB: cfg.Database, Username: cfg.Username, Password: cfg.Password, TLSConfig: cfg.TLS,
		DialTimeout: cfg.DialTimeout, ReadTimeout: cfg.ReadTimeout, WriteTimeout: cfg.WriteTimeout, PoolTimeout: cfg.Timeout,
		ContextTimeoutEnabled: true,
		MaxRetries:            retries, MinRetryBackoff: time.Millisecond, MaxRetryBackoff: 8 * time.Millisecond, DialerRetries: 1,
		PoolSize: cfg.Connections, PipelinePoolSize: -1, ConnMaxIdleTime: 5 * time.Minute,
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if cfg.Cluster {
		c.cluster = goredis.NewClusterClient(&goredis.ClusterOptions{
			Addrs: cfg.Addresses, Username: cfg.Username, Password: cfg.Password, TLSConfig: cfg.TLS,
			DialTimeout: opt.DialTimeout, ReadTimeout: opt.ReadTimeout, WriteTimeout: opt.WriteTimeout, PoolTimeout: opt.PoolTimeout,
			ContextTimeoutEnabled: true,
			MaxRetries:            opt.MaxRetries, MinRetryBackoff: opt.MinRetryBackoff, MaxRetryBackoff: opt.MaxRetryBackoff, DialerRetries: opt.DialerRetries,
			MaxRedirects: 3,
			// The default of a minute would be how long keys of a master that died stay away.
			ClusterStateReloadInterval: time.Second,
			DisableRoutingPolicies:     true, // every step of ours is on one node
			PoolSize:                   opt.PoolSize, PipelinePoolSize: opt.PipelinePoolSize, ConnMaxIdleTime: opt.ConnMaxIdleTime,
			DisableIdentity: opt.DisableIdentity, MaintNotificationsConfig: opt.MaintNotificationsConfig,
		})
		c.db = c.cluster
	} else {
		c.db = goredis.NewClient(opt)
	}
	if cfg.Watch > 0 {
		c.aside(c.watch)
	}
	return c, nil
}

// silent discards what go-redis would write to the standard error: all of it comes back
// as errors as well.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// Close ends what runs in the background and the connections. Closing twice is no error.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.background.Wait()
	if err := c.db.Close(); err != nil {
		return c.fault(context.Background(), "close", err)
	}
	return nil
}

// aside runs fn in the background until the client is closed, unless it is.
func (c *Client) aside(fn func(ctx context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.background.Go(func() { fn(c.living) })
	return true
}

// node is where keys lie: its circuit, and how to look whether it answers.
type node struct {
	address string // "" is a cluster of which no node says who has what
	circuit *circuit
	ping    func(ctx context.Context) error
}

// nodeOf returns the node that has key. An error comes with the node that it speaks
// against.
func (c *Client) nodeOf(ctx context.Context, key string) (node, error) {
	if c.cluster == nil {
		return c.node(c.cfg.Addresses[0], func(ctx context.Context) error { return c.db.Ping(ctx).Err() }), nil
	}
	none := c.node("", func(ctx context.Context) error {
		_, err := c.cluster.MasterForKey(ctx, key)
		return err
	})
	if none.circuit.isOpen() {
		return none, nil
	}
	master, err := c.cluster.MasterForKey(ctx, key)
	if err != nil {
		return none, err
	}
	return c.node(master.Options().Addr, func(ctx context.Context) error { return master.Ping(ctx).Err() }), nil
}

func (c *Client) node(address string, ping func(context.Context) error) node {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.nodes[address]
	if !known {
		at.address, at.circuit = address, &circuit{most: c.cfg.Failures, pause: c.cfg.Pause}
	}
	at.ping = ping // by a connection of now
	c.nodes[address] = at
	return at
}

// do runs one operation, whose keys lie with key. Its error has a kind, and is counted:
// KindUnavailable at once while the node is left alone.
func (c *Client) do(ctx context.Context, key, doing string, op func(context.Context, goredis.Cmdable) error) error {
	if err := ctx.Err(); err != nil {
		return rag.Wrap(rag.KindOf(err), err, "redis: "+doing)
	}
	if c.isClosed() {
		return rag.Errorf(rag.KindUnavailable, "redis: %s: the client is closed", doing)
	}
	return c.run(ctx, key, doing, op)
}

// run is do for what is under way when the client is closed, and ends before its
// connections do.
func (c *Client) run(ctx context.Context, key, doing string, op func(context.Context, goredis.Cmdable) error) error {
	begun := time.Now()
	limited, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	at, err := c.nodeOf(limited, key)
	if err == nil {
		if err := c.ask(at, doing); err != nil {
			return err
		}
		err = op(limited, c.db)
	}
	if err != nil && ctx.Err() != nil && time.Since(begun) < c.cfg.ReadTimeout {
		// Who asked has gone, or had less time than a node may take: no fault of the node.
		return rag.Wrap(rag.KindOf(ctx.Err()), ctx.Err(), "redis: "+doing)
	}
	if errors.Is(err, goredis.ErrClosed) { // closed meanwhile
		return rag.Errorf(rag.KindUnavailable, "redis: %s: the client is closed", doing)
	}
	failed := away(err)
	if at.circuit.told(time.Now(), failed) {
		c.cfg.Observe.CacheNode(at.address, false)
		c.cfg.Logger.Warn("Redis does not answer, and is done without until it does", "node", cmp.Or(at.address, "all"), "error", c.fault(context.Background(), doing, err))
	}
	switch {
	case err == nil || errors.Is(err, goredis.Nil):
		return err
	case full(err):
		c.cfg.Observe.CacheFault("full")
		return c.fault(ctx, doing, err)
	case !failed:
		c.complain(at.address, c.fault(ctx, doing, err))
	}
	c.cfg.Observe.CacheFault("failed")
	return c.fault(ctx, doing, err)
}

// complain logs what a server that answers refuses, as for want of a right, now and then.
func (c *Client) complain(address string, err error) {
	c.mu.Lock()
	now := time.Now()
	often := now.Sub(c.complained) < complainEvery
	if !often {
		c.complained = now
	}
	c.mu.Unlock()
	if !often {
		c.cfg.Logger.Warn("Redis refuses what it is asked", "node", address, "error", err)
	}
}

const complainEvery = time.Minute

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// ask returns an error if the node is left alone, after starting a look if it is time.
func (c *Client) ask(at node, doing string) error {
	may, look := at.circuit.ask(time.Now())
	if look {
		c.look(at)
	}
	if may {
		return nil
	}
	c.cfg.Observe.CacheFault("away")
	return rag.Errorf(rag.KindUnavailable, "redis: %s: the server failed several times in a row and is left alone for a moment", doing)
}

// look looks in the background whether a node answers again.
func (c *Client) look(at node) {
	begun := c.aside(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout+c.cfg.ReadTimeout)
		defer cancel()
		if at.circuit.looked(time.Now(), at.ping(ctx) == nil) {
			c.cfg.Observe.CacheNode(at.address, true)
			c.cfg.Logger.Info("Redis answers again", "node", cmp.Or(at.address, "all"))
		}
	})
	if !begun {
		at.circuit.looked(time.Now(), false)
	}
}

// lookAround looks at the nodes that are left alone, as nobody may ask for what they have:
// another one has taken a dead master's place. Those that the cluster does not name any more
// are forgotten.
func (c *Client) lookAround(ctx context.Context) {
	there, err := c.addresses(ctx)
	if err != nil {
		return // who is still there is not known; the next time
	}
	c.mu.Lock()
	nodes := slices.Collect(maps.Values(c.nodes))
	c.mu.Unlock()
	for _, at := range nodes {
		if !there[at.address] {
			c.mu.Lock()
			delete(c.nodes, at.address)
			c.mu.Unlock()
			c.cfg.Observe.CacheNodeGone(at.address)
		} else if _, look := at.circuit.ask(time.Now()); look {
			c.look(at)
		}
	}
}

// addresses returns those of all nodes that there are, "" for the cluster among them.
func (c *Client) addresses(ctx context.Context) (map[string]bool, error) {
	all := map[string]bool{"": true}
	if c.cluster == nil {
		all[c.cfg.Addresses[0]] = true
		return all, nil
	}
	var mu sync.Mutex
	err := c.cluster.ForEachShard(ctx, func(_ context.Context, db *goredis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		all[db.Options().Addr] = true
		return nil
	})
	return all, err
}

// away reports whether an error means that the node does not answer now, to anything. A
// refusal of one operation costs no time, and a look would find the node well.
func away(err error) bool {
	if err == nil || errors.Is(err, goredis.Nil) {
		return false
	}
	if _, reply := errors.AsType[goredis.Error](err); !reply {
		return true
	}
	for _, begin := range []string{"LOADING", "NOAUTH", "WRONGPASS", "ERR max number of clients"} {
		if strings.HasPrefix(err.Error(), begin) {
			return true
		}
	}
	return false
}

// full reports whether the server has no memory left.
func full(err error) bool { return goredis.IsOOMError(err) }

// fault translates an error of the driver, or ctx's own. The text of the driver is kept,
// as it names hosts and causes; the error itself is not, and neither is a password.
func (c *Client) fault(ctx context.Context, doing string, err error) error {
	if gone := ctx.Err(); gone != nil {
		return rag.Wrap(rag.KindOf(gone), gone, "redis: "+doing)
	}
	text := err.Error()
	if c.cfg.Password != "" {
		text = strings.ReplaceAll(text, c.cfg.Password, "***")
	}
	switch {
	case full(err):
		return rag.Errorf(rag.KindExhausted, "redis: %s: the server's memory is full", doing)
	case goredis.IsAuthError(err), goredis.IsPermissionError(err):
		return rag.Errorf(rag.KindUnauthorized, "redis: %s: the server refuses this user: %s", doing, text)
	case errors.Is(err, context.DeadlineExceeded):
		return rag.Errorf(rag.KindUnavailable, "redis: %s: no answer in time", doing)
	}
	return rag.Errorf(rag.KindUnavailable, "redis: %s: %s", doing, text)
}
