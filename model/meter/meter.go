package meter

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Ledger is where charges are kept. store/sqlite is one; its comments say what
// each method promises.
type Ledger interface {
	Charge(ctx context.Context, charges []rag.Charge) error
	Reserve(ctx context.Context, h rag.Hold) ([]rag.Standing, error)
	Settle(ctx context.Context, id string, charges []rag.Charge) error
	Standings(ctx context.Context, limits []rag.Limit) ([]rag.Standing, error)
}

// Config holds a meter's settings.
type Config struct {
	Budgets []Budget
	HoldFor time.Duration // how long a call may run before what it set aside is charged; 0 is 1 h
	Every   time.Duration // how often what costs nothing is written; 0 is 1 s
	Observe *observe.Observer
	Logger  *slog.Logger     // nil discards
	Clock   func() time.Time // nil is time.Now
}

// Target is a model that is called, with what it costs.
type Target struct {
	Provider string
	Model    string
	Price    price.Price
}

// Meter counts and limits. It is goroutine-safe. A nil Meter lets every call pass
// and counts nothing.
type Meter struct {
	cfg    Config
	ledger Ledger

	mu      sync.Mutex
	pending map[rag.ChargeKey]rag.Charge // not yet in the ledger
	late    []settlement                 // that the ledger could not take
	told    map[string]bool              // warnings that were logged
	wake    chan struct{}
	stop    chan struct{}
	running sync.WaitGroup
	closing sync.Once
}

type settlement struct {
	hold   string
	charge []rag.Charge
}

// New returns a meter without a ledger: what is counted before Open is kept.
func New(cfg Config) (*Meter, error) {
	if cfg.HoldFor == 0 {
		cfg.HoldFor = time.Hour
	}
	if cfg.Every == 0 {
		cfg.Every = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	var faults []error
	for i := range cfg.Budgets {
		faults = append(faults, cfg.Budgets[i].Validate())
	}
	if err := errors.Join(faults...); err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "budgets")
	}
	return &Meter{
		cfg: cfg, pending: map[rag.ChargeKey]rag.Charge{}, told: map[string]bool{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}, nil
}

// Open gives the meter its ledger, once, before the first call that is to be held
// to a budget. Close ends it.
func (m *Meter) Open(l Ledger) {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.ledger = l
	waiting := len(m.pending) > 0
	m.mu.Unlock()
	m.running.Go(m.run)
	if waiting {
		m.nudge()
	}
}

// Close writes what waits. The ledger is still open then.
func (m *Meter) Close() error {
	if m == nil {
		return nil
	}
	m.closing.Do(func() { close(m.stop) })
	m.running.Wait()
	return m.Flush(context.Background())
}

// run writes what waits, a while after the first of it came.
func (m *Meter) run() {
	for {
		select {
		case <-m.stop:
			return
		case <-m.wake:
		}
		pause := time.NewTimer(m.cfg.Every)
		select {
		case <-m.stop:
			pause.Stop()
			return
		case <-pause.C:
		}
		if err := m.Flush(context.Background()); err != nil {
			m.failed(err)
			m.nudge()
		}
	}
}

func (m *Meter) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *Meter) failed(err error) {
	m.cfg.Observe.Error(rag.KindOf(err), "ledger")
	m.cfg.Logger.Error("charges wait to be written to the ledger", "kind", rag.KindOf(err), "error", err)
}

// ledgerTimeout bounds a write to the ledger, which also a caller that has gone
// away waits for: the call was made and has to be paid.
const ledgerTimeout = 30 * time.Second

// Flush writes what waits to the ledger. What it cannot take goes on waiting.
func (m *Meter) Flush(ctx context.Context) error {
	if m == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerTimeout)
	defer cancel()
	m.mu.Lock()
	ledger := m.ledger
	if ledger == nil {
		m.mu.Unlock()
		return nil
	}
	late, pending := m.late, m.pending
	m.late, m.pending = nil, map[rag.ChargeKey]rag.Charge{}
	m.mu.Unlock()

	var failed error
	for i, s := range late {
		if err := ledger.Settle(ctx, s.hold, s.charge); err != nil && !errors.Is(err, rag.ErrNotFound) {
			m.mu.Lock()
			m.late = append(m.late, late[i:]...)
			m.mu.Unlock()
			failed = err
			break
		}
	}
	charges := make([]rag.Charge, 0, len(pending))
	for _, c := range pending {
		charges = append(charges, c)
	}
	if len(charges) == 0 {
		return failed
	}
	if err := ledger.Charge(ctx, charges); err != nil {
		for _, c := range charges {
			m.put(c)
		}
		failed = err
	}
	return failed
}

// put adds a charge to what waits.
func (m *Meter) put(c rag.Charge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.pending[c.ChargeKey]
	m.pending[c.ChargeKey] = rag.Charge{ChargeKey: c.ChargeKey, Spent: was.Spent.Plus(c.Spent), Saved: was.Saved.Plus(c.Saved)}
}

