package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// Spaces keeps how far each space follows the change feed, where all processes see it. What its methods promise is said at package store/sqlite. Goroutine-safe.
type Spaces interface {
	Space(ctx context.Context, name string) (rag.Space, error)
	Spaces(ctx context.Context) ([]rag.Space, error)
	LeaseSpace(ctx context.Context, name string, collectionID int64, generation int, ttl time.Duration) (rag.Space, error)
	AdvanceSpace(ctx context.Context, space rag.Space, ttl time.Duration) error
	DropSpace(ctx context.Context, name string) error
}

// Config says which database is used, and how. Zero fields take their defaults.
type Config struct {
	Database external.Database // needed; closed by Connection.Close
	Spaces   Spaces            // needed
	// Name tells databases apart whose contents differ: lower-case letters, digits and dashes. It is part of what is kept of spaces, so that moving
	// to another database fills that from the store.
	Name string
	// Prefix begins the names of spaces; "" is "sr". Several deployments can share a database as it is: names hold the store's identity as well.
	Prefix string
	// Words has the database search words as well, if it can, by its own analysis and its own BM25; otherwise the program's engine does.
	Words bool

	SearchTimeout time.Duration // of one try of a search; 0 is 3 s
	ApplyTimeout  time.Duration // of all that one batch of changes needs; 0 is 1 min
	Lease         time.Duration // how long a writer that has died keeps others waiting; 0 is 20 s
	Patience      time.Duration // how long a batch waits for another writer before it is left for later; 0 is 2 s
	Tries         int           // of a request that may succeed later; 0 is 3
	Failures      int           // in a row, after which the database is left alone; 0 is 5
	Pause         time.Duration // for so long; 0 is 5 s

	Logger *slog.Logger // nil logs nothing
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&c.SearchTimeout, 3*time.Second)
	set(&c.ApplyTimeout, time.Minute)
	set(&c.Lease, 20*time.Second)
	set(&c.Patience, 2*time.Second)
	set(&c.Pause, 5*time.Second)
	if c.Prefix == "" {
		c.Prefix = "sr"
	}
	if c.Tries == 0 {
		c.Tries = 3
	}
	if c.Failures == 0 {
		c.Failures = 5
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

var (
	namePattern   = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	prefixPattern = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)
)

// Validate reports all faults together, as KindInvalid.
func (c Config) Validate() error {
	var faults []error
	if c.Database == nil || c.Spaces == nil {
		faults = append(faults, errors.New("a database and a place that keeps its spaces are needed"))
	}
	if !namePattern.MatchString(c.Name) {
		faults = append(faults, fmt.Errorf("the name %q of the database is not 1 to 40 lower-case letters, digits and dashes", c.Name))
	}
	if !prefixPattern.MatchString(c.Prefix) {
		faults = append(faults, fmt.Errorf("the prefix %q of spaces is not 1 to 16 lower-case letters and digits, a letter first", c.Prefix))
	}
	if c.SearchTimeout < 0 || c.ApplyTimeout < 0 || c.Lease < 0 || c.Patience < 0 || c.Pause < 0 || c.Tries < 0 || c.Failures < 0 {
		faults = append(faults, errors.New("times and numbers must not be negative"))
	}
	if c.Words && c.Database != nil && !c.Database.Limits().Words {
		faults = append(faults, fmt.Errorf("%s cannot search words; leave that to the program", c.Name))
	}
	if len(faults) == 0 {
		return nil
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "external index")
}

// Connection is what the indexes of a deployment share: one database. Goroutine-safe.
type Connection struct {
	cfg     Config
	limits  external.Limits
	breaker *gobreaker.CircuitBreaker[struct{}]
}

// New returns a connection; the database need not be there yet. Close ends it.
func New(cfg Config) (*Connection, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Connection{cfg: cfg, limits: cfg.Database.Limits()}
	c.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: cfg.Name, MaxRequests: 1, Timeout: cfg.Pause,
		ReadyToTrip: func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= cfg.Failures },
		IsExcluded:  func(err error) bool { return err != nil && !speaksAgainst(err) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			switch to {
			case gobreaker.StateOpen:
				cfg.Logger.Warn("index: the vector database does not answer and is left alone for a while", "database", cfg.Name, "pause", cfg.Pause)
			case gobreaker.StateClosed:
				cfg.Logger.Info("index: the vector database answers again", "database", cfg.Name)
			}
		},
	})
	return c, nil
}

// Close closes the database. Indexes must have been closed before.
func (c *Connection) Close() error { return c.cfg.Database.Close() }

// Health says whether the database answers. Without it searches go on by words, so it is not marked as needed.
func (c *Connection) Health(ctx context.Context) rag.Health {
	begun := time.Now()
	server, err := c.cfg.Database.Describe(ctx)
	h := rag.Health{Name: "vectors", OK: err == nil, Took: time.Since(begun)}
	switch {
	case err != nil:
		h.Detail = err.Error()
	default:
		h.Detail = strings.TrimSpace(server.Product + " " + server.Version)
	}
	return h
}

