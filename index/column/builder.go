package column

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Builder makes a section from documents: Add for each, SetRows, WriteTo. The
// zero Builder is ready. A Builder is for one goroutine, and after Reset for
// another section, in the memory of the one before. It keeps the strings of the
// documents, not the documents.
type Builder struct {
	documents int
	fields    []*fieldBuilder // in the order of first use; the fixed ones first
	byName    map[string]int
	script    []byte // of all documents: their records, with values to be filled in
	docOf     []uint32
	keys      []string
	failed    error
}

// fieldBuilder holds the values of one key in the order of documents.
type fieldBuilder struct {
	name    string
	exists  []uint32 // documents with the key; unused for system keys, which all have
	columns [kinds]columnBuilder
}

// columnBuilder holds the pairs of a value and a document, in order of documents.
type columnBuilder struct {
	texts   []string
	numbers []float64
	owners  []uint32
	ranks   []uint32 // of the values, once sorted
	read    int      // ranks already written to records
}

// Reset forgets all documents and keeps the memory.
func (b *Builder) Reset() {
	for _, f := range b.fields {
		f.exists = f.exists[:0]
		for i := range f.columns {
			f.columns[i].reset()
		}
	}
	if len(b.fields) > 4*rag.MaxMetadataKeys { // another section has other keys
		b.fields, b.byName = nil, nil
	}
	b.documents, b.failed, b.docOf = 0, nil, nil
	b.script = b.script[:0]
}

func (c *columnBuilder) reset() {
	clear(c.texts)
	c.texts, c.numbers, c.owners, c.ranks, c.read = c.texts[:0], c.numbers[:0], c.owners[:0], c.ranks[:0], 0
}

// Add adds a document and returns its ordinal: 0, 1, 2 and so on. The id must be
// new; that is not checked. A null in the metadata counts as absent. KindInvalid
// is a value that rag.Metadata does not allow (a nested list, a null in a list, a
// number that is not finite); the builder is then to be Reset.
func (b *Builder) Add(doc *rag.Document) (ordinal uint32, err error) {
	if b.failed != nil {
		return 0, b.failed
	}
	if b.documents >= maxDocuments {
		return 0, b.fail(rag.Errorf(rag.KindInvalid, "column: too many documents for one segment"))
	}
	if b.fields == nil {
		b.begin()
	}
	ordinal = uint32(b.documents)
	for i, s := range [...]string{string(doc.ID), doc.ExternalID, doc.Title, doc.MediaType, doc.Source} {
		b.fields[recordTexts[i]].text(s, ordinal)
	}
	b.fields[fieldCreatedAt].number(numbers, float64(doc.CreatedAt.Unix()), ordinal)
	b.fields[fieldUpdatedAt].number(numbers, float64(doc.UpdatedAt.Unix()), ordinal)
	b.script = appendTime(appendTime(b.script, doc.CreatedAt), doc.UpdatedAt)

	b.script = binary.AppendUvarint(b.script, uint64(len(doc.ACL)))
	if len(doc.ACL) > 0 {
		b.fields[fieldAccess].exists = append(b.fields[fieldAccess].exists, ordinal)
		for _, p := range doc.ACL {
			b.fields[fieldAccess].text(p, ordinal)
		}
	}
	if err := b.metadata(doc.Metadata, ordinal); err != nil {
		return 0, b.fail(err)
	}
	b.documents++
	return ordinal, nil
}

func (b *Builder) fail(err error) error {
	b.failed = err
	return err
}

func (b *Builder) begin() {
	b.byName = map[string]int{}
	for _, name := range fixedNames {
		b.fields = append(b.fields, &fieldBuilder{name: name})
	}
}

