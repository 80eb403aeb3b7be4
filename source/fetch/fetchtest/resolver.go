package fetchtest

import (
	"context"
	"io"
	"net"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// Resolver returns a resolver that asks answers for the IPv4 address of each name, with
// how often it has asked for that name before. Other questions have no answer.
func Resolver(answers func(name string, asked int) [4]byte) *net.Resolver {
	var mu sync.Mutex
	asked := map[string]int{}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			var size [2]byte
			for {
				if _, err := io.ReadFull(theirs, size[:]); err != nil {
					return
				}
				msg := make([]byte, int(size[0])<<8|int(size[1]))
				if _, err := io.ReadFull(theirs, msg); err != nil {
					return
				}
				var m dnsmessage.Message
				if m.Unpack(msg) != nil {
					return
				}
				q := m.Questions[0]
				m.Response, m.Additionals = true, nil
				if q.Type == dnsmessage.TypeA {
					mu.Lock()
					n := asked[q.Name.String()]
					asked[q.Name.String()]++
					mu.Unlock()
					m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: answers(q.Name.String(), n)}}}
				}
				out, err := m.Pack()
				if err != nil {
					return
				}
				if _, err := theirs.Write(append([]byte{byte(len(out) >> 8), byte(len(out))}, out...)); err != nil {
					return
				}
			}
		}()
		return ours, nil
	}}
}
