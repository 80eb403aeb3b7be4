package postings

// Contribution is what one term adds to the score of a row.
type Contribution struct {
	Term   string
	Count  int    // times it stands in the query
	DF     uint64 // live rows that hold it
	TF     int    // in this row, 0 if it is not there
	IDF    float64
	Factor float64 // tf/(tf+k1*(1-b+b*length/mean)): how much of the weight this row gets
	Score  float64 // Count * IDF * Factor
}

// Explanation takes the BM25 score of a row apart.
type Explanation struct {
	Rows          uint64 // live rows with terms: N
	MeanLength    float64
	Length        uint32 // of the row, as it counts: its norm
	Contributions []Contribution
	Score         float64
}

// Explain computes the score of a row of views[view] term by term. It takes what Search takes.
func Explain(cfg Config, views []View, terms []string, view int, row uint32, s *Scratch) Explanation {
	cfg = cfg.WithDefaults()
	var e Explanation
	var length uint64
	for _, v := range views {
		filled, n := v.live()
		e.Rows += filled
		length += n
	}
	e.MeanLength = meanLength(length, e.Rows)
	seg := views[view].Segment
	norm := seg.norms[row]
	e.Length = normLength(norm)
	f := factorsFor(cfg.K1, cfg.B, e.MeanLength)
	at := map[string]int{}
	for _, t := range terms {
		if i, ok := at[t]; ok {
			e.Contributions[i].Count++
			continue
		}
		at[t] = len(e.Contributions)
		_, df := Count(views, t, s)
		c := Contribution{Term: t, Count: 1, DF: df, IDF: IDF(e.Rows, df)}
		if term, ok := seg.Lookup([]byte(t), &s.terms); ok {
			var cur Cursor
			cur.Reset(seg, term)
			if cur.Seek(row) && cur.Row() == row {
				c.TF = cur.TF()
				c.Factor = float64(c.TF) / (float64(c.TF) + f.k[norm])
			}
		}
		e.Contributions = append(e.Contributions, c)
	}
	for i := range e.Contributions {
		c := &e.Contributions[i]
		if c.DF == 0 {
			continue
		}
		c.Score = float64(c.Count) * c.IDF * c.Factor
		e.Score += c.Score
	}
	return e
}
