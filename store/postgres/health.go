package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
)

// Health asks the primary how it is: its version, and whether it answers, without
// which nothing goes on. How replicas do is told by Replication.
func (s *Store) Health(ctx context.Context) rag.Health {
	h := rag.Health{Name: "store", Needed: true}
	begun := time.Now()
	var version string
	err := s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT current_setting('server_version')").Scan(&version)
	})
	h.Took = time.Since(begun)
	if err != nil {
		h.Detail = wrap(err, "ask the store how it is").Error()
		return h
	}
	number, _, _ := strings.Cut(version, " ") // what follows is the packager's
	h.OK, h.Detail = true, "PostgreSQL "+number+", schema "+s.cfg.Schema
	if !s.progress.listening.Load() {
		h.Detail += ", no notifications: it is asked for changes"
	}
	return h
}
