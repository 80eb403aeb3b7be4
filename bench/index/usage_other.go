//go:build !linux

package main

import "time"

// Elsewhere nothing is measured: processor time and memory are 0.
func cpuTime() time.Duration    { return 0 }
func threadTime() time.Duration { return 0 }
func resident() float64         { return 0 }
