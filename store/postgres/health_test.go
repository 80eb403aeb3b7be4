//go:build servers

package postgres_test

import (
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/store/postgres"
)

func TestHealth(t *testing.T) {
	s := open(t, postgres.Config{})
	if h := s.Health(t.Context()); !h.OK || !h.Needed || h.Name != "store" || h.Took <= 0 || !strings.HasPrefix(h.Detail, "PostgreSQL 15.") || strings.Contains(h.Detail, "notifications") {
		t.Errorf("%+v", h)
	}
	deaf := open(t, postgres.Config{Schema: s.Schema(), URL: need(t, "PG_BOUNCER_URL"), PgBouncer: true})
	if h := deaf.Health(t.Context()); !h.OK || !strings.Contains(h.Detail, "no notifications") {
		t.Errorf("behind PgBouncer alone: %+v", h)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if h := s.Health(t.Context()); h.OK || !h.Needed || h.Detail == "" {
		t.Errorf("closed: %+v", h)
	}
}
