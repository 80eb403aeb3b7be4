package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// childVariable names, for the child process, the store to write to.
const childVariable = "SQLITE_TEST_CHILD"

// TestKilledAtAnyMoment kills a process that writes, again and again. Whatever it
// had said to be stored is there, and the store is sound, also for a process that
// had it open all the time.
func TestKilledAtAnyMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills ten processes")
	}
	path := filepath.Join(t.TempDir(), "store.db")
	witness := open(t, sqlite.Config{Path: path})
	c, err := witness.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	said := map[string]string{}
	for round := range 10 {
		killAfter(t, path, 1+rnd.IntN(40), said)
		if round%2 == 0 {
			// Nobody has the file open: the next to open it recovers it.
			if err := witness.Close(); err != nil {
				t.Fatal(err)
			}
			witness = open(t, sqlite.Config{Path: path})
		}
		storetest.Sound(t, witness)
		for id, text := range said {
			d, err := witness.FindDocument(t.Context(), c.ID, id)
			if err != nil {
				t.Fatalf("round %d: %s was said to be stored: %v", round, id, err)
			}
			got, err := witness.Quote(t.Context(), c.ID, d.ID, d.Version, rag.Span{End: len(text)})
			if err != nil || (got != text && d.Version == 1) {
				t.Fatalf("round %d: %s holds %q, %v; want %q", round, id, got, err, text)
			}
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	t.Logf("%d documents were said to be stored", len(said))
}

// killAfter starts a child that writes, and kills it when it has said that many
// documents to be stored. What it said is added to said.
func killAfter(t *testing.T, path string, lines int, said map[string]string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(out)
	n := 0
	for scan.Scan() {
		id, text, stored := strings.Cut(strings.TrimPrefix(scan.Text(), "stored "), "=")
		if !stored {
			t.Fatalf("the child says %q", scan.Text())
		}
		said[id] = text
		if n++; n == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || n < lines {
		t.Fatalf("the child ended by itself after %d lines: %v", n, err)
	}
}

// TestMain lets this program be the process that TestKilledAtAnyMoment kills.
func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		fmt.Fprintln(os.Stderr, "the child was not killed:", writeOn(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeOn adds and replaces documents and says so, and deletes and purges others,
// until it is killed.
func writeOn(path string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	if err != nil {
		return err
	}
	c, err := s.Collection(ctx, "", "c")
	if err != nil {
		return err
	}
	scope := rag.Scope{Collection: "c", Admin: true}
	for i := 0; ; i++ {
		name := fmt.Sprintf("%d-%d", os.Getpid(), i)
		results, err := s.PutDocuments(ctx, []rag.Put{
			storetest.Put(c.ID, name, "Text of "+name, strings.Repeat("long ", 100*(i%40))+"end", "Common."),
			storetest.Put(c.ID, fmt.Sprint("shared ", i%5), "Shared "+name, "Common."),
			storetest.Put(c.ID, "doomed "+name, "Doomed "+name),
		})
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.Err != nil {
				return r.Err
			}
		}
		fmt.Printf("stored %s=Text of %s\n", name, name)
		if err := s.DeleteDocument(ctx, scope, results[2].Document.ID); err != nil {
			return err
		}
		if i%7 == 3 {
			if _, err := s.Purge(ctx, time.Now()); err != nil {
				return err
			}
		}
	}
}
