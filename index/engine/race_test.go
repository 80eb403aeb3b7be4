//go:build race

package engine

// raceEnabled: the race detector empties pools at random, which then allocate.
const raceEnabled = true
