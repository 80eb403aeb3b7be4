package ole

import (
	"encoding/binary"
	"iter"
	"strings"
	"unicode/utf16"
)

// The directory is a list of entries of 128 bytes. Those of a storage form a tree: each
// names the entries to its left and right, a storage the top one of its own.
const (
	entrySize = 128
	kindAt    = 0x42

	kindStorage = 1
	kindStream  = 2
	kindRoot    = 5

	maxEntries = 100_000
	maxDepth   = 64 // storages within storages
)

// Storage is a folder in the file. Names that differ in case only are the same.
type Storage struct {
	Name     string
	Storages []*Storage // as the directory orders them, as are the streams
	Streams  []Stream

	storages, streams map[string]int // by name in upper case
}

// Stream is a file in the file.
type Stream struct {
	Name string
	size uint64
	at   uint32
}

// list walks the directory. An entry that is met twice is passed over, and so is the
// second of a name.
func (f *File) list(directory []byte) {
	f.root = &Storage{}
	count := uint32(min(len(directory)/entrySize, maxEntries))
	seen := make([]bool, count)
	seen[0] = true // the root
	type step struct {
		entry uint32
		in    *Storage
		depth int
	}
	stack := []step{{binary.LittleEndian.Uint32(directory[0x4c:]), f.root, 0}}
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s.entry >= count || seen[s.entry] || s.depth > maxDepth {
			continue
		}
		seen[s.entry] = true
		e := directory[s.entry*entrySize : (s.entry+1)*entrySize]
		stack = append(stack,
			step{binary.LittleEndian.Uint32(e[0x48:]), s.in, s.depth},
			step{binary.LittleEndian.Uint32(e[0x44:]), s.in, s.depth})
		switch e[kindAt] {
		case kindStorage:
			if within := s.in.addStorage(name(e)); within != nil {
				stack = append(stack, step{binary.LittleEndian.Uint32(e[0x4c:]), within, s.depth + 1})
			}
		case kindStream:
			s.in.addStream(Stream{name(e), f.size(e), binary.LittleEndian.Uint32(e[0x74:])})
		}
	}
}

// addStorage adds a storage and returns it, nil if there is one of that name.
func (s *Storage) addStorage(name string) *Storage {
	key := strings.ToUpper(name)
	if _, twice := s.storages[key]; twice {
		return nil
	}
	if s.storages == nil {
		s.storages = map[string]int{}
	}
	s.storages[key] = len(s.Storages)
	within := &Storage{Name: name}
	s.Storages = append(s.Storages, within)
	return within
}

func (s *Storage) addStream(stream Stream) {
	key := strings.ToUpper(stream.Name)
	if _, twice := s.streams[key]; twice {
		return
	}
	if s.streams == nil {
		s.streams = map[string]int{}
	}
	s.streams[key] = len(s.Streams)
	s.Streams = append(s.Streams, stream)
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

// Storage returns the storage of that name in s, nil if there is none.
func (s *Storage) Storage(name string) *Storage {
	i, ok := s.storages[strings.ToUpper(name)]
	if !ok {
		return nil
	}
	return s.Storages[i]
}

// Stream returns the stream of that name in s.
func (s *Storage) Stream(name string) (Stream, bool) {
	i, ok := s.streams[strings.ToUpper(name)]
	if !ok {
		return Stream{}, false
	}
	return s.Streams[i], true
}

// Root returns the storage that holds all others. It must not be changed.
func (f *File) Root() *Storage { return f.root }

// Paths yields the paths of all streams: names from the root on, with slashes.
func (f *File) Paths() iter.Seq[string] {
	return func(yield func(string) bool) { f.root.paths("", yield) }
}

func (s *Storage) paths(prefix string, yield func(string) bool) bool {
	for _, stream := range s.Streams {
		if !yield(prefix + stream.Name) {
			return false
		}
	}
	for _, within := range s.Storages {
		if !within.paths(prefix+within.Name+"/", yield) {
			return false
		}
	}
	return true
}

// find returns the stream at a path.
func (f *File) find(path string) (Stream, bool) {
	in := f.root
	for in != nil {
		first, rest, more := strings.Cut(path, "/")
		if !more {
			return in.Stream(path)
		}
		in, path = in.Storage(first), rest
	}
	return Stream{}, false
}

// Has reports whether there is a stream at that path.
func (f *File) Has(path string) bool {
	_, ok := f.find(path)
	return ok
}

// Read returns the whole stream at a path, as Content does. One that does not exist is
// KindInvalid.
func (f *File) Read(path string) ([]byte, error) {
	s, ok := f.find(path)
	if !ok {
		return nil, damaged("its stream " + path + " is missing")
	}
	return f.Content(s)
}

// Content returns a whole stream of the file, as far as it goes if it is shorter than
// it says. One that is damaged is KindInvalid; of a file that is salvaged, what is there
// is returned.
func (f *File) Content(s Stream) ([]byte, error) {
	if s.size < f.cutoff {
		return f.small(s.at, s.size)
	}
	return f.chain(s.at, s.size)
}
