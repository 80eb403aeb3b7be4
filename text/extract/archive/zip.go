package archive

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"

	"github.com/smartretriever/smartretriever/rag"
)

// The structures of a zip file (PKWARE APPNOTE 6.3.10), which is read from its
// central directory one entry at a time: the directory of a million entries takes no
// memory, and members are found in files with something before or behind the zip.
const (
	endSign     = "PK\x05\x06"
	end64Sign   = "PK\x06\x06"
	find64Sign  = "PK\x06\x07"
	entrySign   = "PK\x01\x02"
	localSign   = "PK\x03\x04"
	endSize     = 22
	find64Size  = 20
	end64Size   = 56
	entrySize   = 46
	localSize   = 30
	maxComment  = 1<<16 - 1
	flagCrypt   = 1 << 0
	flagUTF8    = 1 << 11
	extra64     = 0x0001
	extraTime   = 0x5455
	extraAES    = 0x9901
	extraUTF8   = 0x7075
	methodStore = 0
	methodAES   = 99
)

// zipEntry is what the directory says of a member.
type zipEntry struct {
	name           string
	flags, method  uint16
	clock          uint16 // DOS time, which ZipCrypto checks the password with
	crc            uint32
	packed, size   int64
	offset         int64
	modified       time.Time
	link           bool
	aesVendor      uint16 // 1 or 2, for AE-1 and AE-2
	aesStrength    byte   // 1 to 3
	aesCompression uint16
}

var le = binary.LittleEndian

// zip yields the members of a zip file.
func (b *box) zip(content []byte) error {
	directory, base, err := zipDirectory(content)
	if err != nil {
		return err
	}
	for len(directory) >= entrySize && string(directory[:4]) == entrySign {
		name, extra, comment := int(le.Uint16(directory[28:])), int(le.Uint16(directory[30:])), int(le.Uint16(directory[32:]))
		next := entrySize + name + extra + comment
		if next > len(directory) {
			return rag.Errorf(rag.KindInvalid, "the archive is damaged: its directory is cut off")
		}
		e := readEntry(directory[:next], name, extra)
		directory = directory[next:]
		path, skip, err := b.begin(e.name)
		if err != nil {
			return err
		}
		if skip {
			continue
		}
		m := Member{Path: path, Modified: e.modified}
		if m.Content, m.Err = b.zipMember(content, base, e); errors.Is(m.Err, errSpent) {
			return m.Err
		}
		if err := b.give(m); err != nil {
			return err
		}
	}
	return nil
}

// zipDirectory finds the central directory. base is added to the offsets that it
// states: where something stands before the zip they are too small.
func zipDirectory(content []byte) (directory []byte, base int64, err error) {
	damaged := rag.Errorf(rag.KindInvalid, "the archive is damaged: its directory is missing")
	tail := max(0, len(content)-maxComment-endSize)
	i := bytes.LastIndex(content[tail:], []byte(endSign))
	if i < 0 || tail+i+endSize > len(content) {
		return nil, 0, damaged
	}
	end := int64(tail + i)
	size, offset := int64(le.Uint32(content[end+12:])), int64(le.Uint32(content[end+16:]))
	if at := end - find64Size; (size == 1<<32-1 || offset == 1<<32-1) && at >= 0 && string(content[at:at+4]) == find64Sign {
		big := le.Uint64(content[at+8:])
		if j := bytes.LastIndex(content[:at], []byte(end64Sign)); big+end64Size > uint64(at) || string(content[big:big+4]) != end64Sign {
			if j < 0 || j+end64Size > int(at) {
				return nil, 0, damaged
			}
			big = uint64(j)
		}
		size, offset = int64(le.Uint64(content[big+40:])), int64(le.Uint64(content[big+48:]))
		end = int64(big)
	}
	start := end - size
	if size < 0 || start < 0 || size > 0 && !bytes.HasPrefix(content[start:], []byte(entrySign)) {
		start = offset // something stands between the directory and its end
		if start < 0 || start > end || !bytes.HasPrefix(content[start:], []byte(entrySign)) {
			return nil, 0, damaged
		}
	}
	return content[start:end], start - offset, nil
}

func readEntry(b []byte, nameSize, extraSize int) zipEntry {
	e := zipEntry{
		flags: le.Uint16(b[8:]), method: le.Uint16(b[10:]), clock: le.Uint16(b[12:]), crc: le.Uint32(b[16:]),
		packed: int64(le.Uint32(b[20:])), size: int64(le.Uint32(b[24:])), offset: int64(le.Uint32(b[42:])),
		modified: dosTime(le.Uint16(b[14:]), le.Uint16(b[12:])),
	}
	if made := b[5]; made == 3 || made == 19 { // Unix, macOS: the mode is kept
		kind := le.Uint32(b[38:]) >> 16 & 0xf000
		e.link = kind != 0 && kind != 0x8000 && kind != 0x4000
	}
	raw := b[entrySize : entrySize+nameSize]
	e.name = zipName(raw, e.flags)
	for extra := b[entrySize+nameSize : entrySize+nameSize+extraSize]; len(extra) >= 4; {
		id, size := le.Uint16(extra), int(le.Uint16(extra[2:]))
		if size > len(extra)-4 {
			break
		}
		e.readExtra(id, extra[4:4+size], raw)
		extra = extra[4+size:]
	}
	return e
}

