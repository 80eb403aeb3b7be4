package observe

import (
	"strconv"
	"strings"
	"sync"
)

// other is the label value of everything beyond a label set's capacity.
const other = "other"

// maxLabelBytes bounds one label value.
const maxLabelBytes = 128

// labels admits a bounded number of values of one label. A closed set knows its
// values beforehand; an open one takes the first it sees, up to its capacity.
type labels struct {
	mu    sync.RWMutex
	known map[string]bool
	room  int // values that may still be added
}

func closedSet(values ...string) *labels {
	l := &labels{known: make(map[string]bool, len(values))}
	for _, v := range values {
		l.known[v] = true
	}
	return l
}

func openSet(room int) *labels {
	return &labels{known: make(map[string]bool), room: room}
}

// of returns v if the set holds it or has room for it, and "other" if not.
func (l *labels) of(v string) string {
	l.mu.RLock()
	ok, full := l.known[v], l.room == 0
	l.mu.RUnlock()
	if ok {
		return v
	}
	if full || v == "" || len(v) > maxLabelBytes {
		return other
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[v] {
		return v
	}
	if l.room == 0 {
		return other
	}
	l.room--
	v = strings.ToValidUTF8(strings.Clone(v), "?")
	l.known[v] = true
	return v
}

// drop takes v out of an open set, which has room for another one then.
func (l *labels) drop(v string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[v] {
		delete(l.known, v)
		l.room++
	}
}

// statusLabel is the HTTP status code, "other" when it is none.
func statusLabel(status int) string {
	if status < 100 || status > 599 {
		return other
	}
	return strconv.Itoa(status)
}
