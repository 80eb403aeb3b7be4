// Package vocabulary holds the vocabularies of OpenAI's encodings, packed, as
// tools/vocabulary makes them from the published files, and unpacks them.
//
// A byte-pair vocabulary is a list of tokens in order of rank. The first 256 are
// the single bytes; each later one is two earlier ones set together, and it is by
// these two ranks that it is written down:
//
//	"BPE1", the number of tokens as 32 bits, little-endian, then DEFLATE of
//	  256 bytes, the tokens of rank 0 to 255
//	  the ranks of all left halves, three bytes each: all low bytes, all middle, all high
//	  the ranks of all right halves, in the same way
//
// That takes a fifth of the published form (a line of base64 a token), and there
// is no text in it that would have to be parsed.
package vocabulary

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Cl100k is the vocabulary of the models from gpt-3.5-turbo to gpt-4-turbo and of
// all embedding models.
//
//go:embed cl100k_base.bpe
var Cl100k []byte

// O200k is the vocabulary of the models since gpt-4o.
//
//go:embed o200k_base.bpe
var O200k []byte

const (
	magic   = "BPE1"
	singles = 256

	// maxTokens and maxBytes bound what a packed file may unfold to, whatever it says.
	maxTokens = 1 << 20
	maxBytes  = 64 << 20
)

// Pack writes down tokens, which are in order of rank. It is an error if the
// first 256 are not the single bytes, or if one is not made of two before it.
func Pack(tokens [][]byte) ([]byte, error) {
	if len(tokens) < singles || len(tokens) > maxTokens {
		return nil, fmt.Errorf("%d tokens are out of range %d to %d", len(tokens), singles, maxTokens)
	}
	rank := make(map[string]int, len(tokens))
	for i, t := range tokens {
		if _, twice := rank[string(t)]; twice || len(t) == 0 {
			return nil, fmt.Errorf("token %d is empty or there twice", i)
		}
		rank[string(t)] = i
	}
	merges := len(tokens) - singles
	body := make([]byte, singles+6*merges)
	for i, t := range tokens[:singles] {
		if len(t) != 1 {
			return nil, fmt.Errorf("token %d has %d bytes; the first %d must have one", i, len(t), singles)
		}
		body[i] = t[0]
	}
	for i, t := range tokens[singles:] {
		left, right, ok := halves(t, singles+i, rank)
		if !ok {
			return nil, fmt.Errorf("token %d is not made of two before it", singles+i)
		}
		for plane := range 3 {
			body[singles+plane*merges+i] = byte(left >> (8 * plane))
			body[singles+(3+plane)*merges+i] = byte(right >> (8 * plane))
		}
	}
	var out bytes.Buffer
	out.WriteString(magic)
	_ = binary.Write(&out, binary.LittleEndian, uint32(len(tokens))) // a buffer takes everything
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(body)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// halves returns two tokens of lesser rank that t is made of: the first such
// place, which is the same for the same input.
func halves(t []byte, i int, rank map[string]int) (left, right int, ok bool) {
	for cut := 1; cut < len(t); cut++ {
		l, okLeft := rank[string(t[:cut])]
		r, okRight := rank[string(t[cut:])]
		if okLeft && okRight && l < i && r < i {
			return l, r, true
		}
	}
	return 0, 0, false
}

// Unpack returns the tokens that Pack wrote down, set end to end, and where each
// begins: token i is text[begins[i]:begins[i+1]].
func Unpack(packed []byte) (text []byte, begins []uint32, err error) {
	if len(packed) < len(magic)+4 || string(packed[:len(magic)]) != magic {
		return nil, nil, errors.New("is not a packed vocabulary")
	}
	n := int(binary.LittleEndian.Uint32(packed[len(magic):]))
	if n < singles || n > maxTokens {
		return nil, nil, fmt.Errorf("says that it has %d tokens", n)
	}
	merges := n - singles
	body := make([]byte, singles+6*merges)
	r := flate.NewReader(bytes.NewReader(packed[len(magic)+4:]))
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, nil, fmt.Errorf("is damaged: %w", err)
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return nil, nil, errors.New("is damaged: it does not end where it should")
	}
	planes := body[singles:]
	half := func(side, i int) int {
		p := planes[3*side*merges:]
		return int(p[i]) | int(p[merges+i])<<8 | int(p[2*merges+i])<<16
	}
	text = append(make([]byte, 0, 8*n), body[:singles]...)
	begins = make([]uint32, 0, n+1)
	for i := range singles + 1 {
		begins = append(begins, uint32(i))
	}
	for i := range merges {
		left, right := half(0, i), half(1, i)
		if left >= singles+i || right >= singles+i {
			return nil, nil, fmt.Errorf("token %d is made of a later one", singles+i)
		}
		text = append(text, text[begins[left]:begins[left+1]]...)
		text = append(text, text[begins[right]:begins[right+1]]...)
		if len(text) > maxBytes {
			return nil, nil, fmt.Errorf("unfolds to more than %d bytes", maxBytes)
		}
		begins = append(begins, uint32(len(text)))
	}
	return text, begins, nil
}
