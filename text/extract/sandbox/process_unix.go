//go:build unix

package sandbox

import (
	"os/exec"
	"syscall"
	"time"
)

// grace is the processor time that a child has beyond its time limit, and
// parallel the processors that it may keep busy.
const (
	grace    = 10 * time.Second
	parallel = 4
)

// isolate puts the child into a process group of its own: signals of the
// terminal do not reach it, and killing the group leaves no grandchild.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// kill ends the child's process group.
func kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Process.Kill()
	}
}

// limitTime bounds the processor time that this process may still use, against
// outliving its parent in an endless loop, and forbids core dumps.
func limitTime(timeout time.Duration) {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	if timeout <= 0 {
		return
	}
	var used syscall.Rusage
	var limit syscall.Rlimit
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil || syscall.Getrlimit(syscall.RLIMIT_CPU, &limit) != nil {
		return
	}
	seconds := uint64(used.Utime.Sec+used.Stime.Sec) + parallel*uint64((timeout+grace)/time.Second)
	if limit.Max > seconds {
		limit.Cur = seconds
		_ = syscall.Setrlimit(syscall.RLIMIT_CPU, &limit)
	}
}
