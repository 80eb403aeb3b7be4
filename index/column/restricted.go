package column

// Restricted reports whether a document has an access list: without one, a scope changes nothing.
func (t *Table) Restricted() bool { return t.restricted != refNone }
