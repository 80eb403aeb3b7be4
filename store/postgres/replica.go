package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/smartretriever/smartretriever/rag"
)

// A replica is a copy that comes a little later. What is read of a collection may
// be read there if the replica has come as far with that collection as this process
// knows the primary to be; whether it has is asked in the transaction that reads, so
// that nothing can come in between. Collection and CollectionByID are read from the
// primary, and what comes after them therefore from nothing older.

// replica is the connections to one.
type replica struct {
	name string // host and port, for people
	pool *pgxpool.Pool

	mu      sync.Mutex
	failing time.Duration // how long it is put aside the next time, 0 for one that is well
	until   time.Time     // put aside until then
}

// How long a replica that fails is put aside, the first time and at most.
const (
	asideFirst = time.Second
	asideMost  = time.Minute
)

func (s *Store) openReplicas(ctx context.Context) error {
	for _, u := range s.cfg.Replicas {
		cfg := s.cfg
		cfg.MinIdleConns = 0
		pool, err := cfg.pool(ctx, u)
		if err != nil {
			return err
		}
		cc := pool.Config().ConnConfig
		s.replicas = append(s.replicas, &replica{name: cc.Host + ":" + itoa(int(cc.Port)), pool: pool})
	}
	return nil
}

// usable reports whether the replica is not put aside.
func (r *replica) usable() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().After(r.until)
}

func (r *replica) putAside() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = min(max(2*r.failing, asideFirst), asideMost)
	r.until = time.Now().Add(r.failing)
}

func (r *replica) well() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = 0
}

// fromReplica is ofCollection for what may be read from a replica.
func fromReplica(collectionID int64) tenantScope {
	return tenantScope{collection: collectionID, elsewhere: true}
}

// behind says that a replica has not come far enough.
var errBehind = errors.New("postgres: the replica is behind")

// freshness asks in a transaction that may be on a replica whether it is as far as it
// has to be, and notes how far it is: the next one, which may be on another server, must
// not be behind what this one has read.
type freshness struct {
	collection int64
	least      int64 // revision; -1 takes any
	seen       func(collectionID, revision int64)
}

func (f *freshness) queue(b *pgx.Batch) {
	b.Queue("SELECT coalesce(max(revision), -1) FROM collections WHERE id = $1", f.collection)
}

func (f *freshness) check(r pgx.BatchResults) error {
	var revision int64
	if err := r.QueryRow().Scan(&revision); err != nil {
		return err
	}
	if revision < f.least {
		return errBehind
	}
	if revision >= 0 {
		f.seen(f.collection, revision)
	}
	return nil
}

// viewReplica runs fn in a transaction on a replica. done is false where it has to
// be run on the primary: there is no replica that answers and has come far enough.
func (s *Store) viewReplica(ctx context.Context, scope tenantScope, fn func(context.Context, pgx.Tx) error) (done bool, err error) {
	if !scope.elsewhere || len(s.replicas) == 0 {
		return false, nil
	}
	r := s.replicas[int(s.turn.Add(1))%len(s.replicas)]
	if !r.usable() {
		return false, nil
	}
	scope.least = s.known(scope.collection)
	err = s.transact(ctx, r.pool, scope, reading, fn)
	var last final
	switch {
	case err == nil:
		r.well()
		return true, nil
	case errors.As(err, &last), ctx.Err() != nil:
		return true, err
	case errors.Is(err, errBehind), inTheWay(err): // a replica ends what is in the way of its following
		return false, nil
	}
	var mine *rag.Error
	if errors.As(err, &mine) && mine.Kind != rag.KindUnavailable && mine.Kind != rag.KindExhausted {
		return true, err
	}
	r.putAside()
	s.cfg.Logger.Warn("store: a replica is put aside for a while", "replica", r.name, "err", wrap(err, "read from it"))
	return false, nil
}

// Replication tells how each of Config.Replicas does, in their order. The error is
// that of the primary.
func (s *Store) Replication(ctx context.Context) ([]rag.ReplicaState, error) {
	if len(s.replicas) == 0 {
		return nil, nil
	}
	var at string
	err := s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&at)
	})
	if err != nil {
		return nil, wrap(err, "look at replication")
	}
	states := make([]rag.ReplicaState, len(s.replicas))
	for i, r := range s.replicas {
		states[i] = rag.ReplicaState{Name: r.name, Aside: !r.usable(), Bytes: -1}
		var seconds float64
		err := s.transact(ctx, r.pool, everyTenant, reading, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, `
				SELECT greatest(0, pg_wal_lsn_diff($1::text::pg_lsn, pg_last_wal_replay_lsn()))::bigint,
					CASE WHEN pg_last_wal_replay_lsn() >= $1::text::pg_lsn THEN 0
					ELSE coalesce(greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())), 0) END::float8`, at).
				Scan(&states[i].Bytes, &seconds)
		})
		states[i].Err = wrap(err, "look at the replica %s", r.name)
		states[i].Delay = time.Duration(seconds * float64(time.Second))
	}
	return states, nil
}
