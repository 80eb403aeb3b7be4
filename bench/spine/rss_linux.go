package main

import (
	"os"
	"syscall"
)

// maxRSS returns the peak resident memory of an ended process in MiB.
func maxRSS(p *os.ProcessState) float64 {
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		return float64(u.Maxrss) / 1024
	}
	return 0
}
