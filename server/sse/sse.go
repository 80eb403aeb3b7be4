// Package sse writes server-sent events (WHATWG HTML, section 9.2) that survive
// proxies: every event is flushed, and a comment is sent while nothing else is,
// so that an idle connection is not taken for a dead one.
//
// The response begins with the first event or comment. Until then the handler
// may still answer with an error status.
package sse

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// DefaultBeat is the time between two comments on a silent stream.
const DefaultBeat = 15 * time.Second

// Stream is a response of events. Its methods are goroutine-safe.
type Stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	stop chan struct{}
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	started bool
	err     error // the first failed write: the client is gone
}

// New returns a stream to w with a comment every beat (0 is DefaultBeat). Close
// must be called before the handler returns.
func New(w http.ResponseWriter, beat time.Duration) *Stream {
	if beat <= 0 {
		beat = DefaultBeat
	}
	s := &Stream{w: w, rc: http.NewResponseController(w), stop: make(chan struct{}), done: make(chan struct{})}
	go s.beat(beat)
	return s
}

func (s *Stream) beat(every time.Duration) {
	defer close(s.done)
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			if s.write([]byte(": keep-alive\n\n")) != nil {
				return
			}
		}
	}
}

// Send writes one event with v as JSON. An empty name leaves the event line out.
func (s *Stream) Send(name string, v any) error {
	var b bytes.Buffer
	if name != "" {
		b.WriteString("event: ")
		b.WriteString(name)
		b.WriteByte('\n')
	}
	b.WriteString("data: ")
	enc := json.NewEncoder(&b) // one line: JSON escapes line breaks; it ends with one
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.WriteByte('\n')
	return s.write(b.Bytes())
}

// Text writes one event whose data is a single line of text.
func (s *Stream) Text(line string) error { return s.write([]byte("data: " + line + "\n\n")) }

// Started reports whether the response has begun.
func (s *Stream) Started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started
}

// Close ends the comments and waits for the last one. It may be called again.
func (s *Stream) Close() {
	s.once.Do(func() { close(s.stop) })
	<-s.done
}

func (s *Stream) write(p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if !s.started {
		s.started = true
		h := s.w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // tells a buffering proxy to pass events on at once
		s.w.WriteHeader(http.StatusOK)
	}
	if _, s.err = s.w.Write(p); s.err == nil {
		s.err = s.rc.Flush()
	}
	return s.err
}
