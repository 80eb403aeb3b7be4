package config

import (
	"errors"
	"time"
)

// Hedge reads HedgeAfter: whether a question that takes long is asked for a second
// time, and after how long; 0 is after what has turned out to be long.
func (e Embedder) Hedge() (on bool, after time.Duration, err error) {
	if e.HedgeAfter == "p95" {
		return true, 0, nil
	}
	after, err = ParseDuration(e.HedgeAfter)
	if err != nil || after < 0 {
		return false, 0, errors.New("must be a duration like 300ms, or p95; 0s is off")
	}
	return after > 0, after, nil
}
