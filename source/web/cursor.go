package web

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// The cursor of a crawl remembers where pages lead: a page that has not changed
// (304) comes without its body, and without its links the pages behind it would be
// taken to be gone. It is
//
//	version  byte
//	zstd of
//	  shape    8 bytes, of the settings; under others it is worthless
//	  checked  varint, Unix seconds of the last time that all pages were asked for
//	  count    uvarint, of addresses
//	  each     uvarint bytes shared with the one before, uvarint bytes that follow, these
//	  count    uvarint, of pages whose links are known
//	  each     uvarint which address, 8 bytes of the content that the links are of,
//	           uvarint number of links, and these, ascending: uvarint differences of addresses
//
// The links of a site repeat themselves from page to page, so 10,000 pages with a
// hundred links each come to some hundred KB. Where they come to more than
// maxCursor, the pages read last are left out; these are read whole next time.
const (
	cursorVersion = 1
	maxCursor     = 1 << 20
	maxUnpacked   = 256 << 20
	maxEdges      = 4_000_000 // links of all pages that are remembered in the meantime
)

// memory is what a cursor holds.
type memory struct {
	checked time.Time
	links   map[string]outlinks // by address
}

// outlinks are the links of one version of a page.
type outlinks struct {
	content uint64 // short(fingerprint.content)
	to      []string
}

// short is a digest of a digest.
func short(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s)) // a hash takes everything
	return h.Sum64()
}

// encodeCursor packs what a crawl has learned; order says which pages are to be
// kept first.
func encodeCursor(shape uint64, m memory, order []string) ([]byte, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	for {
		packed := z.EncodeAll(m.plain(shape, order), []byte{cursorVersion})
		if len(packed) <= maxCursor || len(order) == 0 {
			return packed, nil
		}
		// As many as would fit if all were alike, and some less.
		order = order[:len(order)*(maxCursor/10*9/1024)/(len(packed)/1024+1)]
	}
}

func (m memory) plain(shape uint64, order []string) []byte {
	used := map[string]int{}
	for _, page := range order {
		used[page] = 0
		for _, to := range m.links[page].to {
			used[to] = 0
		}
	}
	addresses := slices.Sorted(maps.Keys(used))
	b := binary.LittleEndian.AppendUint64(nil, shape)
	b = binary.AppendVarint(b, m.checked.Unix())
	b = binary.AppendUvarint(b, uint64(len(addresses)))
	before := ""
	for i, a := range addresses {
		used[a] = i
		n := 0
		for n < len(a) && n < len(before) && a[n] == before[n] {
			n++
		}
		b = binary.AppendUvarint(b, uint64(n))
		b = binary.AppendUvarint(b, uint64(len(a)-n))
		b = append(b, a[n:]...)
		before = a
	}
	b = binary.AppendUvarint(b, uint64(len(order)))
	for _, page := range order {
		links := m.links[page]
		b = binary.AppendUvarint(b, uint64(used[page]))
		b = binary.LittleEndian.AppendUint64(b, links.content)
		at := make([]int, len(links.to))
		for i, to := range links.to {
			at[i] = used[to]
		}
		slices.Sort(at)
		at = slices.Compact(at)
		b = binary.AppendUvarint(b, uint64(len(at)))
		last := 0
		for _, i := range at {
			b = binary.AppendUvarint(b, uint64(i-last))
			last = i
		}
	}
	return b
}

var errCursor = errors.New("no cursor of this version")

// decodeCursor undoes encodeCursor. A cursor of other settings or another version
// is an error; without it a crawl reads everything anew.
func decodeCursor(data []byte, shape uint64) (memory, error) {
	if len(data) < 1 || data[0] != cursorVersion {
		return memory{}, errCursor
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return memory{}, err
	}
	defer z.Close()
	plain, err := z.DecodeAll(data[1:], nil)
	if err != nil {
		return memory{}, err
	}
	r := reader{data: plain}
	if r.fixed() != shape {
		return memory{}, errCursor
	}
	m := memory{links: map[string]outlinks{}}
	m.checked = time.Unix(r.signed(), 0)
	addresses := make([]string, 0, r.count())
	before := ""
	for range cap(addresses) {
		n := r.number()
		rest := r.bytes(r.number())
		if r.bad || n > uint64(len(before)) || len(rest) > maxURL || n+uint64(len(rest)) > maxURL {
			return memory{}, errCursor
		}
		before = before[:n] + string(rest)
		addresses = append(addresses, before)
	}
	for range r.count() {
		page := r.number()
		links := outlinks{content: r.fixed()}
		links.to = make([]string, 0, r.count())
		at := uint64(0)
		for range cap(links.to) {
			at += r.number()
			if r.bad || at >= uint64(len(addresses)) {
				return memory{}, errCursor
			}
			links.to = append(links.to, addresses[at])
		}
		if r.bad || page >= uint64(len(addresses)) {
			return memory{}, errCursor
		}
		m.links[addresses[page]] = links
	}
	if r.bad || len(r.data) > 0 {
		return memory{}, errCursor
	}
	return m, nil
}

// reader takes numbers off data until one is not there.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) fixed() uint64 {
	if b := r.bytes(8); len(b) == 8 {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// count is the number of things that follow, each of which takes a byte at least.
func (r *reader) count() int {
	v := r.number()
	if v > uint64(len(r.data)) {
		r.bad, r.data = true, nil
		return 0
	}
	return int(v)
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.bad, r.data = true, nil
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}
