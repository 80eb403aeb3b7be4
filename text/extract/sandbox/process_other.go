//go:build !unix

package sandbox

import (
	"os/exec"
	"time"
)

func isolate(*exec.Cmd) {}

func kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = cmd.Process.Kill()
	}
}

func limitTime(time.Duration) {}
