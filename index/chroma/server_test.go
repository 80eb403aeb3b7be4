//go:build servers

package chroma_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/index/chroma"
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/rag"
)

// TestRealServer runs the suite on a server that it starts with the program of scripts/chroma-server.sh, so that it can be killed.
func TestRealServer(t *testing.T) {
	server, address := start(t)
	const token = "right-token-5150"
	fixture := func(t *testing.T) indextest.DatabaseFixture {
		door := doorman(t, address, token)
		gate := indextest.NewGate(t, strings.TrimPrefix(door, "http://"))
		cfg := chroma.Config{Address: "http://" + gate.Address(), Token: token, Prefix: "suite"}
		stranger := cfg
		stranger.Token, stranger.TokenHeader = "wrong-token-6161", "Authorization"
		return indextest.DatabaseFixture{
			DB:      open(t, cfg),
			Another: func(t testing.TB) external.Database { return open(t, cfg) },
			Stop:    gate.Stop, Start: gate.Start, Restart: server.Restart,
			Stranger: func(t testing.TB) external.Database { return open(t, stranger) },
			Secrets:  []string{token, stranger.Token},
		}
	}
	t.Run("Suite", func(t *testing.T) { indextest.Database(t, fixture) })
	t.Run("Tenants", func(t *testing.T) { testTenants(t, address) })
	t.Run("OthersCollections", func(t *testing.T) { testOthersCollections(t, address) })
}

// start starts a server of its own for a test and returns its address.
func start(t testing.TB) (server *indextest.Process, address string) {
	t.Helper()
	program := os.Getenv("CHROMA_PROGRAM")
	if program == "" {
		t.Fatal("CHROMA_PROGRAM is not set: run scripts/test-vectors.sh chroma")
	}
	dir, port := t.TempDir(), indextest.FreePort(t)
	address = "http://127.0.0.1:" + port
	server = indextest.NewProcess(t, func() *exec.Cmd {
		return exec.Command(program, "run", "--path", dir, "--host", "127.0.0.1", "--port", port)
	}, indextest.AnswersHTTP(address+"/api/v2/heartbeat"))
	return server, address
}

func open(t testing.TB, cfg chroma.Config) *chroma.Database {
	t.Helper()
	db, err := chroma.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// testTenants: databases are made when they are asked for, by several at the same time, and know nothing of each other.
func testTenants(t *testing.T, address string) {
	space := external.Space{Name: "one", Dimensions: 2}
	config := func(tenant, database string, create bool) chroma.Config {
		return chroma.Config{Address: address, Tenant: tenant, Database: database, Create: create}
	}
	if _, err := open(t, config("acme corp", "vectors", false)).Open(t.Context(), space); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("open in a tenant that is not there: %v", err)
	}
	if _, err := open(t, config("default_tenant", "vectors", false)).Open(t.Context(), space); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("open in a database that is not there: %v", err)
	}
	places := []chroma.Config{config("acme corp", "vectors", true), config("acme corp", "more", true), config("umbrella/1", "vectors", true)}
	for _, p := range places {
		db := open(t, p)
		if err := db.Drop(t.Context(), "one"); err != nil {
			t.Errorf("drop where there is no database yet: %v", err)
		}
		if names, err := db.Spaces(t.Context()); err != nil || len(names) > 0 {
			t.Errorf("spaces where there is no database yet: %v, %v", names, err)
		}
	}
	var wg sync.WaitGroup
	for n := range 4 * len(places) {
		db := open(t, places[n%len(places)])
		wg.Go(func() {
			table, err := db.Open(t.Context(), space)
			if err == nil {
				err = table.Upsert(t.Context(), []external.Item{{ID: rag.ChunkID(n + 1), Document: "d", Vector: []float32{1, 0}}})
			}
			if err != nil {
				t.Errorf("place %d: %v", n%len(places), err)
			}
		})
	}
	wg.Wait()
	for _, p := range places {
		db := open(t, p)
		table, err := db.Open(t.Context(), space)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := table.Count(t.Context()); n != 4 || err != nil {
			t.Errorf("%s of %s has %d items (%v), want 4", p.Database, p.Tenant, n, err)
		}
	}
	if err := open(t, places[0]).Drop(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	for n, want := range []int{0, 1, 1} {
		if names, err := open(t, places[n]).Spaces(t.Context()); err != nil || len(names) != want {
			t.Errorf("%s of %s has the spaces %v (%v), want %d", places[n].Database, places[n].Tenant, names, err, want)
		}
	}
}

// testOthersCollections: collections of others are not listed, opened or dropped, also where they have the prefix.
func testOthersCollections(t *testing.T, address string) {
	base := address + "/api/v2/tenants/default_tenant/databases/default_database/collections"
	for _, name := range []string{"mine", "others.a.v1"} {
		resp, err := http.Post(base, "application/json", strings.NewReader(`{"name": "`+name+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != http.StatusOK {
			t.Fatalf("make a collection: %s", resp.Status)
		}
	}
	db := open(t, chroma.Config{Address: address, Prefix: "others"})
	if _, err := db.Open(t.Context(), external.Space{Name: "a", Dimensions: 2}); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("open another's collection: %v, want a conflict", err)
	}
	if err := db.Drop(t.Context(), "a"); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("drop another's collection: %v, want a conflict", err)
	}
	const many = 130 // two pages
	for n := range many {
		if _, err := db.Open(t.Context(), external.Space{Name: "x" + strconv.Itoa(n), Dimensions: 2}); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := db.Spaces(t.Context()); err != nil || len(names) != many || slices.Contains(names, "a") {
		t.Errorf("%d spaces (%v), want %d", len(names), err, many)
	}
}

// doorman stands before a server that asks for no token, as gateways do, and asks for one. It returns its address.
func doorman(t *testing.T, server, token string) string {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Chroma-Token") != token && r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error": "Unauthorized", "message": "nobody has the token %s%s"}`, r.Header.Get("X-Chroma-Token"), r.Header.Get("Authorization"))
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}