// storePart names a store in names of spaces: several deployments may share a database.
func storePart(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:6])
}

// spaceOf returns the space for an index, and the name under which it is kept how far it is.
func (c *Connection) spaceOf(e engine.Config) (s external.Space, kept string) {
	id := e.Identity
	s = external.Space{Name: fmt.Sprintf("%s_%s_%d_%d", c.cfg.Prefix, storePart(id.Store), id.Collection, id.Generation), Dimensions: e.Dimensions, Text: c.cfg.Words}
	if s.Text {
		s.Name += "_w"
	}
	return s, c.cfg.Name + "/" + s.Name
}

// Sweep drops the spaces of generations and collections of a store that are no more, and those that another setting of Words has left. It returns how many.
// What it cannot drop now it finds again.
func (c *Connection) Sweep(ctx context.Context, storeID string) (int, error) {
	rows, err := c.cfg.Spaces.Spaces(ctx)
	if err != nil {
		return 0, err
	}
	filled := map[string]bool{}
	for _, p := range rows {
		filled[p.Name] = p.Seq >= 0
	}
	ours := c.cfg.Name + "/" + c.cfg.Prefix + "_" + storePart(storeID) + "_"
	dropped := 0
	var failed []error
	for _, p := range rows {
		if !strings.HasPrefix(p.Name, ours) || !p.Gone && !c.replaced(p.Name, filled) {
			continue
		}
		if err := c.drop(ctx, p.Name); err != nil {
			failed = append(failed, err)
			continue
		}
		dropped++
	}
	return dropped, errors.Join(failed...)
}

// replaced reports whether a space is of the other setting of Words and the one of this setting has taken its place.
func (c *Connection) replaced(kept string, filled map[string]bool) bool {
	plain, words := strings.CutSuffix(kept, "_w")
	if words == c.cfg.Words {
		return false
	}
	if words {
		return filled[plain]
	}
	return filled[kept+"_w"]
}

func (c *Connection) drop(ctx context.Context, kept string) error {
	_, name, _ := strings.Cut(kept, "/")
	err := c.try(ctx, c.cfg.ApplyTimeout, func(ctx context.Context) error { return c.cfg.Database.Drop(ctx, name) })
	if err != nil {
		return fmt.Errorf("drop space %s: %w", name, err)
	}
	return c.cfg.Spaces.DropSpace(ctx, kept)
}

// Pauses between tries.
const (
	firstPause = 50 * time.Millisecond
	mostPause  = 2 * time.Second
)

// try asks the database, again after errors that may pass, each time for timeout at most, until ctx ends.
func (c *Connection) try(ctx context.Context, timeout time.Duration, do func(context.Context) error) error {
	return c.ask(ctx, c.cfg.Tries, timeout, do)
}

// shortly bounds the simplest question.
const shortly = 3 * time.Second

// answers reports, as an error, that the database does not answer the simplest question.
func (c *Connection) answers(ctx context.Context) error {
	return c.ask(ctx, 1, shortly, func(ctx context.Context) error {
		_, err := c.cfg.Database.Describe(ctx)
		return err
	})
}

// ask asks at most so many times.
func (c *Connection) ask(ctx context.Context, most int, timeout time.Duration, do func(context.Context) error) error {
	for n := 1; ; n++ {
		_, err := c.breaker.Execute(func() (struct{}, error) { return struct{}{}, c.once(ctx, timeout, do) })
		if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
			return rag.Errorf(rag.KindUnavailable, "%s has failed several times in a row and is left alone for a while", c.cfg.Name)
		}
		if err == nil || n >= most || !mayPass(err) || ctx.Err() != nil {
			return err
		}
		pause := min(firstPause<<(2*(n-1)), mostPause)
		pause = pause/2 + rand.N(pause)
		var asks interface{ RetryAfter() time.Duration }
		if errors.As(err, &asks) {
			if pause = max(pause, asks.RetryAfter()); pause > c.cfg.Patience {
				return err // whoever asks comes back by himself
			}
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// once makes one try. A database that does not answer within timeout is unavailable: its adapter only sees that the time of the call is over.
func (c *Connection) once(ctx context.Context, timeout time.Duration, do func(context.Context) error) error {
	call, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := do(call)
	if err != nil && call.Err() != nil && ctx.Err() == nil {
		return rag.Errorf(rag.KindUnavailable, "%s: no answer within %s", c.cfg.Name, timeout)
	}
	return err
}

// speaksAgainst reports whether an error says that the database does not answer. That a caller has gone away says nothing of it; that his time
// is over does.
func speaksAgainst(err error) bool {
	return !errors.Is(err, context.Canceled) && (rag.KindOf(err) == rag.KindUnavailable || errors.Is(err, context.DeadlineExceeded))
}

func mayPass(err error) bool {
	kind := rag.KindOf(err)
	return kind == rag.KindUnavailable || kind == rag.KindExhausted
}
