package msg

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"

	"github.com/smartretriever/smartretriever/rag"
)

// Compound files (MS-CFB): a file system in a file, made of sectors that tables
// chain. The reader trusts nothing in it: every chain is followed at most as far as
// there are sectors, a storage's entries are visited once, and what is listed and read
// in all is bounded, however often storages share what they hold.

var le = binary.LittleEndian

const (
	signature  = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	headerSize = 512
	entrySize  = 128
	endOfChain = 0xfffffffe
	maxRegular = 0xfffffffa // sectors have smaller numbers
	noEntry    = 0xffffffff
	maxEntries = 1 << 16
	maxSteps   = 1 << 18

	kindStorage = 1
	kindStream  = 2
	kindRoot    = 5
)

// compound is an opened file.
type compound struct {
	content []byte
	shift   uint     // of a sector's size
	fat     []uint32 // the sector after each
	minis   []uint32 // the same for the small sectors
	mini    []byte   // the stream in which small streams lie
	cutoff  uint32   // streams below this size are small
	entries []entry
	left    int // bytes of streams that may still be read
	steps   int // entries that may still be listed
}

// entry is a stream or a storage.
type entry struct {
	name               string
	kind               byte
	left, right, child uint32
	start              uint32
	size               uint64
}

// storage is a folder: its entries by name.
type storage map[string]*entry

func damaged(what string) error {
	return rag.Errorf(rag.KindInvalid, "the MSG file is damaged: %s", what)
}

// openCompound reads the tables and the directory.
func openCompound(content []byte) (*compound, error) {
	if len(content) < headerSize || !bytes.HasPrefix(content, []byte(signature)) {
		return nil, rag.Errorf(rag.KindInvalid, "it is no Outlook message: it does not begin like one")
	}
	c := &compound{content: content, shift: uint(le.Uint16(content[30:])), cutoff: le.Uint32(content[56:]), left: 4*len(content) + 1<<20, steps: maxSteps}
	if c.shift != 9 && c.shift != 12 || le.Uint16(content[32:]) != 6 {
		return nil, damaged("its sectors have an impossible size")
	}
	c.readFAT()
	directory := c.chain(le.Uint32(content[48:]), int64(maxEntries)*entrySize)
	for ; len(directory) >= entrySize; directory = directory[entrySize:] {
		c.entries = append(c.entries, readDirectoryEntry(directory[:entrySize]))
	}
	if len(c.entries) == 0 || c.entries[0].kind != kindRoot {
		return nil, damaged("it has no directory")
	}
	table := c.chain(le.Uint32(content[60:]), int64(len(content)))
	for ; len(table) >= 4; table = table[4:] {
		c.minis = append(c.minis, le.Uint32(table))
	}
	root := c.entries[0]
	c.mini = c.chain(root.start, int64(min(root.size, uint64(len(content)))))
	return c, nil
}

// readFAT gathers the table of sectors: the first 109 sectors that hold it are named
// in the header, the others in a chain of sectors of their own.
func (c *compound) readFAT() {
	most := len(c.content)>>c.shift + 1
	var sectors []uint32
	for i := range 109 {
		sectors = append(sectors, le.Uint32(c.content[76+4*i:]))
	}
	next := le.Uint32(c.content[68:])
	for n := 0; next < maxRegular && n < most; n++ {
		s := c.sector(next)
		if s == nil {
			break
		}
		for ; len(s) > 4; s = s[4:] {
			sectors = append(sectors, le.Uint32(s))
		}
		next = le.Uint32(s)
	}
	for _, at := range sectors {
		if at >= maxRegular || len(c.fat) > most {
			continue
		}
		for s := c.sector(at); len(s) >= 4; s = s[4:] {
			c.fat = append(c.fat, le.Uint32(s))
		}
	}
}

// sector returns a sector, nil if it lies outside. The last one of a file may be cut.
func (c *compound) sector(n uint32) []byte {
	start := (int64(n) + 1) << c.shift
	if start >= int64(len(c.content)) {
		return nil
	}
	s := c.content[start:min(int64(len(c.content)), start+1<<c.shift)]
	if len(s) < 1<<c.shift {
		s = append(bytes.Clone(s), make([]byte, 1<<c.shift-len(s))...)
	}
	return s
}

// chain returns what the chain of sectors from start holds, at most size bytes.
func (c *compound) chain(start uint32, size int64) []byte {
	var out []byte
	for n := 0; start < maxRegular && int64(len(out)) < size && n <= len(c.content)>>c.shift; n++ {
		s := c.sector(start)
		if s == nil {
			break
		}
		out = append(out, s...)
		if int(start) >= len(c.fat) {
			break
		}
		start = c.fat[start]
	}
	return out[:min(int64(len(out)), size)]
}

func readDirectoryEntry(b []byte) entry {
	n := min(int(le.Uint16(b[64:])), 64) / 2
	units := make([]uint16, 0, 32)
	for i := range max(0, n-1) { // without the zero at the end
		units = append(units, le.Uint16(b[2*i:]))
	}
	return entry{
		name: string(utf16.Decode(units)), kind: b[66], left: le.Uint32(b[68:]), right: le.Uint32(b[72:]), child: le.Uint32(b[76:]),
		start: le.Uint32(b[116:]), size: uint64(le.Uint32(b[120:])), // the upper half is garbage in old files
	}
}

// list returns the entries of a storage. They form a tree, which damage may have
// made a ring: each is visited once.
func (c *compound) list(e *entry) storage {
	out := storage{}
	seen := map[uint32]bool{}
	for stack := []uint32{e.child}; len(stack) > 0; {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at == noEntry || int(at) >= len(c.entries) || at == 0 || seen[at] {
			continue
		}
		if c.steps--; c.steps < 0 {
			break
		}
		seen[at] = true
		found := &c.entries[at]
		if _, twice := out[found.name]; !twice && (found.kind == kindStorage || found.kind == kindStream) {
			out[found.name] = found
		}
		stack = append(stack, found.left, found.right)
	}
	return out
}

// read returns the bytes of a stream, as far as they are there.
func (c *compound) read(e *entry) []byte {
	if e == nil || e.kind != kindStream || e.size == 0 || c.left <= 0 {
		return nil
	}
	size := int64(min(e.size, uint64(c.left), uint64(len(c.content))))
	var out []byte
	if e.size >= uint64(c.cutoff) {
		out = c.chain(e.start, size)
	} else {
		const small = 64
		for at := e.start; at < maxRegular && int64(len(out)) < size; {
			from := int64(at) * small
			if from >= int64(len(c.mini)) {
				break
			}
			out = append(out, c.mini[from:min(int64(len(c.mini)), from+small)]...)
			if int(at) >= len(c.minis) {
				break
			}
			at = c.minis[at]
		}
		out = out[:min(int64(len(out)), size)]
	}
	c.left -= len(out)
	return out
}
