package indextest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Gate is an address at which a server is, and at which it can be taken away and brought back.
type Gate struct {
	server string

	mu      sync.Mutex
	address string
	listen  net.Listener // nil while the gate is closed
	open    map[net.Conn]bool
	running sync.WaitGroup
}

// NewGate returns an open gate to the server at an address (HOST:PORT). It is closed at the end of the test.
func NewGate(t testing.TB, server string) *Gate {
	t.Helper()
	g := &Gate{server: server, address: "127.0.0.1:0", open: map[net.Conn]bool{}}
	g.Start(t)
	t.Cleanup(func() { g.Stop(t) })
	return g
}

// Address returns HOST:PORT, which stays the same.
func (g *Gate) Address() string { return g.address }

// Stop closes the gate and cuts what goes through it.
func (g *Gate) Stop(testing.TB) {
	g.mu.Lock()
	if g.listen != nil {
		_ = g.listen.Close()
		g.listen = nil
	}
	for c := range g.open {
		_ = c.Close()
	}
	g.mu.Unlock()
	g.running.Wait()
}

// Start opens the gate again.
func (g *Gate) Start(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", g.address)
	if err != nil {
		t.Fatalf("open the gate: %v", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listen, g.address = l, l.Addr().String()
	g.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.running.Go(func() { g.pass(l, c) })
		}
	})
}

// pass copies both ways between a client and the server until either ends.
func (g *Gate) pass(through net.Listener, client net.Conn) {
	defer client.Close()
	if !g.hold(through, client) {
		return
	}
	defer g.drop(client)
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		return
	}
	defer server.Close()
	if !g.hold(through, server) {
		return
	}
	defer g.drop(server)
	done := make(chan struct{}, 2)
	send := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_, _ = to.Close(), from.Close()
		done <- struct{}{}
	}
	go send(server, client)
	send(client, server)
	<-done
	<-done
}

// hold keeps a connection to be cut, and reports whether the gate that it came through is still open.
func (g *Gate) hold(through net.Listener, c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listen != through {
		return false
	}
	g.open[c] = true
	return true
}

func (g *Gate) drop(c net.Conn) {
	g.mu.Lock()
	delete(g.open, c)
	g.mu.Unlock()
}