func (b *Builder) metadata(m rag.Metadata, ordinal uint32) error {
	b.keys = b.keys[:0]
	for k, v := range m {
		if v.Kind() != rag.NullValue {
			b.keys = append(b.keys, k)
		}
	}
	slices.Sort(b.keys)
	b.script = binary.AppendUvarint(b.script, uint64(len(b.keys)))
	for _, k := range b.keys {
		at, ok := b.byName[k]
		if !ok {
			at = len(b.fields)
			b.byName[k] = at
			b.fields = append(b.fields, &fieldBuilder{name: k})
		}
		f := b.fields[at]
		f.exists = append(f.exists, ordinal)
		b.script = binary.AppendUvarint(b.script, uint64(at))
		v := m[k]
		if v.Kind() == rag.ListValue {
			b.script = append(b.script, tagList)
			b.script = binary.AppendUvarint(b.script, uint64(len(v.Items())))
		}
		for _, item := range v.Items() {
			if err := b.item(f, item, ordinal); err != nil {
				return rag.Errorf(rag.KindInvalid, "column: metadata %q of document %s: %w", k, b.fields[fieldID].columns[texts].texts[ordinal], err)
			}
		}
	}
	return nil
}

func (b *Builder) item(f *fieldBuilder, v rag.Value, ordinal uint32) error {
	switch v.Kind() {
	case rag.StringValue:
		f.text(v.Text(), ordinal)
		b.script = append(b.script, tagText)
	case rag.NumberValue:
		x := v.Number()
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return rag.Errorf(rag.KindInvalid, "the number is not finite")
		}
		f.number(numbers, x, ordinal)
		if x == 0 && math.Signbit(x) {
			b.script = append(b.script, tagMinusZero)
		} else {
			b.script = append(b.script, tagNumber)
		}
	case rag.BoolValue:
		tag, x := byte(tagFalse), 0.0
		if v.True() {
			tag, x = tagTrue, 1
		}
		f.number(booleans, x, ordinal)
		b.script = append(b.script, tag)
	default:
		return rag.Errorf(rag.KindInvalid, "a list holds a list or a null")
	}
	return nil
}

func (f *fieldBuilder) text(s string, ordinal uint32) {
	c := &f.columns[texts]
	c.texts = append(c.texts, s)
	c.owners = append(c.owners, ordinal)
}

func (f *fieldBuilder) number(kind int, x float64, ordinal uint32) {
	c := &f.columns[kind]
	c.numbers = append(c.numbers, x+0) // minus zero becomes zero
	c.owners = append(c.owners, ordinal)
}

// Len returns the number of documents added.
func (b *Builder) Len() int { return b.documents }

// SetRows says which document each row belongs to. Without it there are no rows.
// The slice is kept until WriteTo has returned.
func (b *Builder) SetRows(docOf []uint32) { b.docOf = docOf }

// WriteTo writes the section and returns its size. The same documents and rows
// give the same bytes.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	if b.fields == nil {
		b.begin()
	}
	order, place := b.sortFields()
	s := newSectionWriter(w, b.documents)
	for _, i := range order {
		if err := b.writeField(s, i); err != nil {
			return 0, err
		}
	}
	b.writeRecords(s, place)
	return s.finish(b.docOf)
}

// sortFields returns the fields in the order of the section, and for each field
// its number in it. Keys left from before Reset are passed over.
func (b *Builder) sortFields() (order []int, place []uint32) {
	for i, f := range b.fields {
		if i < firstMetadata || len(f.exists) > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order[firstMetadata:], func(x, y int) int { return strings.Compare(b.fields[x].name, b.fields[y].name) })
	place = make([]uint32, len(b.fields))
	for n, i := range order {
		place[i] = uint32(n)
	}
	return order, place
}

func (b *Builder) writeField(s *sectionWriter, i int) error {
	f := b.fields[i]
	s.beginField(f.name)
	for kind := range f.columns {
		c := &f.columns[kind]
		if len(c.owners) == 0 {
			continue
		}
		if err := c.write(s, kind); err != nil {
			return err
		}
		s.finishColumn(kind)
	}
	if i < fieldAccess {
		s.finishField(refOfAll(b.documents), b.documents)
	} else {
		s.finishField(s.sets.add(f.exists), len(f.exists))
	}
	return nil
}

