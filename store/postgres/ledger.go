package postgres

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Any number of processes reserve, settle and charge at the same time, and the sums are
// exact. Charges are added by upserts, in the order of their keys. A reservation
// decides by sums over many rows, which no lock of rows would hold still: those that
// could take the same money take turns by an advisory lock, see turns.

// Charge adds charges to the ledger in one transaction, all or none. It is on the
// disk when the call returns.
func (s *Store) Charge(ctx context.Context, charges []rag.Charge) error {
	if err := checkCharges(charges...); err != nil || len(charges) == 0 {
		return err
	}
	err := s.update(ctx, ofCharges(charges), func(ctx context.Context, tx pgx.Tx) error {
		return addCharges(ctx, tx, charges)
	})
	return wrap(err, "charge")
}

// ofCharges is the scope of the tenant that is charged, where it is one.
func ofCharges(charges []rag.Charge) tenantScope {
	for _, c := range charges {
		if c.Tenant != charges[0].Tenant {
			return everyTenant
		}
	}
	return inTenant(charges[0].Tenant)
}

// Reserve sets aside what a call may take at most, if every limit of the hold has
// room for it, in one transaction: two processes cannot both take the last of a
// budget. It returns how each limit stands with the hold in it. Where one has no
// room nothing is set aside, the error is KindExhausted with a *rag.Exceeded as
// cause, and the standings are those without the hold.
func (s *Store) Reserve(ctx context.Context, h rag.Hold) ([]rag.Standing, error) {
	if err := checkCharges(h.Charge); err != nil {
		return nil, err
	}
	var standings []rag.Standing
	var full error
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		full = nil
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		if standings, err = s.standingInTurn(ctx, tx, h, now); err != nil {
			return err
		}
		if full = store.Reserve(standings, h.Charge); full != nil {
			return nil
		}
		return s.hold(ctx, tx, h, now)
	})
	if err != nil {
		return nil, wrap(err, "reserve")
	}
	return standings, full
}

// standingInTurn takes the hold's turns and returns how its limits stand from then on. All
// goes in one step: others wait for their turn meanwhile.
func (s *Store) standingInTurn(ctx context.Context, tx pgx.Tx, h rag.Hold, now time.Time) (standings []rag.Standing, err error) {
	var b pgx.Batch
	for _, key := range s.turns(h) {
		b.Queue("SELECT pg_advisory_xact_lock($1)", key)
	}
	var charges []rag.Charge
	b.Queue(lapseQuery, now).Query(func(rows pgx.Rows) error {
		charges, err = lapsedCharges(rows)
		return err
	})
	b.Queue(standingQuery, limitArgs(h.Limits)...).Query(func(rows pgx.Rows) error {
		standings, err = standingsOf(h.Limits, rows)
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil || len(charges) == 0 {
		return standings, err
	}
	if err := chargeLapsed(ctx, tx, charges, now); err != nil {
		return nil, err
	}
	return standing(ctx, tx, h.Limits)
}

// turns are the locks that a reservation takes, in the order in which all take them:
// one for all tenants if a limit counts them all, and one for its own tenant. Of two
// reservations that wait for no common lock, at least one decides by nothing that the
// other adds, so that it could as well have come first.
func (s *Store) turns(h rag.Hold) []int64 {
	var keys []int64
	if len(h.Limits) == 0 {
		return keys
	}
	if slices.ContainsFunc(h.Limits, func(l rag.Limit) bool { return l.AnyTenant }) {
		keys = append(keys, s.cfg.lockKey("reserve"))
	}
	return append(keys, s.cfg.lockKey("reserve in "+h.Charge.Tenant))
}

// Settle gives a hold back and adds what the call really took, in one transaction.
// A hold that has expired meanwhile was charged in full: then the difference is
// charged. KindNotFound if there is no such hold; nothing is charged then, so that
// settling twice does not charge twice.
func (s *Store) Settle(ctx context.Context, id string, charges []rag.Charge) error {
	if err := checkCharges(charges...); err != nil {
		return err
	}
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		var was rag.Charge
		var lapsed bool
		err := tx.QueryRow(ctx, "DELETE FROM holds WHERE id = $1 RETURNING "+heldColumns+", lapsed", id).Scan(append(heldFields(&was), &lapsed)...)
		if errors.Is(err, pgx.ErrNoRows) {
			return store.NoHold(id)
		}
		if err != nil {
			return err
		}
		all := slices.Clone(charges)
		if lapsed {
			was.Spent = store.Refund(was.Spent)
			all = append(all, was)
		}
		return addCharges(ctx, tx, all)
	})
	return wrap(err, "settle")
}

