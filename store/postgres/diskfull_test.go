//go:build servers

package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// smallTablespace makes a tablespace of a few megabytes on the primary, and returns what
// gives it more.
func smallTablespace(t *testing.T, name string) (enlarge func()) {
	t.Helper()
	super := need(t, "PG_SUPER_URL")
	conn, err := pgx.Connect(t.Context(), super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range []string{
		"SET allow_in_place_tablespaces = on", // within the data folder, which the replica has as well
		"CREATE TABLESPACE " + name + " LOCATION ''",
		"GRANT CREATE ON TABLESPACE " + name + " TO sr_owner",
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { execute(t, context.Background(), super, "DROP TABLESPACE "+name) })
	var oid uint32
	query(t, super, "SELECT oid FROM pg_tablespace WHERE spcname = '"+name+"'", &oid)
	at := filepath.Join(need(t, "PG_DATA"), "pg_tblspc", fmt.Sprint(oid))
	inside, err := filepath.Glob(filepath.Join(at, "PG_*"))
	if err != nil || len(inside) != 1 {
		t.Fatal(inside, err)
	}
	run := func(command ...string) {
		t.Helper()
		if os.Geteuid() != 0 { // what mounts has to be root, as what installs the server
			command = append([]string{"sudo", "-n"}, command...)
		}
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", command, err, out)
		}
	}
	run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", at)
	t.Cleanup(func() {
		execute(t, context.Background(), super, "CHECKPOINT") // which removes files of what was dropped
		run("umount", "-l", at)
	})
	run("mkdir", inside[0])
	run("chown", "--reference="+need(t, "PG_DATA"), at, inside[0])
	return func() { run("mount", "-o", "remount,size=64m", at) }
}

// A disk that is full is an error that says so. What was stored before is read, and when
// there is room again writing goes on.
func TestDiskFull(t *testing.T) {
	enlarge := smallTablespace(t, "small")
	s := open(t, postgres.Config{MigrateURL: changed(t, need(t, "PG_OWNER_URL"), "default_tablespace", "small")})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	stored := map[string]string{}
	put := func(n int) error {
		var b strings.Builder
		for b.Len() < 200_000 { // that does not compress
			fmt.Fprintf(&b, "%x ", rnd.Uint64())
		}
		name := fmt.Sprint("d", n)
		results, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, name, b.String())})
		if err == nil {
			err = results[0].Err
		}
		if err == nil {
			stored[name] = b.String()
		}
		return err
	}
	n := 0
	for ; err == nil; n++ {
		if n > 200 {
			t.Fatal("the disk does not become full")
		}
		err = put(n)
	}
	if rag.KindOf(err) != rag.KindExhausted || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("%s error %v", rag.KindOf(err), err)
	}
	if len(stored) == 0 {
		t.Error("nothing was stored before")
	}
	whole := func() {
		t.Helper()
		for name, text := range stored {
			d, err := s.FindDocument(t.Context(), c.ID, name)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.Quote(t.Context(), c.ID, d.ID, 1, rag.Span{End: len(text)}); err != nil || got != text {
				t.Fatalf("%s: %d bytes of %d, %v", name, len(got), len(text), err)
			}
		}
		storetest.Sound(t, s)
	}
	whole()
	enlarge()
	if err := put(n); err != nil {
		t.Errorf("with room again: %v", err)
	}
	whole()
}
