package memory

import (
	"encoding/binary"
	"sync"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// allowed returns the rows that a query may see: the live ones whose documents
// match its filter and are open to its scope. Each document is asked once, and
// the answer is kept for the next query with the same filter and principals, as
// long as the index does not change. The caller holds mu for reading and does
// not change the bitmap.
func (ix *Index) allowed(q *rag.IndexQuery) index.Bitmap {
	open := q.Scope.Admin || ix.restricted == 0
	if open && q.Filter.IsZero() {
		return ix.live
	}
	key := verdictKey(&q.Filter, &q.Scope, open)
	if rows, ok := ix.verdicts.get(key, ix.version); ok {
		return rows
	}
	rows := index.Bitmap(nil).Reset(len(ix.owner))
	for _, d := range ix.documents {
		if (open || q.Scope.May(d.ACL)) && q.Filter.Match(d.Lookup) {
			for _, row := range d.rows {
				rows.Set(row)
			}
		}
	}
	ix.verdicts.put(key, ix.version, rows)
	return rows
}

// verdictKey differs for queries that may see different rows. Every part has its
// length before it, so that no two of them run into each other.
func verdictKey(f *rag.Filter, s *rag.Scope, open bool) string {
	var k []byte
	if !open {
		k = append(k, 1)
		k = binary.AppendUvarint(k, uint64(len(s.Principals)))
		for _, p := range s.Principals {
			k = appendString(k, p)
		}
	}
	return string(appendFilter(append(k, 0), f))
}

func appendFilter(b []byte, f *rag.Filter) []byte {
	b = appendString(appendString(b, string(f.Type)), f.Key)
	b = appendValue(b, f.Value)
	b = binary.AppendUvarint(b, uint64(len(f.Filters)))
	for i := range f.Filters {
		b = appendFilter(b, &f.Filters[i])
	}
	return b
}

// verdicts remembers which rows queries may see, for one version of the index.
// It has a lock of its own, the last in the order.
type verdicts struct {
	mu      sync.Mutex
	version int64
	rows    map[string]index.Bitmap
	bytes   int
}

// maxVerdicts bounds the memory of verdicts, keys included.
const maxVerdicts = 4 << 20

func (v *verdicts) get(key string, version int64) (index.Bitmap, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.version != version {
		return nil, false
	}
	rows, ok := v.rows[key]
	return rows, ok
}

func (v *verdicts) put(key string, version int64, rows index.Bitmap) {
	size := len(key) + len(rows)*8 + 64
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.rows == nil || v.version != version || v.bytes+size > maxVerdicts {
		v.version, v.bytes = version, 0
		v.rows = map[string]index.Bitmap{}
	}
	if size <= maxVerdicts {
		v.rows[key] = rows
		v.bytes += size
	}
}