// lapse charges the holds that expired before now, in full: whether the call was
// made is not known, and a budget that is passed is worse than one that is not
// used to its end. Holds that another transaction is settling or charging are left
// to it.
func lapse(ctx context.Context, tx pgx.Tx, now time.Time) (int, error) {
	rows, err := tx.Query(ctx, lapseQuery, now)
	if err != nil {
		return 0, err
	}
	charges, err := lapsedCharges(rows)
	if err != nil || len(charges) == 0 {
		return 0, err
	}
	return len(charges), chargeLapsed(ctx, tx, charges, now)
}

const lapseQuery = `
	UPDATE holds SET lapsed = true WHERE (id, tenant) IN (
		SELECT id, tenant FROM holds WHERE expires_at <= $1 AND NOT lapsed FOR UPDATE SKIP LOCKED)
	RETURNING ` + heldColumns

func lapsedCharges(rows pgx.Rows) ([]rag.Charge, error) {
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (rag.Charge, error) {
		var ch rag.Charge
		err := r.Scan(heldFields(&ch)...)
		ch.Spent = store.Lapsed(ch.Spent)
		return ch, err
	})
}

// chargeLapsed charges what lapseQuery has found, and forgets what nobody came back for.
func chargeLapsed(ctx context.Context, tx pgx.Tx, charges []rag.Charge, now time.Time) error {
	if err := addCharges(ctx, tx, charges); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		DELETE FROM holds WHERE (id, tenant) IN (
			SELECT id, tenant FROM holds WHERE lapsed AND expires_at <= $1 FOR UPDATE SKIP LOCKED)`, now.Add(-store.LapsedFor))
	return err
}

// Lapse charges the holds that expired and returns how many there were. Reserve
// does so by itself.
func (s *Store) Lapse(ctx context.Context) (n int, err error) {
	err = s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		now, err := s.clock(ctx, tx)
		if err == nil {
			n, err = lapse(ctx, tx, now)
		}
		return err
	})
	return n, wrap(err, "charge expired holds")
}

// Standings returns how limits stand, in their order.
func (s *Store) Standings(ctx context.Context, limits []rag.Limit) (all []rag.Standing, err error) {
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		all, err = standing(ctx, tx, limits)
		return err
	})
	return all, wrap(err, "look at budgets")
}

// What a limit counts of the rows t of a table. A limit of one tenant has a form of its
// own, since it reads a range of the ledger's primary key.
const (
	limitWhere = `(l.any_key OR t.key = l.key) AND t.day BETWEEN l.first AND l.last AND (l.currency = '' OR t.currency = l.currency)
		AND (l.operations = '' OR t.operation = ANY (string_to_array(l.operations, ',')))`
	anyTenant = "l.any_tenant AND " + limitWhere
	oneTenant = "NOT l.any_tenant AND t.tenant = l.tenant AND " + limitWhere
	limitSums = "SELECT coalesce(sum(cost), 0)::bigint AS cost, coalesce(sum(tokens), 0)::bigint AS tokens FROM "
	rowOfSums = "SELECT t.cost, t.input + t.output AS tokens FROM "

	// One statement for all limits, which sees what is spent and what is held at one
	// moment: what is settled between two statements could be in neither.
	standingQuery = `
		SELECT spent.cost, spent.tokens, held.cost, held.tokens
		FROM unnest($1::bool[], $2::text[], $3::bool[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
			WITH ORDINALITY AS l (any_tenant, tenant, any_key, key, first, last, currency, operations, n)
		CROSS JOIN LATERAL (` + limitSums + "(" + rowOfSums + "ledger t WHERE " + anyTenant + " UNION ALL " + rowOfSums + "ledger t WHERE " + oneTenant + `) r) spent
		CROSS JOIN LATERAL (` + limitSums + "(" + rowOfSums + "holds t WHERE NOT t.lapsed AND " + anyTenant + " UNION ALL " + rowOfSums + "holds t WHERE NOT t.lapsed AND " + oneTenant + `) r) held
		ORDER BY l.n`
)

func standing(ctx context.Context, tx pgx.Tx, limits []rag.Limit) ([]rag.Standing, error) {
	rows, err := tx.Query(ctx, standingQuery, limitArgs(limits)...)
	if err != nil {
		return nil, err
	}
	return standingsOf(limits, rows)
}

// limitArgs are the parameters of standingQuery.
func limitArgs(limits []rag.Limit) []any {
	n := len(limits)
	anyTenant, anyKey := make([]bool, n), make([]bool, n)
	tenants, keys, from, to, currencies, operations := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, l := range limits {
		anyTenant[i], tenants[i], anyKey[i], keys[i], from[i], to[i], currencies[i] = l.AnyTenant, l.Tenant, l.AnyKey, l.Key, l.From, l.To, l.Currency
		operations[i] = strings.Join(texts(l.Operations), ",")
	}
	return []any{anyTenant, tenants, anyKey, keys, from, to, currencies, operations}
}

// standingsOf reads the rows of standingQuery.
func standingsOf(limits []rag.Limit, rows pgx.Rows) ([]rag.Standing, error) {
	out := make([]rag.Standing, 0, len(limits))
	var spent, held store.Sums
	_, err := pgx.ForEachRow(rows, []any{&spent.Cost, &spent.Tokens, &held.Cost, &held.Tokens}, func() error {
		out = append(out, store.NewStanding(limits[len(out)], spent, held))
		return nil
	})
	return out, err
}

const heldColumns = "tenant, day, key, operation, provider, model, currency, calls, unpriced, input, cached, output, searches, cost"

func heldFields(ch *rag.Charge) []any {
	return []any{&ch.Tenant, &ch.Day, &ch.Key, &ch.Operation, &ch.Provider, &ch.Model, &ch.Currency, &ch.Spent.Calls, &ch.Spent.Unpriced,
		&ch.Spent.Input, &ch.Spent.Cached, &ch.Spent.Output, &ch.Spent.Searches, &ch.Spent.Cost}
}

func (s *Store) hold(ctx context.Context, tx pgx.Tx, h rag.Hold, now time.Time) error {
	k, u := h.Charge.ChargeKey, h.Charge.Spent
	_, err := tx.Exec(ctx, "INSERT INTO holds (id, "+heldColumns+", expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
		h.ID, k.Tenant, k.Day, k.Key, string(k.Operation), k.Provider, k.Model, k.Currency, u.Calls, u.Unpriced,
		u.Input, u.Cached, u.Output, u.Searches, int64(u.Cost), s.moment(h.Expires, time.Now(), now))
	return err
}

// addCharges adds charges to the ledger in one statement. Of the rows that it locks, all
// transactions lock the lesser first.
func addCharges(ctx context.Context, tx pgx.Tx, charges []rag.Charge) error {
	if len(charges) == 0 {
		return nil
	}
	sum := make(map[rag.ChargeKey]rag.Charge, len(charges)) // a statement adds to a row once
	for _, ch := range charges {
		was := sum[ch.ChargeKey]
		sum[ch.ChargeKey] = rag.Charge{ChargeKey: ch.ChargeKey, Spent: was.Spent.Plus(ch.Spent), Saved: was.Saved.Plus(ch.Saved)}
	}
	keys := slices.SortedFunc(maps.Keys(sum), func(a, b rag.ChargeKey) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Operation, b.Operation),
			cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Currency, b.Currency))
	})
	var names [7][]string
	var counts [15][]int64
	for _, k := range keys {
		for i, name := range []string{k.Tenant, k.Day, k.Key, string(k.Operation), k.Provider, k.Model, k.Currency} {
			names[i] = append(names[i], name)
		}
		u, v := sum[k].Spent, sum[k].Saved
		for i, n := range []int64{u.Calls, u.Failed, u.Estimated, u.Unpriced, u.Input, u.Cached, u.Output, u.Searches, int64(u.Cost),
			v.Calls, v.Input, v.Cached, v.Output, v.Searches, int64(v.Cost)} {
			counts[i] = append(counts[i], n)
		}
	}
	var args []any
	for _, column := range names {
		args = append(args, column)
	}
	for _, column := range counts {
		args = append(args, column)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO ledger AS l (tenant, day, key, operation, provider, model, currency,
			calls, failed, estimated, unpriced, input, cached, output, searches, cost,
			saved_calls, saved_input, saved_cached, saved_output, saved_searches, saved_cost)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
			$8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
			$17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[])
		ON CONFLICT (tenant, day, key, operation, provider, model, currency) DO UPDATE SET
			calls = l.calls + excluded.calls, failed = l.failed + excluded.failed, estimated = l.estimated + excluded.estimated,
			unpriced = l.unpriced + excluded.unpriced, input = l.input + excluded.input, cached = l.cached + excluded.cached,
			output = l.output + excluded.output, searches = l.searches + excluded.searches, cost = l.cost + excluded.cost,
			saved_calls = l.saved_calls + excluded.saved_calls, saved_input = l.saved_input + excluded.saved_input,
			saved_cached = l.saved_cached + excluded.saved_cached, saved_output = l.saved_output + excluded.saved_output,
			saved_searches = l.saved_searches + excluded.saved_searches, saved_cost = l.saved_cost + excluded.saved_cost`, args...)
	return err
}

// checkCharges is store.CheckCharges with what PostgreSQL asks besides.
func checkCharges(charges ...rag.Charge) error {
	for _, ch := range charges {
		for _, text := range []string{ch.Tenant, ch.Key, ch.Provider, ch.Model, ch.Currency} {
			if storable(text) != text {
				return rag.Errorf(rag.KindInvalid, "a name in a charge is not text: %.40q", text)
			}
		}
	}
	return store.CheckCharges(charges...)
}
