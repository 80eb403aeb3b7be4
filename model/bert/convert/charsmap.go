package convert

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/model/bert/trie"
	"github.com/smartretriever/smartretriever/model/bert/unigram"
)

// Bounds on the rules of a normaliser.
const (
	maxRules     = trie.MaxBytes // of all together
	maxRuleKey   = 64            // bytes
	maxRuleNodes = 1 << 20       // of the trie; branches may be shared, so there can be more than units
)

var errCharsmap = errors.New("the rules of its normaliser (precompiled_charsmap) are damaged")

// parseCharsmap reads SentencePiece's compiled rules of a normaliser: the bytes of a
// trie, uint32, little-endian; the trie; the texts that rules lead to, each ended by
// a zero byte.
//
// The trie is a double array (Darts-clone) of uint32. A unit has the label of the
// edge to it in its low 8 bits, whether an entry ends there in bit 8, and in bits 10
// to 30, shifted by 8 more where bit 9 is set, what is to be XORed to its own place
// to get that of its children: the child with label 0, a value with bit 31 set, and
// then XORed with each label that of the others.
func parseCharsmap(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if len(data) < 4 || int64(binary.LittleEndian.Uint32(data)) > int64(len(data)-4) || binary.LittleEndian.Uint32(data)%4 != 0 {
		return nil, errCharsmap
	}
	size := int(binary.LittleEndian.Uint32(data))
	c := &charsmap{units: data[4 : 4+size], texts: data[4+size:]}
	if size == 0 {
		return nil, errCharsmap
	}
	err := c.walk(offset(c.unit(0)), nil)
	return c.rules, err
}

type charsmap struct {
	units, texts []byte
	seen         int // nodes that were walked to
	rules        []byte
}

func (c *charsmap) unit(at uint32) uint32 { return binary.LittleEndian.Uint32(c.units[4*at:]) }

func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// walk adds the rules below a node, whose children lie around place.
func (c *charsmap) walk(place uint32, key []byte) error {
	if len(key) > maxRuleKey {
		return errCharsmap
	}
	for label := uint32(1); label < 256; label++ {
		at := place ^ label
		if int64(at) >= int64(len(c.units)/4) {
			continue
		}
		unit := c.unit(at)
		if unit&(1<<31|0xFF) != label {
			continue
		}
		if c.seen++; c.seen > maxRuleNodes {
			return errCharsmap
		}
		child, longer := at^offset(unit), append(key, byte(label))
		if unit>>8&1 == 1 {
			if int64(child) >= int64(len(c.units)/4) {
				return errCharsmap
			}
			if err := c.add(longer, c.unit(child)&(1<<31-1)); err != nil {
				return err
			}
		}
		if err := c.walk(child, longer); err != nil {
			return err
		}
	}
	return nil
}

func (c *charsmap) add(key []byte, at uint32) error {
	if int64(at) >= int64(len(c.texts)) {
		return errCharsmap
	}
	to := c.texts[at:]
	if end := bytes.IndexByte(to, 0); end >= 0 {
		to = to[:end]
	}
	if len(to) > 255 || !utf8.Valid(to) || !utf8.Valid(key) {
		return fmt.Errorf("the rule of its normaliser for %q is not supported", key)
	}
	if len(c.rules) > maxRules {
		return fmt.Errorf("its normaliser has rules of more than %d bytes", maxRules)
	}
	c.rules = unigram.AppendRule(c.rules, string(key), string(to))
	return nil
}
