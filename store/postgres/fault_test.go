//go:build servers

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// line makes connections that can be cut.
type line struct {
	mu    sync.Mutex
	left  int  // writes until one is cut, 0 for none
	sent  bool // cut after what is written was sent: the server acts on it, and its answer is lost
	down  bool // no connection can be made from the cut on
	stays bool // whether it stays down
	cuts  int
}

var errDown = errors.New("the network is down")

// arm cuts the n-th write from now.
func (l *line) arm(n int, sent, stays bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.sent, l.stays, l.down, l.cuts = n, sent, stays, false, 0
}

// heal ends what arm began, and says whether the cut took place.
func (l *line) heal() (cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.down = 0, false
	return l.cuts > 0
}

func (l *line) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	down := l.down
	l.mu.Unlock()
	if down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errDown}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, line: l}, nil
}

type cutConn struct {
	net.Conn
	line *line
}

func (c *cutConn) Write(data []byte) (int, error) {
	l := c.line
	l.mu.Lock()
	cut := l.left == 1
	if l.left > 0 {
		l.left--
	}
	sent := l.sent
	if cut {
		l.cuts++
		l.down = l.stays
	}
	l.mu.Unlock()
	if !cut {
		return c.Conn.Write(data)
	}
	if sent {
		if n, err := c.Conn.Write(data); err != nil {
			return n, err
		}
	}
	_ = c.Conn.Close()
	if sent {
		return len(data), nil
	}
	return 0, &net.OpError{Op: "write", Err: errDown}
}

// state is all that a follower and a reader see of a collection.
func state(t *testing.T, s *postgres.Store, c rag.Collection) string {
	t.Helper()
	col, err := s.CollectionByID(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintln(col.Seq, col.Documents, col.Chunks, col.Bytes)
	_, err = s.Snapshot(t.Context(), c.ID, 0, func(r rag.Record) error {
		text += fmt.Sprintln(r.ChunkID > 0, r.Document.ExternalID, r.Document.Version, r.Text, len(r.Vector))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	changes, err := s.Changes(t.Context(), c.ID, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return text + fmt.Sprintln(len(changes))
}

// A put whose connection is cut before or after any message it sends is stored
// once or not at all. Where a new connection can be made, the store finds out, and
// the caller notices nothing.
func TestPutCutAtAnyMessage(t *testing.T) {
	for _, sent := range []bool{false, true} {
		for _, stays := range []bool{false, true} {
			t.Run(fmt.Sprintf("sent=%v,stays=%v", sent, stays), func(t *testing.T) {
				cutEverywhere(t, sent, stays)
			})
		}
	}
}

func cutEverywhere(t *testing.T, sent, stays bool) {
	var l line
	witness := open(t, configure(t, postgres.Config{}))
	cfg := configure(t, postgres.Config{Schema: schemaOf(witness), Dial: l.dial, MinIdleConns: -1})
	if stays {
		cfg.AcquireTimeout, cfg.ConnectTimeout = briefly, briefly
	}
	s := open(t, cfg)
	c, err := witness.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	put := func(round int) rag.Put {
		return storetest.Put(c.ID, "d", fmt.Sprintf("Part one of %d.", round), "What stays.", fmt.Sprintf("Part three of %d.", round))
	}
	if _, err := s.PutDocuments(t.Context(), []rag.Put{put(0)}); err != nil {
		t.Fatal(err)
	}
	version, slow := 1, 0
	for n := 1; ; n++ {
		before := state(t, witness, c)
		l.arm(n, sent, stays)
		ctx, cancel := context.WithCancel(t.Context())
		if stays { // a caller with little patience
			ctx, cancel = context.WithTimeout(t.Context(), briefly)
		}
		results, err := s.PutDocuments(ctx, []rag.Put{put(n)})
		cancel()
		cut := l.heal()
		if err == nil {
			err = results[0].Err
		}
		failed := err != nil
		after := state(t, witness, c)
		switch {
		case err == nil:
			version++
			if results[0].Document.Version != version || after == before {
				t.Fatalf("message %d: stored as version %d, want %d", n, results[0].Document.Version, version)
			}
		case !stays && cut:
			t.Fatalf("message %d: %v, though new connections can be made", n, err)
		case rag.KindOf(err) != rag.KindUnavailable && rag.KindOf(err) != rag.KindExhausted:
			t.Fatalf("message %d: %q error %v", n, rag.KindOf(err), err)
		case after != before: // it was stored, and nobody could say so
			version++
		}
		d, err := witness.FindDocument(t.Context(), c.ID, "d")
		if err != nil || d.Version != version || d.Chunks != 3 {
			t.Fatalf("message %d: %+v, %v; want version %d", n, d, err, version)
		}
		storetest.Sound(t, witness)
		if !cut && failed && slow < 50 { // his patience was over before the message was sent
			slow++
			n--
			continue
		}
		if !cut {
			if n < 5 {
				t.Fatalf("only %d messages were cut", n-1)
			}
			t.Logf("%d messages", n-1)
			return
		}
	}
}

// mute is a network that, once it is mute, takes what is sent and answers nothing.
type mute struct {
	on atomic.Bool
}

func (m *mute) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &muteConn{Conn: conn, mute: m}, nil
}

type muteConn struct {
	net.Conn
	mute *mute
}

func (c *muteConn) Write(data []byte) (int, error) {
	if c.mute.on.Load() {
		return len(data), nil
	}
	return c.Conn.Write(data)
}

// A server that says nothing is given up, also by a caller without a deadline.
func TestServerSaysNothing(t *testing.T) {
	var m mute
	s := open(t, postgres.Config{Dial: m.dial, StatementTimeout: briefly, ConnectTimeout: briefly, AcquireTimeout: briefly, MinIdleConns: -1})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	m.on.Store(true)
	_, put := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "a", "One.")})
	_, read := s.Collection(t.Context(), "", "c")
	for what, err := range map[string]error{"put": put, "read": read} {
		if rag.KindOf(err) != rag.KindUnavailable {
			t.Errorf("%s: %q error %v", what, rag.KindOf(err), err)
		}
	}
	m.on.Store(false)
	if _, err := s.Collection(t.Context(), "", "c"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// muteAt makes a network mute when a statement is about to be sent.
type muteAt struct {
	sql  string
	mute *mute
}

func (m muteAt) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	if d.SQL == m.sql {
		m.mute.on.Store(true)
	}
	return ctx
}

func (m muteAt) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A server that takes a connection and then says nothing does not keep the program from
// saying so when it starts.
func TestServerSaysNothingAtTheStart(t *testing.T) {
	var m mute
	cfg := configure(t, postgres.Config{Dial: m.dial, ConnectTimeout: 3 * time.Second})
	cfg.Tracer = muteAt{"SELECT current_user", &m}
	s, err := postgres.Open(t.Context(), cfg)
	if rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("%q error %v", rag.KindOf(err), err)
	}
	if err == nil {
		s.Close()
	}
}