// Call is a call of a model while it runs. A nil Call counts nothing.
type Call struct {
	m      *Meter
	ctx    context.Context
	target *Target
	op     rag.Operation
	hold   string // "" for none
}

// Begin sets aside the most that a call may take: most counts its tokens and
// searches. The error is KindExhausted, with a *rag.Exceeded as cause, when a
// budget has no room, and nothing must be called then; or that of the ledger.
// Whoever gets a Call calls End, once.
func (m *Meter) Begin(ctx context.Context, t *Target, op rag.Operation, most rag.Consumption) (*Call, error) {
	if m == nil {
		return nil, nil
	}
	c := &Call{m: m, ctx: ctx, target: t, op: op}
	charge := m.charge(ctx, t, op, most)
	bounds := m.bounds(charge.ChargeKey)
	m.mu.Lock()
	ledger := m.ledger
	m.mu.Unlock()
	if ledger == nil || len(bounds) == 0 && charge.Spent.Cost == 0 {
		return c, nil
	}
	id := newID()
	limits := make([]rag.Limit, len(bounds))
	for i, b := range bounds {
		limits[i] = b.limit
	}
	standings, err := ledger.Reserve(ctx, rag.Hold{ID: id, Charge: charge, Limits: limits, Expires: m.cfg.Clock().Add(m.cfg.HoldFor)})
	if over, is := errors.AsType[*rag.Exceeded](err); is {
		m.refused(ctx, over)
		return nil, err
	}
	if err != nil {
		return nil, rag.Wrap(rag.KindOf(err), err, "ledger")
	}
	c.hold = id
	for i := range standings {
		m.warn(ctx, bounds[i].budget, &standings[i])
	}
	return c, nil
}

// charge makes the entry of a call.
func (m *Meter) charge(ctx context.Context, t *Target, op rag.Operation, c rag.Consumption) rag.Charge {
	a := rag.AccountOf(ctx)
	c.Calls = 1
	c.Cost = t.Price.Cost(op, c)
	currency := t.Price.Currency
	if !t.Price.Knows(op) {
		c.Unpriced = 1
	}
	if t.Price.Free() {
		currency = ""
	}
	return rag.Charge{ChargeKey: rag.ChargeKey{
		Tenant: a.Tenant, Key: a.Key, Day: rag.DayOf(m.cfg.Clock()), Operation: op, Provider: t.Provider, Model: t.Model, Currency: currency,
	}, Spent: c}
}

// End charges what the call took. A call that took nothing, since it was refused
// or its server not reached, is not counted. failed says that it ended with an
// error all the same.
func (c *Call) End(took rag.Consumption, failed bool) {
	if c == nil {
		return
	}
	var charges []rag.Charge
	if took.Tokens() > 0 || took.Searches > 0 || !failed {
		if failed {
			took.Failed = 1
		}
		charge := c.m.charge(c.ctx, c.target, c.op, took)
		charges = []rag.Charge{charge}
		c.m.cfg.Observe.Charge(charge)
		BillOf(c.ctx).add(charge)
	}
	c.m.settle(c.ctx, c.hold, charges)
}

// settle has the ledger take charges: at once where something was set aside for
// them.
func (m *Meter) settle(ctx context.Context, hold string, charges []rag.Charge) {
	if hold == "" {
		for _, c := range charges {
			m.put(c)
		}
		m.nudge()
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerTimeout)
	defer cancel()
	if err := m.ledger.Settle(ctx, hold, charges); err != nil && !errors.Is(err, rag.ErrNotFound) {
		m.mu.Lock()
		m.late = append(m.late, settlement{hold, charges})
		m.mu.Unlock()
		m.failed(err)
		m.nudge()
	}
}

// Saved counts what was not spent because a result was there already: charges as
// they were made when the result was computed. They count for who asks now.
func (m *Meter) Saved(ctx context.Context, charges []rag.Charge) {
	if m == nil || len(charges) == 0 {
		return
	}
	a, day := rag.AccountOf(ctx), rag.DayOf(m.cfg.Clock())
	for _, c := range charges {
		c.Tenant, c.Key, c.Day = a.Tenant, a.Key, day
		c.Spent.Failed, c.Spent.Estimated, c.Spent.Unpriced = 0, 0, 0
		c.Spent, c.Saved = rag.Consumption{}, c.Spent
		m.cfg.Observe.Charge(c)
		m.put(c)
	}
	m.nudge()
}

// SavedCall is Saved for a call whose charges were not kept.
func (m *Meter) SavedCall(ctx context.Context, t *Target, op rag.Operation, took rag.Consumption) {
	if m != nil && took.Tokens() > 0 {
		m.Saved(ctx, []rag.Charge{m.charge(ctx, t, op, took)})
	}
}

func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
