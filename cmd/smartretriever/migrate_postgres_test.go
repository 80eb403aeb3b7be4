//go:build servers && unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestMigrateToPostgres moves a deployment into PostgreSQL, with its vectors in pgvector,
// killed (kill -9) on the way, and back into another data folder. All three find the
// same, under the same ids, and nothing is embedded twice.
func TestMigrateToPostgres(t *testing.T) {
	url, owner := os.Getenv("PG_URL"), os.Getenv("PG_OWNER_URL")
	if url == "" || owner == "" {
		t.Fatal("PG_URL and PG_OWNER_URL are not set: run scripts/test-postgres.sh")
	}
	p := newProgram(t)
	for i := range 60 {
		p.write(fmt.Sprintf("docs/note%d.md", i), fmt.Sprintf("# Note %d\n\nThe mill number %d turns by the old dike.\n\n## More\n\nThe ferry %d crosses at the lantern.", i, i, i))
	}
	p.ok("add", "docs")
	p.ok("add", "docs/note1.md", "-c", "other", "--tenant", "acme")
	p.ok("rm", "docs/note2.md", "--yes")
	if err := os.Remove(p.path("docs/note2.md")); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "SMARTRETRIEVER_STORE_POSTGRES_URL="+url, "SMARTRETRIEVER_STORE_POSTGRES_MIGRATE_URL="+owner)
	postgres := []string{"--config", "new.yaml"}
	p.cutOff(func() {
		p.write("new.yaml", "store:\n  name: postgres\n  postgres:\n    schema: moved_"+uuid.NewString()[:8]+"\nindex:\n  vectors: pgvector\n")
	}, func() bool {
		r := p.run("", append([]string{"ls"}, postgres...)...)
		return r.code != 0 && strings.Contains(r.err, "not finished")
	}, []string{"chunks"}, "--to", "new.yaml")
	m := p.migrated("--to", "new.yaml")
	if !m.Resumed || m.Originals != nil {
		t.Errorf("%+v", m)
	}
	back := p.on(filepath.Join(p.dir, "back"))
	if m := p.migrated("--from", "new.yaml", "--to", "sqlite:"+back.data); m.Originals == nil || m.Originals.Copied != m.Originals.Files || m.Originals.Files != 59 {
		t.Errorf("%+v", m.Originals)
	}
	for _, args := range [][]string{{"ls", "--json"}, {"ls", "-c", "other", "--tenant", "acme", "--json"}, {"show", "docs/note7.md"}, {"stats", "--json"}} {
		a, b, c := p.ok(args...), p.ok(append(args, postgres...)...), back.ok(args...)
		if args[0] != "stats" && a != b || a != c {
			t.Errorf("%v says\n%s\nin PostgreSQL\n%s\nand in the copy of that\n%s", args, a, b, c)
		}
	}
	want := p.found("where does the ferry 31 cross")
	same(t, "search in PostgreSQL", p.found(append([]string{"where does the ferry 31 cross"}, postgres...)...), want)
	same(t, "search in the copy of that", back.found("where does the ferry 31 cross"), want)
	if _, sum := p.add(0, append([]string{"docs"}, postgres...)...); sum.Embedded != 0 || sum.Unchanged != 59 {
		t.Errorf("something was embedded again: %+v", sum)
	}
}
