// Package ole reads OLE compound files ([MS-CFB]): a file system in a file, in which
// Office kept its documents until 2007 and keeps encrypted ones and messages since.
//
// A compound file is a sequence of sectors. A table (FAT) names the sector that
// follows each, and so makes chains of them: the directory, the table of the small
// sectors within a stream of their own (MiniFAT), and every stream. All is read where
// it stands, and every chain ends after as many sectors as the file has: chains in a
// circle and streams larger than the file are damage.
package ole

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	signature = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	header    = 512
	entrySize = 128
	inHeader  = 109 // sectors of the FAT that the header lists itself

	free       = 0xffffffff
	endOfChain = 0xfffffffe
	last       = 0xfffffffa // highest number of a sector

	maxEntries = 100_000 // of the directory
	maxDepth   = 64      // storages within storages
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
	streams    []Stream
	byPath     map[string]int // in upper case: names that differ in case only are the same
	bigStreams bool           // sizes have 64 bits
}

// Stream is a file in the file.
type Stream struct {
	Path string // names from the root on, with slashes
	Size int64
	at   uint32
}

// Is reports whether content begins as a compound file.
func Is(content []byte) bool { return bytes.HasPrefix(content, []byte(signature)) }

// Open reads the tables of a compound file. One that is damaged is KindInvalid.
// content must not change while the file is in use.
func Open(content []byte) (*File, error) {
	if !Is(content) || len(content) < header {
		return nil, damaged("its header is missing")
	}
	u16 := func(at int) uint { return uint(binary.LittleEndian.Uint16(content[at:])) }
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(content[at:]) }
	f := &File{content: content, shift: u16(0x1e), miniShift: u16(0x20), cutoff: uint64(u32(0x38)), bigStreams: u16(0x1a) > 3, byPath: map[string]int{}}
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
	if len(directory) < entrySize {
		return nil, damaged("its directory is missing")
	}
	root := directory[:entrySize]
	if f.mini, err = f.chain(binary.LittleEndian.Uint32(root[0x74:]), f.size(root)); err != nil {
		return nil, err
	}
	if f.miniFAT, err = f.chain(u32(0x3c), uint64(u32(0x40))<<f.shift); err != nil {
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
// are programs that state a larger size.
func (f *File) chain(at uint32, size uint64) ([]byte, error) {
	if size > uint64(len(f.content)) {
		return nil, damaged("a stream is larger than the file")
	}
	var out []byte
	most := len(f.content)>>f.shift + 1
	for n := 0; at <= last && uint64(len(out)) < size; n++ {
		s := f.sector(at)
		if s == nil || n > most {
			return nil, damaged("a stream ends nowhere")
		}
		out = append(out, s[:min(uint64(len(s)), size-uint64(len(out)))]...)
		at = f.next(at)
	}
	return out, nil
}

// small returns the bytes of a chain of small sectors.
func (f *File) small(at uint32, size uint64) ([]byte, error) {
	if size > uint64(len(f.mini)) {
		return nil, damaged("a stream is larger than the file")
	}
	out := make([]byte, 0, size)
	for n := 0; uint64(len(out)) < size; n++ {
		from := uint64(at) << f.miniShift
		if at > last || from >= uint64(len(f.mini)) || n > len(f.mini)>>f.miniShift {
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

// list walks the directory: each storage holds a tree of its entries. An entry that
// is met twice is passed over.
func (f *File) list(directory []byte) {
	count := uint32(min(len(directory)/entrySize, maxEntries))
	seen := make([]bool, count)
	type step struct {
		entry  uint32
		prefix string
		depth  int
	}
	stack := []step{{binary.LittleEndian.Uint32(directory[0x4c:]), "", 0}}
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s.entry >= count || seen[s.entry] || s.depth > maxDepth {
			continue
		}
		seen[s.entry] = true
		e := directory[s.entry*entrySize : (s.entry+1)*entrySize]
		stack = append(stack,
			step{binary.LittleEndian.Uint32(e[0x48:]), s.prefix, s.depth},
			step{binary.LittleEndian.Uint32(e[0x44:]), s.prefix, s.depth})
		path := s.prefix + name(e)
		switch e[0x42] {
		case 1: // a storage
			stack = append(stack, step{binary.LittleEndian.Uint32(e[0x4c:]), path + "/", s.depth + 1})
		case 2:
			if _, twice := f.byPath[strings.ToUpper(path)]; !twice {
				f.byPath[strings.ToUpper(path)] = len(f.streams)
				f.streams = append(f.streams, Stream{path, int64(f.size(e) & (1<<63 - 1)), binary.LittleEndian.Uint32(e[0x74:])})
			}
		}
	}
}

// name is that of a directory entry, in UTF-16 with a zero at its end.
func name(entry []byte) string {
	n := min(int(binary.LittleEndian.Uint16(entry[0x40:])), 64) / 2
	units := make([]uint16, 0, 32)
	for i := range max(0, n-1) {
		units = append(units, binary.LittleEndian.Uint16(entry[2*i:]))
	}
	return strings.ToValidUTF8(string(utf16.Decode(units)), "\ufffd")
}

// Streams lists the streams in the order of the directory.
func (f *File) Streams() []Stream { return f.streams }

// Has reports whether there is a stream of that path.
func (f *File) Has(path string) bool {
	_, ok := f.byPath[strings.ToUpper(path)]
	return ok
}

// Read returns a whole stream, as far as it goes if it is shorter than it says. One
// that does not exist or is damaged is KindInvalid.
func (f *File) Read(path string) ([]byte, error) {
	i, ok := f.byPath[strings.ToUpper(path)]
	if !ok {
		return nil, damaged("its stream " + path + " is missing")
	}
	s := f.streams[i]
	if uint64(s.Size) < f.cutoff {
		return f.small(s.at, uint64(s.Size))
	}
	return f.chain(s.at, uint64(s.Size))
}
