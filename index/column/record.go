package column

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// A record holds one document as ranks: its length, the ranks of its five texts
// in the order of recordTexts, two times, the access list, the metadata. All
// numbers are varints.
var recordTexts = [...]int{fieldID, fieldExternalID, fieldTitle, fieldMediaType, fieldSource}

// Tags of a metadata value in a record.
const (
	tagText   = iota // then a rank
	tagNumber        // then a rank
	tagFalse
	tagTrue
	tagMinusZero // equal to zero for filters, and not the same number
	tagList      // then a count and the items
)

func appendTime(b []byte, t time.Time) []byte {
	return binary.AppendUvarint(binary.AppendVarint(b, t.Unix()), uint64(t.Nanosecond()))
}

// record returns the record of a document, without its length.
func (t *Table) record(ordinal uint32) []byte {
	if ordinal >= t.documents {
		panic(damage("a document's number is too high"))
	}
	data := t.recordData[binary.LittleEndian.Uint64(t.recordBlockData[8*(ordinal/blockValues):]):]
	for range ordinal % blockValues {
		size, rest := uvarint(data)
		data = rest[size:]
	}
	size, data := uvarint(data)
	return data[:size]
}

// recordReader reads the parts of a record in their order.
type recordReader struct{ data []byte }

func (r *recordReader) uvarint() (v uint64) {
	v, r.data = uvarint(r.data)
	return v
}

// count reads a number of things that take at least one byte each.
func (r *recordReader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.data)) {
		panic(damage("a record ends too early"))
	}
	return int(n)
}

func (r *recordReader) time() time.Time {
	z := r.uvarint()
	sec := int64(z>>1) ^ -int64(z&1)
	return time.Unix(sec, int64(r.uvarint())).UTC()
}

func (r *recordReader) tag() byte {
	tag := r.data[0]
	r.data = r.data[1:]
	return tag
}

// ID returns the id of a document. It is a copy.
func (t *Table) ID(ordinal uint32) rag.DocumentID {
	rank, _ := uvarint(t.record(ordinal))
	var buf [64]byte
	return rag.DocumentID(t.columns[fieldID].text(buf[:0], rankOf(rank)))
}

func rankOf(v uint64) int {
	if v > math.MaxUint32 {
		panic(damage("a rank is too high"))
	}
	return int(v)
}

// Document returns what filters and access checks look at of a document: its id,
// external id, title, source, media type, times (in UTC), access list and
// metadata. It is a copy and the caller's own. An empty access list and empty
// metadata come back as nil.
func (t *Table) Document(ordinal uint32) *rag.Document {
	r := recordReader{t.record(ordinal)}
	d := documentReader{table: t}
	var system [firstMetadata]string
	for _, field := range recordTexts {
		system[field] = d.textOf(&t.columns[field], r.uvarint())
	}
	doc := &rag.Document{
		ID: rag.DocumentID(system[fieldID]), ExternalID: system[fieldExternalID], Title: system[fieldTitle],
		MediaType: system[fieldMediaType], Source: system[fieldSource],
	}
	doc.CreatedAt, doc.UpdatedAt = r.time(), r.time()
	if n := r.count(); n > 0 {
		doc.ACL = make([]string, n)
		for i := range doc.ACL {
			doc.ACL[i] = d.textOf(&t.columns[fieldAccess], r.uvarint())
		}
	}
	if n := r.count(); n > 0 {
		doc.Metadata = make(rag.Metadata, n)
		for range n {
			f := t.field(rankOf(r.uvarint()))
			doc.Metadata[string(t.name(&f))] = d.value(&r, &f, false)
		}
	}
	return doc
}

type documentReader struct {
	table *Table
	buf   []byte
}

func (d *documentReader) textOf(c *column, rank uint64) string {
	d.buf = c.text(d.buf, rankOf(rank))
	return string(d.buf)
}

func (d *documentReader) value(r *recordReader, f *fieldEntry, item bool) rag.Value {
	switch r.tag() {
	case tagText:
		c := d.table.column(f.columns[texts])
		return rag.Str(d.textOf(&c, r.uvarint()))
	case tagNumber:
		c := d.table.column(f.columns[numbers])
		return rag.Num(c.number(rankOf(r.uvarint())))
	case tagFalse:
		return rag.Bool(false)
	case tagTrue:
		return rag.Bool(true)
	case tagMinusZero:
		return rag.Num(math.Copysign(0, -1))
	case tagList:
		if item {
			break
		}
		items := make([]rag.Value, r.count())
		for i := range items {
			items[i] = d.value(r, f, true)
		}
		return rag.List(items...)
	}
	panic(damage("a value has an unknown kind"))
}
