package unigram

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/model/bert/trie"
	"github.com/smartretriever/smartretriever/rag"
)

// Bounds on rules, which come from outside.
const (
	maxRules = 1 << 20
	maxRule  = 255 // bytes on either side
)

// AppendRule appends a rule, "from becomes to", in the form that Config.Rules has:
// each side as its number of bytes, a varint, and the bytes.
func AppendRule(dst []byte, from, to string) []byte {
	dst = append(binary.AppendUvarint(dst, uint64(len(from))), from...)
	return append(binary.AppendUvarint(dst, uint64(len(to))), to...)
}

// rules replaces characters and short sequences of them.
type rules struct {
	from *trie.Trie
	to   []string
	// apart tells of each ASCII character that what comes of it does not hang on the
	// next one, if that is ASCII, too; alone is then its rule, or -1.
	apart [utf8.RuneSelf]bool
	alone [utf8.RuneSelf]int32
}

// parseRules reads what AppendRule wrote.
func parseRules(data string) (*rules, error) {
	if len(data) > trie.MaxBytes {
		return nil, rag.Errorf(rag.KindInvalid, "the rules have %d bytes; at most %d are possible", len(data), trie.MaxBytes)
	}
	r := &rules{from: trie.New(1, len(data))}
	for b := range r.apart {
		r.apart[b], r.alone[b] = true, -1
	}
	for len(data) > 0 {
		from, rest, ok := side(data)
		to, rest, ok2 := side(rest)
		id := int32(len(r.to))
		if !ok || !ok2 || from == "" || id == maxRules || !utf8.ValidString(to) {
			return nil, rag.Errorf(rag.KindInvalid, "rule %d of the normaliser cannot be read", id)
		}
		if !r.from.Add(0, from, id) {
			return nil, rag.Errorf(rag.KindInvalid, "the normaliser has two rules for %q", from)
		}
		r.to = append(r.to, to)
		if b := from[0]; b < utf8.RuneSelf {
			if len(from) == 1 {
				r.alone[b] = id
			} else if from[1] < utf8.RuneSelf {
				r.apart[b] = false
			}
		}
		data = rest
	}
	r.apart['\r'] = false // a cluster together with a line feed
	return r, nil
}

func side(data string) (text, rest string, ok bool) {
	n, width := uint64(0), 0
	for shift := 0; ; shift += 7 { // binary.Uvarint, of a string
		if width == len(data) || width == 3 {
			return "", "", false
		}
		b := data[width]
		width++
		n |= uint64(b&0x7F) << shift
		if b < 0x80 {
			break
		}
	}
	if n > maxRule || n > uint64(len(data)-width) {
		return "", "", false
	}
	return data[width : width+int(n)], data[width+int(n):], true
}

// shortest returns what the shortest rule that text starts with makes of it.
func (r *rules) shortest(text string) (to string, ok bool) {
	node := uint32(0)
	for i := range len(text) {
		if node, ok = r.from.Next(node, text[i]); !ok {
			return "", false
		}
		if id := r.from.ID(node); id >= 0 {
			return r.to[id], true
		}
	}
	return "", false
}

// longest returns what the longest rule that text starts with makes of it, and the
// bytes that it takes: 0 where there is none.
func (r *rules) longest(text string) (to string, length int) {
	node := uint32(0)
	for i := range min(len(text), maxRule) {
		next, ok := r.from.Next(node, text[i])
		if !ok {
			break
		}
		node = next
		if id := r.from.ID(node); id >= 0 {
			to, length = r.to[id], i+1
		}
	}
	return to, length
}
