package enrich

// Annotators returns how many of the stages write before chunks: whoever cuts a text
// leaves room for each.
func (s *Set) Annotators() int {
	if s == nil {
		return 0
	}
	return len(s.chunks)
}
