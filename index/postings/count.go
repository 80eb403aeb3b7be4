package postings

// Count returns the number of rows with terms over all views, and how many of them hold a term: what BM25 makes the term's
// weight of. Deleted rows do not count.
func Count(views []View, term string, s *Scratch) (rows, df uint64) {
	s.key = append(s.key[:0], term...)
	s.key = s.key[:min(len(s.key), MaxTermBytes)]
	for _, v := range views {
		filled, _ := v.live()
		rows += filled
		if t, ok := v.Segment.Lookup(s.key, &s.terms); ok {
			df += uint64(t.df - v.Deletes.deleted(v.Segment, &t, &s.source(0).block))
		}
	}
	return rows, df
}
