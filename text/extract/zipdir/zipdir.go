// Package zipdir reads the file names of a zip container from its central
// directory (APPNOTE 4.3.12 and 4.3.16), a bounded number of them and without
// opening it, to tell what kind of file it is.
package zipdir

import (
	"bytes"
	"encoding/binary"
	"strings"
)

const (
	endSize    = 22
	headerSize = 46
	maxComment = 1 << 16
)

var (
	endSign    = []byte("PK\x05\x06")
	headerSign = []byte("PK\x01\x02")
)

// Directory is what a container's directory says.
type Directory struct {
	Names   []string // as stored, the first ones up to the limit
	Entries int      // how many there are said to be; in the zip64 form at least 65,535
	Sound   bool     // a directory was found and could be read
}

// Is reports whether content begins like a zip container.
func Is(content []byte) bool {
	return bytes.HasPrefix(content, []byte("PK\x03\x04")) || bytes.HasPrefix(content, endSign) || bytes.HasPrefix(content, []byte("PK\x07\x08PK\x03\x04"))
}

// Read returns the directory of content with at most the given number of names.
// Damage ends the list early.
func Read(content []byte, most int) Directory {
	tail := max(0, len(content)-maxComment-endSize)
	at := bytes.LastIndex(content[tail:], endSign)
	if at < 0 || tail+at+endSize > len(content) {
		return Directory{}
	}
	end := content[tail+at:]
	d := Directory{Entries: int(binary.LittleEndian.Uint16(end[10:]))}
	size := int64(binary.LittleEndian.Uint32(end[12:]))
	// The stated offset is wrong where something stands before the container;
	// the directory itself ends where the end record begins. A zip64 directory
	// states 0xFFFFFFFF, and is looked for by its signature.
	start := int64(tail+at) - size
	if start < 0 || !bytes.HasPrefix(content[start:], headerSign) {
		i := bytes.Index(content, headerSign)
		if i < 0 {
			d.Sound = d.Entries == 0
			return d
		}
		start = int64(i)
	}
	for b := content[start:]; bytes.HasPrefix(b, headerSign) && len(b) >= headerSize && len(d.Names) < most; {
		name := int(binary.LittleEndian.Uint16(b[28:]))
		next := headerSize + name + int(binary.LittleEndian.Uint16(b[30:])) + int(binary.LittleEndian.Uint16(b[32:]))
		if next > len(b) {
			return d
		}
		d.Names = append(d.Names, strings.ToValidUTF8(string(b[headerSize:headerSize+name]), "?"))
		b = b[next:]
	}
	d.Sound = true
	return d
}
