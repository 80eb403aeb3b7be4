//go:build servers

package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is one that scripts/postgres-server.sh has started, to be stopped, killed and
// started again. Tests that do so leave it running.
type server struct{ data string }

func primary(t testing.TB) server    { return server{need(t, "PG_DATA")} }
func theReplica(t testing.TB) server { return server{need(t, "PG_REPLICA_DATA")} }

// ctl runs pg_ctl as the user that the server runs as. env are settings of its
// environment.
func (s server) ctl(t testing.TB, env []string, args ...string) (said string, err error) {
	t.Helper()
	words := append(strings.Fields(os.Getenv("PG_RUN")), "env")
	words = append(append(words, env...), filepath.Join(need(t, "PG_BIN"), "pg_ctl"), "-D", s.data, "-w", "-t", "60")
	words = append(words, args...)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), words[0], words[1:]...)
	cmd.Dir = "/"
	// Not to a pipe: the server would keep it open.
	out, err := os.CreateTemp("", "pg_ctl")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	text, _ := os.ReadFile(out.Name())
	return string(text), err
}

// stop ends the server at once, its connections with it.
func (s server) stop(t testing.TB) {
	t.Helper()
	if said, err := s.ctl(t, nil, "-m", "immediate", "stop"); err != nil {
		t.Fatalf("stop: %v: %s", err, said)
	}
}

// start starts the server and waits until it answers.
func (s server) start(t testing.TB, env ...string) {
	t.Helper()
	var said string
	var err error
	for range 10 { // processes of one that was killed may need a moment to notice
		if said, err = s.ctl(t, env, "-l", filepath.Join(s.data, "log"), "start"); err == nil {
			return
		}
	}
	t.Fatalf("start: %v: %s", err, said)
}

// kill ends the server and all its processes with SIGKILL, as a power cut would but for
// what the operating system has not written yet.
func (s server) kill(t testing.TB) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(file), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	all := append(childrenOf(t, pid), pid)
	for _, p := range all {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
	// Where nobody waits for processes that have lost their parent, as in some containers,
	// the dead keep their number, and the next server would take this one for alive.
	eventually(t, "all processes of the server are dead", func() bool { return !slices.ContainsFunc(all, alive) })
	if err := os.Remove(filepath.Join(s.data, "postmaster.pid")); err != nil {
		t.Fatal(err)
	}
}

// alive reports whether a process is there and not a zombie.
func alive(pid int) bool {
	state, _ := stat(pid)
	return state != "" && state != "Z"
}

// stat is a process's state and parent, empty if there is none.
func stat(pid int) (state, parent string) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", ""
	}
	_, rest, _ := strings.Cut(string(text), ") ") // behind the program's name
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return "", ""
	}
	return fields[0], fields[1]
}

func childrenOf(t testing.TB, pid int) (children []int) {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range processes {
		child, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, parent := stat(child); parent == strconv.Itoa(pid) {
			children = append(children, child)
		}
	}
	return children
}

// superReplica is PG_SUPER_URL on the replica.
func superReplica(t testing.TB) string {
	t.Helper()
	super, err := url.Parse(need(t, "PG_SUPER_URL"))
	if err != nil {
		t.Fatal(err)
	}
	replica, err := url.Parse(need(t, "PG_REPLICA_URL"))
	if err != nil {
		t.Fatal(err)
	}
	super.Host = replica.Host
	return super.String()
}

// pauseReplay stops the replica where it is, until the test's end or resume.
func pauseReplay(t *testing.T) (resume func()) {
	t.Helper()
	execute(t, t.Context(), superReplica(t), "SELECT pg_wal_replay_pause()")
	var state string
	eventually(t, "replay is paused", func() bool {
		query(t, superReplica(t), "SELECT pg_get_wal_replay_pause_state()", &state)
		return state == "paused"
	})
	resume = sync.OnceFunc(func() {
		execute(t, context.WithoutCancel(t.Context()), superReplica(t), "SELECT pg_wal_replay_resume()")
	})
	t.Cleanup(resume)
	return resume
}

// caughtUp waits until the replica has replayed all that the primary has written.
func caughtUp(t *testing.T) {
	t.Helper()
	var at string
	query(t, need(t, "PG_SUPER_URL"), "SELECT pg_current_wal_insert_lsn()::text", &at)
	conn, err := pgx.Connect(t.Context(), superReplica(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	eventually(t, "the replica has caught up", func() bool {
		var there bool
		if err := conn.QueryRow(t.Context(), "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", at).Scan(&there); err != nil {
			t.Fatal(err)
		}
		return there
	})
}

// restPoint has the replica begin, when it is started again, where the primary is now: what
// tests have written before would take it long to replay.
func restPoint(t *testing.T) {
	t.Helper()
	execute(t, t.Context(), need(t, "PG_SUPER_URL"), "CHECKPOINT")
	caughtUp(t)
	execute(t, t.Context(), superReplica(t), "CHECKPOINT")
}

// eventually asks again and again until what is waited for is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if is() {
			tick.Stop()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}