func (e *zipEntry) readExtra(id uint16, field, raw []byte) {
	switch {
	case id == extra64:
		for _, v := range []*int64{&e.size, &e.packed, &e.offset} {
			if *v == 1<<32-1 && len(field) >= 8 {
				*v = int64(le.Uint64(field))
				field = field[8:]
			}
		}
	case id == extraTime && len(field) >= 5 && field[0]&1 != 0:
		e.modified = time.Unix(int64(int32(le.Uint32(field[1:]))), 0).UTC()
	case id == extraAES && len(field) >= 7:
		e.aesVendor, e.aesStrength, e.aesCompression = le.Uint16(field), field[4], le.Uint16(field[5:])
	case id == extraUTF8 && len(field) > 5 && field[0] == 1 && le.Uint32(field[1:]) == crc32.ChecksumIEEE(raw) && utf8.Valid(field[5:]):
		e.name = string(field[5:])
	}
}

// zipName decodes a name: UTF-8 where it is said or valid, else code page 437.
func zipName(raw []byte, flags uint16) string {
	if flags&flagUTF8 != 0 || utf8.Valid(raw) {
		return string(bytes.ToValidUTF8(raw, []byte("_")))
	}
	name, _ := charmap.CodePage437.NewDecoder().Bytes(raw) // has a letter for each byte
	return string(name)
}

func dosTime(date, clock uint16) time.Time {
	if date == 0 {
		return time.Time{}
	}
	return time.Date(1980+int(date>>9), time.Month(date>>5&15), int(date&31), int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC)
}

// zipMember unpacks a member.
func (b *box) zipMember(content []byte, base int64, e zipEntry) ([]byte, error) {
	if e.link {
		return nil, rag.Errorf(rag.KindRefused, "is a link or a device and no file")
	}
	at := e.offset + base
	if at < 0 || at > int64(len(content))-localSize || string(content[at:at+4]) != localSign {
		return nil, rag.Errorf(rag.KindInvalid, "is damaged: it is not where the archive's directory says")
	}
	start := at + localSize + int64(le.Uint16(content[at+26:])) + int64(le.Uint16(content[at+28:]))
	if start > int64(len(content)) || e.packed < 0 || e.packed > int64(len(content))-start {
		return nil, rag.Errorf(rag.KindInvalid, "is damaged: the archive ends before it")
	}
	packed := content[start : start+e.packed]
	if b.left -= e.packed; b.left < 0 { // members that share their bytes would be read again and again
		return nil, b.errBomb()
	}
	method, checked := e.method, true
	if e.flags&flagCrypt != 0 {
		if e.size > b.most.Member {
			return nil, b.errTooLarge()
		}
		var err error
		if packed, method, checked, err = e.decrypt(packed, b.most.Password); err != nil {
			return nil, err
		}
	}
	r, err := unpack(method, packed)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := b.read(metered{r, b.budget}, e.size)
	switch {
	case errors.Is(err, errSpent), errors.Is(err, rag.ErrExhausted):
		return nil, err
	case err != nil && e.flags&flagCrypt != 0 && e.method != methodAES, err == nil && checked && e.flags&flagCrypt != 0 && crc32.ChecksumIEEE(data) != e.crc:
		return nil, wrongPassword(b.most.Password) // ZipCrypto lets a wrong one through in one of 256 cases
	case err != nil:
		return nil, rag.Wrap(rag.KindInvalid, err, "is damaged")
	case checked && crc32.ChecksumIEEE(data) != e.crc:
		return nil, rag.Errorf(rag.KindInvalid, "is damaged: its checksum is wrong")
	}
	return data, nil
}

// methodNames are the ways of packing that are known and not read.
var methodNames = map[uint16]string{1: "shrink", 6: "implode", 9: "Deflate64", 14: "LZMA", 95: "xz", 96: "JPEG", 97: "WavPack", 98: "PPMd"}

// unpack returns a reader of the bytes that were packed by a method.
func unpack(method uint16, packed []byte) (io.ReadCloser, error) {
	in := bytes.NewReader(packed)
	switch method {
	case methodStore:
		return io.NopCloser(in), nil
	case 8:
		return flate.NewReader(in), nil
	case 12:
		return io.NopCloser(bzip2.NewReader(in)), nil
	case 20, 93:
		return newZstd(in)
	}
	name := methodNames[method]
	if name == "" {
		name = "an unknown method"
	}
	return nil, rag.Errorf(rag.KindInvalid, "is packed with %s, which cannot be read; pack it anew with the usual method (Deflate)", name)
}

// maxWindow bounds what a zstd stream may ask for.
const maxWindow = 64 << 20

func newZstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(mostTotal), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "is damaged")
	}
	return d.IOReadCloser(), nil
}
