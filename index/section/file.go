package section

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"runtime/debug"

	"github.com/smartretriever/smartretriever/rag"
)

// File is an opened container. Goroutine-safe until Close.
type File struct {
	name    string
	data    []byte
	entries []entry
	release func() error
}

// Open maps a container file and checks header, table and footer. KindNotFound says that there is no such file,
// KindInvalid that it is not whole.
func Open(fsys FS, name string) (*File, error) {
	data, release, err := fsys.Map(name)
	if err != nil {
		return nil, rag.Wrap(kindOf(err), err, "index: open a file")
	}
	f, err := parse(data, name)
	if err != nil {
		_ = release() // nobody has seen it
		return nil, err
	}
	f.release = release
	return f, nil
}

func parse(data []byte, name string) (*File, error) {
	f := &File{name: name, data: data}
	damaged := func(what string) error {
		return rag.Errorf(rag.KindInvalid, "index: %s is damaged: %s", name, what)
	}
	if len(data) < 2*edgeSize {
		return nil, damaged("it is too short")
	}
	le := binary.LittleEndian
	footer := data[len(data)-edgeSize:]
	switch {
	case !bytes.Equal(footer[:8], footerMagic[:]):
		return nil, damaged("it was not finished")
	case crc32.Checksum(footer[:edgeSize-4], castagnoli) != le.Uint32(footer[edgeSize-4:]):
		return nil, damaged("its footer has another checksum")
	case le.Uint64(footer[24:]) != uint64(len(data)):
		return nil, damaged("it has another size than when it was written")
	case crc32.Checksum(data[:edgeSize], castagnoli) != le.Uint32(footer[32:]):
		return nil, damaged("its header has another checksum")
	case !bytes.Equal(data[:8], headerMagic[:]):
		return nil, damaged("it has another format")
	}
	begin, count := le.Uint64(footer[8:]), uint64(le.Uint32(footer[16:]))
	end := uint64(len(data) - edgeSize)
	if begin > end || end-begin != count*entrySize {
		return nil, damaged("its table lies outside")
	}
	table := data[begin:end]
	if crc32.Checksum(table, castagnoli) != le.Uint32(footer[20:]) {
		return nil, damaged("its table has another checksum")
	}
	for ; len(table) > 0; table = table[entrySize:] {
		e := entry{
			name:   string(bytes.TrimRight(table[:nameSize], "\x00")),
			offset: le.Uint64(table[16:]), length: le.Uint64(table[24:]), crc: le.Uint32(table[32:]),
		}
		if e.offset%Align != 0 || e.offset > begin || e.length > begin-e.offset || begin-e.offset-e.length < Slack {
			return nil, damaged("section " + e.name + " lies outside")
		}
		f.entries = append(f.entries, e)
	}
	return f, nil
}

// Name returns the name that the file was opened by.
func (f *File) Name() string { return f.name }

// Size returns the size in bytes.
func (f *File) Size() int64 { return int64(len(f.data)) }

// Section returns a section, aligned and with slack after it, and whether there is one of that name.
func (f *File) Section(name string) ([]byte, bool) {
	for _, e := range f.entries {
		if e.name == name {
			return f.data[e.offset : e.offset+e.length : e.offset+e.length+Slack], true
		}
	}
	return nil, false
}

// Sections calls fn with name and size of each section, in order.
func (f *File) Sections(fn func(name string, size int64)) {
	for _, e := range f.entries {
		fn(e.name, int64(e.length))
	}
}

// Verify compares every section with its checksum. KindInvalid names the section that differs. The only other error is that of a
// cancelled ctx. A file that has become shorter under its mapping is damaged, too.
func (f *File) Verify(ctx context.Context) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // else such a file ends the process
	defer func() {
		if fault, ok := recover().(error); ok {
			err = rag.Errorf(rag.KindInvalid, "index: %s is damaged: %w", f.name, fault)
		}
	}()
	const piece = 8 << 20
	for _, e := range f.entries {
		var crc uint32
		for data := f.data[e.offset : e.offset+e.length]; len(data) > 0; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(len(data), piece)
			crc = crc32.Update(crc, castagnoli, data[:n])
			data = data[n:]
		}
		if crc != e.crc {
			return rag.Errorf(rag.KindInvalid, "index: %s is damaged: section %s has another checksum", f.name, e.name)
		}
	}
	return nil
}

// Close ends the mapping: no section may be used any more.
func (f *File) Close() error {
	if f.release == nil {
		return nil
	}
	release := f.release
	f.release, f.data = nil, nil
	return release()
}
