//go:build !linux

package ocr

import "time"

// bound cannot limit another process here; the time limit alone holds.
func bound(int, time.Duration) {}
