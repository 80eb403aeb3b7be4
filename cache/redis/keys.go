package redis

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// buckets are how many places of a cluster the keys of one tenant are spread over.
const buckets = 16

// place is where a key of the cache, the epoch that it depends on and the list that has it
// lie: on one node.
type place struct{ value, epoch, list string }

// place returns where a key of the cache lies.
func (c *Client) place(key string) place {
	space, rest := spaceOf(key)
	tag := tagOf(space, int(crc32.ChecksumIEEE([]byte(rest))%buckets))
	return place{value: c.cfg.Prefix + ":c:" + tag + ":" + key, epoch: c.epoch(tag), list: c.list(tag)}
}

func (c *Client) epoch(tag string) string { return c.cfg.Prefix + ":e:" + tag }

func (c *Client) list(tag string) string { return c.cfg.Prefix + ":l:" + tag }

// named returns the key of something that is one key: a claim, a rate.
func (c *Client) named(kind, name string) string {
	sum := sha256.Sum256([]byte(name))
	return c.cfg.Prefix + ":" + kind + ":{" + hex.EncodeToString(sum[:16]) + "}"
}

// spaceOf returns what a key begins with, up to its first slash, and the rest. A key
// without one is in the space "".
func spaceOf(key string) (space, rest string) {
	if i := strings.IndexByte(key, '/'); i >= 0 {
		return key[:i+1], key[i+1:]
	}
	return "", key
}

// tagOf returns the hash tag of a bucket of a space, with its braces. Names that are long
// or have other characters than plain ones stand in it by their hash: a brace would end
// the tag.
func tagOf(space string, bucket int) string {
	name := strings.TrimSuffix(space, "/")
	if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) || name == "" && space != "" {
		sum := sha256.Sum256([]byte(name))
		name = "#" + hex.EncodeToString(sum[:16])
	}
	const digits = "0123456789abcdef"
	return "{" + name + "." + digits[bucket:bucket+1] + "}"
}

// plain reports whether r may stand in a prefix or a tag as it is.
func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}
