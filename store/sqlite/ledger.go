package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Charge adds charges to the ledger in one transaction, all or none. It is on the
// disk when the call returns.
func (s *Store) Charge(ctx context.Context, charges []rag.Charge) error {
	if err := store.CheckCharges(charges...); err != nil || len(charges) == 0 {
		return err
	}
	return s.update(ctx, "charge", func(ctx context.Context, c *conn) error {
		return addCharges(ctx, c, charges)
	})
}

// Reserve sets aside what a call may take at most, if every limit of the hold has
// room for it, in one transaction: two processes cannot both take the last of a
// budget. It returns how each limit stands with the hold in it. Where one has no
// room nothing is set aside, the error is KindExhausted with a *rag.Exceeded as
// cause, and the standings are those without the hold.
func (s *Store) Reserve(ctx context.Context, h rag.Hold) ([]rag.Standing, error) {
	if err := store.CheckCharges(h.Charge); err != nil {
		return nil, err
	}
	var standings []rag.Standing
	var full error
	err := s.update(ctx, "reserve", func(ctx context.Context, c *conn) error {
		if _, err := lapse(ctx, c, s.now()); err != nil {
			return err
		}
		var err error
		if standings, err = standing(ctx, c, h.Limits); err != nil {
			return err
		}
		if full = store.Reserve(standings, h.Charge); full != nil {
			return nil
		}
		return hold(ctx, c, h)
	})
	if err == nil {
		err = full
	}
	return standings, err
}

// Settle gives a hold back and adds what the call really took, in one transaction.
// A hold that has expired meanwhile was charged in full: then the difference is
// charged. KindNotFound if there is no such hold; nothing is charged then, so that
// settling twice does not charge twice.
func (s *Store) Settle(ctx context.Context, id string, charges []rag.Charge) error {
	if err := store.CheckCharges(charges...); err != nil {
		return err
	}
	return s.update(ctx, "settle", func(ctx context.Context, c *conn) error {
		var was rag.Charge
		var lapsed bool
		err := c.row(ctx, "SELECT "+heldColumns+", lapsed FROM holds WHERE id = ?", []any{id}, append(heldFields(&was), &lapsed)...)
		if errors.Is(err, sql.ErrNoRows) {
			return store.NoHold(id)
		}
		if err != nil {
			return err
		}
		if _, err := c.exec(ctx, "DELETE FROM holds WHERE id = ?", id); err != nil {
			return err
		}
		if lapsed {
			was.Spent = store.Refund(was.Spent)
			charges = append(charges[:len(charges):len(charges)], was)
		}
		return addCharges(ctx, c, charges)
	})
}

