//go:build servers

package pgvector_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/pgvector"
	"github.com/smartretriever/smartretriever/rag"
)

// env returns what scripts/postgres-server.sh has exported.
func env(t testing.TB, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run scripts/test-postgres.sh", name)
	}
	return v
}

// through returns a URL that goes through a gate.
func through(t testing.TB, address string, gate *indextest.Gate) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = gate.Address()
	return u.String()
}

func hostOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// schema returns the name of a schema that the test has to itself.
func schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("vectors_%08x", rand.Uint32())
	t.Cleanup(func() {
		ctx := context.Background() // the test's is over
		conn, err := pgx.Connect(ctx, env(t, "PG_SUPER_URL"))
		if err == nil {
			_, err = conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE")
			_ = conn.Close(ctx)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return name
}

func open(t testing.TB, cfg pgvector.Config) *pgvector.Database {
	t.Helper()
	db, err := pgvector.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// restart ends the server and starts it again.
func restart(t testing.TB) {
	t.Helper()
	command := strings.Fields(os.Getenv("PG_RUN"))
	command = append(command, filepath.Join(env(t, "PG_BIN"), "pg_ctl"), "-D", env(t, "PG_DATA"), "-w", "-m", "fast", "-l", "/dev/null", "restart")
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("restart: %v\n%s", err, out)
	}
}

// TestRealServer runs the suite with each index and type, directly and through PgBouncer.
func TestRealServer(t *testing.T) {
	for name, change := range map[string]func(*pgvector.Config){
		"HNSW":      func(c *pgvector.Config) { c.IndexFrom = 100 },
		"IVFFlat":   func(c *pgvector.Config) { c.Index, c.IndexFrom, c.Distance, c.Probes = "ivfflat", 100, "l2", 100 },
		"Exact":     func(c *pgvector.Config) { c.Index, c.Distance = "none", "ip" },
		"PgBouncer": func(c *pgvector.Config) { c.PgBouncer = true },
	} {
		t.Run(name, func(t *testing.T) {
			indextest.Database(t, func(t *testing.T) indextest.DatabaseFixture {
				address := env(t, "PG_URL")
				if name == "PgBouncer" {
					address = env(t, "PG_BOUNCER_URL")
				}
				gate := indextest.NewGate(t, hostOf(t, address))
				cfg := pgvector.Config{URL: through(t, address, gate), SetupURL: env(t, "PG_SUPER_URL"), Schema: schema(t)}
				change(&cfg)
				stranger := cfg
				u, _ := url.Parse(cfg.URL)
				u.User = url.UserPassword(u.User.Username(), "wrong-password-77")
				stranger.URL = u.String()
				right, _ := url.Parse(address)
				password, _ := right.User.Password()
				return indextest.DatabaseFixture{
					DB:      open(t, cfg),
					Another: func(t testing.TB) external.Database { return open(t, cfg) },
					Stop:    gate.Stop, Start: gate.Start, Restart: restart,
					Stranger: func(t testing.TB) external.Database { return open(t, stranger) },
					Secrets:  []string{password, "wrong-password-77"},
				}
			})
		})
	}
}

// TestTexts: whatever is in a text, it is kept, and found by its words.
func TestTexts(t *testing.T) {
	db := open(t, pgvector.Config{URL: env(t, "PG_URL"), SetupURL: env(t, "PG_SUPER_URL"), Schema: schema(t)})
	table := indextest.OpenSpace(t, db, external.Space{Name: "texts", Dimensions: 2, Text: true})
	var items []external.Item
	for id, text := range []string{"", "plain words", "\"quoted\" 'words' \\ \x00 and $more", "日本語 🙂 words\xff", "early " + strings.Repeat("ä ", 40_000) + "behind"} {
		items = append(items, external.Item{ID: rag.ChunkID(id + 1), Document: "d", Vector: []float32{1, 0}, Text: text})
	}
	if err := table.Upsert(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	indextest.FindsByWords(t, table, map[string][]rag.ChunkID{
		"words": {2, 3, 4}, "QUOTED": {3}, "more": {3}, "early": {5}, "behind": {5}, "absent": nil,
		"?!": nil, " ": nil, "' | plain:* & \\": {2}, "\xff": nil,
	})
}

func vector(r *rand.Rand, dims int) []float32 {
	v := make([]float32, dims)
	var sum float64
	for i := range v {
		v[i] = float32(r.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// TestIndexIsUsed fills a table beyond IndexFrom, has the index built, and asks under a condition that few meet: the iterative scan, and what compares without
// the index, find them all.
func TestIndexIsUsed(t *testing.T) {
	for _, kind := range []string{"vector", "halfvec"} {
		t.Run(kind, func(t *testing.T) {
			cfg := pgvector.Config{URL: env(t, "PG_URL"), SetupURL: env(t, "PG_SUPER_URL"), Schema: schema(t), Type: kind, IndexFrom: 2000}
			db := open(t, cfg)
			const dims, n = 32, 4000
			table, err := db.Open(t.Context(), external.Space{Name: "s", Dimensions: dims})
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			items := make([]external.Item, n)
			for i := range items {
				items[i] = external.Item{ID: rag.ChunkID(i + 1), Document: "d", Vector: vector(r, dims), Tags: []external.Tag{external.Tag(i % 80)}}
			}
			for len(items) > 0 {
				if err := table.Upsert(t.Context(), items[:1000]); err != nil {
					t.Fatal(err)
				}
				items = items[1000:]
			}
			if err := table.(external.Optimizer).Optimize(t.Context()); err != nil {
				t.Fatal(err)
			}
			conn, err := pgx.Connect(t.Context(), env(t, "PG_SUPER_URL"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(t.Context()) }()
			var definition string
			if err := conn.QueryRow(t.Context(), "SELECT indexdef FROM pg_indexes WHERE schemaname = $1 AND indexname = 's_v'", cfg.Schema).Scan(&definition); err != nil || !strings.Contains(definition, "hnsw (embedding "+kind+"_cosine_ops)") {
				t.Fatalf("the index: %q, %v", definition, err)
			}
			for q := range 20 {
				res, err := table.Search(t.Context(), external.Query{Vector: vector(r, dims), K: 50, Where: external.Condition{Has: []external.Tag{external.Tag(q)}}})
				if err != nil || len(res.Vector) != n/80 {
					t.Fatalf("%d of %d items found, %v", len(res.Vector), n/80, err)
				}
			}
		})
	}
}
