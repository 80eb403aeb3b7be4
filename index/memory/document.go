package memory

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendDocument writes what filters and access checks look at.
func appendDocument(b []byte, d *rag.Document) []byte {
	for _, s := range []string{string(d.ID), d.ExternalID, d.Title, d.Source, d.MediaType} {
		b = appendString(b, s)
	}
	b = appendTime(appendTime(b, d.CreatedAt), d.UpdatedAt)
	b = binary.AppendUvarint(b, uint64(len(d.ACL)))
	for _, p := range d.ACL {
		b = appendString(b, p)
	}
	keys := make([]string, 0, len(d.Metadata))
	for k := range d.Metadata {
		keys = append(keys, k)
	}
	slices.Sort(keys) // the same index gives the same file
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, k := range keys {
		b = appendValue(appendString(b, k), d.Metadata[k])
	}
	return b
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Unix()))
	return binary.LittleEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func appendValue(b []byte, v rag.Value) []byte {
	b = append(b, byte(v.Kind()))
	switch v.Kind() {
	case rag.StringValue:
		b = appendString(b, v.Text())
	case rag.NumberValue:
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Number()))
	case rag.BoolValue:
		if v.True() {
			return append(b, 1)
		}
		b = append(b, 0)
	case rag.ListValue:
		b = binary.AppendUvarint(b, uint64(len(v.Items())))
		for _, e := range v.Items() {
			b = appendValue(b, e)
		}
	}
	return b
}

var errCut = errors.New("a record ends too early")

// decoder reads what the append functions wrote. After an error all reads give
// zero values. Strings are parts of the input.
type decoder struct {
	data string
	err  error
}

func (d *decoder) fail() {
	d.err = errCut
	d.data = ""
}

func (d *decoder) take(n uint64) string {
	if n > uint64(len(d.data)) {
		d.fail()
		return ""
	}
	s := d.data[:n]
	d.data = d.data[n:]
	return s
}

func (d *decoder) uvarint() uint64 {
	var v uint64
	for i, shift := 0, 0; ; i, shift = i+1, shift+7 {
		if i >= len(d.data) || shift > 63 {
			d.fail()
			return 0
		}
		v |= uint64(d.data[i]&0x7f) << shift
		if d.data[i] < 0x80 {
			d.data = d.data[i+1:]
			return v
		}
	}
}

// count reads a number of things that take at least one byte each.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.data)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) string() string { return d.take(d.uvarint()) }

func (d *decoder) uint32() uint32 { return uint32(d.fixed(4)) }

func (d *decoder) uint64() uint64 { return d.fixed(8) }

func (d *decoder) fixed(n uint64) uint64 {
	var v uint64
	for i, c := range []byte(d.take(n)) {
		v |= uint64(c) << (8 * i)
	}
	return v
}

func (d *decoder) time() time.Time {
	sec, nsec := int64(d.uint64()), int64(d.uint32())
	return time.Unix(sec, nsec).UTC()
}

func (d *decoder) value(depth int) rag.Value {
	kind := d.take(1)
	if kind == "" {
		return rag.Value{}
	}
	switch rag.ValueKind(kind[0]) {
	case rag.StringValue:
		return rag.Str(d.string())
	case rag.NumberValue:
		return rag.Num(math.Float64frombits(d.uint64()))
	case rag.BoolValue:
		return rag.Bool(d.take(1) == "\x01")
	case rag.ListValue:
		if depth > 0 {
			d.fail()
			return rag.Value{}
		}
		items := make([]rag.Value, d.count())
		for i := range items {
			items[i] = d.value(depth + 1)
		}
		return rag.List(items...)
	}
	d.fail()
	return rag.Value{}
}

func (d *decoder) document() *rag.Document {
	doc := &rag.Document{
		ID: rag.DocumentID(d.string()), ExternalID: d.string(), Title: d.string(), Source: d.string(), MediaType: d.string(),
		CreatedAt: d.time(), UpdatedAt: d.time(),
	}
	if n := d.count(); n > 0 {
		doc.ACL = make([]string, n)
		for i := range doc.ACL {
			doc.ACL[i] = d.string()
		}
	}
	if n := d.count(); n > 0 {
		doc.Metadata = make(rag.Metadata, n)
		for range n {
			k := d.string()
			doc.Metadata[k] = d.value(0)
		}
	}
	return doc
}
