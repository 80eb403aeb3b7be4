//go:build unix

package ocr

import (
	"os/exec"
	"syscall"
)

// isolate puts the program into a process group of its own: signals of the terminal do
// not reach it, and killing the group leaves nothing behind that it started.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// kill ends the program's process group.
func kill(cmd *exec.Cmd) error {
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
}