func refOfAll(documents int) ref {
	switch documents {
	case 0:
		return refNone
	case 1:
		return 0
	}
	return refAll
}

// pair is a value to be sorted: the order of keys is that of the values, but for
// texts with the same first eight bytes.
type pair struct {
	key uint64
	at  uint32
}

// write sorts the values of a column, writes it, and fills in the ranks.
func (c *columnBuilder) write(s *sectionWriter, kind int) error {
	pairs := s.pairs[:0]
	form := uint8(formNumber)
	if kind == texts {
		form = textForm(c.texts)
		for i, t := range c.texts {
			pairs = append(pairs, pair{textKey(t), uint32(i)})
		}
	} else {
		for i, x := range c.numbers {
			pairs = append(pairs, pair{numberKey(x), uint32(i)})
		}
	}
	s.pairs = pairs
	order := func(x, y pair) int {
		switch {
		case x.key < y.key:
			return -1
		case x.key > y.key:
			return 1
		case kind == texts:
			if o := strings.Compare(c.texts[x.at], c.texts[y.at]); o != 0 {
				return o
			}
		}
		return int(x.at) - int(y.at)
	}
	if !slices.IsSortedFunc(pairs, order) {
		slices.SortFunc(pairs, order)
	}
	c.ranks = slices.Grow(c.ranks[:0], len(pairs))[:len(pairs)]
	s.column.begin(form)
	for i, rank := 0, uint32(0); i < len(pairs); rank++ {
		first, members := pairs[i], s.members[:0]
		for ; i < len(pairs) && pairs[i].key == first.key && (kind != texts || c.texts[pairs[i].at] == c.texts[first.at]); i++ {
			owner := c.owners[pairs[i].at]
			if n := len(members); n == 0 || members[n-1] != owner { // a list may repeat a value
				members = append(members, owner)
			}
			c.ranks[pairs[i].at] = rank
		}
		s.members = members
		var err error
		if kind == texts {
			s.text = append(s.text[:0], c.texts[first.at]...)
			err = s.column.text(s.text, members)
		} else {
			err = s.column.number(c.numbers[first.at], members)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func textForm(texts []string) uint8 {
	for _, t := range texts {
		if _, ok := parseUUID(t); !ok {
			return formText
		}
	}
	return formUUID
}

func textKey(s string) uint64 {
	if len(s) >= 8 {
		return binary.BigEndian.Uint64([]byte(s[:8]))
	}
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}

// numberKey maps numbers to integers of the same order.
func numberKey(x float64) uint64 {
	u := math.Float64bits(x)
	if u>>63 != 0 {
		return ^u
	}
	return u | 1<<63
}

// writeRecords replays the script with the ranks, which are used up in the order
// in which the values came.
func (b *Builder) writeRecords(s *sectionWriter, place []uint32) {
	rank := func(field, kind int) {
		c := &b.fields[field].columns[kind]
		s.record = binary.AppendUvarint(s.record, uint64(c.ranks[c.read]))
		c.read++
	}
	r := recordReader{b.script}
	copyNumber := func() int {
		v := r.uvarint()
		s.record = binary.AppendUvarint(s.record, v)
		return int(v)
	}
	s.beginRecords()
	for range b.documents {
		for _, field := range recordTexts {
			rank(field, texts)
		}
		for range 4 { // two times of two numbers
			copyNumber()
		}
		for range copyNumber() {
			rank(fieldAccess, texts)
		}
		for range copyNumber() {
			field := int(r.uvarint())
			s.record = binary.AppendUvarint(s.record, uint64(place[field]))
			for items := 1; items > 0; items-- {
				tag := r.tag()
				s.record = append(s.record, tag)
				switch tag {
				case tagList:
					items += copyNumber()
				case tagText:
					rank(field, texts)
				case tagNumber:
					rank(field, numbers)
				case tagMinusZero:
					b.fields[field].columns[numbers].read++
				default:
					b.fields[field].columns[booleans].read++
				}
			}
		}
		s.endRecord()
	}
}
