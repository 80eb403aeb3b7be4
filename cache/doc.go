// Package cache says what the caches of SmartRetriever have in common.
//
// A cache keeps bytes under string keys for a time. What reads it declares the
// two or three methods it calls; every backend has these:
//
//	Get(ctx, key) (value []byte, ok bool, err error)
//	Set(ctx, key, value []byte, ttl time.Duration) error
//	Delete(ctx, key) error
//	DeletePrefix(ctx, prefix) (removed int, err error)
//	Stats() Stats
//	Close() error
//
// A cache may forget anything at any time, and may be down: an error of Get is a
// miss that says why, and no error of a cache is ever a reason to fail a request.
// It must never answer with something that was not set under that key, or whose
// time is over. Whoever builds a key puts everything into it on which the value
// depends, first tenant and collection and a slash after them, so that DeletePrefix can forget
// one collection: every backend forgets, and removes, by what keys begin with up to their first
// slash. One that cannot do so by another prefix says that with KindInvalid.
//
//	memory     in this process, bounded in bytes
//	redis      in a Redis server or cluster, which processes share
//	tiered     one in this process in front of a shared one
//	cachetest  the suite that every backend passes
package cache

// Stats counts what a cache has done since it was opened. Evictions, Entries and Bytes of
// one that is shared are those of its servers, whoever put the entries there.
type Stats struct {
	Hits      int64 `json:"hits"`
	Misses    int64 `json:"misses"`
	Evictions int64 `json:"evictions"` // entries that had to go for lack of room, or whose time was over
	Entries   int64 `json:"entries"`
	Bytes     int64 `json:"bytes"` // of keys and values, with what keeping them costs
}
