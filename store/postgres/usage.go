package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Usage sums up a tenant's part of the ledger. Holds that have expired are charged
// first, so that the figures do not depend on when the next call is made.
func (s *Store) Usage(ctx context.Context, q rag.UsageQuery) (rag.Spending, error) {
	out := rag.Spending{Rows: []rag.UsageRow{}, Open: []rag.UsageRow{}}
	q, by, err := store.CheckUsage(q)
	if err != nil {
		return out, err
	}
	due := false
	err = s.view(ctx, inTenant(q.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM holds WHERE expires_at <= $1 AND NOT lapsed AND tenant = $2)", now, q.Tenant).Scan(&due)
	})
	if err == nil && due {
		_, err = s.Lapse(ctx)
	}
	if err != nil {
		return out, wrap(err, "usage")
	}
	args := []any{q.Tenant, q.Since, q.Until, q.OneKey, q.Key, by.Day, by.Model, by.Key, by.Operation}
	err = s.view(ctx, inTenant(q.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		var r rag.UsageRow
		u, v := &r.Spent, &r.Saved
		group := []any{&r.Day, &r.Model, &r.Provider, &r.Key, &r.Operation, &r.Currency}
		rows, err := tx.Query(ctx, usageSelect+ledgerSums+" FROM ledger"+usageWhere+usageGroup, args...)
		if err != nil {
			return err
		}
		out.Rows, out.Open = out.Rows[:0], out.Open[:0]
		_, err = pgx.ForEachRow(rows, append(group[:len(group):len(group)],
			&u.Calls, &u.Failed, &u.Estimated, &u.Unpriced, &u.Input, &u.Cached, &u.Output, &u.Searches, &u.Cost,
			&v.Calls, &v.Input, &v.Cached, &v.Output, &v.Searches, &v.Cost), func() error {
			out.Rows = append(out.Rows, r)
			return nil
		})
		if err != nil {
			return err
		}
		r = rag.UsageRow{}
		rows, err = tx.Query(ctx, usageSelect+holdSums+" FROM holds"+usageWhere+" AND NOT lapsed"+usageGroup, args...)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, append(group[:len(group):len(group)], &u.Calls, &u.Unpriced, &u.Input, &u.Cached, &u.Output, &u.Searches, &u.Cost), func() error {
			out.Open = append(out.Open, r)
			return nil
		})
		return err
	})
	return out, wrap(err, "usage")
}

// A column that is not grouped by is empty in every row, and so makes one group.
const (
	usageSelect = `SELECT CASE WHEN $6 THEN day ELSE '' END AS d, CASE WHEN $7 THEN model ELSE '' END AS m, CASE WHEN $7 THEN provider ELSE '' END AS p,
		CASE WHEN $8 THEN key ELSE '' END AS k, CASE WHEN $9 THEN operation ELSE '' END AS o, currency AS c, `
	ledgerSums = `sum(calls)::bigint, sum(failed)::bigint, sum(estimated)::bigint, sum(unpriced)::bigint, sum(input)::bigint, sum(cached)::bigint,
		sum(output)::bigint, sum(searches)::bigint, sum(cost)::bigint, sum(saved_calls)::bigint, sum(saved_input)::bigint, sum(saved_cached)::bigint,
		sum(saved_output)::bigint, sum(saved_searches)::bigint, sum(saved_cost)::bigint`
	holdSums = `sum(calls)::bigint, sum(unpriced)::bigint, sum(input)::bigint, sum(cached)::bigint, sum(output)::bigint, sum(searches)::bigint, sum(cost)::bigint`

	usageWhere = ` WHERE tenant = $1 AND day BETWEEN $2 AND $3 AND (NOT $4 OR key = $5)`
	usageGroup = ` GROUP BY d, m, p, k, o, c ORDER BY d, m, p, k, o, c`
)
