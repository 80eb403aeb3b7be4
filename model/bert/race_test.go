//go:build race

package bert_test

// raceEnabled: the race detector empties pools at random, which then allocate.
const raceEnabled = true
