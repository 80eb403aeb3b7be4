package git

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"compress/zlib"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/smartretriever/smartretriever/rag"
)

// entry is an object of a pack that a test writes.
type entry struct {
	kind byte
	size int    // said; 0 is that of data
	base []byte // of a delta
	data []byte
}

func writePack(entries ...entry) []byte {
	var b bytes.Buffer
	b.WriteString("PACK\x00\x00\x00\x02")
	_ = binary.Write(&b, binary.BigEndian, uint32(len(entries)))
	for _, e := range entries {
		size := e.size
		if size == 0 {
			size = len(e.data)
		}
		head := e.kind<<4 | byte(size&15)
		for size >>= 4; size > 0; size >>= 7 {
			b.WriteByte(head | 0x80)
			head = byte(size & 0x7f)
		}
		b.WriteByte(head)
		b.Write(e.base)
		z := zlib.NewWriter(&b)
		_, _ = z.Write(e.data)
		_ = z.Close()
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

func varint(n uint64) []byte { return binary.AppendUvarint(nil, n) }

func TestCheckPack(t *testing.T) {
	blob := func(text string) entry { return entry{kind: 3, data: []byte(text)} }
	// A delta that says the base has 5 bytes and makes so many of it.
	delta := func(back byte, to uint64) entry {
		return entry{kind: packOffset, base: []byte{back}, data: append(append(varint(5), varint(to)...), 0x90, 5)}
	}
	chain := []entry{blob("hello")}
	first := byte(len(writePack(chain...)) - 20 - 12)
	chain = append(chain, delta(first, 5))
	size := byte(len(writePack(chain...)) - 20 - 12 - int(first))
	for range maxChain + 1 {
		chain = append(chain, delta(size, 5))
	}
	for name, c := range map[string]struct {
		pack []byte
		want error
	}{
		"empty":            {writePack(), nil},
		"one":              {writePack(blob("hello")), nil},
		"delta":            {writePack(chain[:2]...), nil},
		"too long a chain": {writePack(chain...), rag.ErrExhausted},
		"too large":        {writePack(blob(strings.Repeat("x", 1001))), rag.ErrExhausted},
		"grows too large":  {writePack(chain[0], delta(first, 1001)), rag.ErrExhausted},
		"says less":        {writePack(entry{kind: 3, size: 3, data: []byte("hello")}), rag.ErrInvalid},
		"says more":        {writePack(entry{kind: 3, size: 300, data: []byte("hello")}), rag.ErrInvalid},
		"no base":          {writePack(chain[0], delta(first+1, 5)), rag.ErrInvalid},
		"no type":          {writePack(entry{kind: 5, data: []byte("x")}), rag.ErrInvalid},
		"more behind":      {append(writePack(blob("hello")), 'x'), rag.ErrInvalid},
		"cut":              {writePack(blob("hello"))[:20], rag.ErrInvalid},
		"no pack":          {[]byte("PICK\x00\x00\x00\x02\x00\x00\x00\x00"), rag.ErrInvalid},
		"nothing":          {nil, rag.ErrInvalid},
	} {
		_, err := checkPack(t.Context(), bytes.NewReader(c.pack), 1000, 1<<20)
		if (c.want == nil) != (err == nil) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Much of little.
	many := []entry{blob(strings.Repeat("x", 1000))}
	for range 500 {
		many = append(many, many[0])
	}
	if _, err := checkPack(t.Context(), bytes.NewReader(writePack(many...)), 1000, 1000); !errors.Is(err, rag.ErrExhausted) {
		t.Error(err)
	}
}

// FuzzPack takes packs that were found fit as far as they go: they are indexed, and
// their trees, commits and tags read.
func FuzzPack(f *testing.F) {
	tree := []byte("100644 a.md\x00" + strings.Repeat("\x11", 20) + "40000 d\x00" + strings.Repeat("\x22", 20))
	commit := []byte("tree " + strings.Repeat("1", 40) + "\nauthor A <a@b> 1700000000 +0100\ncommitter A <a@b> 1700000000 +0100\n\nx\n")
	tag := []byte("object " + strings.Repeat("1", 40) + "\ntype commit\ntag v1\ntagger A <a@b> 1 +0000\n\nx\n")
	f.Add([]byte("hello"), tree, commit, tag, []byte{5, 5, 0x90, 5}, uint8(13), true)
	f.Add([]byte(""), []byte("40000 \x00"), []byte("tree \n"), []byte("object\n\n"), []byte{0, 10, 10, 1, 2}, uint8(1), true)
	f.Add([]byte("hello"), tree, commit, tag, []byte{5, 0xff, 0xff, 3, 0x90}, uint8(13), false)
	f.Fuzz(func(t *testing.T, blob, tree, commit, tag, delta []byte, back uint8, sound bool) {
		pack := writePack(entry{kind: 3, data: blob}, entry{kind: packOffset, base: []byte{back & 0x7f}, data: delta}, entry{kind: 2, data: tree}, entry{kind: packCommit, data: commit}, entry{kind: packTag, data: tag})
		if !sound {
			pack = append(append([]byte("PACK\x00\x00\x00\x02\x00\x00\x00"), back), blob...)
		}
		if _, err := checkPack(t.Context(), bytes.NewReader(pack), 1<<16, 1<<16); err != nil {
			if kind := rag.KindOf(err); kind != rag.KindInvalid && kind != rag.KindExhausted {
				t.Errorf("%v is %s", err, kind)
			}
		} else if p, err := packfile.NewParser(packfile.NewScanner(bytes.NewReader(pack))); err == nil {
			_, _ = p.Parse()
		}
		st := memory.NewStorage()
		for kind, data := range map[plumbing.ObjectType][]byte{plumbing.TreeObject: tree, plumbing.CommitObject: commit, plumbing.TagObject: tag} {
			o := st.NewEncodedObject()
			o.SetType(kind)
			w, err := o.Writer()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write(data)
			decode(st, o)
		}
	})
}

func decode(st storer.EncodedObjectStorer, o plumbing.EncodedObject) {
	switch o.Type() {
	case plumbing.TreeObject:
		_, _ = object.DecodeTree(st, o)
	case plumbing.CommitObject:
		_, _ = object.DecodeCommit(st, o)
	default:
		_, _ = object.DecodeTag(st, o)
	}
}
