package column

import (
	"sync"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// Select returns the rows whose documents match f, which is valid, and are open
// to scope, and how many they are. A nil bitmap means every row: that is the
// answer, without work, where there is no filter and no access list. Any other
// answer is a bitmap of all rows, in dst's memory if that is large enough.
//
// A document named in overrides is judged as it stands there, newer than in the
// section. Each costs a call of Filter.Match; they may not be nil, and their
// ordinals are below Len.
func (t *Table) Select(f *rag.Filter, scope *rag.Scope, overrides map[uint32]*rag.Document, dst index.Bitmap) (rows index.Bitmap, count int) {
	open := scope.Admin || t.restricted == refNone
	if f.IsZero() && open && len(overrides) == 0 {
		return nil, t.Rows()
	}
	e := evaluators.Get().(*evaluator)
	defer e.free()
	e.table = t
	s := e.filter(f)
	if !open && s.form != emptySet {
		s = e.and(s, e.open(scope))
	}
	if len(overrides) > 0 {
		s = e.override(s, f, scope, overrides)
	}
	if s.form == fullSet {
		return nil, t.Rows()
	}
	return e.toRows(s, dst)
}

// open returns the documents that a scope may see: those without an access list,
// and those whose list names one of its principals.
func (e *evaluator) open(scope *rag.Scope) set {
	s := e.not(e.fieldSet(e.table.restricted))
	c := &e.table.columns[fieldAccess]
	for _, p := range scope.Principals {
		if rank, found := e.seekText(c, p); found {
			s = e.join(s, c, rank, rank+1)
		}
	}
	return s
}

// join adds the documents with a value of the ranks [from, to).
func (e *evaluator) join(s set, c *column, from, to int) set {
	if s.form == denseSet {
		e.orRanks(s.words, c, from, to)
		return s
	}
	return e.or(s, e.ranks(c, from, to))
}

func (e *evaluator) override(s set, f *rag.Filter, scope *rag.Scope, overrides map[uint32]*rag.Document) set {
	changed := false
	for ordinal, doc := range overrides {
		is := scope.May(doc.ACL) && f.Match(doc.Lookup)
		if !changed && s.form == fullSet && is {
			continue
		}
		if !changed {
			s, changed = e.dense(s), true
		}
		if is {
			s.words[ordinal>>6] |= 1 << (ordinal & 63)
		} else {
			s.words[ordinal>>6] &^= 1 << (ordinal & 63)
		}
	}
	return s
}

// filter returns the documents that match.
func (e *evaluator) filter(f *rag.Filter) set {
	switch f.Type {
	case "":
		return set{form: fullSet}
	case rag.OpAnd:
		s := set{form: fullSet}
		for i := range f.Filters {
			if s.form == emptySet {
				break
			}
			s = e.and(s, e.filter(&f.Filters[i]))
		}
		return s
	case rag.OpOr:
		s := set{form: emptySet}
		for i := range f.Filters {
			if s.form == fullSet {
				break
			}
			s = e.or(s, e.filter(&f.Filters[i]))
		}
		return s
	case rag.OpNot:
		return e.not(e.filter(&f.Filters[0]))
	}
	return e.leaf(f)
}

// leaf is rag.Filter.Test for all documents.
func (e *evaluator) leaf(f *rag.Filter) set {
	field, ok := e.table.lookup(f.Key)
	if !ok {
		if f.Test(rag.Value{}) {
			return set{form: fullSet}
		}
		return set{form: emptySet}
	}
	switch f.Type {
	case rag.OpExists:
		s := e.fieldSet(field.exists)
		if f.Test(rag.Value{}) {
			s = e.not(s)
		}
		return s
	case rag.OpEq:
		return e.equal(&field, f.Value)
	case rag.OpNe:
		return e.not(e.equal(&field, f.Value))
	case rag.OpIn:
		return e.oneOf(&field, f.Value)
	case rag.OpNin:
		return e.not(e.oneOf(&field, f.Value))
	}
	c, from, to := e.span(&field, f)
	return e.ranks(&c, from, to)
}

func (e *evaluator) oneOf(field *fieldEntry, v rag.Value) set {
	s := set{form: emptySet}
	for _, item := range v.Items() {
		c, from, to := e.span(field, &rag.Filter{Type: rag.OpEq, Value: item})
		s = e.join(s, &c, from, to)
	}
	return s
}

func (e *evaluator) equal(field *fieldEntry, v rag.Value) set {
	c, from, to := e.span(field, &rag.Filter{Type: rag.OpEq, Value: v})
	return e.ranks(&c, from, to)
}

// columnOf is the column for values of a kind, empty where there is none.
func (e *evaluator) columnOf(field *fieldEntry, kind rag.ValueKind) (c column) {
	at := uint64(0)
	switch kind {
	case rag.StringValue:
		at = field.columns[texts]
	case rag.NumberValue:
		at = field.columns[numbers]
	case rag.BoolValue:
		at = field.columns[booleans]
	}
	if at != 0 {
		c = e.table.column(at)
	}
	return c
}

// span returns the ranks [from, to) of the values that pass a comparison (eq,
// prefix, gt, gte, lt, lte), and their column.
func (e *evaluator) span(field *fieldEntry, f *rag.Filter) (c column, from, to int) {
	kind := f.Value.Kind()
	if f.Type == rag.OpPrefix {
		kind = rag.StringValue
	}
	if c = e.columnOf(field, kind); c.values == 0 {
		return c, 0, 0
	}
	n, rank, found := int(c.values), 0, false
	switch kind {
	case rag.StringValue:
		rank, found = e.seekText(&c, f.Value.Text())
	case rag.NumberValue:
		rank, found = c.seekNumber(f.Value.Number())
	case rag.BoolValue:
		x := 0.0
		if f.Value.True() {
			x = 1
		}
		rank, found = c.seekNumber(x)
	}
	after := rank
	if found {
		after++
	}
	switch f.Type {
	case rag.OpEq:
		return c, rank, after
	case rag.OpPrefix:
		return c, rank, e.prefixEnd(&c, f.Value.Text())
	case rag.OpGt:
		return c, after, n
	case rag.OpGte:
		return c, rank, n
	case rag.OpLt:
		return c, 0, rank
	case rag.OpLte:
		return c, 0, after
	}
	return c, 0, 0
}

// prefixEnd returns the rank after the last string with a prefix: that of the
// least string above all of them, if there is one.
func (e *evaluator) prefixEnd(c *column, prefix string) int {
	above := []byte(prefix)
	for len(above) > 0 && above[len(above)-1] == 0xff {
		above = above[:len(above)-1]
	}
	if len(above) == 0 {
		return int(c.values)
	}
	above[len(above)-1]++
	rank, _, buf := c.seekText(above, e.text)
	e.text = buf
	return rank
}

func (e *evaluator) seekText(c *column, s string) (rank int, found bool) {
	if c.values == 0 {
		return 0, false
	}
	e.wanted = append(e.wanted[:0], s...)
	rank, found, e.text = c.seekText(e.wanted, e.text)
	return rank, found
}

var evaluators = sync.Pool{New: func() any { return new(evaluator) }}
