// Package oletest builds small OLE compound files for tests.
package oletest

import (
	"encoding/binary"
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
	Name    string
	Content []byte
}

// Build returns a compound file of version 3 with the streams in its root. Streams
// below 4,096 bytes lie in small sectors, as in all such files.
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
	starts := make([]uint32, len(streams))
	for i, s := range streams {
		if len(s.Content) >= 4096 {
			starts[i] = add(s.Content)
			continue
		}
		starts[i] = uint32(len(miniFAT))
		for at := 0; at < len(s.Content); at += 64 {
			miniFAT = append(miniFAT, uint32(len(miniFAT))+1)
			mini = append(mini, padded(s.Content[at:min(at+64, len(s.Content))], 64)...)
		}
		if len(s.Content) > 0 {
			miniFAT[len(miniFAT)-1] = end
		}
	}
	miniStart := add(mini)
	miniFATStart := add(words(miniFAT))
	directory := entry("Root Entry", 5, none, 1, miniStart, len(mini))
	if len(streams) == 0 {
		directory = entry("Root Entry", 5, none, none, miniStart, len(mini))
	}
	for i, s := range streams {
		next := uint32(i + 2)
		if i == len(streams)-1 {
			next = none
		}
		directory = append(directory, entry(s.Name, 2, next, none, starts[i], len(s.Content))...)
	}
	directoryStart := add(directory)

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

// entry returns an entry of the directory: its siblings form a list to the right.
func entry(name string, kind byte, right, child, start uint32, size int) []byte {
	e := make([]byte, 128)
	units := utf16.Encode([]rune(name))
	for i, u := range units {
		binary.LittleEndian.PutUint16(e[2*i:], u)
	}
	binary.LittleEndian.PutUint16(e[0x40:], uint16(2*len(units)+2))
	e[0x42], e[0x43] = kind, 1
	binary.LittleEndian.PutUint32(e[0x44:], none)
	binary.LittleEndian.PutUint32(e[0x48:], right)
	binary.LittleEndian.PutUint32(e[0x4c:], child)
	binary.LittleEndian.PutUint32(e[0x74:], start)
	binary.LittleEndian.PutUint32(e[0x78:], uint32(size))
	return e
}
