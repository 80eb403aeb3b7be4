//go:build !unix

package machine

import "time"

// CPUTime is not known here: figures by processor time are left out or zero.
func CPUTime() time.Duration { return 0 }
