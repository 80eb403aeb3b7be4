package indextest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
)

// TestDatabaseSuite: a database that does everything right passes.
func TestDatabaseSuite(t *testing.T) {
	Database(t, func(*testing.T) DatabaseFixture { return fixtureOf(newShop("")) })
}

// TestDatabaseSuiteFails: each of these faults is found by the part that is for it, which says what is wrong.
func TestDatabaseSuiteFails(t *testing.T) {
	for _, m := range []struct{ fault, part, says string }{
		{"replace keeps tags", "UpsertReplaceDelete", "items, want"},
		{"replace keeps vectors", "UpsertReplaceDelete", "its cosine is"},
		{"replace adds", "UpsertReplaceDelete", "counts"},
		{"delete forgets the last", "UpsertReplaceDelete", "counts"},
		{"delete where does nothing", "DeleteWhere", "counts"},
		{"not is ignored", "Conditions", "does not meet"},
		{"any is all", "Conditions", "items, want"},
		{"filters after the search", "Conditions", "items, want"},
		{"tags of 53 bits", "HardTags", "items, want"},
		{"tags without sign", "HardTags", "items, want"},
		{"a hundred tags", "ConditionsOfManyTags", "items, want"},
		{"scores are distances", "Scores", "its cosine is"},
		{"scores from 0 to 1", "Scores", "its cosine is"},
		{"the worst first", "Scores", "comes after"},
		{"every tenth is missed", "Scores", "items, want"},
		{"words are all needed", "Words", "keyword side"},
		{"ids of 53 bits", "LargeIDs", "counts"},
		{"ids as text", "Paging", "ids after"},
		{"pages begin at after", "Paging", "ids after"},
		{"a thousand items", "FullBatches", "counts"},
		{"wrong dimensions half stored", "WrongDimensions", "counts"},
		{"any dimensions", "WrongDimensions", "want a conflict"},
		{"changes are late", "ReadYourWrites", "does not meet"},
		{"fields come from several writers", "WritersOfOneID", "its cosine is"},
		{"processes have their own", "TwoProcesses", "counts"},
		{"spaces share their items", "Spaces", ""},
		{"drop hides", "Spaces", "counts"},
		{"a write makes a space", "Dropped", "dropped space"},
		{"restart loses", "Restart", "counts"},
		{"down is internal", "Unreachable", "want that it is unavailable"},
		{"contexts are ignored", "CancelledCalls", "want that of the context"},
		{"closing does nothing", "Closed", "want that it is unavailable"},
		{"errors tell the key", "Strangers", "holds a secret"},
		{"errors tell texts", "WrongDimensions", "holds a secret"},
	} {
		t.Run(m.fault, func(t *testing.T) {
			p := &probe{TB: t}
			for _, part := range databaseParts {
				if part.name == m.part {
					p.run(func() { part.against(p, fixtureOf(newShop(m.fault))) })
				}
			}
			if !p.Failed() {
				t.Fatalf("the part %s passes", m.part)
			}
			if !strings.Contains(p.said[0], m.says) {
				t.Errorf("the part %s says %q, want %q in it", m.part, p.said[0], m.says)
			}
		})
	}
}

// probe is a test that may fail without the test around it failing.
type probe struct {
	testing.TB
	mu   sync.Mutex
	said []string
}

func (p *probe) run(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
}

func (p *probe) Helper()                           {}
func (p *probe) Error(args ...any)                 { p.say(fmt.Sprint(args...)) }
func (p *probe) Errorf(format string, args ...any) { p.say(fmt.Sprintf(format, args...)) }
func (p *probe) FailNow()                          { runtime.Goexit() }

func (p *probe) Fatal(args ...any) {
	p.Error(args...)
	p.FailNow()
}

func (p *probe) Fatalf(format string, args ...any) {
	p.Errorf(format, args...)
	p.FailNow()
}

func (p *probe) Failed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.said) > 0
}

func (p *probe) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, text)
}

func fixtureOf(s *shop) DatabaseFixture {
	const key = "right-key-1234"
	return DatabaseFixture{
		DB:       s.client(key),
		Another:  func(testing.TB) external.Database { return s.client(key) },
		Stranger: func(testing.TB) external.Database { return s.client("wrong-key-5678") },
		Secrets:  []string{key, "wrong-key-5678"},
		Stop:     func(testing.TB) { s.down.Store(true) },
		Start:    func(testing.TB) { s.down.Store(false) },
		Restart:  func(testing.TB) { s.restart() },
	}
}
