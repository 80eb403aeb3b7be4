package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/rag"
)

// childVariable tells a child process which folder to write to and which history: "SEED DIR".
const childVariable = "ENGINE_TEST_CHILD"

func TestMain(m *testing.M) {
	if work := os.Getenv(childVariable); work != "" {
		seed, dir, _ := strings.Cut(work, " ")
		n, err := strconv.ParseUint(seed, 10, 64)
		if err == nil {
			err = write(n, dir)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// write goes on with a history in a folder until it is killed, and says after each commit that it was made.
func write(seed uint64, dir string) error {
	cfg := exact(indextest.Dims)
	cfg.Dir, cfg.FlushRows = dir, 32
	ix, err := Open(cfg)
	if errors.Is(err, rag.ErrNotFound) {
		ix, err = Create(cfg)
	}
	if err != nil {
		return err
	}
	h := indextest.NewHistory(seed)
	var t fatal
	for h.Seq() < ix.Seq() {
		h.Step(t, nil)
	}
	rng := rand.New(rand.NewPCG(seed, uint64(ix.Seq())))
	for {
		h.Step(t, ix)
		switch rng.IntN(6) {
		case 0, 1:
			if err := ix.Commit(context.Background()); err != nil {
				return err
			}
			fmt.Println(h.Seq())
		case 2:
			if err := ix.Purge(context.Background()); err != nil {
				return err
			}
			fmt.Println(h.Seq())
		case 3:
			if err := ix.Optimize(context.Background()); err != nil {
				return err
			}
		}
	}
}

// fatal is what a child has of a test.
type fatal struct{ testing.TB }

func (fatal) Helper() {}
func (fatal) Fatalf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// TestKilledAtAnyMoment kills a process that writes, merges and commits, again and again. What is found then is whole, and not older than
// what was said to be committed.
func TestKilledAtAnyMoment(t *testing.T) {
	kills, each := 200, 20
	if testing.Short() {
		kills = 20
	}
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	commits := 0
	for done := 0; done < kills; done += each {
		dir := t.TempDir()
		seed++
		for range each {
			first := time.Minute
			if rng.IntN(4) == 0 { // also before anything was committed
				first = time.Duration(rng.IntN(100_000)) * time.Microsecond
			}
			said := killAfter(t, seed, dir, first, time.Duration(rng.IntN(60_000))*time.Microsecond)
			if said > 0 {
				commits++
			}
			found(t, seed, dir, said)
		}
	}
	t.Logf("%d processes were killed, %d after a commit", kills, commits)
}

// killAfter runs a child for a while from its first commit, but not longer than first without one, and returns the last change that it
// said was committed.
func killAfter(t *testing.T, seed uint64, dir string, first, life time.Duration) (said int64) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", childVariable, seed, dir))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(first, func() { _ = child.Process.Kill() }) // the wait below tells how it ended
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if said == 0 {
			kill.Reset(life)
		}
		if n, err := strconv.ParseInt(scan.Text(), 10, 64); err == nil {
			said = n
		}
	}
	kill.Stop()
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return said
}

// found opens what a killed process has left, and compares it with the history.
func found(t *testing.T, seed uint64, dir string, said int64) {
	t.Helper()
	cfg := exact(indextest.Dims)
	cfg.Dir = dir
	ix, err := Open(cfg)
	if err != nil {
		if said == 0 && errors.Is(err, rag.ErrNotFound) {
			return
		}
		t.Fatalf("seed %d: after a kill: %v", seed, err)
	}
	defer func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	}()
	if ix.Seq() < said {
		t.Fatalf("seed %d: change %d was said to be committed, the files hold %d", seed, said, ix.Seq())
	}
	if err := ix.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := indextest.NewHistory(seed)
	for h.Seq() < ix.Seq() {
		h.Step(t, nil)
	}
	for range 3 {
		h.Check(t, ix)
	}
}
