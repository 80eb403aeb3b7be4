//go:build !unix

package main

import "time"

// cpuTime is not known here; figures by processor time are then left at zero.
func cpuTime() time.Duration { return 0 }
