package late

import (
	"container/list"
	"sync"

	"github.com/smartretriever/smartretriever/rag"
)

// shelf keeps the passages used last, up to a number of bytes. It is
// goroutine-safe.
type shelf struct {
	room int64

	mu    sync.Mutex
	used  int64
	order *list.List // of *place, the last used at the front
	at    map[rag.Hash]*list.Element
}

type place struct {
	hash    rag.Hash
	passage *passage
}

func newShelf(room int64) *shelf {
	return &shelf{room: room, order: list.New(), at: map[rag.Hash]*list.Element{}}
}

// get returns a passage, nil if it is not there.
func (s *shelf) get(h rag.Hash) *passage {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.at[h]
	if e == nil {
		return nil
	}
	s.order.MoveToFront(e)
	return e.Value.(*place).passage
}

// put keeps a passage, unless it has no hash to be found by.
func (s *shelf) put(h rag.Hash, p *passage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h == (rag.Hash{}) || s.at[h] != nil || p.bytes() > s.room {
		return
	}
	s.at[h] = s.order.PushFront(&place{h, p})
	s.used += p.bytes()
	for s.used > s.room {
		last := s.order.Remove(s.order.Back()).(*place)
		delete(s.at, last.hash)
		s.used -= last.passage.bytes()
	}
}
