package column

import "github.com/smartretriever/smartretriever/rag"

// estimateValues bounds the values of one in or nin that an estimate looks up.
const estimateValues = 64

// Estimate returns bounds of the number of documents that match f, which is
// valid, and are open to scope. They come from the counts of the columns, in a
// time that hardly depends on the number of documents, and know nothing of
// overridden documents. One comparison of a key without lists is exact.
func (t *Table) Estimate(f *rag.Filter, scope *rag.Scope) (low, high int) {
	e := evaluators.Get().(*evaluator)
	defer e.free()
	e.table = t
	b := e.estimate(f)
	if !scope.Admin && t.restricted != refNone {
		b = b.and(e.estimateOpen(scope))
	}
	return b.low, b.high
}

// bounds say how many of n documents a condition holds for.
type bounds struct{ low, high, n int }

func (b bounds) and(c bounds) bounds {
	return bounds{max(0, b.low+c.low-b.n), min(b.high, c.high), b.n}
}

func (b bounds) or(c bounds) bounds {
	return bounds{max(b.low, c.low), min(b.high+c.high, b.n), b.n}
}

func (b bounds) not() bounds { return bounds{b.n - b.high, b.n - b.low, b.n} }

func (e *evaluator) exactly(n int) bounds { return bounds{n, n, e.table.Len()} }

func (e *evaluator) estimateOpen(scope *rag.Scope) bounds {
	t := e.table
	restricted := int(min(uint64(t.field(fieldAccess).count), uint64(t.documents)))
	named := e.exactly(0)
	for _, p := range scope.Principals {
		c := &t.columns[fieldAccess]
		if rank, found := e.seekText(c, p); found {
			named = named.or(e.exactly(refCount(c.sets, c.ref(rank), t.Len())))
		}
	}
	open := t.Len() - restricted // they are not among those that are named
	return bounds{min(open+named.low, t.Len()), min(open+named.high, t.Len()), t.Len()}
}

func (e *evaluator) estimate(f *rag.Filter) bounds {
	switch f.Type {
	case "":
		return e.exactly(e.table.Len())
	case rag.OpAnd:
		b := e.exactly(e.table.Len())
		for i := range f.Filters {
			b = b.and(e.estimate(&f.Filters[i]))
		}
		return b
	case rag.OpOr:
		b := e.exactly(0)
		for i := range f.Filters {
			b = b.or(e.estimate(&f.Filters[i]))
		}
		return b
	case rag.OpNot:
		return e.estimate(&f.Filters[0]).not()
	}
	return e.estimateLeaf(f)
}

func (e *evaluator) estimateLeaf(f *rag.Filter) bounds {
	field, ok := e.table.lookup(f.Key)
	if !ok {
		if f.Test(rag.Value{}) {
			return e.exactly(e.table.Len())
		}
		return e.exactly(0)
	}
	switch f.Type {
	case rag.OpExists:
		b := e.exactly(int(field.count))
		if f.Test(rag.Value{}) {
			b = b.not()
		}
		return b
	case rag.OpNe:
		return e.estimateSpan(&field, &rag.Filter{Type: rag.OpEq, Value: f.Value}).not()
	case rag.OpIn:
		return e.estimateOneOf(&field, f.Value)
	case rag.OpNin:
		return e.estimateOneOf(&field, f.Value).not()
	}
	return e.estimateSpan(&field, f)
}

func (e *evaluator) estimateOneOf(field *fieldEntry, v rag.Value) bounds {
	items := v.Items()
	if len(items) > estimateValues {
		return bounds{0, int(field.count), e.table.Len()}
	}
	b := e.exactly(0)
	for _, item := range items {
		b = b.or(e.estimateSpan(field, &rag.Filter{Type: rag.OpEq, Value: item}))
	}
	return b
}

func (e *evaluator) estimateSpan(field *fieldEntry, f *rag.Filter) bounds {
	c, from, to := e.span(field, f)
	switch {
	case from >= to:
		return e.exactly(0)
	case to-from == 1:
		return e.exactly(refCount(c.sets, c.ref(from), e.table.Len()))
	case from == 0 && to == int(c.values):
		return e.exactly(int(c.count))
	}
	postings := c.before(to) - c.before(from)
	if c.single {
		return e.exactly(postings)
	}
	return bounds{1, min(postings, int(c.count)), e.table.Len()}
}
