//go:build race

package column

// raceEnabled: the race detector empties pools at random, which then allocate.
const raceEnabled = true
