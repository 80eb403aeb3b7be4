//go:build servers

package postgres_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// briefly is for waits that a test wants to see end.
const briefly = 300 * time.Millisecond

// schemaOf is the schema that open made for a store.
func schemaOf(s *postgres.Store) string { return s.Schema() }

// Ten processes that start together migrate once, and have the same store.
func TestTenOpensMigrateOnce(t *testing.T) {
	cfg := configure(t, postgres.Config{})
	ids := make([]string, 10)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			s, err := postgres.Open(t.Context(), cfg)
			if err != nil {
				t.Errorf("open %d: %v", i, err)
				return
			}
			defer s.Close()
			ids[i] = s.ID()
			name := fmt.Sprint("c", i)
			if _, err := s.CreateCollection(t.Context(), storetest.Spec("", name)); err != nil {
				t.Errorf("create %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("ids: %q", ids)
		}
	}
	var applied, distinct int
	query(t, need(t, "PG_OWNER_URL"), "SELECT count(*), count(DISTINCT version_id) FROM "+pgx.Identifier{cfg.Schema, "goose_db_version"}.Sanitize(), &applied, &distinct)
	if applied != distinct || applied < 2 {
		t.Errorf("%d migrations applied, %d of them distinct", applied, distinct)
	}
}

// query reads one row on a connection of its own.
func query(t testing.TB, url, sql string, dest ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(dest...); err != nil {
		t.Fatalf("%.60s: %v", sql, err)
	}
}

func TestSchemaOfANewerVersion(t *testing.T) {
	cfg := configure(t, postgres.Config{})
	open(t, cfg)
	execute(t, t.Context(), cfg.MigrateURL, "INSERT INTO "+pgx.Identifier{cfg.Schema, "goose_db_version"}.Sanitize()+" (version_id, is_applied) VALUES (99999, true)")
	_, err := postgres.Open(t.Context(), cfg)
	if rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("%v", err)
	}
}

// One role for everything: FORCE holds the owner to its tenant as well.
func TestOwnerAsTheOnlyRole(t *testing.T) {
	s := open(t, postgres.Config{URL: need(t, "PG_OWNER_URL"), MigrateURL: need(t, "PG_OWNER_URL")})
	if w := s.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %q", w)
	}
	if _, err := s.CreateCollection(t.Context(), storetest.Spec("a", "c")); err != nil {
		t.Fatal(err)
	}
	var seen int
	query(t, need(t, "PG_OWNER_URL"), "SELECT count(*) FROM "+pgx.Identifier{s.Schema(), "collections"}.Sanitize(), &seen)
	if seen != 0 {
		t.Errorf("the owner sees %d collections without a tenant", seen)
	}
}

func TestSuperuserIsWarnedAbout(t *testing.T) {
	var log bytes.Buffer
	s := open(t, postgres.Config{URL: need(t, "PG_SUPER_URL"), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if w := s.Warnings(); len(w) != 1 || !strings.Contains(w[0], "superuser") || !strings.Contains(log.String(), "superuser") {
		t.Errorf("warnings %q, log %q", w, log.String())
	}
}

// No error and no log line tells a password, wherever it stands.
func TestPasswordIsNotTold(t *testing.T) {
	const secret = "hunter2secret"
	good, err := url.Parse(need(t, "PG_URL"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*url.URL)) string {
		u := *good
		u.User = url.UserPassword(good.User.Username(), secret)
		change(&u)
		return u.String()
	}
	var log bytes.Buffer
	for what, u := range map[string]string{
		"wrong password":  with(func(*url.URL) {}),
		"bad port":        with(func(u *url.URL) { u.Host = "127.0.0.1:999999" }),
		"no server":       with(func(u *url.URL) { u.Host = "127.0.0.1:1" }),
		"no database":     with(func(u *url.URL) { u.Path = "/nothing" }),
		"bad sslmode":     with(func(u *url.URL) { u.RawQuery = "sslmode=" + secret }),
		"no certificate":  with(func(u *url.URL) { u.RawQuery = "sslmode=verify-full&sslrootcert=/nowhere/" + secret }),
		"not a URL":       "postgres://u:" + secret + "@[::1",
		"keywords":        "host=127.0.0.1 port=1 user=u password=" + secret + " sslmode=bogus",
		"broken keywords": "password='" + secret,
		"percent":         "postgres://u:%zz" + secret + "@h/d",
	} {
		cfg := postgres.Config{URL: u, MigrateURL: u, Schema: "none", ConnectTimeout: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		s, err := postgres.Open(t.Context(), cfg)
		if err == nil {
			s.Close()
			t.Errorf("%s: no error", what)
			continue
		}
		for text, e := "", err; e != nil; e = errors.Unwrap(e) {
			if text = fmt.Sprintf("%v %+v", e, e); strings.Contains(text, secret) {
				t.Errorf("%s: the error tells the password: %s", what, text)
			}
		}
		if k := rag.KindOf(err); k != rag.KindInvalid && k != rag.KindUnavailable {
			t.Errorf("%s: kind %q: %v", what, k, err)
		}
	}
	if strings.Contains(log.String(), secret) {
		t.Errorf("the log tells the password: %s", log.String())
	}
}

// The password comes from elsewhere, and TLS from the program.
func TestPasswordAndTLSOfTheProgram(t *testing.T) {
	u, err := url.Parse(need(t, "PG_URL"))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	u.RawQuery = "sslmode=disable"
	pem, err := os.ReadFile(need(t, "PG_CA"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	var asked atomic.Int32
	s := open(t, postgres.Config{
		URL:      u.String(),
		TLS:      &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		Password: func(context.Context) (string, error) { asked.Add(1); return password, nil },
	})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if asked.Load() == 0 {
		t.Error("nobody asked for the password")
	}
	_, err = postgres.Open(t.Context(), postgres.Config{URL: u.String(), TLS: &tls.Config{MinVersion: tls.VersionTLS12}, Schema: s.Schema(),
		Password: func(context.Context) (string, error) { return password, nil }})
	if err == nil || rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("a server of an unknown authority: %v", err)
	}
}

// After Close, calls say that the store is closed.
func TestClosed(t *testing.T) {
	s := open(t, postgres.Config{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, put := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(1, "a", "One.")})
	_, read := s.Collection(t.Context(), "", "c")
	_, version := s.DataVersion(t.Context())
	for what, err := range map[string]error{"put": put, "read": read, "version": version} {
		if rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "closed") {
			t.Errorf("%s: %q error %v", what, rag.KindOf(err), err)
		}
	}
}

func TestValidateTellsAllFaults(t *testing.T) {
	err := postgres.Config{MaxConns: -1, LockTimeout: -1, KeepVersions: -1, Schema: "pg_mine"}.Validate()
	for _, want := range []string{"URL", "connections", "lock timeout", "versions", "pg_mine"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}
