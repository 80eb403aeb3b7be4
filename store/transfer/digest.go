package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/smartretriever/smartretriever/store"
)

// sum counts rows and adds up their digests, each as four numbers modulo 2^64: it is the
// same whatever the order of the rows, and another when one is missing, there twice or
// changed.
type sum struct {
	rows  int64
	lanes [4]uint64
}

func (s *sum) add(digest [sha256.Size]byte) {
	s.rows++
	for i := range s.lanes {
		s.lanes[i] += binary.BigEndian.Uint64(digest[8*i:])
	}
}

// String is the digest in hexadecimal.
func (s sum) String() string {
	var b [sha256.Size]byte
	for i, lane := range s.lanes {
		binary.BigEndian.PutUint64(b[8*i:], lane)
	}
	return hex.EncodeToString(b[:])
}

// digestOf is the SHA-256 of a row's values, each with its kind and length before it, and
// how many bytes that was of.
func digestOf(row store.Row) (digest [sha256.Size]byte, size int) {
	h := sha256.New()
	var head [9]byte
	write := func(kind byte, number uint64, data string) {
		head[0] = kind
		binary.BigEndian.PutUint64(head[1:], number)
		h.Write(head[:])
		h.Write([]byte(data))
		size += len(head) + len(data)
	}
	for _, value := range row {
		switch v := value.(type) {
		case nil:
			write('0', 0, "")
		case int64:
			write('i', uint64(v), "")
		case bool:
			if v {
				write('b', 1, "")
			} else {
				write('b', 0, "")
			}
		case float64:
			write('f', math.Float64bits(v), "")
		case string:
			write('s', uint64(len(v)), v)
		case []byte:
			write('y', uint64(len(v)), "")
			h.Write(v)
			size += len(v)
		default:
			panic("transfer: a row holds a value of no kind")
		}
	}
	h.Sum(digest[:0])
	return digest, size
}
