// Package ole reads OLE compound files ([MS-CFB]): a file system in a file, in which
// Office kept its documents until 2007 and keeps encrypted ones and messages since.
//
// A compound file is a sequence of sectors. A table (FAT) names the sector that
// follows each, and so makes chains of them: the directory, the table of the small
// sectors within a stream of their own (MiniFAT), and every stream. All is read where
// it stands, and every chain ends after as many sectors as the file has: chains in a
// circle and streams larger than the file are damage. Open refuses damage, Salvage
// reads up to it.
//
//	ole.go        the tables and the chains
//	directory.go  storages and streams, by name
package ole

import (
	"bytes"
	"encoding/binary"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	signature = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	header    = 512
	inHeader  = 109 // sectors of the FAT that the header lists itself

	free       = 0xffffffff
	endOfChain = 0xfffffffe
	last       = 0xfffffffa // highest number of a sector
)

// File is an open compound file. It is goroutine-safe.
type File struct {
	content    []byte
	shift      uint // of a sector's size
	miniShift  uint
	cutoff     uint64 // streams below it lie in small sectors
	fat        []uint32
	mini       []byte // the stream of small sectors
	miniFAT    []byte
	root       *Storage
	bigStreams bool // sizes have 64 bits
	salvage    bool // damage ends what is read, and is no error
}

// Is reports whether content begins as a compound file.
func Is(content []byte) bool { return bytes.HasPrefix(content, []byte(signature)) }

// Open reads the tables of a compound file. One that is damaged is KindInvalid.
// content must not change while the file is in use.
func Open(content []byte) (*File, error) { return open(content, false) }

// Salvage is Open for a file that is worth reading in part: its tables and streams go
// as far as they are there. KindInvalid is one without a header or a directory.
func Salvage(content []byte) (*File, error) { return open(content, true) }

func open(content []byte, salvage bool) (*File, error) {
	if !Is(content) || len(content) < header {
		return nil, damaged("its header is missing")
	}
	u16 := func(at int) uint { return uint(binary.LittleEndian.Uint16(content[at:])) }
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(content[at:]) }
	f := &File{content: content, shift: u16(0x1e), miniShift: u16(0x20), cutoff: uint64(u32(0x38)), bigStreams: u16(0x1a) > 3, salvage: salvage}
	if f.shift < 7 || f.shift > 16 || f.miniShift < 2 || f.miniShift > f.shift {
		return nil, damaged("it has sectors of an impossible size")
	}
	if err := f.readFAT(u32(0x44)); err != nil {
		return nil, err
	}
	directory, err := f.chain(u32(0x30), uint64(len(content)))
	if err != nil {
		return nil, err
	}
	if len(directory) < entrySize || directory[kindAt] != kindRoot {
		return nil, damaged("its directory is missing")
	}
	root := directory[:entrySize]
	if f.mini, err = f.chain(binary.LittleEndian.Uint32(root[0x74:]), f.size(root)); err != nil {
		return nil, err
	}
	size := uint64(u32(0x40)) << f.shift
	if salvage {
		size = uint64(len(content)) // the chain says better how long it is
	}
	if f.miniFAT, err = f.chain(u32(0x3c), size); err != nil {
		return nil, err
	}
	f.list(directory)
	return f, nil
}

func damaged(how string) error {
	return rag.Errorf(rag.KindInvalid, "the OLE file is damaged: %s", how)
}

// size is that of the stream of a directory entry.
func (f *File) size(entry []byte) uint64 {
	if f.bigStreams {
		return binary.LittleEndian.Uint64(entry[0x78:])
	}
	return uint64(binary.LittleEndian.Uint32(entry[0x78:])) // the rest may be anything
}

// sector returns the bytes of a sector; the last one of a file may be cut short.
func (f *File) sector(n uint32) []byte {
	from := (uint64(n) + 1) << f.shift
	if n > last || from >= uint64(len(f.content)) {
		return nil
	}
	return f.content[from:min(from+1<<f.shift, uint64(len(f.content)))]
}

// readFAT finds the sectors of the table: the header lists the first, sectors in a
// chain of their own (DIFAT) the others.
func (f *File) readFAT(difat uint32) error {
	most := len(f.content)>>f.shift + 1
	add := func(list []byte) {
		for ; len(list) >= 4 && len(f.fat) < most; list = list[4:] {
			if n := binary.LittleEndian.Uint32(list); n <= last {
				f.fat = append(f.fat, n)
			}
		}
	}
	add(f.content[0x4c : 0x4c+4*inHeader])
	for n := 0; difat <= last; n++ {
		s := f.sector(difat)
		if n > most || len(s) < 1<<f.shift {
			if f.salvage {
				break
			}
			return damaged("the list of its allocation tables does not end")
		}
		add(s[:len(s)-4])
		difat = binary.LittleEndian.Uint32(s[len(s)-4:])
	}
	return nil
}

// next returns the sector that follows n.
func (f *File) next(n uint32) uint32 {
	each := uint32(1) << (f.shift - 2)
	if uint64(n/each) >= uint64(len(f.fat)) {
		return free
	}
	s, at := f.sector(f.fat[n/each]), int(n%each)*4
	if at+4 > len(s) {
		return free
	}
	return binary.LittleEndian.Uint32(s[at:])
}

// chain returns the bytes of a chain of sectors up to size, or up to its end: there
// are programs that state a larger size. What is missing of a sector that is cut short
// is zeros.
func (f *File) chain(at uint32, size uint64) ([]byte, error) {
	if size > uint64(len(f.content)) {
		if !f.salvage {
			return nil, damaged("a stream is larger than the file")
		}
		size = uint64(len(f.content))
	}
	var out []byte
	most := len(f.content)>>f.shift + 1
	for n := 0; at <= last && uint64(len(out)) < size; n++ {
		s := f.sector(at)
		if s == nil || n > most {
			if f.salvage {
				break
			}
			return nil, damaged("a stream ends nowhere")
		}
		wanted := min(uint64(1)<<f.shift, size-uint64(len(out)))
		there := min(uint64(len(s)), wanted)
		out = append(append(out, s[:there]...), make([]byte, wanted-there)...)
		at = f.next(at)
	}
	return out, nil
}

// small returns the bytes of a chain of small sectors.
func (f *File) small(at uint32, size uint64) ([]byte, error) {
	if size > uint64(len(f.mini)) {
		if !f.salvage {
			return nil, damaged("a stream is larger than the file")
		}
		size = uint64(len(f.mini))
	}
	out := make([]byte, 0, size)
	for n := 0; uint64(len(out)) < size; n++ {
		from := uint64(at) << f.miniShift
		if at > last || from >= uint64(len(f.mini)) || n > len(f.mini)>>f.miniShift {
			if f.salvage {
				break
			}
			return nil, damaged("a stream ends nowhere")
		}
		s := f.mini[from:min(from+1<<f.miniShift, uint64(len(f.mini)))]
		out = append(out, s[:min(uint64(len(s)), size-uint64(len(out)))]...)
		entry := uint64(at) * 4
		if at = endOfChain; entry+4 <= uint64(len(f.miniFAT)) {
			at = binary.LittleEndian.Uint32(f.miniFAT[entry:])
		}
	}
	return out, nil
}
