// Package oletest builds small OLE compound files for tests.
package oletest

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
)

const (
	sector = 512
	none   = 0xffffffff
	end    = 0xfffffffe
	isFAT  = 0xfffffffd
)

// Stream is a file of a compound file.
type Stream struct {
	Name    string // with the storages it lies in before it, and slashes between
	Content []byte
}

// Build returns a compound file of version 3 with the streams, and the storages that
// their names speak of. Streams below 4,096 bytes lie in small sectors, as in all such
// files.
func Build(streams ...Stream) []byte {
	var fat, miniFAT []uint32
	var body, mini []byte
	add := func(content []byte) uint32 {
		if len(content) == 0 {
			return end
		}
		first := uint32(len(fat))
		for at := 0; at < len(content); at += sector {
			fat = append(fat, uint32(len(fat))+1)
			body = append(body, padded(content[at:min(at+sector, len(content))], sector)...)
		}
		fat[len(fat)-1] = end
		return first
	}
	d := directory{{name: "Root Entry", kind: 5}}
	for _, s := range streams {
		e := entry{kind: 2, start: end, size: len(s.Content)}
		if len(s.Content) >= 4096 {
			e.start = add(s.Content)
			d.put(s.Name, e)
			continue
		}
		if len(s.Content) > 0 {
			e.start = uint32(len(miniFAT))
		}
		for at := 0; at < len(s.Content); at += 64 {
			miniFAT = append(miniFAT, uint32(len(miniFAT))+1)
			mini = append(mini, padded(s.Content[at:min(at+64, len(s.Content))], 64)...)
		}
		if len(s.Content) > 0 {
			miniFAT[len(miniFAT)-1] = end
		}
		d.put(s.Name, e)
	}
	d[0].start, d[0].size = add(mini), len(mini)
	miniFATStart := add(words(miniFAT))
	directoryStart := add(d.bytes())

	sectors := 1
	for (len(fat)+sectors)*4 > sectors*sector {
		sectors++
	}
	header := make([]byte, sector)
	copy(header, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	put16 := func(at int, v uint16) { binary.LittleEndian.PutUint16(header[at:], v) }
	put32 := func(at int, v uint32) { binary.LittleEndian.PutUint32(header[at:], v) }
	put16(0x18, 0x3e)
	put16(0x1a, 3)
	put16(0x1c, 0xfffe)
	put16(0x1e, 9)
	put16(0x20, 6)
	put32(0x2c, uint32(sectors))
	put32(0x30, directoryStart)
	put32(0x38, 4096)
	put32(0x3c, miniFATStart)
	put32(0x40, uint32((4*len(miniFAT)+sector-1)/sector))
	put32(0x44, end)
	for i := range 109 {
		put32(0x4c+4*i, none)
	}
	for i := range sectors {
		put32(0x4c+4*i, uint32(len(fat)))
		fat = append(fat, isFAT)
	}
	table := words(fat)
	for len(table) < sectors*sector {
		table = append(table, 0xff)
	}
	return append(append(header, body...), table...)
}

func padded(b []byte, size int) []byte {
	return append(append(make([]byte, 0, size), b...), make([]byte, size-len(b))...)
}

func words(list []uint32) []byte {
	var out []byte
	for _, v := range list {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	return out
}

// entry is one of the directory: a stream, a storage, the root.
type entry struct {
	name     string
	kind     byte
	start    uint32
	size     int
	children []int
}

type directory []entry

// put adds an entry at a path, with the storages on the way.
func (d *directory) put(path string, e entry) {
	in := 0
	for {
		first, rest, more := strings.Cut(path, "/")
		if !more {
			e.name = path
			d.add(in, e)
			return
		}
		there := slices.IndexFunc((*d)[in].children, func(i int) bool { return (*d)[i].name == first })
		if there < 0 {
			d.add(in, entry{name: first, kind: 1})
			there = len((*d)[in].children) - 1
		}
		in, path = (*d)[in].children[there], rest
	}
}

func (d *directory) add(in int, e entry) {
	(*d)[in].children = append((*d)[in].children, len(*d))
	*d = append(*d, e)
}

// bytes writes the directory: the entries of a storage form a list to the right.
func (d directory) bytes() []byte {
	out := make([]byte, 128*len(d))
	at := func(i, offset int) []byte { return out[128*i+offset:] }
	for i, e := range d {
		units := utf16.Encode([]rune(e.name))
		for k, u := range units {
			binary.LittleEndian.PutUint16(at(i, 2*k), u)
		}
		binary.LittleEndian.PutUint16(at(i, 0x40), uint16(2*len(units)+2))
		at(i, 0x42)[0], at(i, 0x43)[0] = e.kind, 1
		for _, link := range []int{0x44, 0x48, 0x4c} {
			binary.LittleEndian.PutUint32(at(i, link), none)
		}
		binary.LittleEndian.PutUint32(at(i, 0x74), e.start)
		binary.LittleEndian.PutUint32(at(i, 0x78), uint32(e.size))
	}
	for i, e := range d {
		from, link := i, 0x4c
		for _, child := range e.children {
			binary.LittleEndian.PutUint32(at(from, link), uint32(child))
			from, link = child, 0x48
		}
	}
	return out
}
