//go:build !linux

package main

import "os"

// maxRSS is known on Linux only; 0 is "not measured".
func maxRSS(*os.ProcessState) float64 { return 0 }
