package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/smartretriever/smartretriever/rag"
)

// progress shows how far a long piece of work has come: a line that is drawn over
// on a terminal, a plain line every few seconds elsewhere.
type progress struct {
	to    *screen
	unit  string // "files", "documents"
	now   func() time.Time
	begun time.Time

	mu      sync.Mutex
	done    int
	total   int
	counted bool // total is final
	chunks  int
	bytes   int64
	current string

	stop chan struct{}
	wait sync.WaitGroup
}

// How often the line is drawn on a terminal, and written elsewhere.
const (
	drawEvery  = 100 * time.Millisecond
	writeEvery = 5 * time.Second
)

// startProgress begins to show; end must be called.
func startProgress(to *screen, unit string) *progress {
	p := &progress{to: to, unit: unit, now: time.Now, begun: time.Now(), stop: make(chan struct{})}
	p.wait.Go(p.run)
	return p
}

func (p *progress) run() {
	every := writeEvery
	if p.to.terminal {
		every = drawEvery
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			if p.to.terminal {
				p.to.setStatus(p.bar(p.to.width()))
			} else {
				p.to.line("%s", p.plain())
			}
		}
	}
}

// end takes the line away and waits until nothing is drawn any more.
func (p *progress) end() {
	close(p.stop)
	p.wait.Wait()
	p.to.setStatus("")
}

func (p *progress) setTotal(n int, final bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.counted = n, final
}

// reach notes how much is done, of how much if that is known.
func (p *progress) reach(done, of int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total, p.counted = done, of, of > 0
}

// begin notes what is being worked on.
func (p *progress) begin(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = name
}

// result notes that a document is done, and its file if that was the last of it.
func (p *progress) result(res rag.AddResult) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !res.More {
		p.done++
	}
	p.chunks += res.Chunks
	p.bytes += res.Bytes
}

// state is a copy of the figures, with rate and time left worked out.
type progressState struct {
	done, total, chunks int
	counted             bool
	rate                float64       // units a second
	left                time.Duration // 0 when not known
	current             string
}

func (p *progress) state() progressState {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := progressState{done: p.done, total: max(p.total, p.done), chunks: p.chunks, counted: p.counted, current: p.current}
	if took := p.now().Sub(p.begun).Seconds(); took > 0 {
		s.rate = float64(p.done) / took
	}
	if s.counted && s.rate > 0 {
		s.left = time.Duration(float64(s.total-s.done) / s.rate * float64(time.Second))
	}
	return s
}

// bar draws the state within a number of columns. What matters less goes first
// when there is little room.
func (p *progress) bar(columns int) string {
	s := p.state()
	head := fmt.Sprintf("%s/%s %s", humanize.Comma(int64(s.done)), p.totalText(s), p.unit)
	var parts []string
	if s.chunks > 0 {
		parts = append(parts, plural(s.chunks, "chunk"))
	}
	parts = append(parts, rateText(s.rate)+"/s")
	if s.left > 0 {
		parts = append(parts, clockTime(s.left)+" left")
	}
	text := head + "  " + strings.Join(parts, "  ")
	length := 20
	if columns < 100 {
		length = 10
	}
	text = " " + p.to.cyan(gauge(s, length)) + " " + text
	used := length + 2 + 1 + len(head) + 2 + len(strings.Join(parts, "  "))
	if room := columns - used - 3; s.current != "" && room >= 12 {
		text += "  " + p.to.dim(fitPath(s.current, room))
	} else if columns < used {
		text = fit(head, columns-1)
	}
	return text
}

func (p *progress) totalText(s progressState) string {
	t := humanize.Comma(int64(s.total))
	if !s.counted {
		t += "+"
	}
	return t
}

// gauge is the bar itself.
func gauge(s progressState, length int) string {
	full := 0
	if s.total > 0 && s.counted {
		full = length * s.done / s.total
	}
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", length-full) + "]"
}

// plain is the state as a line of a log.
func (p *progress) plain() string {
	s := p.state()
	text := fmt.Sprintf("%d of %s %s", s.done, p.totalText(s), p.unit)
	if s.chunks > 0 {
		text += ", " + plural(s.chunks, "chunk")
	}
	text += fmt.Sprintf(", %s %s/s", rateText(s.rate), p.unit)
	if s.left > 0 {
		text += ", " + clockTime(s.left) + " left"
	}
	return text
}

func rateText(r float64) string {
	if r >= 10 {
		return humanize.Comma(int64(r + .5))
	}
	return fmt.Sprintf("%.1f", r)
}

// clockTime is a time left: 0:07, 12:30, 3:05:00.
func clockTime(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// duration is a time that was taken: 12 ms, 3.4 s, 2 min 5 s.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// plural is a number with its unit: "1 file", "12,345 files".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + one + "s"
}

func size(n int64) string { return humanize.IBytes(uint64(max(0, n))) }

func comma(n int) string { return humanize.Comma(int64(n)) }