// lapse charges the holds that expired before now, in full: whether the call was
// made is not known, and a budget that is passed is worse than one that is not
// used to its end.
func lapse(ctx context.Context, c *conn, now time.Time) (int, error) {
	at := toMicros(now)
	var due int
	if err := c.row(ctx, "SELECT count(*) FROM holds WHERE expires_at <= ? AND NOT lapsed", []any{at}, &due); err != nil || due == 0 {
		return 0, err
	}
	var charges []rag.Charge
	err := c.each(ctx, "SELECT "+heldColumns+" FROM holds WHERE expires_at <= ? AND NOT lapsed", []any{at}, func(rows *sql.Rows) error {
		var ch rag.Charge
		if err := rows.Scan(heldFields(&ch)...); err != nil {
			return err
		}
		ch.Spent = store.Lapsed(ch.Spent)
		charges = append(charges, ch)
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := addCharges(ctx, c, charges); err != nil {
		return 0, err
	}
	if _, err := c.exec(ctx, "UPDATE holds SET lapsed = 1 WHERE expires_at <= ? AND NOT lapsed", at); err != nil {
		return 0, err
	}
	_, err = c.exec(ctx, "DELETE FROM holds WHERE lapsed AND expires_at <= ?", toMicros(now.Add(-store.LapsedFor)))
	return len(charges), err
}

// Lapse charges the holds that expired and returns how many there were. Reserve
// does so by itself.
func (s *Store) Lapse(ctx context.Context) (n int, err error) {
	err = s.update(ctx, "charge expired holds", func(ctx context.Context, c *conn) error {
		n, err = lapse(ctx, c, s.now())
		return err
	})
	return n, err
}

// Standings returns how limits stand, in their order.
func (s *Store) Standings(ctx context.Context, limits []rag.Limit) (all []rag.Standing, err error) {
	err = s.view(ctx, "look at budgets", func(c *conn) error {
		all, err = standing(ctx, c, limits)
		return err
	})
	return all, err
}

// Conditions of what a limit counts; the parameters are those of limitArgs. A limit
// of one tenant has a form of its own, since it reads a range of the primary key.
const (
	limitWhere = ` WHERE (?2 OR key = ?3) AND day BETWEEN ?4 AND ?5 AND (?6 = '' OR currency = ?6)
		AND (?7 = '[]' OR operation IN (SELECT value FROM json_each(?7))) AND `
	anyTenant = limitWhere + "?1 IS NOT NULL"
	oneTenant = limitWhere + "tenant = ?1"
)

func limitArgs(l rag.Limit) []any {
	return []any{l.Tenant, l.AnyKey, l.Key, l.From, l.To, l.Currency, store.FormatList(l.Operations)}
}

// What a limit sums up.
const (
	spentSums = "SELECT coalesce(sum(cost), 0), coalesce(sum(input + output), 0) FROM ledger"
	heldSums  = "SELECT coalesce(sum(cost), 0), coalesce(sum(input + output), 0) FROM holds"
)

func standing(ctx context.Context, c *conn, limits []rag.Limit) ([]rag.Standing, error) {
	out := make([]rag.Standing, len(limits))
	for i, l := range limits {
		where, args := oneTenant, limitArgs(l)
		if l.AnyTenant {
			where = anyTenant
		}
		var spent, held store.Sums
		if err := c.row(ctx, spentSums+where, args, &spent.Cost, &spent.Tokens); err != nil {
			return nil, err
		}
		if err := c.row(ctx, heldSums+where+" AND NOT lapsed", args, &held.Cost, &held.Tokens); err != nil {
			return nil, err
		}
		out[i] = store.NewStanding(l, spent, held)
	}
	return out, nil
}

const heldColumns = "tenant, day, key, operation, provider, model, currency, calls, unpriced, input, cached, output, searches, cost"

func heldFields(ch *rag.Charge) []any {
	return []any{&ch.Tenant, &ch.Day, &ch.Key, &ch.Operation, &ch.Provider, &ch.Model, &ch.Currency, &ch.Spent.Calls, &ch.Spent.Unpriced,
		&ch.Spent.Input, &ch.Spent.Cached, &ch.Spent.Output, &ch.Spent.Searches, &ch.Spent.Cost}
}

func hold(ctx context.Context, c *conn, h rag.Hold) error {
	k, u := h.Charge.ChargeKey, h.Charge.Spent
	_, err := c.exec(ctx, "INSERT INTO holds (id, "+heldColumns+", expires_at, lapsed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
		h.ID, k.Tenant, k.Day, k.Key, string(k.Operation), k.Provider, k.Model, k.Currency, u.Calls, u.Unpriced,
		u.Input, u.Cached, u.Output, u.Searches, int64(u.Cost), toMicros(h.Expires))
	return err
}

func addCharges(ctx context.Context, c *conn, charges []rag.Charge) error {
	for _, ch := range charges {
		k, u, v := ch.ChargeKey, ch.Spent, ch.Saved
		_, err := c.exec(ctx, `
			INSERT INTO ledger (tenant, day, key, operation, provider, model, currency,
				calls, failed, estimated, unpriced, input, cached, output, searches, cost,
				saved_calls, saved_input, saved_cached, saved_output, saved_searches, saved_cost)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET
				calls = calls + excluded.calls, failed = failed + excluded.failed, estimated = estimated + excluded.estimated,
				unpriced = unpriced + excluded.unpriced, input = input + excluded.input, cached = cached + excluded.cached,
				output = output + excluded.output, searches = searches + excluded.searches, cost = cost + excluded.cost,
				saved_calls = saved_calls + excluded.saved_calls, saved_input = saved_input + excluded.saved_input,
				saved_cached = saved_cached + excluded.saved_cached, saved_output = saved_output + excluded.saved_output,
				saved_searches = saved_searches + excluded.saved_searches, saved_cost = saved_cost + excluded.saved_cost`,
			k.Tenant, k.Day, k.Key, string(k.Operation), k.Provider, k.Model, k.Currency,
			u.Calls, u.Failed, u.Estimated, u.Unpriced, u.Input, u.Cached, u.Output, u.Searches, int64(u.Cost),
			v.Calls, v.Input, v.Cached, v.Output, v.Searches, int64(v.Cost))
		if err != nil {
			return err
		}
	}
	return nil
}

// Usage sums up a tenant's part of the ledger. Holds that have expired are charged
// first, so that the figures do not depend on when the next call is made.
func (s *Store) Usage(ctx context.Context, q rag.UsageQuery) (rag.Spending, error) {
	out := rag.Spending{Rows: []rag.UsageRow{}, Open: []rag.UsageRow{}}
	q, by, err := store.CheckUsage(q)
	if err != nil {
		return out, err
	}
	var due int
	err = s.view(ctx, "usage", func(c *conn) error {
		return c.row(ctx, "SELECT count(*) FROM holds WHERE expires_at <= ? AND NOT lapsed", []any{toMicros(s.now())}, &due)
	})
	if err == nil && due > 0 {
		_, err = s.Lapse(ctx)
	}
	if err != nil {
		return out, err
	}
	args := []any{q.Tenant, q.Since, q.Until, q.OneKey, q.Key, by.Day, by.Model, by.Key, by.Operation}
	err = s.view(ctx, "usage", func(c *conn) error {
		err := c.each(ctx, usageSelect+`sum(calls), sum(failed), sum(estimated), sum(unpriced), sum(input), sum(cached), sum(output), sum(searches), sum(cost),
			sum(saved_calls), sum(saved_input), sum(saved_cached), sum(saved_output), sum(saved_searches), sum(saved_cost) FROM ledger`+usageWhere+usageGroup, args,
			func(rows *sql.Rows) error {
				var r rag.UsageRow
				u, v := &r.Spent, &r.Saved
				err := rows.Scan(&r.Day, &r.Model, &r.Provider, &r.Key, &r.Operation, &r.Currency,
					&u.Calls, &u.Failed, &u.Estimated, &u.Unpriced, &u.Input, &u.Cached, &u.Output, &u.Searches, &u.Cost,
					&v.Calls, &v.Input, &v.Cached, &v.Output, &v.Searches, &v.Cost)
				out.Rows = append(out.Rows, r)
				return err
			})
		if err != nil {
			return err
		}
		return c.each(ctx, usageSelect+`sum(calls), sum(unpriced), sum(input), sum(cached), sum(output), sum(searches), sum(cost) FROM holds`+
			usageWhere+" AND NOT lapsed"+usageGroup, args,
			func(rows *sql.Rows) error {
				var r rag.UsageRow
				u := &r.Spent
				err := rows.Scan(&r.Day, &r.Model, &r.Provider, &r.Key, &r.Operation, &r.Currency,
					&u.Calls, &u.Unpriced, &u.Input, &u.Cached, &u.Output, &u.Searches, &u.Cost)
				out.Open = append(out.Open, r)
				return err
			})
	})
	return out, err
}

// A column that is not grouped by is empty in every row, and so makes one group.
const (
	usageSelect = `SELECT iif(?6, day, '') AS d, iif(?7, model, '') AS m, iif(?7, provider, '') AS p, iif(?8, key, '') AS k,
		iif(?9, operation, '') AS o, currency AS c, `
	usageWhere = ` WHERE tenant = ?1 AND day BETWEEN ?2 AND ?3 AND (NOT ?4 OR key = ?5)`
	usageGroup = ` GROUP BY d, m, p, k, o, c ORDER BY d, m, p, k, o, c`
)
